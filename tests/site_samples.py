"""A visitor of the site, for the browser tests."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

COST = "How much did the training cost?"
"""A starter question of the shipped profile."""

SHIFTS = """window.shift = 0; new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
}).observe({type: 'layout-shift', buffered: true})"""
"""A script that sums up in `window.shift` how much the page has moved by itself."""


def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is."""
    # At rest: a colour in the middle of a fade has the contrast of neither end.
    page.evaluate(
        "Promise.all(document.getAnimations().filter(a => a.effect.getTiming().iterations === 1).map(a => a.finished))"
    )
    found: list[dict[str, Any]] = Axe().run(page, options={"preload": False}).response["violations"]
    return [f"{one['id']}: {[node['html'][:150] for node in one['nodes']]}" for one in found]


class Visitor:
    """A visitor on a page of the site: what they do and see. Anything the browser complains about is in `faults`."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.faults: list[str] = []
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if message.type == "error" else None)

    def open(self, path: str = "/") -> "Visitor":
        self.page.goto(self.url + path)
        self.page.locator("main:not([aria-busy])").wait_for()  # the owner is known
        return self

    @property
    def box(self) -> Locator:
        return self.page.get_by_label("Your question")

    @property
    def answer(self) -> Locator:
        """The text of the newest answer."""
        return self.page.locator("[data-answer]").last

    def ask(self, question: str) -> None:
        self.box.fill(question)
        self.box.press("Enter")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def finished(self) -> None:
        """Wait until the newest answer is complete and at rest."""
        expect(self.answer).to_have_attribute("data-answer", "done", timeout=20_000)
