"""kill -9 at random moments, and a resume at every step: the end is that of a run that nobody touched.

100 kills instead of 20: FISCHGPT_KILLS=100 python -m pytest tests/faults/test_kills.py
"""

import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from faults_samples import Runs, checkpoints, count, fork, nothing_torn, outcome, train
from fischgpt.config import Phase, Recipe

KILLED_ALIKE: list[tuple[Phase, str]] = [("pretrain", "adamw"), ("pretrain", "muon"), ("sft", "adamw")]


def killed_run(recipe: Recipe, phase: Phase, rng: random.Random, took: float, most: int) -> int:
    """Start it again and again until it comes to its end; returns how often it was killed (`most` at most)."""
    kills = 0
    while True:
        child = fork.Process(target=train, args=(recipe, phase))
        child.start()
        child.join(rng.uniform(0.02, 0.5) * took if kills < most else 120)
        if child.exitcode is not None:
            assert child.exitcode == 0
            return kills
        assert child.pid is not None and kills < most
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        kills += 1
        nothing_torn(recipe, phase)


@pytest.mark.parametrize(("phase", "kind"), KILLED_ALIKE)
def test_kill_9_at_any_time_changes_nothing(runs: Runs, phase: Phase, kind: str) -> None:
    start = (f"optim.kind={kind}",)
    if phase == "sft":
        first = runs.recipe("first", "train.steps=5")
        start = (*start, f"train.init={train(first)}")
    whole = runs.recipe(f"{phase}-{kind}", *start, phase=phase)
    train(whole, phase)
    again = runs.recipe(f"{phase}-{kind}-again", *start, phase=phase)
    begun = time.monotonic()
    train(again, phase)
    took = time.monotonic() - begun  # kills come within the run however fast the machine is
    expected = outcome(whole, phase)
    assert outcome(again, phase) == expected
    rng = random.Random(f"{phase} {kind}")
    left = -(-count("KILLS", 20) // len(KILLED_ALIKE))
    number = 0
    while left > 0:
        recipe = runs.recipe(f"{phase}-{kind}-{number}", *start, phase=phase)
        left -= killed_run(recipe, phase, rng, took, left)
        assert outcome(recipe, phase) == expected
        number += 1


@pytest.fixture(scope="module")
def all_kept(runs: Runs) -> tuple[Runs, dict[str, Any]]:
    """40 steps with a checkpoint at each."""
    recipe = runs.recipe("all-kept", "train.checkpoint_every=1", "train.keep_last=40")
    train(recipe)
    return runs, outcome(recipe)


@pytest.mark.parametrize("step", range(1, 21))
def test_resumed_at_any_step_the_rest_is_the_same(all_kept: tuple[Runs, dict[str, Any]], step: int) -> None:
    runs, whole = all_kept
    runs.copy("all-kept", f"from-{step}")
    recipe = runs.recipe(f"from-{step}", "train.keep_last=40", "train.checkpoint_every=40")
    for path in checkpoints(recipe).glob("step-*"):
        if int(path.name.removeprefix("step-")) > step:
            path.rename(Path(recipe.run) / path.name)  # out of the way
    train(recipe)
    assert outcome(recipe) == whole
