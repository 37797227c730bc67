"""The second reader of a site without a server: it comes when there is time for it, and only where it is wanted."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from server_samples import eventually
from site_samples import COST, Visitor
from static_samples import LOAD_MS, TWICE, Host, hosted

Visit = Callable[..., Visitor]
LOADING, ONCE = "A more careful reading is loading", "Passages are read once."


def asked_for(host: Host) -> list[str]:
    """The requests for the second reader."""
    return [path for path in host.asked if "/crossencoder-" in path]


def says(visitor: Visitor, text: str) -> None:
    expect(visitor.page.get_by_role("status").filter(has_text=text)).to_be_visible(timeout=LOAD_MS)


def test_a_visitor_who_does_not_want_it_is_not_sent_it_until_they_do(exported: Path, visit: Visit) -> None:
    with hosted(exported) as host:
        gate = threading.Event()
        host.trouble["crossencoder"] = [gate]
        visitor = visit(f"{host.url}/me/site").open()
        says(visitor, LOADING)
        eventually(lambda: len(asked_for(host)) == 1)  # it says so a moment before it asks
        visitor.button("Not now").focus()
        visitor.page.keyboard.press("Enter")
        says(visitor, ONCE)
        gate.set()
        visitor.ask(COST)
        visitor.finished()
        visitor.page.reload()
        says(visitor, ONCE)  # they chose, and that holds for the next visit
        visitor.ask("Who is he?")
        visitor.finished()
        assert len(asked_for(host)) == 1
        visitor.button("Read twice, 24 MB").click()
        says(visitor, TWICE)
        assert len(asked_for(host)) == 2 and visitor.faults == []


def test_who_saves_data_is_asked_before_it_is_sent(exported: Path, visit: Visit) -> None:
    with hosted(exported) as host:
        visitor = visit(f"{host.url}/me/site")
        saver = visitor.page.context.new_cdp_session(visitor.page)
        saver.send("Emulation.setDataSaverOverride", {"dataSaverEnabled": True})
        visitor.open()
        assert visitor.page.evaluate("navigator.connection.saveData")
        says(visitor, ONCE)
        visitor.ask(COST)
        visitor.finished()
        assert asked_for(host) == []
        visitor.button("Read twice, 24 MB").click()
        says(visitor, TWICE)
        visitor.page.reload()
        says(visitor, TWICE)  # the browser has kept it
        assert len(asked_for(host)) == 1


def test_a_host_in_trouble_is_asked_again_for_it_and_questions_are_answered_meanwhile(
    exported: Path, visit: Visit
) -> None:
    with hosted(exported) as host:
        gate = threading.Event()
        host.trouble["crossencoder"] = [503, gate, 404]
        visitor = visit(f"{host.url}/me/site").open()
        says(visitor, "A more careful reading waits for the network")
        eventually(lambda: len(asked_for(host)) == 2, within=60)
        visitor.ask(COST)
        visitor.finished()
        gate.set()
        says(visitor, "A more careful reading could not be loaded")
        expect(visitor.page.get_by_text("404 ")).to_be_visible()
        visitor.button("Try again").click()
        says(visitor, TWICE)
        visitor.ask(COST)
        visitor.finished()
        expect(visitor.answer).to_contain_text("$208.74")


@pytest.mark.parametrize(("width", "dark"), [(360, False), (360, True), (1280, False), (1280, True)])
def test_the_line_about_it_fits_and_can_be_read_by_everybody(
    exported: Path, visit: Visit, width: int, dark: bool
) -> None:
    with hosted(exported) as host:
        gate = threading.Event()
        host.trouble["crossencoder"] = [gate, 404]
        visitor = visit(f"{host.url}/me/site", width, 740, dark).open()
        says(visitor, LOADING)
        for step, text in (("loading", ""), ("failed", "could not be loaded"), ("twice", TWICE)):
            if step == "failed":
                gate.set()
            elif step == "twice":
                visitor.button("Try again").click()
            says(visitor, text or LOADING)
            assert visitor.sideways <= 0 and visitor.violations() == [], step
