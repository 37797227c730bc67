"""A long run with kills takes no more memory, files or disk at its end than at its start.

2,000 steps as a machine would take them: FISCHGPT_SOAK=2000 python -m pytest tests/faults/test_soak.py -s
"""

import contextlib
import gc
import os
import random
import signal
import time
from pathlib import Path

import pytest

from faults_samples import Runs, checkpoints, count, fork, outcome, train
from fischgpt.config import Recipe
from fischgpt.train.track import Tracker

EVERY = 5


def watched(recipe: Recipe, out: Path) -> None:
    """In a child: train, and write down RSS in MB and open files after each step."""
    gc.freeze()  # what came along from pytest stays as it is: collected midway, it closed six files
    write = Tracker.event

    def and_measure(self: Tracker, event: str, step: int, **values: object) -> None:
        write(self, event, step, **values)
        if event == "step":
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
            with out.open("a") as file:
                file.write(f"{pages * os.sysconf('SC_PAGESIZE') / 1e6} {files}\n")

    Tracker.event = and_measure  # type: ignore[method-assign]
    train(recipe)


def on_disk(folder: Path) -> int:
    """Bytes; a folder that goes away while it is counted counts for nothing."""
    total = 0
    for inside, _, names in os.walk(folder):  # rglob raises when a folder goes
        for name in names:
            with contextlib.suppress(OSError):
                total += (Path(inside) / name).stat().st_size
    return total


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
@pytest.mark.timeout(1200)
def test_memory_files_and_disk_stay_bounded(runs: Runs) -> None:
    steps = count("SOAK", 200)
    often = (
        f"train.steps={steps}",
        f"train.checkpoint_every={EVERY}",
        "train.eval_every=100",
    )
    whole = runs.recipe("whole", *often)
    begun = time.monotonic()
    train(whole)
    took = time.monotonic() - begun
    recipe = runs.recipe("soak", *often)
    rng = random.Random(0)
    kills, largest = 0, 0
    out = runs.folder / "measured"
    while True:
        out.unlink(missing_ok=True)
        child = fork.Process(target=watched, args=(recipe, out))
        child.start()
        # The first half with kills; the second in one piece, to see what grows.
        until = time.monotonic() + (rng.uniform(0.02, 0.1) * took if at(recipe) < steps / 2 else 600)
        while child.exitcode is None and time.monotonic() < until:
            largest = max(largest, on_disk(checkpoints(recipe)))
            time.sleep(0.05)
        if child.exitcode is not None:
            assert child.exitcode == 0
            break
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        kills += 1
        took *= 1.1  # on a machine that has become busy since, a life must still come to a checkpoint
    measured = [tuple(map(float, line.split())) for line in out.read_text().splitlines()]
    warm = measured[len(measured) // 5 :]
    memory, files = [row[0] for row in warm], [row[1] for row in warm]
    one = on_disk(max(checkpoints(recipe).glob("step-*")))
    print(
        f"{steps} steps, {kills} kills; in the last {len(warm)} steps RSS {memory[0]:.0f} -> {memory[-1]:.0f} MB, "
        f"files {min(files):.0f} to {max(files):.0f}; disk at most {largest / one:.1f} checkpoints"
    )
    assert outcome(recipe) == outcome(whole)
    assert kills >= 2 and memory[-1] < 1.05 * memory[0] and max(files) - min(files) <= 1
    assert largest <= (recipe.train.keep_last + 2.1) * one  # the new one, and the old one until it is gone


def at(recipe: Recipe) -> int:
    """The step of the newest checkpoint."""
    names = [int(path.name.removeprefix("step-")) for path in checkpoints(recipe).glob("step-*")]
    return max(names, default=0)
