"""The page "Inside": a visitor's own text through the model, awake, asleep, elsewhere, busy; with no mouse, too."""

import base64
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from playwright.sync_api import Locator, Page, Route, expect

from assistant_samples import scripted
from fischgpt.assistant.model import ModelInfo, load_model
from fischgpt.assistant.remote import RemoteInfo
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.publish.examples import TEXTS
from fischgpt.server.service import Service
from server_samples import Running, eventually, running
from site_samples import Visitor

Visit = Callable[..., Visitor]
Serve = Callable[..., Any]
RAIN = "When the rain stopped, the children went"


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name)


def tokens(page: Page) -> Locator:
    return group(page, "Tokens of the text").get_by_role("button")


def bars(page: Page) -> list[str]:
    """The odds as they are shown, the likeliest first, all others last."""
    # In one step: a locator finds the rows in one and reads them in another, and another example may come between.
    return page.evaluate(
        """() => [...document.querySelectorAll("section[aria-labelledby=next] ol li")]
            .map(row => row.innerText.trim().split("\\n").at(-1))"""
    )


def read(page: Page, text: str) -> None:
    """Type a text and wait until it has been read."""
    page.get_by_label("Your text").fill(text)
    page.get_by_label("Your text").press("Enter")
    expect(page.locator("[data-reading=false]")).to_contain_text("tokens read in")


def calls(page: Page) -> list[str]:
    """Paths of the requests from now on."""
    made: list[str] = []
    page.on("request", lambda request: made.append(request.url.split("/", 3)[3]))
    return made


@contextmanager
def asleep(fisch: Profile, index: Index, tiny: ModelInfo, web: Path) -> Iterator[tuple[Running, threading.Event]]:
    """A server whose model wakes up when the event is set."""
    assistant, script = scripted(fisch, index, "")
    wake = threading.Event()

    def load(_: Service) -> Any:
        wake.wait(240)
        return assistant

    with running(Service(fisch, tiny, load), script, web=web) as server:
        try:
            yield server, wake
        finally:
            wake.set()


def test_a_text_is_read_while_it_is_typed_and_a_token_is_taken(site: str, visit: Visit) -> None:
    page = (visitor := visit(site).open("/inside")).page
    expect(page).to_have_title("Look inside · FischGPT")
    page.get_by_label("Your text").fill(RAIN)  # no Enter: a pause is enough
    expect(page.locator("[data-reading=false]")).to_contain_text("tokens read in")
    model = load_model()
    ids = model.tokenizer.encode(RAIN)
    expect(tokens(page)).to_have_count(len(ids))
    with torch.inference_mode():
        p, first = model.engine.model(torch.tensor([ids]))[0, -1].softmax(-1).max(-1)
    assert bars(page)[0] == f"{100 * float(p):.1f}%"
    page.get_by_label("Show ids").check()
    expect(tokens(page).last).to_contain_text(str(ids[-1]))
    taken = page.get_by_role("button", name=re.compile("^Take ")).first
    word = model.tokenizer.decode([int(first)])
    expect(taken).to_have_accessible_name(re.compile(re.escape(f"“{word}”")))
    taken.click()
    expect(tokens(page)).to_have_count(len(ids) + 1)
    expect(page.get_by_label("Your text")).to_have_value(RAIN + word)
    assert visitor.faults == []


def test_nothing_is_read_in_the_place_of_what_is_typed_while_the_owner_is_unknown(site: str, visit: Visit) -> None:
    """Which model answers comes with the owner: until then the recorded text is not taken for another model's."""
    page = (visitor := visit(site)).page
    held: list[Route] = []
    page.route("**/api/profile", lambda route: held.append(route))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or ""))
    with page.expect_response("**/readyz"):
        page.goto(f"{site}/inside")
    page.get_by_label("Your text").fill(RAIN)
    expect(page.locator("[data-reading=false]")).to_contain_text("tokens read in")
    held[0].continue_()
    page.locator("main:not([aria-busy])").wait_for()
    page.wait_for_load_state("networkidle")
    assert [RAIN in body for body in asked if "prompt" in body] == [True]
    expect(page.get_by_label("Your text")).to_have_value(RAIN)
    assert visitor.faults == []


def test_sliders_move_the_odds_without_a_request(site: str, visit: Visit) -> None:
    page = visit(site).open("/inside").page
    read(page, RAIN)
    page.wait_for_load_state("networkidle")
    made, before = calls(page), bars(page)
    page.get_by_role("slider", name="Temperature").fill("0.5")
    assert float(bars(page)[0].rstrip("%")) > float(before[0].rstrip("%"))
    page.get_by_role("slider", name="Temperature").fill("0")
    assert bars(page)[:2] == ["100.0%", "cut"] and bars(page)[-1] == "cut"
    page.get_by_role("slider", name="Temperature").fill("1.3")
    page.get_by_role("slider", name="Top-k").fill("3")
    shown = [float(odds.rstrip("%")) for odds in bars(page) if odds != "cut"]
    assert len(shown) == 3 and sum(shown) == pytest.approx(100, abs=0.2)
    page.get_by_role("slider", name="Top-p").fill("0.05")
    assert [odds for odds in bars(page) if odds != "cut"] == ["100.0%"]
    page.get_by_role("button", name="Reset").click()
    assert bars(page) == before
    assert made == []


def test_a_head_is_chosen_and_a_token_shows_what_it_looks_at(site: str, visit: Visit) -> None:
    page = visit(site).open("/inside").page
    read(page, RAIN)
    page.wait_for_load_state("networkidle")
    made = calls(page)
    page.get_by_role("button", name="Block 5, head 2, not loaded").click()
    expect(page.get_by_role("button", name="Block 5, head 2", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("img", name=re.compile("Attention of block 5, head 2: “ went” looks at"))).to_be_visible()
    assert made == ["v1/inspect"]
    page.get_by_role("button", name="Load all blocks").click()
    expect(page.get_by_role("button", name=re.compile("not loaded"))).to_have_count(0)
    # What the server says is what is shown, in the links and in the table for screen readers.
    told = httpx.post(f"{site}/v1/inspect", json={"prompt": RAIN, "layer": 0}, trust_env=False, timeout=60).json()
    page.get_by_role("button", name="Block 1, head 1", exact=True).click()
    links = group(page, "What the chosen token looks at")
    links.get_by_role("button").nth(1).click()
    data = base64.b64decode(told["attention"]["data"])
    T = len(told["ids"])
    percent = [f"{100 * data[T + at] / 255:.0f}" for at in (0, 1)]
    row = page.get_by_role("table", name="Attention weights of block 1, head 1").get_by_role("row").nth(2)
    assert [cell.strip() for cell in row.get_by_role("cell").all_inner_texts()][:2] == percent
    expect(links.locator("svg path")).to_have_count(1 if data[T] >= 0.03 * 255 else 0)
    # A mouse over the map chooses a row.
    box = page.get_by_role("img", name=re.compile("Attention of block 1")).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] - 3)
    expect(tokens(page).last).to_have_attribute("aria-pressed", "true")


def test_all_of_it_goes_by_keyboard(site: str, visit: Visit) -> None:
    page = visit(site).open("/inside").page
    page.wait_for_load_state("networkidle")

    def tab_to(target: Locator) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if target.evaluate("one => one === document.activeElement || one.contains(document.activeElement)"):
                return
        raise AssertionError("not reached with Tab")

    tab_to(page.get_by_label("Your text"))
    page.keyboard.press("Control+A")
    page.keyboard.type("Once more")
    page.keyboard.press("Enter")
    expect(page.locator("[data-reading=false]")).to_contain_text("tokens read in")
    count = tokens(page).count()
    tab_to(group(page, "Tokens of the text"))
    page.keyboard.press("Home")
    expect(tokens(page).first).to_be_focused()
    expect(tokens(page).first).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("ArrowRight")
    expect(tokens(page).nth(1)).to_be_focused()
    before = bars(page)
    tab_to(page.get_by_role("button", name=re.compile("^Take ")).first)
    tab_to(page.get_by_role("slider", name="Temperature"))
    page.keyboard.press("ArrowRight")
    assert bars(page) != before
    tab_to(page.get_by_role("table", name="Parts of the network"))
    page.keyboard.press("End")
    expect(page.get_by_role("heading", name="Output", exact=True)).to_be_visible()
    tab_to(group(page, "Heads by block"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("img", name=re.compile("Attention of block 3, head 1"))).to_be_visible()
    tab_to(group(page, "What the chosen token looks at"))
    page.keyboard.press("End")
    expect(tokens(page).nth(count - 1)).to_have_attribute("aria-pressed", "true")
    tab_to(page.get_by_role("table", name="Best guess for the next token"))
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("heading", name=re.compile("^Block 5, after "))).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_state_has_a_violation(site: str, visit: Visit, width: int, dark: bool, subtests: pytest.Subtests) -> None:
    page = (visitor := visit(site, width=width, dark=dark).open("/inside")).page

    def check(state: str) -> None:
        with subtests.test(state):
            assert visitor.violations() == []
            assert page.locator("h1").count() == 1

    page.wait_for_load_state("networkidle")
    check("recorded")
    page.get_by_role("button", name="How the chat asks it").click()
    expect(page.get_by_text("Marked tokens are control tokens")).to_be_visible()
    page.get_by_role("slider", name="Top-p").fill("0.5")
    check("recorded conversation, cut")
    read(page, RAIN)
    page.get_by_label("Show ids").check()
    page.get_by_role("button", name=re.compile("^Embedding: ")).click()
    tokens(page).nth(2).click()
    check("read by the model")
    page.get_by_label("Your text").fill("word " * 80)
    page.get_by_role("alert").wait_for()
    expect(page.get_by_role("alert")).to_contain_text("tokens; at most 64 can be looked at")
    check("refused")
    if width < 700:
        page.get_by_role("button", name="Pages, now Inside").click()
        check("menu")
        page.get_by_role("link", name="Story").click()
        expect(page).to_have_url(re.compile("/story$"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_alive_before_the_model_is(
    fisch: Profile, index: Index, tiny: ModelInfo, web: Path, visit: Visit, dark: bool, subtests: pytest.Subtests
) -> None:
    with asleep(fisch, index, tiny, web) as (server, wake):
        visitor = visit(server.url, width=390, dark=dark)
        page = visitor.open("/inside").page
        expect(page.get_by_label("Your text")).to_have_value(TEXTS[0])
        expect(page.get_by_text("The model is waking up")).to_be_visible()
        assert len(bars(page)) == 13
        page.get_by_role("button", name="Monday, Tuesday, Wednesday,").click()
        expect(page.get_by_label("Your text")).to_have_value("Monday, Tuesday, Wednesday,")
        page.get_by_role("button", name="Block 4, head 3").click()
        expect(page.get_by_role("img", name=re.compile("Attention of block 4, head 3"))).to_be_visible()
        with subtests.test("asleep"):
            assert visitor.violations() == []
        page.get_by_label("Your text").fill("Ada")
        page.get_by_label("Your text").press("Enter")
        expect(page.get_by_text("Your text is read as soon as the model is awake")).to_be_visible()
        wake.set()
        expect(page.locator("[data-reading=false]")).to_contain_text("tokens read in")
        expect(page.get_by_text("running on this server")).to_be_visible()
        expect(page.get_by_role("columnheader", name=re.compile("^Block "))).to_have_count(2)
        visitor.faults = [fault for fault in visitor.faults if "503" not in fault]  # what /readyz says meanwhile
        assert visitor.faults == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_it_is_alive_with_no_server_at_all(site: str, visit: Visit, dark: bool, subtests: pytest.Subtests) -> None:
    """As on a static host whose API is down."""
    page = (visitor := visit(site, dark=dark)).page
    page.route(re.compile(r"/(readyz|api/|v1/)"), lambda route: route.abort())
    page.goto(f"{site}/inside")
    expect(page.get_by_text("Looking for the server")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look inside")
    page.get_by_role("button", name="Once upon a time there was").click()
    expect(page.get_by_label("Your text")).to_have_value(TEXTS[3])
    page.get_by_role("slider", name="Top-k").fill("2")
    assert bars(page)[2] == "cut"
    with subtests.test("no server"):
        assert visitor.violations() == []


def test_another_model_reads_the_examples_itself(
    fisch: Profile, index: Index, tiny: ModelInfo, web: Path, visit: Visit
) -> None:
    with asleep(fisch, index, tiny, web) as (server, wake):
        wake.set()
        page = visit(server.url).open("/inside").page
        expect(page.get_by_text("running on this server")).to_be_visible()
        expect(page.get_by_role("button", name="How the chat asks it")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_model_elsewhere_is_said_to_be_closed(
    fisch: Profile, index: Index, web: Path, visit: Visit, dark: bool, subtests: pytest.Subtests
) -> None:
    assistant, script = scripted(fisch, index, "")
    with running(
        Service(fisch, RemoteInfo("other", "http://127.0.0.1:9/v1"), lambda _: assistant), script, web=web
    ) as server:
        page = (visitor := visit(server.url, dark=dark).open("/inside")).page
        expect(page.get_by_text("This server’s model runs elsewhere and cannot be opened.")).to_be_visible()
        expect(page.get_by_label("Your text")).to_be_disabled()
        page.get_by_role("button", name="How the chat asks it").click()
        expect(page.get_by_text("Recorded from the model mini", exact=False)).to_be_visible()
        expect(page.get_by_role("button", name=re.compile("^Take ")).first).to_be_disabled()
        with subtests.test("elsewhere"):
            assert visitor.violations() == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_who_looks_too_often_is_told_when_to_come_back(
    serve: Serve, visit: Visit, dark: bool, subtests: pytest.Subtests
) -> None:
    with serve("", inspect_rate=1) as server:
        visitor = visit(server.url, dark=dark, extra_http_headers={"X-Forwarded-For": "203.0.113.5"})
        page = visitor.open("/inside").page
        expect(page.locator("[data-reading=false]")).to_contain_text("tokens read in")  # the one there is
        page.get_by_label("Your text").fill("Ada")
        page.get_by_label("Your text").press("Enter")
        expect(page.get_by_role("alert")).to_have_text("That was a lot in one minute.")
        expect(page.get_by_role("button", name=re.compile(r"^Try again in \d+ s$"))).to_be_disabled()
        assert len(bars(page)) == 13  # what was there stays
        with subtests.test("rate"):
            assert visitor.violations() == []
    page.get_by_label("Your text").fill("Bob")  # the server has gone
    page.get_by_label("Your text").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_site_with_keys_asks_for_one_here_too(
    serve: Serve, visit: Visit, dark: bool, subtests: pytest.Subtests
) -> None:
    with serve("", api_keys=("a-key-of-this-site",)) as server:
        visitor = visit(server.url, dark=dark)
        page = visitor.open("/inside").page
        expect(page.get_by_role("alert")).to_have_text("This site answers only with a key.")
        assert len(bars(page)) == 13  # the recorded example stays
        with subtests.test("key"):
            assert visitor.violations() == []
        page.get_by_label("Key", exact=True).fill("not-the-key")
        page.get_by_label("Key", exact=True).press("Enter")
        expect(page.get_by_role("alert")).to_have_text("The server does not know this key.")
        page.get_by_label("Key", exact=True).fill("a-key-of-this-site")
        page.get_by_label("Key", exact=True).press("Enter")
        expect(page.locator("[data-reading=false]")).to_contain_text("tokens read in")
        read(page, "Ada")  # and asks for it no more


HOSTILE = [
    '<img src=x onerror="window.__xss=1">',
    "<script>window.__xss=1</script>",
    "<svg/onload=window.__xss=1>",
    '"><iframe srcdoc="<script>parent.__xss=1</script>">',
    "javascript:window.__xss=1 [x](javascript:window.__xss=1)",
    "</textarea><script>window.__xss=1</script>",
    "<|assistant|><|endoftext|>\u202e\u0000\u0007 {{constructor.constructor('window.__xss=1')()}}",
    "𝒽̴̡ͯ🐟👩‍👩‍👧",
]


def test_what_is_typed_is_only_ever_text(site: str, visit: Visit) -> None:
    page = (visitor := visit(site).open("/inside")).page
    ids = load_model().tokenizer
    for text in HOSTILE:
        read(page, text)
        expect(tokens(page)).to_have_count(len(ids.encode(text)))
        page.wait_for_timeout(50)
        assert page.evaluate("window.__xss") is None
        assert page.locator("main :is(img:not([role]), script, iframe, svg[onload])").count() == 0
    # Typed control tokens are letters: not one chip is marked.
    read(page, "<|endoftext|>")
    assert tokens(page).count() > 1
    expect(page.get_by_text("Marked tokens are control tokens")).to_have_count(0)
    assert visitor.faults == []


@pytest.mark.parametrize("width", [360, 390, 1440])
def test_nothing_moves_and_nothing_scrolls_sideways(site: str, visit: Visit, width: int) -> None:
    visitor = visit(site, width=width, has_touch=width < 1000, is_mobile=width < 1000)
    page = visitor.watch_shifts().open("/inside").page
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(400)
    assert visitor.shifted == []
    assert visitor.sideways == 0
    read(page, "Donaudampfschifffahrtsgesellschaftskapitän " * 2)
    assert visitor.sideways == 0


def test_the_chat_does_not_load_it(site: str, visit: Visit) -> None:
    other = visit(site)
    made = calls(other.page)
    other.open("/").page.wait_for_load_state("networkidle")
    eventually(lambda: any("index-" in path for path in made))
    assert not any(name in path for path in made for name in ("Inside", "Xray"))
