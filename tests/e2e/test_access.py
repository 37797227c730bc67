"""Everyone can use it: no accessibility violations, in light and dark, on a phone and a desk; fits 360 px."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from site_samples import COST, Visitor

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_state_of_the_page_has_a_violation(
    site: str, visit: Visit, width: int, dark: bool, subtests: pytest.Subtests
) -> None:
    visitor = visit(site, width=width, dark=dark).open()
    page = visitor.page
    expect(page.locator("html")).to_have_css("color-scheme", "light dark")

    def check(state: str) -> None:
        with subtests.test(state):
            assert visitor.violations() == []
            assert page.locator("h1").count() == 1

    check("empty")
    visitor.button("what is running").click()
    check("model")
    page.keyboard.press("Escape")
    visitor.ask(COST)
    visitor.finished()
    visitor.ask("What is the capital of Mongolia?")
    visitor.finished()
    page.route("**/v1/chat/completions", lambda route: route.abort())
    visitor.ask(COST)
    page.get_by_role("alert").wait_for()
    check("answered, declined and failed")
    if width < 1000:
        visitor.button("Open the resume").click()
        check("resume")
        page.keyboard.press("Escape")
    visitor.open("/story")
    page.get_by_text("the northern star of the project").wait_for()
    check("story")
    if width < 1000:
        visitor.button("Pages, now Story").click()
        check("menu")


def test_nothing_scrolls_sideways_at_360_px(site: str, visit: Visit) -> None:
    visitor = visit(site, width=360, height=640, has_touch=True, is_mobile=True).open()
    assert visitor.sideways == 0
    visitor.ask("Donaudampfschifffahrtsgesellschaftskapitän" * 3)
    visitor.finished()
    visitor.ask(COST)
    visitor.finished()
    assert visitor.sideways == 0
    for path in ("/story", "/learn", "/inside", "/nowhere"):
        visitor.open(path).page.wait_for_load_state("networkidle")
        assert visitor.sideways == 0, path


def test_the_chosen_theme_outlives_a_reload_and_the_systems_is_followed_again(site: str, visit: Visit) -> None:
    visitor = visit(site).open()
    body = visitor.page.locator("body")
    light = body.evaluate("body => getComputedStyle(body).backgroundColor")
    visitor.button("Switch to dark").click()
    dark = body.evaluate("body => getComputedStyle(body).backgroundColor")
    assert dark != light
    visitor.page.reload()
    expect(body).to_have_css("background-color", dark)
    visitor.button("Switch to light").click()
    expect(body).to_have_css("background-color", light)
    visitor.page.emulate_media(color_scheme="dark")
    expect(body).to_have_css("background-color", dark)


def test_who_asks_for_less_motion_sees_none(site: str, visit: Visit) -> None:
    moving = "document.getAnimations().filter(a => a.playState === 'running').length"
    assert visit(site, reduced_motion="no-preference").open().page.evaluate(moving) > 0
    visitor = visit(site, reduced_motion="reduce").open()
    visitor.ask(COST)
    visitor.finished()
    assert visitor.page.evaluate(moving) == 0
