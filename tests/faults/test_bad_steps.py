"""A step that must not be taken leaves no trace in the weights, on one process and on two."""

import math
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from faults_samples import Runs, checkpoints, finish, outcome, start_ranks
from fischgpt.config import Recipe
from fischgpt.data.batches import Prefetch, Step
from fischgpt.model.gpt import GPT
from fischgpt.train import checkpoint, loop
from fischgpt.train.track import Tracker, read_metrics

STEPS = ("train.steps=20", "train.micro_batch=1", "train.deterministic=true")


def spoiled(draws: range, factor: float) -> Callable[[int], None]:
    """On the last rank, the loss of the draws with these numbers (from 1) is multiplied."""

    def spoil(rank: int) -> None:
        real, draw = GPT.loss, loop._Training._draw
        now = 0

        def note(self: Any, batches: Prefetch) -> Step:
            nonlocal now
            batch = draw(self, batches)
            now = self.drawn
            return batch

        def broken(self: GPT, *args: Any, **more: Any) -> torch.Tensor:
            return real(self, *args, **more) * (factor if self.training and now in draws else 1.0)

        loop._Training._draw = note  # type: ignore[method-assign]
        if rank == int(os.environ.get("WORLD_SIZE", "1")) - 1:
            GPT.loss = broken  # type: ignore[method-assign]

    return spoil


def without(draws: range) -> Callable[[int], None]:
    """A run that never sees the draws with these numbers."""

    def spoil(rank: int) -> None:
        draw = loop._Training._draw

        def past(self: Any, batches: Prefetch) -> Step:
            batch = draw(self, batches)
            while self.drawn in draws:
                batch = draw(self, batches)
            return batch

        loop._Training._draw = past  # type: ignore[method-assign]

    return spoil


def trained(recipe: Recipe, ranks: int, spoil: Callable[[int], None]) -> dict[str, str]:
    """Hashes of the weights and the optimizer at its end."""
    assert finish(start_ranks(recipe, ranks, spoil)) == [0] * ranks
    return outcome(recipe)["hashes"]


def events(recipe: Recipe, event: str) -> list[dict[str, Any]]:
    return read_metrics(Path(recipe.run) / "pretrain", event)


@pytest.mark.parametrize("ranks", [1, 2])
def test_nan_on_one_rank_leaves_the_weights_as_without_that_batch(runs: Runs, ranks: int) -> None:
    bad, good = runs.recipe(f"bad-{ranks}", *STEPS), runs.recipe(f"good-{ranks}", *STEPS)
    spoiled_weights = trained(bad, ranks, spoiled(range(12, 13), math.nan))
    assert spoiled_weights == trained(good, ranks, without(range(12, 13)))
    (skipped,) = events(bad, "skipped")
    assert skipped["step"] == 12 and "epoch 0, row 44" in skipped["position"]  # 4 rows a step
    assert [row["step"] for row in events(bad, "step")] == list(range(1, 21))


@pytest.mark.parametrize("ranks", [1, 2])
def test_three_in_a_row_go_back_and_past_that_data(runs: Runs, ranks: int) -> None:
    bad, good = runs.recipe(f"back-{ranks}", *STEPS), runs.recipe(f"past-{ranks}", *STEPS)
    spoiled_weights = trained(bad, ranks, spoiled(range(13, 16), math.inf))
    assert spoiled_weights == trained(good, ranks, without(range(11, 16)))
    (back,) = events(bad, "rollback")
    assert (back["step"], back["to"], back["batches"]) == (13, 10, 5)
    assert [row["step"] for row in events(bad, "step")] == list(range(1, 21))


def test_killed_after_it_went_back_it_still_ends_the_same(runs: Runs) -> None:
    def and_killed(rank: int) -> None:
        spoiled(range(13, 16), math.nan)(rank)
        write = Tracker.event

        def event(self: Tracker, event: str, step: int, **values: Any) -> None:
            write(self, event, step, **values)
            if event == "step" and step == 13:
                os.kill(os.getpid(), signal.SIGKILL)

        Tracker.event = event  # type: ignore[method-assign]

    whole, killed = runs.recipe("whole", *STEPS), runs.recipe("killed", *STEPS)
    trained(whole, 1, spoiled(range(13, 16), math.nan))
    assert finish(start_ranks(killed, 1, and_killed)) == [-signal.SIGKILL]
    newest = checkpoint.latest_path(checkpoints(killed))
    assert newest and newest.name == "step-00000010"
    trained(killed, 1, spoiled(range(13, 16), math.nan))
    assert outcome(killed) == outcome(whole)


def test_ten_times_the_loss_is_skipped_at_once(runs: Runs) -> None:
    steps = (*STEPS, "train.steps=90", "train.eval_every=90")
    bad, good = runs.recipe("spike", *steps), runs.recipe("no-spike", *steps)
    assert trained(bad, 1, spoiled(range(80, 81), 10.0)) == trained(good, 1, without(range(80, 81)))
    (skipped,) = events(bad, "skipped")
    assert skipped["step"] == 80 and "after a mean of" in skipped["reason"]
