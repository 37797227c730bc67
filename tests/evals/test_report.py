"""The report card: the same facts on the page and in the Markdown, from runs in every state."""

import json
import os
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fischgpt.config import DataConfig, GPTConfig, Recipe, TrainConfig, save_recipe
from fischgpt.errors import UserError
from fischgpt.evals.advice import at_chance, diagnosis, next_steps, unstable
from fischgpt.evals.curves import Series, chart, smooth
from fischgpt.evals.record import n_params, read_log, read_run
from fischgpt.evals.report import write_report
from fischgpt.evals.words import duration, number
from fischgpt.model.gpt import GPT
from report_samples import MODEL, NASTY, add, write_phase


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    write_phase(folder, "pretrain", 40, 40)
    write_phase(folder, "sft", 20, 20)
    return folder


class Page(HTMLParser):
    """Which tags open and close, what is loaded from elsewhere, and the text of the table cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.cells: list[str] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for key, value in attrs if key in ("src", "href")]
        self.scripts += tag == "script"
        self.cells += [""] if tag in ("td", "th") else []
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None: ...

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1] += data


def test_page_and_markdown_say_what_the_run_recorded(run: Path) -> None:
    evals = {
        "hellaswag": {
            "items": 300,
            "items_in_set": 10042,
            **{
                f"{name}{end}": value
                for name in ("acc", "acc_norm", "acc_norm_token")
                for end, value in (("", 0.26), ("_stderr", 0.025))
            },
        },
        "loss": {"loss": 3.25, "bits_per_byte": 1.5, "tokens": 12345, "by_source": {"sotu": 3.0}},
    }
    (run / "evals.json").write_text(json.dumps(evals))
    (run / "environment.json").write_text(json.dumps({"processor": "Two cores", "torch": "2.13.0"}))
    (run / "speedrun.json").write_text(json.dumps([{"stage": "pretraining", "seconds": 75.0}]))
    page = write_report(run)
    html, markdown = page.read_text("utf-8"), (run / "report.md").read_text("utf-8")
    for fact in (
        "Pretraining is done (40 steps).",
        "40 of 40",
        "4.6000 at step 40",
        "2,560",  # tokens
        "26.00 % ± 2.50",
        "300 of 10,042",
        "1.5000",
        "by source: sotu",
        "public domain (US government)",
        "your own files",
        "made-up people",
        "Two cores",
        "1 min 15 s",
        f"fischgpt up --model {run}",
    ):
        assert fact in html and fact in markdown, fact
    assert html.count("<svg") == 8  # loss, rate, speed and gradient of two phases


def test_the_page_stands_alone_and_what_a_model_wrote_cannot_break_it(run: Path) -> None:
    page = Page(write_report(run).read_text("utf-8"))
    assert page.open == [] and page.loaded == [] and page.scripts == 1
    assert NASTY in page.cells
    rows = [line for line in (run / "report.md").read_text("utf-8").splitlines() if "alert" in line]
    assert len(rows) == 5 + 3, "one line a moment: 5 of pretraining, 3 of fine-tuning"
    for row in rows:
        cells = re.split(r"(?<!\\)\|", row)
        assert len(cells) == 5 and "<script>" not in row.replace("\\<script\\>", "")


def test_samples_stand_one_column_a_prompt_and_one_row_a_moment(run: Path) -> None:
    lines = (write_report(run).parent / "report.md").read_text("utf-8").splitlines()
    start = lines.index("| step | Once | The sea |")
    assert [line.split("|")[1:3] for line in lines[start + 2 : start + 5]] == [
        [" 0 ", "  at 0 "],
        [" 10 ", "  at 10 "],
        [" 20 ", "  at 20 "],
    ]


def test_hellaswag_on_the_way_stands_beside_gpt2_and_gpt3(run: Path) -> None:
    scores = {"acc_norm_token": 0.27, "acc_norm_token_stderr": 0.01, "acc_norm": 0.28, "items": 2000, "seconds": 999.0}
    assert "GPT-2 124M" not in write_report(run).read_text("utf-8")
    add(run, *({"event": "hellaswag", "step": step, **scores} for step in (10, 20)))
    page = write_report(run).read_text("utf-8")
    assert "2,000 items, one standard error 1.00" in page
    assert "GPT-2 124M: 29.55" in page and "GPT-3 125M: 33.7" in page and "guessing: 25" in page
    assert read_run(run).phase("pretrain").last("seconds") == 20.0, "a benchmark's own time is not the training's"


def test_skipped_batches_and_rollbacks_are_marked_and_listed(run: Path) -> None:
    add(
        run,
        {"event": "skipped", "step": 12, "position": "epoch 0, row 7", "reason": "the loss is <nan>"},
        {"event": "rollback", "step": 15, "to": 10, "batches": 6},
        {"event": "resumed", "step": 10},
    )
    page = write_report(run).read_text("utf-8")
    markdown = (run / "report.md").read_text("utf-8")
    assert page.count('class="mark"') == 2 and "skipped (epoch 0, row 7): the loss is &lt;nan&gt;" in page
    assert "1 batch(es) skipped, 1 return(s) to an earlier checkpoint." in markdown
    assert "| 15 | went back to step 10, past 6 batches |" in markdown


def test_the_cost_is_hours_times_the_price_of_known_devices(run: Path) -> None:
    add(run, {"event": "step", "step": 40, "seconds": 7200})
    (run / "environment.json").write_text(json.dumps({"machine": "8 x NVIDIA H100 80GB HBM3"}))
    assert "$48.00 (8 x H100 at $3.00 an hour)" in write_report(run).read_text("utf-8")
    (run / "environment.json").write_text(json.dumps({"machine": "AMD EPYC"}))
    assert "Cost" not in write_report(run).read_text("utf-8")


def test_the_best_checkpoints_are_named_with_their_place(run: Path) -> None:
    kept = run / "pretrain" / "checkpoints" / "best-loss-00000030"
    kept.mkdir(parents=True)
    add(
        run,
        {"event": "best", "step": 10, "name": "loss", "value": 4.9},
        {"event": "best", "step": 30, "name": "loss", "value": 4.7},
        {"event": "best", "step": 20, "name": "hellaswag", "value": 0.271},
    )
    markdown = (write_report(run).parent / "report.md").read_text("utf-8")
    assert f"| Pretraining | loss | 30 | 4.7000 | {kept} |" in markdown
    assert "| Pretraining | hellaswag | 20 | 27.10 % | not kept |" in markdown


def test_a_run_of_gpt2s_shape_is_shown_beside_the_figures_of_others(run: Path) -> None:
    others = "original FischGPT: 2.980"
    assert others not in write_report(run).read_text("utf-8")
    recipe = Recipe(run=str(run), model=GPTConfig(), data=DataConfig(sources=["factbook"]), train=TrainConfig(steps=40))
    save_recipe(recipe, run / "pretrain" / "recipe.toml")
    page = write_report(run).read_text("utf-8")
    assert others in page and "llm.c, FineWeb: 3.272" in page


def test_a_crashed_run_with_a_torn_last_line_is_reported_as_stopped(tmp_path: Path) -> None:
    run = tmp_path / "crashed"
    write_phase(run, "pretrain", 25, 100, tail='{"event": "step", "step": 26, "lo')
    old = time.time() - 3600
    os.utime(run / "pretrain" / "metrics.jsonl", (old, old))
    markdown = (write_report(run).parent / "report.md").read_text("utf-8")
    assert "Pretraining stopped at step 25 of 100." in markdown
    assert "1 line(s) of pretrain/metrics.jsonl could not be read" in markdown
    assert f"fischgpt pretrain {run / 'pretrain' / 'recipe.toml'}" in markdown and "this continues it" in markdown


def test_a_run_still_going_on_is_reported_so(tmp_path: Path) -> None:
    run = tmp_path / "going"
    write_phase(run, "pretrain", 25, 100)
    markdown = (write_report(run).parent / "report.md").read_text("utf-8")
    assert "Pretraining is going on: step 25 of 100. Fine-tuning has not started." in markdown
    assert f"fischgpt report {run}" in markdown
    assert "| Pretraining | factbook" in markdown and "| Fine-tuning | factbook" not in markdown


def test_a_run_without_a_single_step_has_a_report(tmp_path: Path) -> None:
    save_recipe(Recipe(run="x", model=MODEL), tmp_path / "recipe.toml")
    assert "Pretraining has not started." in write_report(tmp_path).read_text("utf-8")


def test_what_is_no_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a run: it has no recipe\.toml"):
        write_report(tmp_path)
    save_recipe(Recipe(run="x", model=MODEL), tmp_path / "recipe.toml")
    (tmp_path / "evals.json").write_text("{")
    with pytest.raises(UserError, match=r"evals\.json: not valid JSON; delete it"):
        write_report(tmp_path)


def test_advice_follows_from_the_validation_curve(tmp_path: Path) -> None:
    cases = {
        "falling": lambda step: 5 - step / 50,
        "rising": lambda step: 3 + abs(step - 20) / 50,
        "flat": lambda step: 3.0,
    }
    said = {}
    for name, val in cases.items():
        write_phase(tmp_path / name, "pretrain", 40, 40, val)
        said[name] = diagnosis(read_run(tmp_path / name).phase("pretrain"))
    assert said["falling"] is not None and said["falling"][0] == "train.steps=80"
    assert said["rising"] is not None and said["rising"][0] == "train.steps=20"
    assert said["flat"] is None


def test_signs_of_too_high_a_rate_ask_for_half_of_it(tmp_path: Path) -> None:
    write_phase(tmp_path, "pretrain", 40, 40)
    assert unstable(read_run(tmp_path).phase("pretrain")) is None
    add(tmp_path, *({"event": "step", "step": step, "loss": 6.0} for step in range(41, 60)))
    verdict = unstable(read_run(tmp_path).phase("pretrain"))
    assert verdict and verdict[0] == "optim.lr=0.0003" and "the training loss rose" in verdict[1]
    write_phase(tmp_path, "pretrain", 40, 40)
    add(tmp_path, {"event": "skipped", "step": 9, "position": "row 3", "reason": "not finite"})
    verdict = unstable(read_run(tmp_path).phase("pretrain"))
    assert verdict and "1 batches were skipped" in verdict[1]


def test_a_score_at_chance_is_told_apart_from_a_bad_one(run: Path) -> None:
    def verdict(score: float, tokens: int) -> object:
        (run / "evals.json").write_text(
            json.dumps({"hellaswag": {"acc_norm_token": score, "acc_norm_token_stderr": 0.01}})
        )
        add(run, {"event": "step", "step": 40, "tokens": tokens})
        return at_chance(read_run(run))

    assert verdict(0.30, 2560) is None
    found = verdict(0.26, 2560)
    assert isinstance(found, tuple) and "0.2 tokens a parameter" in found[1]
    assert verdict(0.26, 10**9) is None, "with tokens enough, more of them is no advice"


def test_what_is_not_measured_yet_comes_next(run: Path) -> None:
    (run / "evals.json").write_text(json.dumps({"loss": {"loss": 1.0}}))
    commands = [command for command, _ in next_steps(read_run(run))]
    assert f"fischgpt eval {run} --task hellaswag" in commands
    assert f"fischgpt eval {run} --task loss" not in commands
    assert commands[-1] == f"fischgpt up --model {run}"


def test_events_of_a_step_become_one_row_and_broken_lines_are_counted(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.write_bytes(
        b'{"event": "step", "step": 2, "loss": 3.0}\n{"event": "val", "step": 2, "loss": 2.5}\n'
        b'{"event": "step", "step": 1, "loss": 4.0}\nnoise\n{"step": 3}\n\n{"event": "step", "step": 3, "loss": \xff'
    )
    read = read_log(log)
    assert read.rows == [{"step": 1, "loss": 4.0}, {"step": 2, "loss": 3.0, "val_loss": 2.5, "bits_per_byte": None}]
    assert read.torn == 3
    none = read_log(tmp_path / "none.jsonl")
    assert (none.rows, none.happened, none.torn) == ([], [], 0)


def test_the_count_of_parameters_is_the_model_s(run: Path) -> None:
    assert n_params(read_run(run)) == GPT(MODEL).n_params


def test_a_chart_places_its_points_and_leaves_out_what_is_not_finite() -> None:
    svg = chart("Loss", [Series("train", [(0, 4.0), (5, float("nan")), (10, 2.0)], 1)])
    points = [tuple(map(float, point.split(","))) for point in re.findall(r'points="([^"]+)"', svg)[0].split()]
    assert len(points) == 2
    assert points[0][0] < points[1][0] and points[0][1] < points[1][1], "later is right, lower loss is further down"
    assert "nan" not in svg.lower()
    assert "Nothing measured yet" in chart("Loss", [Series("train", [])])
    assert "<circle" in chart("Loss", [Series("train", [(3, 1.0)])]), "a single point is visible"


def test_smoothing_starts_at_the_first_value_and_keeps_a_constant() -> None:
    line = smooth([(step, 7.0) for step in range(200)])
    assert [y for _, y in line] == pytest.approx([7.0] * 200)
    jump = [y for _, y in smooth([(step, float(step >= 100)) for step in range(200)])]
    assert 0 < jump[100] < jump[110] < jump[199] <= 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(4.21, "4.2 s"), (185, "3 min 05 s"), (3725, "1 h 02 min"), (None, None)]
)
def test_durations_read_as_people_say_them(seconds: float | None, text: str | None) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0006, "0.0006"), (3.14159, "3.142"), (12345.6, "12,346"), (2, "2"), (2.5e6, "2.5M"), (4.2e10, "42B")],
)
def test_numbers_read_as_people_write_them(value: float, text: str) -> None:
    assert number(value) == text
