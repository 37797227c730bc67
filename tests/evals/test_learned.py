"""How a model learned, as it travels with it: what a run logged, small, whole, and read back strictly."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fischgpt.assistant.model import ModelInfo, describe_model
from fischgpt.errors import UserError
from fischgpt.evals import learned as schema
from fischgpt.evals.condense import card_of, learned, learned_of, summary, write_learned
from fischgpt.evals.headline import headline
from fischgpt.evals.learned import MAX_BYTES, MAX_MOMENTS, MAX_POINTS, Learned, read_learned
from fischgpt.evals.record import read_run
from report_samples import MODEL, NASTY, add, write_phase

INFO = ModelInfo("tiny", Path("nowhere"), MODEL, 12_345)
SCORES = {"items": 400, "items_in_set": 10042, "acc": 0.2, "acc_norm": 0.2, "acc_norm_token": 0.2625}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_phase(tmp_path, "pretrain", steps=100, planned=100)
    write_phase(tmp_path, "sft", steps=40, planned=60)
    add(tmp_path, {"event": "hellaswag", "step": 50, "acc_norm_token_stderr": 0.022, **SCORES})
    (tmp_path / "environment.json").write_text('{"machine": "2 x NVIDIA H100 80GB HBM3", "threads": 4}')
    return tmp_path


def test_the_record_holds_what_the_run_logged(run: Path) -> None:
    record = learned(INFO, read_run(run))
    pretrain, sft = record.phases
    assert (pretrain.name, pretrain.state, pretrain.steps, pretrain.tokens, pretrain.seconds) == (
        "pretrain", "done", 100, 6400, 50.0,
    )  # fmt: skip
    assert (sft.name, sft.state, sft.planned_steps) == ("sft", "running", 60)
    assert pretrain.training.loss[-1] == 5.0 and pretrain.training.tokens[-1] == 6400
    assert pretrain.validation.step[:2] == [0, 10] and pretrain.validation.loss[:2] == [5.0, 4.9]
    assert pretrain.validation.tokens[:2] == [0, 640]
    assert pretrain.hellaswag is not None and sft.hellaswag is None
    assert (pretrain.hellaswag.tokens, pretrain.hellaswag.acc_norm_token, pretrain.hellaswag.stderr) == (
        [3200], [0.2625], [0.022],
    )  # fmt: skip
    assert pretrain.prompts == ["Once", "The sea"]
    assert [moment.texts for moment in pretrain.moments][:2] == [[" at 0", NASTY], [" at 10", NASTY]]
    assert pretrain.ended is not None and record.machine["threads"] == 4
    assert [source.licence for source in pretrain.sources] == ["public domain (US government)", "yours to know"]


def test_it_names_the_price_where_the_machine_has_one(run: Path) -> None:
    cost = learned(INFO, read_run(run)).cost
    assert cost is not None and cost.devices == 2
    assert cost.usd == round(2 * cost.usd_per_hour * (50 + 20) / 3600, 2) > 0
    (run / "environment.json").write_text('{"machine": "AMD EPYC", "threads": 2}')
    assert learned(INFO, read_run(run)).cost is None


def test_no_path_of_the_machine_travels(run: Path) -> None:
    assert str(run) not in learned(INFO, read_run(run)).model_dump_json()


def test_a_long_run_is_thinned_and_its_training_curve_is_of_means(tmp_path: Path) -> None:
    write_phase(tmp_path, "pretrain", steps=9_990, planned=9_990)
    add(tmp_path, {"event": "step", "step": 9_991, "loss": math.nan, "lr": 1, "tokens": 1, "tokens_per_second": 1})
    phase = learned(INFO, read_run(tmp_path)).phases[0]
    assert len(phase.training.step) <= MAX_POINTS and len(phase.validation.step) <= MAX_POINTS
    assert len(phase.moments) == MAX_MOMENTS
    assert (phase.moments[0].step, phase.moments[-1].step) == (0, 9_990)
    size = phase.training.step[1] - phase.training.step[0]
    assert size == 34
    # 6 - step / 100, so the mean of a stretch is that of its middle.
    assert phase.training.loss[-1] == pytest.approx(6 - (9_990 - (size - 1) / 2) / 100, abs=1e-3)


def test_the_largest_record_is_under_200_kb(tmp_path: Path) -> None:
    for phase in ("pretrain", "sft"):
        write_phase(tmp_path, phase, steps=2_000, planned=2_000)
        log = tmp_path / phase / "metrics.jsonl"
        rows = [json.loads(line) for line in log.read_text().splitlines()]
        for row in rows:
            if row["event"] == "samples":
                row["samples"] = [{"prompt": f"{n} " + "é" * 500, "text": "é" * 5_000} for n in range(9)]
            if row["event"] == "step":
                row |= {"loss": 3.123456789, "tokens": 10**11 + row["step"], "tokens_per_second": 1234567.89}
        log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    for moments, letter in ((10, "\\u00e9"), (MAX_MOMENTS, "e")):  # bytes, not letters, are what a visitor fetches
        for phase in ("pretrain", "sft"):
            log = tmp_path / phase / "metrics.jsonl"
            log.write_text(log.read_text().replace("\\u00e9", letter))
        write_learned(INFO, read_run(tmp_path), tmp_path)
        assert 100_000 < (tmp_path / schema.FILE).stat().st_size < MAX_BYTES
        written = read_learned(tmp_path)
        assert written is not None and {len(phase.moments) for phase in written.phases} == {moments}


def test_what_was_written_is_read_back(run: Path, tmp_path: Path) -> None:
    written = learned(INFO, read_run(run))
    folder = tmp_path / "model"
    folder.mkdir()
    assert read_learned(folder) is None
    write_learned(INFO, read_run(run), folder)
    assert read_learned(folder) == written


def set_(key: str, value: Any) -> Any:
    def change(record: dict[str, Any]) -> None:
        *path, last = key.split(".")
        target: Any = record
        for part in path:
            target = target[int(part)] if part.isdigit() else target[part]
        target[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_("surprise", 1),
        set_("n_params", "many"),
        set_("n_params", -1),
        set_("phases.0.name", "finetune"),
        set_("phases.0.training.loss.3", None),
        set_("phases.0.training.loss.3", "4"),
        set_("phases.0.training.loss", [1.0]),
        set_("phases.0.hellaswag.stderr", [1.5]),
        set_("phases.0.moments.0.texts", ["one"]),
        set_("phases.0.moments.0.texts.0", "x" * 500),
        set_("phases.0.moments.0.texts.0", {"__html": "<b>"}),
        set_("phases.0.ended", "yesterday"),
        set_("machine.deep", {"a": 1}),
    ],
)
def test_anything_else_is_refused_whole(run: Path, change: Any, tmp_path: Path) -> None:
    record = json.loads(learned(INFO, read_run(run)).model_dump_json())
    Learned.model_validate_json(json.dumps(record))
    change(record)
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / schema.FILE).write_text(json.dumps(record))
    with pytest.raises(UserError, match="not what fischgpt export writes"):
        read_learned(folder)


def test_a_file_that_is_no_json_or_huge_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\xff\xfe", b"[]", b'{"n_params": NaN}', b" " * (MAX_BYTES + 1)):
        (tmp_path / schema.FILE).write_bytes(content)
        with pytest.raises(UserError):
            read_learned(tmp_path)


def test_figures_of_a_card_are_told_and_nonsense_is_not() -> None:
    told = headline(
        {
            "val_loss": {"pretrain": 2.7, "sft": "low"},
            "seconds": {"pretrain": 60.0, "sft": 5},
            "machine": {"machine": "AMD EPYC", "threads": 2},
            "evals": {
                "hellaswag": {**SCORES, "acc_norm_token_stderr": 0.0044},
                "profile": {
                    "halves": {
                        "test": {
                            "questions": 254,
                            "readers": {"served": {"scores": {"right": [0.62, 0.55, 0.69, 170], "injection_ok": [1]}}},
                        }
                    }
                },
            },
        },
        None,
    )
    assert told["val_loss"] == {"pretrain": 2.7} and told["seconds"] == {"pretrain": 60.0, "sft": 5.0}
    assert told["machine"] == "2 threads of AMD EPYC"
    assert told["hellaswag"] == {"percent": 26.25, "stderr": 0.44, "items": 400, "after": "training"}
    assert told["profile"] == {"questions": 254, "right": [62.0, 55.0, 69.0], "declined": None, "resisted": None}
    nothing = headline({}, None)
    assert set(nothing.values()) == {None}
    for nonsense in ([], "x", 3, None, {"pretrain": math.inf}, {"machine": [1]}, {"profile": {"halves": 3}}):
        keys = ("val_loss", "seconds", "machine", "evals", "cost_usd")
        told = headline(dict.fromkeys(keys, nonsense), None)
        assert {key: value for key, value in told.items() if key != "cost_usd"} == {
            key: None for key in nothing if key != "cost_usd"
        }


def test_without_a_benchmark_of_the_end_the_last_one_on_the_way_is_told(run: Path) -> None:
    record = read_run(run)
    told = headline(summary(INFO, record), learned(INFO, record))
    assert told["hellaswag"] == {"percent": 26.25, "stderr": 2.2, "items": 400, "after": "pretraining"}


def test_the_shipped_models_record_is_one() -> None:
    info = describe_model("mini")
    record = learned_of(info)
    assert record is None or record.n_params == info.n_params
    figures = headline(card_of(info), record)
    assert figures["val_loss"] and figures["profile"]
