"""Resumes as people set them: each page of layouts/ is printed to PDF by a browser and read back, passage by passage.

`golden/` holds what was found, after a person compared it with the page. FISCHGPT_APPROVE=1 writes what is found now.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from fischgpt.profile.passages import passages_from_resume
from fischgpt.profile.resume import read_resume

HERE = Path(__file__).parent
LAYOUTS = sorted(path.stem for path in (HERE / "layouts").glob("*.html"))
SMALL = "style='font-size:9px;width:100%;text-align:center'"
RUNNING = {
    "header_template": f"<div {SMALL}>Curriculum Vitae</div>",
    "footer_template": f"<div {SMALL}>Page <span class=pageNumber></span> of <span class=totalPages></span></div>",
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = os.environ.get("FISCHGPT_CHROMIUM") or next(
            (path for path in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
             if Path(path).exists()), None,
        )  # fmt: skip
        opened = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def printed(browser: Browser, layout: str, path: Path, running: bool = False) -> Path:
    page = browser.new_page()
    page.set_content((HERE / "layouts" / f"{layout}.html").read_text("utf-8"))
    page.pdf(path=path, prefer_css_page_size=True, display_header_footer=running, **(RUNNING if running else {}))
    page.close()
    return path


def found(path: Path) -> str:
    """What is known of the owner, then the passages that a visitor's question can reach."""
    resume = read_resume(path)
    basics = {key: value for key, value in resume.get("basics", {}).items() if key != "summary"}
    passages = [f"{passage.id:<16} {passage.render()}" for passage in passages_from_resume(resume)]
    return "\n".join([json.dumps(basics, ensure_ascii=False, indent=1), *passages]) + "\n"


@pytest.fixture(scope="module", params=LAYOUTS)
def read(request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A layout and what is found of it when it is printed and read now."""
    path = tmp_path_factory.mktemp(request.param) / "resume.pdf"
    return request.param, found(printed(browser, request.param, path))


def test_a_layout_is_read_as_it_was_approved(read: tuple[str, str]) -> None:
    layout, text = read
    golden = HERE / "golden" / f"{layout}.txt"
    if os.environ.get("FISCHGPT_APPROVE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, "utf-8")
    assert text == golden.read_text("utf-8")


def test_no_passage_tells_a_phone_number_an_address_or_a_date_of_birth(read: tuple[str, str]) -> None:
    basics, passages = read[1].split("\n}\n", 1)
    private = re.findall(r'"(?:email|phone|address|url)": "(.*?)"', basics)
    assert private
    told = [value for value in [*private, "14.03.1991", "3 May 1988", "12 June 1997"] if value in passages]
    assert not told


def test_running_headers_and_page_numbers_are_no_part_of_the_resume(browser: Browser, tmp_path: Path) -> None:
    """Printed on two pages with both, a resume reads as it does without."""
    with_them = found(printed(browser, "header_footer", tmp_path / "running.pdf", running=True))
    assert with_them == (HERE / "golden" / "header_footer.txt").read_text("utf-8")
