"""A visitor of the site, for the browser tests."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

COST = "How much did the training cost?"
"""A starter question of the shipped profile."""


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

    def watch_shifts(self) -> "Visitor":
        """Before `open`: keep what moves on the page without the visitor's doing, for `shifted`."""
        self.page.add_init_script("""window.shifts = []; new PerformanceObserver(list => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput && entry.value > 0)
                window.shifts.push([entry.value, ...entry.sources.map(s => s.node?.outerHTML?.slice(0, 120))]);
        }).observe({type: 'layout-shift', buffered: true})""")
        return self

    @property
    def shifted(self) -> list[Any]:
        """[score, what moved ...] of each shift of the layout so far."""
        return self.page.evaluate("window.shifts")

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it is."""
        # At rest: a colour in the middle of a fade has the contrast of neither end.
        self.page.evaluate("""Promise.all(document.getAnimations()
            .filter(a => a.effect.getTiming().iterations === 1).map(a => a.finished))""")
        found = Axe().run(self.page, options={"preload": False}).response["violations"]
        return [f"{one['id']}: {[node['html'][:150] for node in one['nodes']]}" for one in found]

    @property
    def sideways(self) -> int:
        """Pixels that the page is wider than the screen. Not than `innerWidth`, which a phone widens with the page."""
        assert self.page.viewport_size is not None
        return self.page.evaluate("document.documentElement.scrollWidth") - self.page.viewport_size["width"]

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def finished(self) -> None:
        """Wait until the newest answer is complete and at rest."""
        expect(self.answer).to_have_attribute("data-answer", "done", timeout=60_000)
