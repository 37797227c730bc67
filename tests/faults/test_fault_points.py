"""Whatever step of a checkpoint's write is the last one, the run goes on to exactly the same end."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
from safetensors import SafetensorError

from faults_samples import Runs, checkpoints, fork, nothing_torn, outcome, train
from fischgpt.config import Recipe
from fischgpt.train import checkpoint
from fischgpt.train.track import Tracker

BEFORE = (
    "folder made", "payload opened", "payload half written", "files written", "files synced",
    "manifest opened", "manifest written", "manifest synced", "folder synced",
)  # fmt: skip
AFTER = ("renamed", "parent synced", "old set aside", "old half removed")
LOG = ("line half written", "log cut")
KINDS = {"SIGKILL": 0, "ENOSPC": errno.ENOSPC, "EIO": errno.EIO}
STEPS = ("train.steps=8", "train.checkpoint_every=2", "train.eval_every=4")
BROKEN = {"checkpoint": 4, "best": 5}
"""Which write is broken, of six: step 2, best 4, step 4, step 6, best 8, step 8. The first that have one to remove."""


class Fault:
    """Kills the process or raises OSError at a point, once."""

    def __init__(self, point: str, kind: str, what: str) -> None:
        self.point, self.error, self.saves, self.broken = point, KINDS[kind], 0, BROKEN[what]

    def __call__(self, point: str) -> None:
        self.saves += point == "folder made"
        if point == self.point and (self.saves == self.broken or point in LOG):
            self.point = "none"
            if not self.error:
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(self.error, os.strerror(self.error))


def broken_run(recipe: Recipe, point: str, kind: str, what: str) -> None:
    """In a child: a run with that fault."""
    fault = Fault(point, kind, what)
    checkpoint.fault = fault
    install_half_writes(fault)
    train(recipe)


def install_half_writes(fault: Callable[[str], None]) -> None:
    """Write payload and log in two halves, so that a fault between them leaves half of the bytes on the disk."""
    serialize, write, opened = safetensors.torch.serialize_file, Tracker.event, Tracker.__init__

    def in_halves(tensors: Any, path: Path, metadata: Any = None) -> None:
        serialize(tensors, f"{path}.whole", metadata=metadata)
        content = Path(f"{path}.whole").read_bytes()
        Path(f"{path}.whole").unlink()
        try:
            with Path(path).open("wb", buffering=0) as out:
                fault("payload opened")
                out.write(content[: len(content) // 2])
                fault("payload half written")
                out.write(content[len(content) // 2 :])
        except OSError as error:  # as safetensors reports it
            raise SafetensorError(f"Error while serializing: I/O error: {error}") from None

    def half_a_line(self: Tracker, event: str, step: int, **values: Any) -> None:
        if step == 7:
            self._file.write(b'{"event": "step", "st')
            self._file.flush()
            fault("line half written")
            self._file.seek(-21, os.SEEK_CUR)
        write(self, event, step, **values)

    def cut(self: Tracker, *args: Any, **more: Any) -> None:
        opened(self, *args, **more)
        fault("log cut")

    safetensors.torch.serialize_file = in_halves  # type: ignore[assignment]
    Tracker.event = half_a_line  # type: ignore[method-assign]
    Tracker.__init__ = cut  # type: ignore[method-assign]


def in_child(recipe: Recipe, point: str, kind: str, what: str = "checkpoint") -> int | None:
    child = fork.Process(target=broken_run, args=(recipe, point, kind, what))
    child.start()
    child.join(60)
    return child.exitcode


@pytest.fixture(scope="module")
def whole(runs: Runs) -> dict[str, Any]:
    """The run that nobody touched."""
    recipe = runs.recipe("whole", *STEPS)
    train(recipe)
    return outcome(recipe)


@pytest.fixture
def recipe(runs: Runs, request: pytest.FixtureRequest) -> Iterator[Recipe]:
    yield runs.recipe(request.node.name.replace(" ", "-"), *STEPS)


def test_the_points_are_those_that_a_write_passes(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[str] = []
    monkeypatch.setattr(checkpoint, "fault", passed.append)
    train(runs.recipe("passed", *STEPS))
    assert list(dict.fromkeys(passed)) == [point for point in BEFORE + AFTER if not point.startswith("payload")]


@pytest.mark.parametrize("point", BEFORE + AFTER)
@pytest.mark.parametrize("what", BROKEN)
def test_killed_there_it_goes_on_from_a_whole_checkpoint(
    point: str, what: str, recipe: Recipe, whole: dict[str, Any]
) -> None:
    assert in_child(recipe, point, "SIGKILL", what) == -signal.SIGKILL
    nothing_torn(recipe)
    newest, best = checkpoint.latest_path(checkpoints(recipe)), checkpoint.best_path(checkpoints(recipe), "loss")
    early = point in BEFORE
    assert newest and newest.name == ("step-00000004" if early and what == "checkpoint" else "step-00000006")
    assert best and best.name == ("best-loss-00000004" if early or what == "checkpoint" else "best-loss-00000008")
    halves = [path for path in checkpoints(recipe).glob(".tmp-*/model.safetensors") if point == "payload half written"]
    assert all(2 * path.stat().st_size == (newest / path.name).stat().st_size for path in halves)
    assert bool(halves) == (point == "payload half written")
    train(recipe)
    assert outcome(recipe) == whole


@pytest.mark.parametrize("kind", ["ENOSPC", "EIO"])
@pytest.mark.parametrize("point", BEFORE + AFTER)
def test_failing_there_the_run_goes_on_by_itself(point: str, kind: str, recipe: Recipe, whole: dict[str, Any]) -> None:
    assert in_child(recipe, point, kind) == 0
    nothing_torn(recipe)
    kept = ["step-00000004" if point in BEFORE else "step-00000006", "step-00000008"]
    assert sorted(path.name for path in checkpoints(recipe).iterdir()) == ["best-loss-00000008", *kept]
    assert outcome(recipe) == whole


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("point", LOG)
def test_a_torn_metrics_log_is_mended(point: str, kind: str, recipe: Recipe, whole: dict[str, Any]) -> None:
    if point == "log cut":  # needs something to cut: the steps after a checkpoint
        assert in_child(recipe, "line half written", "SIGKILL") == -signal.SIGKILL
    assert in_child(recipe, point, kind) == (-signal.SIGKILL if kind == "SIGKILL" else 1)
    train(recipe)
    assert outcome(recipe) == whole
