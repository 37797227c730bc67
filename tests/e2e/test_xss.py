"""Nothing that anybody wrote is ever run: questions, the resume and story, a model's answers and samples.

FISCHGPT_XSS=200 tries all payloads; fewer here. The page's content policy would stop most of them as well: what only it
has stopped counts as a failure, for the page is not to hand it anything.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from fischgpt.profile.profile import load_profile
from site_samples import Visitor
from xss_samples import FOUND, PAYLOADS, WATCH, some

Visit = Callable[..., Visitor]
Serve = Callable[..., Any]
COUNT = int(os.environ.get("FISCHGPT_XSS", "40"))
pytestmark = pytest.mark.timeout(1800)


def found(visitor: Visitor) -> list[str]:
    return visitor.page.evaluate(FOUND)


def watched(visitor: Visitor) -> Visitor:
    visitor.page.add_init_script(WATCH)
    visitor.page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    visitor.page.on("popup", lambda page: pytest.fail(f"a window: {page.url}"))
    return visitor


def test_there_are_200_and_what_gets_through_is_seen(serve: Serve, visit: Visit) -> None:
    assert len(set(PAYLOADS)) == 200
    with serve("") as server:
        for markup in ("<img src=x onerror=window.__xss=1>", "<a href='javascript:window.__xss=1'>x</a>", "<base>"):
            visitor = watched(visit(server.url)).open()
            assert found(visitor) == []
            visitor.page.evaluate("markup => document.body.insertAdjacentHTML('beforeend', markup)", markup)
            visitor.page.wait_for_timeout(100)
            assert found(visitor) != [], markup
        open_page = visit(server.url, bypass_csp=True)
        watched(open_page).open()
        open_page.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=window.__xss=1>')")
        open_page.page.wait_for_function("window.__xss === 1")


def test_no_question_runs(serve: Serve, visit: Visit) -> None:
    with serve("[1] The training cost $208.74 in total.") as server:
        visitor = watched(visit(server.url)).open()
        for at, payload in enumerate(some(COUNT)):
            visitor.ask(payload)
            expect(visitor.page.locator("main h2").last).to_have_text(payload.strip(), use_inner_text=False)
            expect(visitor.button("Send")).to_be_visible()
            assert found(visitor) == [], payload
            if at % 20 == 19 or at == COUNT - 1:
                visitor.page.reload()  # the conversation comes back out of the browser's store
                expect(visitor.page.locator("main h2").last).to_have_text(payload.strip(), use_inner_text=False)
                assert found(visitor) == [], payload
                visitor.button("New chat").click()
    print(f"\n{COUNT} payloads asked, 0 run")


def test_no_answer_runs(serve: Serve, visit: Visit) -> None:
    """Through a server in between that could be any: our own checks its model's text before it sends it."""
    said = {"text": ""}

    def answer(route: Any) -> None:
        text = said["text"]
        passage = {"n": 1, "id": text, "section": text, "organisation": text, "title": text, "dates": text}
        verdict = {"answer_kind": "quote", "reason": text, "score": 1, "threshold": 0}
        half = len(text) // 2  # a stream may break a tag anywhere
        chunks = [
            {"id": text, "sources": [{**passage, "text": text, "rendered": text, "score": 1}]},
            {"choices": [{"delta": {"content": text[:half]}}]},
            {"choices": [{"delta": {"content": text[half:]}}]},
            {"choices": [{"delta": {}}], "fischgpt": verdict},
        ]
        body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
        route.fulfill(body=body, content_type="text/event-stream")

    with serve("") as server:
        visitor = watched(visit(server.url))
        visitor.page.route("**/v1/chat/completions", answer)
        visitor.open()
        said["text"] = "**bold**"
        visitor.ask("?")
        visitor.answer.locator("strong").wait_for()  # what makes Markdown of an answer is there from now on
        for at, payload in enumerate(some(COUNT)):
            said["text"] = payload
            visitor.ask("?")
            visitor.finished()
            assert found(visitor) == [], payload
            for link in visitor.answer.locator("a").all():
                assert (link.get_attribute("href") or "").startswith("https://example.org"), payload
            if at % 20 == 19:
                visitor.button("New chat").click()
        assert visitor.page.url == f"{server.url}/"
    print(f"\n{COUNT} payloads answered, 0 run")


def test_no_resume_story_or_sample_runs(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    payloads = some(COUNT)
    first = "<img src=x onerror=window.__xss=1>"
    resume = {
        "basics": {
            "name": f"Ada {first}",
            "label": first,
            "summary": "Builds bridges.",
            "url": "javascript:window.__xss=1",
        },
        "work": [
            {"name": f"{first} {at}", "position": payload.split("\n")[0], "startDate": "2019", "highlights": [payload]}
            for at, payload in enumerate(payloads)
        ],
    }
    folder = tmp_path / "ada"
    folder.mkdir()
    (folder / "resume.json").write_text(json.dumps(resume))
    (folder / "story.md").write_text(f"# {first}\n\n" + "\n\n".join(payloads))
    (folder / "profile.toml").write_text(
        f"name = 'Ada {first}'\nfirst_name = 'Ada'\nheadline = '{first}'\ngreeting = '{first}'\n"
        f"starters = ['{first}']\npublic = ['url']\n"
    )
    record = {
        "n_params": 1, "machine": {first: first}, "cost": None, "beside": [{"percent": 25, "label": first}],
        "phases": [{
            "name": "pretrain", "state": "done", "steps": 1, "planned_steps": 1, "tokens": 1, "tokens_per_step": 1,
            "seconds": 1, "ended": None, "optimizer": first, "lr": 1, "hellaswag": None,
            "sources": [{"spec": first, "what": first, "licence": first}],
            "training": {"step": [1], "tokens": [1], "loss": [1], "lr": [1], "tokens_per_second": [1]},
            "validation": {"step": [1], "tokens": [1], "loss": [1], "bits_per_byte": [1]},
            "prompts": [first],
            "moments": [{"step": at, "tokens": at, "texts": [payload]} for at, payload in enumerate(payloads)],
        }],
    }  # fmt: skip
    with serve("", profile=load_profile(folder)) as server:
        visitor = watched(visit(server.url))
        visitor.page.route("**/api/run", lambda route: route.fulfill(json=record))
        visitor.open()
        expect(visitor.page.locator("[data-passage]").nth(COUNT // 2)).to_be_attached()
        assert found(visitor) == []
        visitor.open("/story")
        visitor.page.locator("article").get_by_text("<script>").first.wait_for()
        assert found(visitor) == []
        visitor.open("/learn")
        slider = visitor.page.get_by_role("slider")
        slider.focus()
        for payload in payloads:
            expect(visitor.page.locator("[data-moment]")).to_contain_text(payload.split("\n")[0])
            assert found(visitor) == [], payload
            visitor.page.keyboard.press("ArrowRight")
        visitor.page.get_by_text("The figures as tables").click()
        assert found(visitor) == []
    print(f"\n{COUNT} payloads in resume, story and samples, 0 run")
