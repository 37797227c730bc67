"""What a visitor does on the site of `fischgpt up`, with the shipped profile and model."""

from collections.abc import Callable

import httpx
import pypdfium2
import pytest
from playwright.sync_api import Route, expect

from site_samples import COST, Visitor

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


class Budget:
    """What a visit takes over the wire, compressed, with an empty cache."""

    def __init__(self, visitor: Visitor) -> None:
        session = visitor.page.context.new_cdp_session(visitor.page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        self.sizes: list[float] = []
        self.hosts: set[str] = set()
        session.on("Network.loadingFinished", lambda event: self.sizes.append(event["encodedDataLength"]))
        visitor.page.on("request", lambda call: self.hosts.add(call.url.split("/", 3)[2]))
        self._page = visitor.page

    def spent(self) -> float:
        """KB so far."""
        self._page.wait_for_load_state("networkidle")
        self._page.wait_for_timeout(500)  # the last sizes arrive after the last bytes
        return sum(self.sizes) / 1000


def test_a_visit_stays_within_its_budget_and_asks_no_other_host(site: str, visit: Visit) -> None:
    visitor = visit(site)
    budget = Budget(visitor)
    visitor.open()
    home = budget.spent()
    visitor.ask(COST)
    visitor.finished()
    expect(visitor.button("Answer again")).to_be_visible()
    chat = budget.spent()
    print(f"home {home:.1f} KB in {len(budget.sizes)} requests, with the first answer {chat:.1f} KB")
    assert 50 < home < 150
    assert chat < 200
    assert budget.hosts == {site.removeprefix("http://")}
    assert len(budget.sizes) < 20


@pytest.mark.parametrize(("path", "most"), [("/story", 200), ("/learn", 200), ("/inside", 200)])
def test_every_other_page_has_one_too(site: str, visit: Visit, path: str, most: int) -> None:
    visitor = visit(site)
    budget = Budget(visitor)
    visitor.open(path)
    spent = budget.spent()
    print(f"{path} {spent:.1f} KB in {len(budget.sizes)} requests")
    assert 50 < spent < most
    assert budget.hosts == {site.removeprefix("http://")}


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_while_a_page_loads(site: str, visit: Visit, width: int) -> None:
    for path in ("/", "/story", "/learn", "/inside", "/nowhere"):
        visitor = visit(site, width=width).watch_shifts().open(path)
        visitor.page.wait_for_load_state("networkidle")
        visitor.page.wait_for_timeout(400)
        assert visitor.shifted == [], path


@pytest.mark.parametrize("late", ["/readyz", "/api/profile", "/api/passages"])
def test_nothing_moves_whatever_the_server_says_last(site: str, visit: Visit, late: str) -> None:
    visitor = visit(site, width=1280).watch_shifts()

    held: list[str] = []

    def hold(route: Route) -> None:
        held.append(route.request.url)
        visitor.page.wait_for_timeout(500)
        route.continue_()

    visitor.page.route(f"**{late}", hold)
    visitor.open().page.wait_for_load_state("networkidle")
    visitor.page.wait_for_timeout(400)
    assert held
    assert visitor.shifted == []


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_while_an_answer_comes_that_the_visitor_did_not_move(site: str, visit: Visit, width: int) -> None:
    visitor = visit(site, width=width).watch_shifts().open()
    visitor.ask(COST)
    visitor.finished()
    expect(visitor.button("Answer again")).to_be_visible()
    visitor.page.wait_for_timeout(400)
    # What the answer pushes down is below it, and empty before it.
    assert sum(shift[0] for shift in visitor.shifted) < 0.1, visitor.shifted


def test_every_page_has_its_title_and_description(site: str, visit: Visit) -> None:
    visitor = visit(site)
    told = {}
    for path in ("/", "/story", "/learn", "/inside", "/nowhere"):
        visitor.open(path)
        about = visitor.page.locator("meta[name=description]").get_attribute("content")
        told[path] = visitor.page.title(), about
    assert told["/"][0] == "Ask about Kristian Fischer · FischGPT"
    assert told["/learn"][0] == "Watch it learn · FischGPT"
    assert told["/inside"][0] == "Look inside · FischGPT"
    assert len({title for title, _ in told.values()}) == 5
    assert all(about and 60 < len(about) < 160 for _, about in told.values()), told
    assert len({about for path, (_, about) in told.items() if path != "/nowhere"}) == 4


def test_the_story_tells_the_served_models_figures(site: str, visit: Visit) -> None:
    model = httpx.get(f"{site}/api/profile", trust_env=False).json()["model"]
    visitor = visit(site).open("/story")
    told = visitor.page.get_by_role("region", name="The model that answers here")
    expect(told).to_contain_text(f"{model['n_params']:,} parameters")
    for loss in model["figures"]["val_loss"].values():
        expect(told).to_contain_text(f"{loss:.3f}")
    right, low, high = (f"{value:.3g}" for value in model["figures"]["profile"]["right"])
    expect(told).to_contain_text(f"{right}%")
    expect(told).to_contain_text(f"95% between {low}% and {high}%")
    told.get_by_role("link", name="Watch it learn").click()
    expect(visitor.page).to_have_url(f"{site}/learn")


def test_on_paper_there_are_words_and_no_tools(site: str, visit: Visit) -> None:
    visitor = visit(site, width=700).open()
    visitor.ask(COST)
    visitor.finished()
    visitor.page.emulate_media(media="print", color_scheme="dark")
    expect(visitor.page.get_by_role("heading", name=COST)).to_be_visible()
    expect(visitor.answer).to_be_visible()
    for hidden in ("header", "form", "button:not(.cite, .card)"):
        shown = visitor.page.evaluate(
            "which => [...document.querySelectorAll(which)].map(e => e.checkVisibility())", hidden
        )
        assert shown and not any(shown), hidden
    assert visitor.page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor") == "rgb(255, 255, 255)"
    assert visitor.page.locator("[data-answer]").evaluate("e => getComputedStyle(e).color") != "rgb(231, 239, 237)"
    assert visitor.sideways == 0


def test_what_stands_beside_the_chat_is_printed_after_it(site: str, visit: Visit) -> None:
    visitor = visit(site, width=1280).open()
    visitor.ask(COST)
    visitor.finished()
    pdf = pypdfium2.PdfDocument(visitor.page.pdf(format="A4"))
    pages = [page.get_textpage().get_text_range() for page in pdf]
    assert COST in pages[0] and "$208.74" in pages[0]
    assert "The training took 12 hours" in "".join(pages[1:]).replace("\r\n", " ")
    assert all(pages), "an empty page"


def test_a_page_that_does_not_exist_says_so(site: str, visit: Visit) -> None:
    visitor = visit(site).open("/nowhere")
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Nothing swims here")
