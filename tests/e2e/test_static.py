"""The site without a server, on a plain file server that sends no special header, in a real browser."""

import json
import re
import statistics
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from fischgpt.assistant.answer import Answer, Assistant
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.evals.profile_items import Item, read_sets
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile, load_profile
from fischgpt.server.static import export_site
from site_samples import COST, Visitor
from static_samples import COLLEAGUES, KEPT, LIBRARIAN, LOAD_MS, SOLD, TWICE, hosted

Visit = Callable[..., Visitor]
KIND_FLIPS = 0.15
"""Share of questions whose answer may be the model's on one side and the same words as a quote on the other, or a quote
for another reason: products in 8 bits round here and there to the other side, and our engine keeps keys and values in
bf16, the browser in fp32. Seen: 3 of 34."""
SCORES = {1: 0.04, 2: 0.2}
"""By how much the score of a passage may differ, for the same reason, where passages are read so many times: the second
reader has twelve layers in which to round, and 0.15 was seen where the two are least sure."""
EDGES = {1: 0.03, 2: 0.1}
"""Share of questions whose answers may differ: a score so near to a threshold, or to the next score, falls here on
one side of it and there on the other. Read twice, 2 of 42 did where the readers are asked obliquely (Hokusai); the
lines of four more lists come in another order, which is not counted."""

CUT_DOWN = (
    ("Which instrument did he sell?", []),
    ("What did the duke need the money for?", []),
    ("And which instrument was that?", ["What did Gotthelf sell for the journals?"]),
)

ASK = """async ([server, conversations, readings]) => {
  const { answer, secondReading } = await import(server);
  const here = async () => (await answer("/readyz", {})).status === 200 &&
    (readings === 1 || secondReading.now().state === "twice");
  while (!(await here())) await new Promise((wake) => setTimeout(wake, 100));
  const told = [];
  for (const messages of conversations) {
    const response = await answer("/v1/chat/completions", { body: JSON.stringify({ messages }) });
    const events = (await response.text()).split("\\n\\n").filter((line) => line.startsWith("data: {"));
    const chunks = events.map((line) => JSON.parse(line.slice(6)));
    told.push({
      text: chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""),
      sources: chunks[0].sources.map((source) => [source.id, source.score]),
      ...chunks.at(-1),
    });
  }
  return told;
}"""


def told(visitor: Visitor) -> str:
    """The line under the newest answer."""
    return visitor.page.locator("main").inner_text()


def test_a_visitor_is_answered_by_the_model_in_the_browser(
    exported: Path, visit: Visit, fisch: Profile, index: Index
) -> None:
    with hosted(exported) as host:
        gate = threading.Event()
        host.trouble["crossencoder"] = [gate]
        visitor = visit(f"{host.url}/me/site").open()
        expect(visitor.page).to_have_title("Ask about Kristian Fischer · FischGPT")
        expect(visitor.page.get_by_text(re.compile(r"downloading \d+ of 39 MB, once"))).to_be_visible()
        expect(visitor.page.get_by_role("progressbar")).to_be_visible()
        visitor.ask(COST)  # at once: the answer comes when the model is there
        expect(visitor.answer).to_have_attribute("data-answer", "done", timeout=LOAD_MS)
        expected = Assistant(fisch, index, load_model("mini")).reply([Turn("user", COST)])
        assert expected.done.kind == "model"
        expect(visitor.answer).to_contain_text(expected.text.removesuffix(" [1]"))
        cited = visitor.page.locator("[data-passage]:has([data-cited=true])")
        expect(cited).to_contain_text("$208.74")
        speed = re.search(r"(\d+) tokens/s", told(visitor))
        assert "Answered by the model" in told(visitor) and speed is not None
        print(f"first visit {host.megabytes:.1f} MB, {speed[1]} tokens/s")
        assert int(speed[1]) >= 10
        assert host.megabytes < 40 and len(host.model_files) == 6

        # What the page cannot do it does not offer.
        expect(visitor.button("Good answer")).to_have_count(0)
        expect(visitor.button("Answer again")).to_be_visible()
        visitor.button("Answer again").click()
        visitor.finished()
        expect(visitor.page.get_by_text("2 of 2")).to_be_visible()

        first = host.megabytes
        gate.set()
        expect(visitor.page.get_by_text(TWICE)).to_be_visible(timeout=LOAD_MS)
        print(f"second reader {host.megabytes - first:.1f} MB")
        visitor.ask(COST)
        visitor.finished()
        expect(visitor.answer).to_contain_text(expected.text.removesuffix(" [1]"))
        assert visitor.faults == []


def test_a_second_visit_downloads_no_model_and_a_third_needs_no_network(exported: Path, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
    with hosted(exported) as host:
        Visitor(context.new_page(), f"{host.url}/me/site").open().page.evaluate(KEPT)
        assert len(host.model_files) == 7
        host.sent.clear()
        host.asked.clear()
        second = Visitor(context.new_page(), f"{host.url}/me/site").open()
        second.ask(COST)
        second.finished()
        expect(second.answer).to_contain_text("$208.74")
        assert host.model_files == [] and host.megabytes < 0.5
        assert any(path.endswith("/data/files.json") for path in host.asked)  # whether the site was written anew
    third = Visitor(context.new_page(), f"{host.url}/me/site").open()  # the host is gone
    third.ask("Who is he?")
    third.finished()
    expect(third.page.get_by_text(TWICE)).to_be_visible(timeout=LOAD_MS)
    third.page.goto(f"{host.url}/me/site/story/")
    expect(third.page.get_by_role("heading", level=1)).to_have_text("How FischGPT came about")
    context.close()


def test_every_page_opens_by_its_own_address_in_a_folder_of_a_host(exported: Path, visit: Visit) -> None:
    with hosted(exported) as host:
        visitor = visit(f"{host.url}/me/site")
        for path, heading in (("story", "How FischGPT came about"), ("learn", "Watch it learn")):
            visitor.open(f"/{path}")
            expect(visitor.page.get_by_role("heading", level=1)).to_have_text(heading)
            assert visitor.page.url == f"{host.url}/me/site/{path}"
        expect(visitor.page.get_by_role("heading", name="Loss")).to_be_visible()
        visitor.page.get_by_role("link", name="Story", exact=True).click()
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("How FischGPT came about")
        assert visitor.page.url == f"{host.url}/me/site/story"
        visitor.page.reload()
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("How FischGPT came about")
        visitor.open("/inside")
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Look inside")
        visitor.open("/")
        expect(visitor.page.get_by_role("link", name="Get the file")).to_have_attribute(
            "href", f"{host.url}/me/site/resume.json"
        )


@pytest.mark.parametrize("name", ["lovelace", "hokusai"])
def test_every_question_gets_the_server_s_answer_once_both_readers_are_there(
    name: str, tmp_path: Path, visit: Visit
) -> None:
    """And until then that of a server which reads once."""
    questions = next(one for one in read_sets() if one.name == name)
    for readings, *rest in both_answers(questions.resume, questions.items, tmp_path / "site", visit):
        compare(name, readings, *rest)


def test_a_passage_too_long_to_quote_is_cut_down_to_what_answers_as_on_the_server(tmp_path: Path, visit: Visit) -> None:
    resume = tmp_path / "resume.json"
    resume.write_text(json.dumps(LIBRARIAN))
    items = [Item(str(n), "answerable", question, after=after) for n, (question, after) in enumerate(CUT_DOWN)]
    (_, _, whole, _), (_, _, expected, found) = both_answers(resume, items, tmp_path / "site", visit)
    assert [one["text"] for one in found] == [one.text for one in expected]
    assert all(len(one.text.split()) < 30 < len(SOLD.split()) for one in expected)
    assert ["harpsichord" in one["text"] for one in found] == [True, False, True]
    assert not any("…" in one.text for one in whole)


def test_of_each_line_of_a_list_the_run_of_words_is_shown_that_answers(tmp_path: Path, visit: Visit) -> None:
    resume = tmp_path / "resume.json"
    resume.write_text(json.dumps(COLLEAGUES))
    items = [
        Item(question, "list", question) for question in ("Who did he work with?", "Which people did he work with?")
    ]
    (_, _, once, _), (_, _, expected, found) = both_answers(resume, items, tmp_path / "site", visit)
    for told in ([one["text"] for one in found], [one.text for one in expected]):
        assert all(name in text for text in told for name in ("Jakob Stolz", "Konrad Ebeling", "Anna Reuss"))
        assert all(sum(line.startswith("…") for line in quoted_lines(text)) >= 2 for text in told), told
    assert not any(line.startswith("…") for one in once for line in quoted_lines(one.text))


def test_what_the_dates_answer_is_told_from_them_in_the_browser_too(tmp_path: Path, visit: Visit) -> None:
    questions = next(one for one in read_sets() if one.name == "okafor")
    asked = (
        "What was Tamsin's first job?",
        "And where does she work now?",
        "highest degree?",
        "Which award came first?",
        "Walk me through your career",
        "Why should we hire you?",
    )
    items = [Item(question, "answerable", question) for question in asked]
    first, now, degree, award = "Tallow & Finch", "Kelpwater Analytics", "University of Hull", "Rising Engineer Medal"
    told = (first, now, degree, award, first, "twelve years")
    for _, _, expected, found in both_answers(questions.resume, items, tmp_path / "site", visit):
        assert [one["text"] for one in found] == [one.text for one in expected]
        assert all(text in one.text for text, one in zip(told, expected, strict=True))


def both_answers(
    resume: Path, items: Sequence[Item], folder: Path, visit: Visit
) -> Iterator[tuple[int, Sequence[list[dict[str, str]]], Sequence[Answer], list[dict[str, Any]]]]:
    """For passages read once and then twice: what was asked, the server's answers, and the browser's."""
    profile, model = load_profile(resume), load_model("mini")
    export_site("mini", folder, resume)
    server = next((folder / "assets").glob("server-*.js")).name
    with hosted(folder) as host:
        gate = threading.Event()
        host.trouble["crossencoder"] = [gate]
        page = visit(host.url).open().page
        page.set_default_timeout(150_000)
        for readings in (1, 2):
            if readings == 2:
                gate.set()
            assistant = Assistant(profile, Index.open(profile, reread=readings == 2), model)
            asked, expected = zip(*(conversation(assistant, item) for item in items), strict=True)
            yield readings, asked, expected, page.evaluate(ASK, [f"{host.url}/assets/{server}", asked, readings])


def compare(
    name: str,
    readings: int,
    asked: Sequence[list[dict[str, str]]],
    expected: Sequence[Answer],
    found: list[dict[str, Any]],
) -> None:
    edges, flips, apart, cut = [], 0, 0.0, 0
    for messages, ours, theirs in zip(asked, expected, found, strict=True):
        question, said = messages[-1]["content"], theirs["fischgpt"]
        assert said["threshold"] == ours.sources.threshold, question
        scores = dict(theirs["sources"])
        both = [hit for hit in ours.sources.hits if hit.passage.id in scores]
        assert len(both) >= len(ours.sources.hits) - 2, question
        differences = [abs(scores[hit.passage.id] - hit.score) for hit in both]
        apart = max([apart, *differences])
        assert apart < SCORES[readings], question
        if quoted_lines(theirs["text"]) != quoted_lines(ours.text):
            edges.append(question)
            continue
        cut += any(line.startswith("…") for line in quoted_lines(ours.text))
        assert {said["answer_kind"], ours.done.kind} in ({ours.done.kind}, {"model", "quote"}), question
        flips += (said["answer_kind"], said["reason"]) != (ours.done.kind, ours.done.reason)
    kinds = {kind: sum(answer.done.kind == kind for answer in expected) for kind in ("model", "quote", "declined")}
    print(f"{name}, {readings=}: {len(found)} questions {kinds}, another for {edges}, {cut} cut into runs alike;")
    words = statistics.median(theirs["timings"]["first_token_ms"] for theirs in found)
    print(f"{flips} the model's here and a quote there; scores at most {apart:.3f} apart; first words {words:.0f} ms")
    assert all(kinds.values()) and flips <= KIND_FLIPS * len(found) and len(edges) <= EDGES[readings] * len(found)


def quoted_lines(answer: str) -> list[str]:
    """The lines of an answer in an order of their own, without their numbers."""
    return sorted(re.split(r" \[\d+\]\s*", answer))


def conversation(assistant: Assistant, item: Item) -> tuple[list[dict[str, str]], Answer]:
    """The messages that end with the item's question, and the server's answer to them."""
    messages: list[dict[str, str]] = []
    for question in (*item.after, item.question):
        messages.append({"role": "user", "content": question})
        turns = [Turn("user" if m["role"] == "user" else "assistant", m["content"]) for m in messages]
        answer = assistant.reply(turns)
        messages.append({"role": "assistant", "content": answer.text})
    return messages[:-1], answer
