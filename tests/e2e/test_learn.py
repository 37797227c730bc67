"""The page that shows how the served model learned: its samples at every moment, its curves, its cost."""

import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from playwright.sync_api import expect

from fischgpt.assistant.model import ModelInfo, describe_model
from fischgpt.assistant.remote import RemoteInfo
from fischgpt.evals.condense import write_learned
from fischgpt.evals.record import read_run
from report_samples import NASTY, add, write_phase
from site_samples import Visitor

Visit = Callable[..., Visitor]
Serve = Callable[..., Any]


@pytest.fixture(scope="session")
def taught(tiny: ModelInfo, tmp_path_factory: pytest.TempPathFactory) -> ModelInfo:
    """A model with a record: eleven moments of pretraining, five of fine-tuning, two HellaSwag scores."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    write_phase(run, "pretrain", steps=100, planned=100)
    write_phase(run, "sft", steps=40, planned=40)
    scores = {"items": 400, "items_in_set": 10042, "acc": 0.2, "acc_norm": 0.2, "acc_norm_token_stderr": 0.022}
    add(
        run, *({"event": "hellaswag", "step": step, "acc_norm_token": 0.2 + step / 1000, **scores} for step in (50, 99))
    )
    (run / "environment.json").write_text('{"machine": "8 x NVIDIA H100 80GB HBM3", "threads": 4}')
    folder = copytree(tiny.folder, tmp_path_factory.mktemp("taught") / "tiny")
    write_learned(tiny, read_run(run), folder)
    return describe_model(folder)


def test_the_slider_goes_from_the_first_sample_to_the_last(serve: Serve, visit: Visit, taught: ModelInfo) -> None:
    with serve("", model=taught) as server:
        visitor = visit(server.url).open("/learn")
        slider = visitor.page.get_by_role("slider", name="Moment of the training")
        shown = visitor.page.locator("[data-moment]")
        expect(slider).to_have_attribute("aria-valuetext", "Pretraining, step 0 of 100")
        expect(shown).to_contain_text("Once at 0")
        slider.focus()
        visitor.page.keyboard.press("ArrowRight")
        expect(slider).to_have_attribute("aria-valuetext", "Pretraining, step 10 of 100")
        expect(shown).to_contain_text("Once at 10")
        expect(visitor.page.get_by_text("640 tokens in")).to_be_visible()
        expect(visitor.page.get_by_text("validation loss 4.90")).to_be_visible()
        visitor.page.keyboard.press("End")
        expect(slider).to_have_attribute("aria-valuetext", "Fine-tuning, step 40 of 40")
        expect(visitor.page.get_by_text("The same questions, which it was never trained on").last).to_be_visible()
        for _ in range(5):
            visitor.page.keyboard.press("ArrowLeft")
        expect(slider).to_have_attribute("aria-valuetext", "Pretraining, step 100 of 100")
        # What the model wrote is text, whatever it is.
        assert visitor.page.locator("main script, main img, main a").count() == 0
        expect(shown).to_contain_text(NASTY.split("\n")[0])
        assert visitor.faults == []


def test_the_marker_stands_on_the_curve_where_the_slider_is_and_a_click_moves_both(
    serve: Serve, visit: Visit, taught: ModelInfo
) -> None:
    with serve("", model=taught) as server:
        visitor = visit(server.url).open("/learn")
        curve = visitor.page.get_by_role("img", name="Loss, nats per token")
        marker, slider = curve.locator("circle.fill-ink"), visitor.page.get_by_role("slider")
        left = float(marker.get_attribute("cx") or 0)
        slider.press("End")
        assert float(marker.get_attribute("cx") or 0) > left + 300
        box = curve.bounding_box()
        assert box is not None
        curve.click(position={"x": 46 + (box["width"] - 58) * 50 / 140, "y": 150})  # half way through pretraining
        expect(slider).to_have_attribute("aria-valuetext", "Pretraining, step 50 of 100")


def test_it_plays_to_the_end_when_asked_and_never_by_itself(serve: Serve, visit: Visit, taught: ModelInfo) -> None:
    with serve("", model=taught) as server:
        visitor = visit(server.url, reduced_motion="no-preference").watch_shifts().open("/learn")
        slider = visitor.page.get_by_role("slider")
        # Each moment is shown for less than a second: which ones there were the page keeps.
        slider.evaluate("""one => { window.went = []; new MutationObserver(() => window.went.push(one.value))
            .observe(one, {attributeFilter: ["aria-valuetext"]}) }""")
        visitor.page.wait_for_timeout(1500)
        expect(slider).to_have_value("0")
        visitor.button("Play").click()
        expect(slider).to_have_value(re.compile(r"^([2-9]|1\d)$"), timeout=10_000)
        visitor.button("Pause").click()
        assert visitor.page.evaluate("window.went.slice(0, 2)") == ["1", "2"]
        stopped = slider.input_value()
        visitor.page.wait_for_timeout(1200)
        expect(slider).to_have_value(stopped)
        slider.press("End")
        slider.press("ArrowLeft")
        visitor.button("Play").click()
        expect(slider).to_have_value("15", timeout=10_000)
        expect(visitor.button("Play")).to_be_visible()
        visitor.page.evaluate("() => { window.went = []; }")
        visitor.button("Play").click()  # at the end it begins anew
        expect(slider).not_to_have_value("15")
        assert visitor.page.evaluate("window.went[0]") == "0"
        visitor.page.wait_for_timeout(1000)
        assert visitor.shifted == []


def test_what_the_curves_draw_stands_in_tables_too(serve: Serve, visit: Visit, taught: ModelInfo) -> None:
    with serve("", model=taught) as server:
        page = visit(server.url).open("/learn").page
        expect(page.get_by_role("img", name="HellaSwag, % right")).to_have_accessible_name(
            "HellaSwag, % right: It ends at 29.9 percent, plus or minus 2.2."
        )
        chart = page.locator("figure", has=page.get_by_role("img", name="HellaSwag, % right"))
        for line in ("guessing: 25", "GPT-2 124M: 29.55", "GPT-3 125M: 33.7"):
            expect(chart).to_contain_text(line)
        page.get_by_text("The figures as tables").click()
        losses = page.get_by_role("region", name="Validation").get_by_role("row")
        expect(losses).to_have_count(1 + 11 + 5)
        expect(losses.nth(2)).to_have_text("Pretraining106404.9000", use_inner_text=False)
        expect(page.get_by_role("region", name="HellaSwag")).to_contain_text("5025.002.20")
        expect(page.get_by_role("region", name="Samples, Pretraining").get_by_role("row")).to_have_count(12)
        took = page.locator("section", has=page.get_by_role("heading", name="What it took"))
        expect(took).to_contain_text("1 min 10 s in all")
        expect(took).to_contain_text("8 × ")
        expect(took).to_contain_text("own files")


def test_bits_per_byte_are_a_click_away(serve: Serve, visit: Visit, taught: ModelInfo) -> None:
    with serve("", model=taught) as server:
        page = visit(server.url).open("/learn").page
        page.get_by_text("Bits per byte", exact=True).first.click()
        expect(page.get_by_role("img", name="Bits per byte")).to_be_visible()
        expect(page.get_by_role("radio", name="Bits per byte")).to_be_checked()


def test_a_model_without_a_record_says_so_plainly(serve: Serve, visit: Visit, tiny: ModelInfo) -> None:
    with serve("", model=tiny) as server:
        visitor = visit(server.url).open("/learn")
        expect(visitor.page.get_by_text("This model carries no record of how it learned.")).to_be_visible()
        assert visitor.page.get_by_role("img").count() == 0
    with serve("", model=RemoteInfo("far", "http://127.0.0.1:9/v1")) as server:
        visitor = visit(server.url).open("/learn")
        expect(visitor.page.get_by_text("Another server runs this model.")).to_be_visible()


def test_a_record_that_cannot_be_fetched_can_be_asked_for_again(serve: Serve, visit: Visit, taught: ModelInfo) -> None:
    with serve("", model=taught) as server:
        visitor = visit(server.url)
        visitor.page.route("**/api/run", lambda route: route.abort())
        visitor.open("/learn")
        expect(visitor.page.get_by_role("alert")).to_have_text("The record could not be fetched.")
        assert visitor.violations() == []
        visitor.page.unroute_all()
        visitor.button("Try again").click()
        expect(visitor.page.get_by_role("slider")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_state_is_for_everyone_and_fits(
    serve: Serve, visit: Visit, taught: ModelInfo, tiny: ModelInfo, width: int, dark: bool, tmp_path: Path
) -> None:
    with serve("", model=taught) as server:
        visitor = visit(server.url, width=width, dark=dark).watch_shifts().open("/learn")
        visitor.page.get_by_role("slider").wait_for()
        assert visitor.violations() == []
        visitor.page.get_by_role("slider").press("End")
        visitor.page.get_by_text("The figures as tables").click()
        assert visitor.violations() == []
        assert visitor.sideways == 0
        assert visitor.shifted == []
        assert visitor.page.locator("h1").count() == 1
    with serve("", model=tiny) as server:
        visitor = visit(server.url, width=width, dark=dark).open("/learn")
        visitor.page.get_by_text("carries no record").wait_for()
        assert visitor.violations() == []
