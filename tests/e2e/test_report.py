"""The report card in a browser: no accessibility violations, light and dark, nothing scrolls sideways on a phone."""

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from fischgpt.config import GPTConfig, Recipe, TrainConfig, save_recipe
from fischgpt.evals.report import write_report
from report_samples import add, write_phase


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One with everything a report can hold."""
    run = tmp_path_factory.mktemp("run")
    write_phase(run, "pretrain", 40, 40)
    write_phase(run, "sft", 20, 60)
    save_recipe(Recipe(run=str(run), model=GPTConfig(), train=TrainConfig(steps=40)), run / "pretrain" / "recipe.toml")
    scores = {"acc_norm_token": 0.27, "acc_norm_token_stderr": 0.01, "acc_norm": 0.28, "items": 2000}
    add(
        run,
        *({"event": "hellaswag", "step": step, **scores} for step in (10, 20)),
        *({"event": "step", "step": step, "mfu": 0.4 + step / 1000} for step in range(1, 40)),
        {"event": "skipped", "step": 12, "position": "epoch 0, row 7", "reason": "not finite"},
        {"event": "best", "step": 30, "name": "loss", "value": 4.7},
    )
    (run / "evals.json").write_text(json.dumps({"loss": {"loss": 3.25, "bits_per_byte": 1.5, "tokens": 12345}}))
    (run / "environment.json").write_text(json.dumps({"machine": "8 x NVIDIA H100 80GB HBM3", "torch": "2.13.0"}))
    return write_report(run).as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_report_can_be_read_by_everyone(browser: Browser, report: str, width: int, scheme: Any) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(report)
    assert page.locator("figure svg").count() == 7 + 4
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") == 0
    context.close()
