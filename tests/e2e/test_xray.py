"""Token X-ray: what the model thought of each token of its answer, and nothing where no model wrote."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from site_samples import COST, Visitor

Visit = Callable[..., Visitor]
Serve = Callable[..., Any]
XRAY = "Token X-ray"


def shown(page: Page) -> list[str]:
    return page.get_by_role("group", name="Tokens of the answer").get_by_role("button").all_text_contents()


@pytest.mark.parametrize("width", [390, 1280])
def test_each_token_of_an_answer_shows_its_odds_and_the_alternatives(
    site: str, visit: Visit, width: int, subtests: pytest.Subtests
) -> None:
    visitor = visit(site, width=width, has_touch=width < 1000, dark=width < 1000).open()
    page = visitor.page
    visitor.ask(COST)
    visitor.finished()
    said = visitor.answer.inner_text()
    visitor.button(XRAY).click()  # asks for the same answer once more, with its numbers
    visitor.finished()
    expect(page.get_by_role("group", name="Tokens of the answer")).to_be_visible()
    body = {"messages": [{"role": "user", "content": COST}], "logprobs": True, "top_logprobs": 5}
    told = httpx.post(f"{site}/v1/chat/completions", json=body, trust_env=False, timeout=60).json()["choices"][0]
    wanted = told["logprobs"]["content"]
    assert "".join(shown(page)) == told["message"]["content"]
    assert re.sub(r"\W", "", "".join(shown(page))) in re.sub(r"\W", "", said)
    assert len(shown(page)) == len(wanted)
    at = 2
    token = page.get_by_role("group", name="Tokens of the answer").get_by_role("button").nth(at)
    odds = 100 * 2.718281828459045 ** wanted[at]["logprob"]
    expect(token).to_have_accessible_name(re.compile(re.escape(f"{odds:.1f}%")))
    (token.tap if width < 1000 else token.hover)()
    rows = page.get_by_role("list", name="The likeliest tokens here").get_by_role("listitem")
    expect(rows).to_have_count(5)
    for row, other in zip(rows.all(), wanted[at]["top_logprobs"], strict=True):
        expect(row).to_contain_text(other["token"].strip() or "·")
    with subtests.test("axe"):
        assert visitor.violations() == []
    # It is a mode: it outlives a reload, and the next answer comes with its numbers at once.
    page.reload()
    expect(page.get_by_role("group", name="Tokens of the answer")).to_be_visible()
    visitor.button(XRAY).click()
    expect(page.get_by_role("group", name="Tokens of the answer")).to_have_count(0)
    assert visitor.faults == []


def test_by_keyboard_too(site: str, visit: Visit) -> None:
    visitor = visit(site).open()
    visitor.ask(COST)
    visitor.finished()
    visitor.button(XRAY).focus()
    visitor.page.keyboard.press("Space")
    visitor.finished()
    tokens = visitor.page.get_by_role("group", name="Tokens of the answer").get_by_role("button")
    expect(tokens.first).to_be_visible()
    tokens.first.focus()
    visitor.page.keyboard.press("End")
    expect(tokens.last).to_be_focused()
    expect(tokens.last).to_have_attribute("aria-pressed", "true")


def test_words_that_no_model_wrote_have_no_odds(serve: Serve, visit: Visit, subtests: pytest.Subtests) -> None:
    with serve("[1] The training cost $999 in total.") as server:
        visitor = visit(server.url).open()
        visitor.ask(COST)
        visitor.finished()
        visitor.button(XRAY).click()
        page = visitor.page
        expect(page.get_by_text("No model wrote them, so there are no probabilities to show.")).to_be_visible()
        expect(visitor.answer).to_contain_text("$208.74")
        visitor.ask("What is the capital of Mongolia?")
        visitor.finished()
        expect(page.get_by_text("This is a fixed reply. No model wrote it")).to_be_visible()
        expect(page.get_by_role("group", name="Tokens of the answer")).to_have_count(0)
        with subtests.test("axe"):
            assert visitor.violations() == []


def test_an_answer_from_before_is_asked_for_again_the_same(site: str, visit: Visit) -> None:
    visitor = visit(site).open()
    page = visitor.page
    sent: list[dict[str, Any]] = []
    page.on("request", lambda call: sent.append(call.post_data_json) if call.method == "POST" else None)
    visitor.ask(COST)
    visitor.finished()
    visitor.ask("How long did the training take?")
    visitor.finished()
    visitor.button(XRAY).last.click()
    visitor.finished()
    expect(
        page.get_by_text("This answer came without its probabilities.")
        .or_(page.get_by_role("group", name="Tokens of the answer"))
        .first
    ).to_be_visible()
    ask = visitor.button("Ask for them")
    if ask.count():
        with page.expect_request("**/v1/chat/completions"):
            ask.first.click()
    visitor.finished()
    expect(visitor.button("Ask for them")).to_have_count(0)
    last = sent[-1]
    assert (last["logprobs"], last["top_logprobs"]) == (True, 5)
    assert last["messages"][0]["content"] == COST
    expect(page.get_by_text("1 of 2")).to_have_count(0)  # no other answer: the same one
