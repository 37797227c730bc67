"""The real trackers, offline: what the loop logged is in their own files."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from fischgpt.config import Recipe, save_recipe
from fischgpt.errors import UserError
from fischgpt.train import loop, trackers
from fischgpt.train.track import read_metrics

MakeRecipe = Callable[..., Recipe]


def test_tensorboard_shows_what_metrics_jsonl_holds(recipe: MakeRecipe) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    made = recipe("pretrain", "train.steps=10", "train.trackers=['tensorboard']")
    loop.run(made, "pretrain", quiet=True)
    folder = Path(made.run) / "pretrain"
    shown = EventAccumulator(str(folder / "tensorboard")).Reload().Scalars("step/loss")
    logged = [(row["step"], row["loss"]) for row in read_metrics(folder, "step")]
    assert [(event.step, event.value) for event in shown] == [(step, pytest.approx(loss)) for step, loss in logged]


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_the_others_log_offline(name: str, recipe: MakeRecipe, tmp_path: Path) -> None:
    """In a process of their own: both leave threads behind."""
    made = recipe("pretrain", "train.steps=10", f"train.trackers=['{name}']")
    save_recipe(made, tmp_path / "recipe.toml")
    offline = {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "TRACKIO_DIR": str(tmp_path / "trackio")}
    done = subprocess.run(
        [sys.executable, "-m", "fischgpt", "pretrain", tmp_path / "recipe.toml"],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | offline | {"PYTHONPATH": "src", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0 and "failed and is left out" not in done.stderr, done.stderr
    if name == "wandb":
        (log,) = (Path(made.run) / "pretrain/wandb").glob("offline-run-*/*.wandb")
        assert b"step/grad_norm" in log.read_bytes()
    else:
        (database,) = (tmp_path / "trackio").glob("*.db")
        with sqlite3.connect(database) as tables:
            rows = [json.loads(row[0]) for row in tables.execute("select metrics from metrics order by step")]
        assert len([row for row in rows if "step/loss" in row]) == 10


def test_one_that_fails_does_not_end_the_run(recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __init__(self, *_: object) -> None: ...

        def log(self, numbers: object, step: int) -> None:
            raise ConnectionError("no route")

    monkeypatch.setattr(trackers, "_TensorBoard", Broken)
    loop.run(recipe("pretrain", "train.steps=5", "train.trackers=['tensorboard']"), "pretrain", quiet=True)


def test_one_that_is_not_installed_is_named(recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r"wandb is not installed; pip install 'fischgpt\[trackers\]'"):
        loop.run(recipe("pretrain", "train.trackers=['wandb']"), "pretrain", quiet=True)
