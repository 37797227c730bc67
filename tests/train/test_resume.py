"""A run that is stopped goes on; what would spoil it is refused. What kills do to it: tests/faults."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fischgpt.config import Phase, Recipe
from fischgpt.errors import UserError
from fischgpt.resources import sha256_file
from fischgpt.train import loop
from fischgpt.train.track import read_metrics

MakeRecipe = Callable[..., Recipe]
# Forked after torch is imported: starting Python anew would cost seconds for each kill.
fork = multiprocessing.get_context("fork")


def train(recipe: Recipe, phase: Phase = "pretrain") -> Path:
    return loop.run(recipe, phase, quiet=True)


def test_sigterm_saves_at_the_step_and_exits_143(recipe: MakeRecipe, tmp_path: Path) -> None:
    stopped = recipe("pretrain", "train.steps=100000", "train.checkpoint_every=100000", "train.eval_every=100000")
    child = fork.Process(target=train, args=(stopped,))
    child.start()
    metrics = Path(stopped.run) / "pretrain" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (metrics.exists() and metrics.read_bytes().count(b"\n") > 5):
        time.sleep(0.02)
    os.kill(child.pid or 0, signal.SIGTERM)
    child.join(60)
    assert child.exitcode == 143
    saved = max((Path(stopped.run) / "pretrain/checkpoints").glob("step-*"))
    steps = int(saved.name.removeprefix("step-"))
    assert steps == len(read_metrics(metrics.parent, "step")) > 0


def test_a_finished_run_says_so_and_more_steps_go_on(recipe: MakeRecipe) -> None:
    first = train(recipe("pretrain", "train.steps=10"))
    before = sha256_file(first / "model.safetensors")
    assert train(recipe("pretrain", "train.steps=10")) == first
    assert sha256_file(first / "model.safetensors") == before
    assert train(recipe("pretrain", "train.steps=15")).name == "step-00000015"


def test_another_shape_is_refused_by_name(recipe: MakeRecipe, tmp_path: Path) -> None:
    train(recipe("pretrain", "train.steps=5"))
    with pytest.raises(UserError, match=r"n_embd"):
        train(recipe("pretrain", "train.steps=9", "model.n_embd=32"))
    with pytest.raises(UserError, match=r"train\.tokens_per_step"):
        train(recipe("pretrain", "train.steps=9", "train.tokens_per_step=256"))
    with pytest.raises(UserError, match="prepared with other sources"):
        train(recipe("pretrain", "train.steps=9", f"data.sources={json.dumps([str(tmp_path / 'talks.jsonl')])}"))


def test_a_second_process_on_the_run_is_refused(recipe: MakeRecipe) -> None:
    busy = recipe("pretrain", "train.steps=100000")
    child = fork.Process(target=train, args=(busy,))
    child.start()
    metrics = Path(busy.run) / "pretrain" / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not metrics.exists():
        time.sleep(0.02)
    with pytest.raises(UserError, match="another process is training"):
        train(busy)
    child.kill()
    child.join()
