"""torchrun with two gloo ranks: stopped, its exact step is saved; killed, it ends the same.

With --max-restarts gloo may need several restarts and minutes to find its peers again, so that one runs only on demand:
FISCHGPT_RESTARTS=1 python -m pytest tests/faults/test_torchrun.py
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faults_samples import Runs, checkpoints, finish, outcome, start_ranks
from fischgpt.config import Recipe, save_recipe
from fischgpt.train import checkpoint
from fischgpt.train.track import read_metrics

SOURCE = Path(__file__).parents[2] / "src"


def torchrun(recipe: Recipe, *options: str) -> subprocess.Popen[bytes]:
    file = Path(recipe.run).with_suffix(".toml")
    save_recipe(recipe, file)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *options]
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [*command, "-m", "fischgpt", "pretrain", str(file)],
        env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=Path(recipe.run).with_suffix(".log").open("wb"),
    )


def wait_for(condition: Callable[[], bool], seconds: float = 150) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def steps_done(recipe: Recipe) -> int:
    return len(read_metrics(Path(recipe.run) / "pretrain", "step"))


def on_two_ranks(runs: Runs, name: str, *steps: str) -> dict[str, Any]:
    recipe = runs.recipe(name, *steps)
    assert finish(start_ranks(recipe, 2)) == [0, 0]
    return outcome(recipe)


@pytest.mark.timeout(900)
def test_sigterm_saves_the_exact_step_and_a_resume_gives_the_same_bits(runs: Runs) -> None:
    """torchrun hands the signal to its ranks, waits for them, and returns 1 itself."""
    rates = ("optim.schedule=wsd", "optim.decay_fraction=0", "train.eval_every=1000", "train.sample_every=100000")
    endless = runs.recipe("stopped", *rates, "train.steps=100000", "train.checkpoint_every=100000")
    running = torchrun(endless)
    wait_for(lambda: steps_done(endless) > 5)
    asked = time.monotonic()
    running.send_signal(signal.SIGTERM)
    running.wait(60)
    assert time.monotonic() - asked < 25  # torchrun kills after 30 s
    newest = checkpoint.latest_path(checkpoints(endless))
    assert newest is not None
    step = checkpoint.verify(newest).step
    assert step == steps_done(endless) > 5
    end = (*rates, f"train.steps={step + 20}")
    assert on_two_ranks(runs, "stopped", *end) == on_two_ranks(runs, "untouched", *end)


@pytest.mark.skipif(not os.environ.get("FISCHGPT_RESTARTS"), reason="gloo's restarts take minutes; FISCHGPT_RESTARTS=1")
@pytest.mark.timeout(300)
def test_a_worker_killed_under_max_restarts_ends_the_same(runs: Runs) -> None:
    steps = ("train.steps=400", "train.eval_every=100")
    recipe = runs.recipe("restarted", *steps)
    running = torchrun(recipe, "--max-restarts", "5", "--shutdown-timeout", "5")
    wait_for(lambda: steps_done(recipe) > 20)
    children = Path(f"/proc/{running.pid}/task/{running.pid}/children").read_text().split()
    os.kill(int(children[-1]), signal.SIGKILL)
    running.wait(280)
    log = Path(recipe.run).with_suffix(".log").read_text()
    assert running.returncode == 0, log
    assert "restart" in log.lower() or "going on from step" in log
    assert outcome(recipe) == on_two_ranks(runs, "not-restarted", *steps)
