"""What the chat says when things are not as they should be, and what a visitor can do with an answer."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Semaphore
from typing import Any

import pytest
from playwright.sync_api import expect

from fischgpt.assistant.remote import RemoteInfo
from server_samples import eventually
from site_samples import COST, Visitor

Visit = Callable[..., Visitor]
Serve = Callable[..., Any]
TRUE = "[1] The training cost $208.74 in total."
KEY = "a-key-of-this-site"


def thumbs(folder: Path) -> list[tuple[Any, ...]]:
    (file,) = folder.rglob("feedback.sqlite3")
    with sqlite3.connect(file) as connection:
        return connection.execute("SELECT rating, messages, sources FROM thumbs").fetchall()


def test_a_thumb_arrives_can_be_turned_and_outlives_a_reload(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    with serve(TRUE, data=tmp_path) as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.button("Good answer").click()
        expect(visitor.page.get_by_text("Thank you.")).to_be_visible()
        expect(visitor.button("Good answer")).to_have_attribute("aria-pressed", "true")
        visitor.button("Bad answer").click()
        eventually(lambda: thumbs(tmp_path)[0][0] == "down")
        visitor.page.reload()
        expect(visitor.button("Bad answer")).to_have_attribute("aria-pressed", "true")
        expect(visitor.button("Good answer")).to_have_attribute("aria-pressed", "false")
    ((rating, messages, sources),) = thumbs(tmp_path)
    assert (rating, messages) == ("down", None)
    assert len(json.loads(sources)) > 1


def test_where_questions_are_kept_the_visitor_is_told(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    with serve(TRUE, data=tmp_path, keep_questions=True) as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.button("Good answer").click()
        expect(visitor.page.get_by_text("This site keeps the question and answer with it")).to_be_visible()
    ((_, messages, _),) = thumbs(tmp_path)
    assert COST in messages and "$208.74" in messages


def test_a_thumb_that_does_not_arrive_is_taken_back_and_says_so(serve: Serve, visit: Visit) -> None:
    with serve(TRUE) as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.page.route("**/v1/feedback", lambda route: route.abort())
        visitor.button("Good answer").click()
        expect(visitor.page.get_by_text("The thumb did not arrive")).to_be_visible()
        expect(visitor.button("Good answer")).to_have_attribute("aria-pressed", "false")


def test_each_answer_of_a_question_has_its_own_thumb(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    with serve(TRUE, data=tmp_path) as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.button("Good answer").click()
        expect(visitor.page.get_by_text("Thank you.")).to_be_visible()
        visitor.button("Answer again").click()
        expect(visitor.page.get_by_text("2 of 2")).to_be_visible()
        expect(visitor.button("Good answer")).to_have_attribute("aria-pressed", "false")
        visitor.button("Bad answer").click()
        visitor.button("Previous answer").click()
        expect(visitor.button("Good answer")).to_have_attribute("aria-pressed", "true")
        eventually(lambda: sorted(row[0] for row in thumbs(tmp_path)) == ["down", "up"])


def test_an_answer_that_is_read_again_for_its_odds_keeps_its_thumb(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    with serve(TRUE, data=tmp_path) as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.button("Good answer").click()
        expect(visitor.page.get_by_text("Thank you.")).to_be_visible()
        with visitor.page.expect_request("**/v1/chat/completions"):
            visitor.button("Token X-ray").click()
        visitor.finished()
        expect(visitor.button("Good answer")).to_have_attribute("aria-pressed", "true")
        visitor.button("Bad answer").click()
        eventually(lambda: [row[0] for row in thumbs(tmp_path)] == ["down"])  # turned, not a second one


def test_the_conversation_can_be_saved_and_an_answer_copied(serve: Serve, visit: Visit) -> None:
    with serve(TRUE) as server:
        visitor = visit(server.url, permissions=["clipboard-read", "clipboard-write"]).open()
        visitor.ask(COST)
        visitor.finished()
        with visitor.page.expect_download() as download:
            visitor.button("Save as Markdown").click()
        assert download.value.suggested_filename.startswith("fischgpt-20")
        text = download.value.path().read_text()
        assert text.startswith("# A conversation about Kristian Fischer\n")
        assert f"## {COST}\n\nThe training cost $208.74 in total. [1]\n\n> [1] " in text
        visitor.button("Copy answer").click()
        expect(visitor.button("Copied")).to_be_visible()
        assert visitor.page.evaluate("navigator.clipboard.readText()") == "The training cost $208.74 in total. [1]"
        assert visitor.faults == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_who_waits_in_line_sees_where(serve: Serve, visit: Visit, dark: bool) -> None:
    with serve(TRUE, slots=1, queue=4) as server:
        server.script.gate = Semaphore(0)
        visitors = [visit(server.url, width=390, dark=dark).open() for _ in range(3)]
        for admitted, visitor in enumerate(visitors, 1):
            visitor.ask(COST)
            eventually(lambda admitted=admitted: server.admitted == admitted)
        expect(visitors[1].page.get_by_text("Next in line")).to_be_visible()
        expect(visitors[2].page.get_by_text("In line: 1 before you")).to_be_visible()
        assert visitors[2].violations() == []
        server.script.gate.release(1000)
        for visitor in visitors:
            visitor.finished()
        assert visitors[2].page.get_by_text("In line").count() == 0


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_who_asks_too_often_is_told_so_and_when_to_come_back(serve: Serve, visit: Visit, dark: bool) -> None:
    with serve(TRUE, rate=1) as server:
        # As a proxy on this machine brings them; requests of the machine itself have no rate.
        visitor = visit(server.url, dark=dark, extra_http_headers={"X-Forwarded-For": "203.0.113.9"}).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.ask("Why did he build FischGPT?")
        expect(visitor.page.get_by_role("alert")).to_have_text("That was a lot in one minute.")
        wait = visitor.page.get_by_role("button", name="Try again in")
        expect(wait).to_be_disabled()
        first = wait.inner_text()
        visitor.page.wait_for_timeout(2500)
        assert int(wait.inner_text().split()[-2]) < int(first.split()[-2]) <= 60
        assert visitor.violations() == []


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1280, False)])
def test_a_site_with_keys_asks_for_one_and_keeps_it_for_the_session(
    serve: Serve, visit: Visit, width: int, dark: bool
) -> None:
    with serve(TRUE, api_keys=(KEY,)) as server:
        visitor = visit(server.url, width=width, dark=dark).open()
        visitor.ask(COST)
        expect(visitor.page.get_by_role("alert")).to_have_text("This site answers only with a key.")
        assert visitor.violations() == []
        key = visitor.page.get_by_label("Key", exact=True)
        expect(visitor.button("Continue")).to_be_disabled()
        key.fill("not-the-key-of-this-site")
        key.press("Enter")
        expect(visitor.page.get_by_role("alert")).to_have_text("The server does not know this key.")
        visitor.page.get_by_label("Key", exact=True).fill(f" {KEY} ")
        visitor.button("Continue").click()
        visitor.finished()
        visitor.button("Good answer").click()  # goes with the key too
        expect(visitor.page.get_by_text("Thank you.")).to_be_visible()
        visitor.page.reload()
        visitor.ask("How long did the training take?")
        visitor.finished()
        assert visitor.page.evaluate("JSON.stringify(localStorage)").find(KEY) == -1
        assert visitor.page.evaluate("JSON.stringify(document.cookie)").find(KEY) == -1
        other = visit(server.url, width=width, dark=dark).open()
        other.ask(COST)
        expect(other.page.get_by_role("alert")).to_have_text("This site answers only with a key.")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_model_that_falls_asleep_is_waited_for(serve: Serve, visit: Visit, dark: bool) -> None:
    with serve(TRUE) as server:
        visitor = visit(server.url, dark=dark).open()
        eventually(lambda: server.service.ready)
        expect(visitor.page.get_by_text("The model is waking up")).to_have_count(0)
        server.service.away = True  # as when another server has it and does not answer
        visitor.ask(COST)
        expect(visitor.page.get_by_text("The model is asleep and is being woken")).to_be_visible()
        assert visitor.violations() == []
        server.service.away = False
        visitor.finished()
        expect(visitor.page.get_by_text("The model is asleep")).to_have_count(0)
        expect(visitor.answer).to_contain_text("$208.74")


def test_a_server_that_does_not_say_whether_it_is_ready_is_asked_again(serve: Serve, visit: Visit) -> None:
    with serve(TRUE) as server:
        eventually(lambda: server.service.ready)
        visitor = visit(server.url)
        visitor.page.route("**/readyz", lambda route: None, times=1)  # no answer ever
        visitor.page.goto(server.url)
        visitor.box.wait_for(timeout=60_000)  # the page gives the first ten seconds
        visitor.ask(COST)
        visitor.finished()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_model_that_cannot_be_loaded_is_said_and_not_waited_for(serve: Serve, visit: Visit, dark: bool) -> None:
    with serve(TRUE) as server:
        eventually(lambda: server.service.ready)
        server.service.assistant, server.service.failure = None, RuntimeError("damaged")
        visitor = visit(server.url, dark=dark).open()
        expect(visitor.page.get_by_text("The model cannot answer; the server’s log says why")).to_be_visible()
        visitor.ask(COST)
        expect(visitor.page.get_by_role("alert")).to_contain_text("the model could not be loaded")
        assert visitor.violations() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_another_servers_model_has_no_shape_and_no_made_up_figures(
    serve: Serve, visit: Visit, width: int, dark: bool
) -> None:
    with serve(TRUE, model=RemoteInfo("far-away-7b", "http://127.0.0.1:9/v1")) as server:
        visitor = visit(server.url, width=width, dark=dark).open()
        expect(visitor.page.get_by_text("Another server’s model writes. Check the sources.")).to_be_visible()
        visitor.button("Model far-away-7b: what is running").click()
        figures = visitor.page.get_by_role("dialog", name="What is running")
        expect(figures).to_contain_text("Another server runs it")
        assert visitor.violations() == []
        visitor.page.keyboard.press("Escape")
        visitor.ask(COST)
        visitor.finished()
        visitor.open("/story")
        expect(visitor.page.get_by_text("how it was trained is not known to this site")).to_be_visible()
        assert visitor.violations() == []
        text = visitor.page.locator("body").inner_text()
        assert "NaN" not in text and "null" not in text and "0 parameters" not in text
        assert visitor.faults == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_part_of_the_site_that_does_not_load_says_so_and_nothing_is_lost(
    serve: Serve, visit: Visit, dark: bool
) -> None:
    with serve(TRUE) as server:
        visitor = visit(server.url, dark=dark).open()
        visitor.page.route("**/assets/Conversation-*", lambda route: route.abort())
        visitor.ask(COST)
        expect(visitor.page.get_by_role("alert")).to_have_text("This part of the page could not be loaded.")
        expect(visitor.page.get_by_role("banner")).to_be_visible()
        assert visitor.violations() == []
        visitor.page.unroute_all()
        visitor.button("Reload the page").click()
        expect(visitor.page.get_by_role("heading", name=COST)).to_be_visible()
