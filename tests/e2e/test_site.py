"""What a visitor does on the site of `fischgpt up`, with the shipped profile and model."""

from collections.abc import Callable

import httpx
from playwright.sync_api import expect

from site_samples import COST, SHIFTS, Visitor

Visit = Callable[..., Visitor]


def test_a_starter_question_is_answered_with_its_source(site: str, visit: Visit) -> None:
    visitor = visit(site).open()
    expect(visitor.page).to_have_title("Ask about Kristian Fischer · FischGPT")
    visitor.button(COST).click()
    visitor.finished()
    expect(visitor.answer).to_contain_text("$208.74")
    expect(visitor.page.locator("main")).to_contain_text("first words after")
    # The source, under the answer and marked in the resume beside it, which has turned to it.
    cited = visitor.page.locator("[data-passage]:has([data-cited=true])")
    expect(cited).to_have_count(1)
    expect(cited).to_contain_text("$208.74")
    expect(cited).to_be_in_viewport()
    assert visitor.faults == []


def test_what_the_profile_does_not_hold_is_declined(site: str, visit: Visit) -> None:
    visitor = visit(site).open()
    visitor.ask("What is the capital of Mongolia?")
    visitor.finished()
    expect(visitor.answer).to_contain_text("does not say")
    expect(visitor.page.locator("main")).to_contain_text("The profile does not say: ")


def test_a_reload_and_a_look_at_the_story_keep_the_conversation(site: str, visit: Visit) -> None:
    visitor = visit(site).open()
    visitor.ask(COST)
    visitor.finished()
    said = visitor.answer.inner_text()
    visitor.page.reload()
    expect(visitor.page.get_by_role("heading", name=COST)).to_be_visible()
    expect(visitor.answer).to_have_text(said, use_inner_text=True)
    visitor.page.get_by_role("link", name="Story").click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("How FischGPT came about")
    expect(visitor.page.get_by_text("the northern star of the project")).to_be_visible()
    visitor.page.get_by_role("link", name="Chat", exact=True).click()
    expect(visitor.answer).to_have_text(said, use_inner_text=True)
    visitor.button("New chat").click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Kristian Fischer")
    visitor.page.reload()
    expect(visitor.button(COST)).to_be_visible()


def test_a_follow_up_question_is_sent_with_what_came_before(site: str, visit: Visit) -> None:
    visitor = visit(site).open()
    sent: list[list[dict[str, str]]] = []
    visitor.page.on(
        "request", lambda call: sent.append(call.post_data_json["messages"]) if call.method == "POST" else None
    )
    visitor.ask(COST)
    visitor.finished()
    visitor.ask("And how long did it take?")
    visitor.finished()
    assert [message["role"] for message in sent[1]] == ["user", "assistant", "user"]
    assert sent[1][0]["content"] == COST
    assert "$208.74" in sent[1][1]["content"]


def test_what_is_running_is_what_the_server_loaded(site: str, visit: Visit) -> None:
    model = httpx.get(f"{site}/api/profile", trust_env=False).json()["model"]
    visitor = visit(site).open()
    visitor.button(f"Model {model['name']}: what is running").click()
    figures = visitor.page.get_by_role("dialog", name="What is running")
    expect(figures).to_be_visible()
    for key, label in (("n_params", "Parameters"), ("n_layer", "Layers"), ("block_size", "Context, tokens")):
        expect(figures).to_contain_text(f"{label}{model[key]:,}")
    visitor.page.keyboard.press("Escape")
    expect(figures).to_be_hidden()


def test_the_first_visit_is_under_200_kb_and_asks_no_other_host(site: str, visit: Visit) -> None:
    visitor = visit(site)
    session = visitor.page.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    received = [0]
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    hosts: set[str] = set()
    visitor.page.on("request", lambda call: hosts.add(call.url.split("/", 3)[2]))
    visitor.open()
    visitor.page.wait_for_load_state("networkidle")
    arrived = sum(received)
    visitor.ask(COST)
    visitor.finished()
    expect(visitor.button("Answer again")).to_be_visible()
    visitor.page.wait_for_timeout(500)  # the last sizes arrive after the last bytes
    print(f"first visit {arrived / 1000:.1f} KB, with the first answer {sum(received) / 1000:.1f} KB")
    assert 50_000 < arrived < 200_000
    assert sum(received) < 200_000, "the visit with its first answer"
    assert hosts == {site.removeprefix("http://")}


def test_nothing_moves_while_the_page_loads(site: str, visit: Visit) -> None:
    visitor = visit(site, width=390)
    visitor.page.add_init_script(SHIFTS)
    visitor.open()
    visitor.page.wait_for_load_state("networkidle")
    visitor.page.wait_for_timeout(400)
    assert visitor.page.evaluate("window.shift") < 0.02


def test_a_page_that_does_not_exist_says_so(site: str, visit: Visit) -> None:
    visitor = visit(site).open("/nowhere")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Nothing swims here")
