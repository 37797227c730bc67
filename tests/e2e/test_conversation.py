"""How the page behaves while a model writes: in pieces, stopped, wrong, busy, gone. The test says what it writes."""

import json
import re
import time
from collections.abc import Callable
from threading import Semaphore
from typing import Any

import pytest
from playwright.sync_api import expect

from server_samples import eventually
from site_samples import COST, Visitor

Visit = Callable[..., Visitor]
Serve = Callable[..., Any]
TWO = "[1] The training cost $208.74 in total. [1] The training cost was $208.74."
FIRST = "The training cost $208.74 in total."


def test_an_answer_appears_while_it_is_written_and_sources_before_it(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        server.script.gate = Semaphore(0)
        visitor = visit(server.url).open()
        visitor.ask(COST)
        # The model has not said a word, and the passages are there already.
        expect(visitor.page.locator("main")).to_contain_text(re.compile(r"Read \d passages"))
        expect(visitor.page.get_by_text("Writing")).to_be_visible()
        assert server.script.generated == 0
        # The first sentence is shown while the model is held in the middle of the second.
        held = len(server.script.tokenizer.encode(TWO)) - 3
        server.script.gate.release(held)
        expect(visitor.answer).to_contain_text(FIRST)
        eventually(lambda: server.script.generated == held)
        expect(visitor.answer).to_have_attribute("data-answer", "writing")
        expect(visitor.button("Stop")).to_be_visible()
        server.script.gate.release(1000)
        visitor.finished()
        expect(visitor.button("Send")).to_be_visible()
        expect(visitor.page.locator("main")).to_contain_text("Answered by the model from passage 1")


@pytest.mark.parametrize("by", ["button", "Escape"])
def test_stop_ends_the_answer_here_and_on_the_server(serve: Serve, visit: Visit, by: str) -> None:
    with serve(TWO) as server:
        server.script.gate = Semaphore(len(server.script.tokenizer.encode(TWO)) - 3)
        visitor = visit(server.url).open()
        visitor.ask(COST)
        expect(visitor.answer).to_contain_text(FIRST)
        if by == "button":
            visitor.button("Stop").click()
        else:
            visitor.page.keyboard.press("Escape")
        expect(visitor.page.get_by_text("Stopped")).to_be_visible()
        expect(visitor.answer).to_contain_text(FIRST)
        # The model looks up after its next token; a busy server may hear of the stop a token later.
        for _ in range(2):
            time.sleep(2)
            server.script.gate.release(1)
        eventually(lambda: server.script.active == 0 and server.admitted == 0)
        assert server.script.generated < len(server.script.tokenizer.encode(TWO))
        # The conversation goes on.
        server.script.gate.release(1000)
        visitor.button("Answer again").click()
        visitor.finished()


def test_an_answer_that_does_not_stand_in_the_passages_is_shown_as_a_quote(serve: Serve, visit: Visit) -> None:
    with serve("[1] The training cost $999 in total.") as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        expect(visitor.answer).to_contain_text("$208.74")
        expect(visitor.answer).not_to_contain_text("999")
        expect(visitor.page.locator("main")).to_contain_text("answer did not stand in the passages")


def test_a_citation_opens_its_passage_beside_the_chat(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        resume = visitor.page.get_by_role("region", name="Resume")
        passage = visitor.page.locator("[data-passage]", has_text="The training cost $208.74 in total.")
        expect(passage).to_be_in_viewport()  # the resume turns to it a moment after the answer is complete
        resume.evaluate("box => box.scrollTo(0, 0)")
        expect(passage).not_to_be_in_viewport()
        visitor.answer.get_by_role("button", name="Passage 1").first.click()
        expect(passage).to_be_in_viewport()
        expect(passage).to_be_focused()
        expect(passage).to_have_attribute("data-wanted", "true")
        # Any passage that was read can be opened, not only the cited one.
        visitor.page.locator("main").get_by_role("button", name="Passage 3").click()
        expect(visitor.page.locator("[data-wanted=true]")).to_contain_text("3")


def test_the_page_follows_an_answer_but_never_past_its_question(serve: Serve, visit: Visit) -> None:
    """On a small phone an answer and its passages are longer than the screen."""
    with serve(TWO) as server:
        visitor = visit(server.url, width=360, height=560, has_touch=True, is_mobile=True).open()
        for question in (COST, "How long did the training take?"):
            visitor.ask(question)
            visitor.finished()
            expect(visitor.button("Save as Markdown")).to_be_visible()
            expect(visitor.page.get_by_role("heading", name=question)).to_be_in_viewport(ratio=1)
            expect(visitor.answer).to_be_in_viewport()
        # Below it there is more, and who scrolls up finds the way back.
        assert visitor.page.evaluate("document.documentElement.scrollHeight - innerHeight - scrollY") > 100
        expect(visitor.button("To the latest answer")).to_be_hidden()
        visitor.page.evaluate("scrollTo(0, 0)")
        visitor.button("To the latest answer").click()
        expect(visitor.page.get_by_role("heading", name=question)).to_be_in_viewport(ratio=1)


def test_on_a_phone_a_citation_opens_the_resume_as_a_sheet(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url, width=390, has_touch=True, is_mobile=True).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.page.wait_for_load_state(
            "networkidle"
        )  # with the answer's formatting, which takes the place of plain text
        sheet = visitor.page.get_by_role("dialog", name="Resume")
        expect(sheet).to_be_hidden()
        citation = visitor.answer.get_by_role("button", name="Passage 1").first
        citation.click()
        expect(sheet).to_be_visible()
        expect(sheet.locator("[data-wanted=true]")).to_contain_text("$208.74")
        expect(sheet.locator("[data-wanted=true]")).to_be_in_viewport()
        visitor.page.keyboard.press("Escape")
        expect(sheet).to_be_hidden()
        expect(citation).to_be_focused()  # and goes on from where it was
        visitor.button("Open the resume").click()
        expect(sheet).to_be_visible()
        visitor.button("Close").click()
        expect(sheet).to_be_hidden()


XSS = '<img src=x onerror="window.__xss=1"><script>window.__xss=1</script> [x](javascript:window.__xss=1) **bold**'


def test_what_a_visitor_types_is_only_ever_text(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url).open()
        visitor.ask(XSS)
        visitor.finished()
        expect(visitor.page.get_by_role("heading", name=XSS)).to_be_visible()
        visitor.page.reload()
        expect(visitor.page.get_by_role("heading", name=XSS)).to_be_visible()
        assert visitor.page.evaluate("window.__xss") is None
        assert visitor.page.locator("main img, main script, main a").count() == 0


def test_what_a_model_writes_becomes_markdown_but_never_html(serve: Serve, visit: Visit) -> None:
    """Through a server in between that could be any: our own checks its model's text before it sends it."""
    passage = {"n": 1, "id": "x", "section": "s", "organisation": "", "title": "t", "dates": "", "text": "u"}
    text = XSS + "\n\n![p](https://example.org/p.png) `[1]` and [1] [7] [site](https://example.org)"
    chunks = [{"sources": [passage]}, {"choices": [{"delta": {"content": text}}]}]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    with serve(TWO) as server:
        visitor = visit(server.url)
        visitor.page.route(
            "**/v1/chat/completions", lambda route: route.fulfill(body=body, content_type="text/event-stream")
        )
        visitor.open().ask("?")
        visitor.finished()
        expect(visitor.answer.locator("strong")).to_have_text("bold")
        expect(visitor.answer).to_contain_text('<img src=x onerror="window.__xss=1">')
        expect(visitor.answer.locator("code")).to_have_text("[1]")
        expect(visitor.answer.get_by_role("button")).to_have_count(1)
        expect(visitor.answer).to_contain_text("[7]")
        assert visitor.answer.locator("img, script, iframe").count() == 0
        assert visitor.answer.locator("a").evaluate_all("all => all.map(a => a.href)") == ["https://example.org/"]
        assert visitor.page.evaluate("window.__xss") is None


def test_answering_again_keeps_both_answers(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.button("Answer again").click()
        expect(visitor.page.get_by_text("2 of 2")).to_be_visible()
        visitor.finished()
        visitor.button("Previous answer").click()
        expect(visitor.page.get_by_text("1 of 2")).to_be_visible()
        expect(visitor.answer).to_contain_text(FIRST)


def test_an_edited_question_is_asked_in_its_place(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url).open()
        visitor.ask("How much did it cots?")
        visitor.finished()
        visitor.page.get_by_role("heading", name="How much did it cots?").hover()
        visitor.button("Edit question").click()
        visitor.page.get_by_role("textbox", name="Edit question").fill(COST)
        visitor.page.keyboard.press("Enter")
        visitor.finished()
        expect(visitor.page.get_by_role("heading", level=2, name=COST)).to_be_visible()
        expect(visitor.page.get_by_text("cots")).to_have_count(0)


def test_the_keyboard_alone_is_enough(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url).open()
        visitor.page.keyboard.press("Tab")
        visitor.page.keyboard.press("Enter")  # the button that skips the header
        expect(visitor.box).to_be_focused()
        visitor.box.blur()
        visitor.page.keyboard.press("/")
        expect(visitor.box).to_be_focused()
        visitor.page.keyboard.type("How much did")
        visitor.page.keyboard.press("Shift+Enter")
        visitor.page.keyboard.type("the training cost?")
        expect(visitor.box).to_have_value("How much did\nthe training cost?")
        visitor.page.keyboard.press("Enter")
        visitor.finished()
        expect(visitor.box).to_have_value("")
        visitor.page.keyboard.type("a/b")
        expect(visitor.box).to_have_value("a/b")


def test_a_busy_server_is_said_with_the_wait_and_can_be_tried_again(serve: Serve, visit: Visit) -> None:
    with serve(TWO, slots=1, queue=0) as server:
        server.script.gate = Semaphore(0)
        first, second = visit(server.url).open(), visit(server.url, dark=True).open()
        first.ask(COST)
        expect(first.page.get_by_text("Writing")).to_be_visible()
        # It counts down from two seconds, so that a look from here may come too late.
        second.page.evaluate("""() => { window.disabled = []; new MutationObserver(() => {
            for (const one of document.querySelectorAll("button:disabled")) window.disabled.push(one.innerText);
        }).observe(document.body, {subtree: true, childList: true, characterData: true}) }""")
        second.ask(COST)
        expect(second.page.get_by_role("alert")).to_have_text("Many people are here right now.")
        disabled = second.page.evaluate("window.disabled")
        assert any(re.fullmatch(r"Try again in \d s", text) for text in disabled), disabled
        assert second.violations() == []
        server.script.gate.release(1000)
        first.finished()
        second.page.get_by_role("button", name="Try again", exact=True).click()
        second.finished()
        expect(second.answer).to_contain_text(FIRST)


def test_a_lost_connection_keeps_what_was_said_and_can_be_tried_again(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url, dark=True).open()
        cut = 'data: {"choices": [{"delta": {"content": "Half an ans"}}]}\r\n\r\ndata: {"choi'
        visitor.page.route(
            "**/v1/chat/completions", lambda route: route.fulfill(body=cut, content_type="text/event-stream")
        )
        visitor.ask(COST)
        expect(visitor.page.get_by_role("alert")).to_have_text(
            "The connection was lost before the answer was complete."
        )
        expect(visitor.answer).to_contain_text("Half an ans")
        assert visitor.violations() == []
        visitor.page.unroute_all()
        visitor.page.route("**/v1/chat/completions", lambda route: route.abort())
        visitor.button("Try again").click()
        expect(visitor.page.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        assert visitor.violations() == []
        visitor.page.unroute_all()
        visitor.button("Try again").click()
        visitor.finished()
        expect(visitor.answer).to_contain_text(FIRST)


def test_a_question_that_the_server_refuses_says_why(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url).open()
        visitor.ask("why " * 400)
        expect(visitor.page.get_by_role("alert")).to_contain_text("the question is too long")


def test_a_question_asked_while_the_model_wakes_up_is_answered_when_it_is_awake(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        eventually(lambda: server.service.assistant is not None)
        assistant, server.service.assistant = server.service.assistant, None  # as while loading
        visitor = visit(server.url).open()
        expect(visitor.page.get_by_text("The model is waking up")).to_be_visible()
        visitor.ask(COST)
        expect(visitor.page.get_by_text("Reading the resume").first).to_be_visible()
        assert server.script.prompts == []
        server.service.assistant = assistant
        visitor.finished()
        expect(visitor.page.get_by_text("The model is waking up")).to_have_count(0)


def test_a_screen_reader_hears_the_answer_once_and_whole(serve: Serve, visit: Visit) -> None:
    with serve(TWO) as server:
        visitor = visit(server.url).open()
        visitor.page.evaluate("""() => { window.heard = []; new MutationObserver(() => {
            for (const live of document.querySelectorAll('[role=status]')) window.heard.push(live.textContent);
        }).observe(document.body, {subtree: true, childList: true, characterData: true}) }""")
        visitor.ask(COST)
        visitor.finished()
        heard = list(dict.fromkeys(text for text in visitor.page.evaluate("window.heard") if text))
        assert len(heard) == 2, heard
        assert heard[0] == "Reading the resume"
        assert heard[1].startswith(f"Answer: {FIRST}")
        assert heard[1].endswith("Answered by the model from passage 1")
