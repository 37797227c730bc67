"""100 steps in fp32 on one thread give the losses they always gave.

At this rate other instruction sets (AVX-512, AVX2, SSE) differed by at most 5e-6. When the arithmetic is changed on
purpose: FISCHGPT_WRITE_GOLDEN=1 python -m pytest tests/faults/test_golden_losses.py, and say why in the commit.
"""

import json
import os
from pathlib import Path

import pytest

from faults_samples import Runs, train
from fischgpt.train.track import read_metrics

GOLDEN = Path(__file__).with_name("golden_losses.json")


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_100_steps_give_the_stored_losses(runs: Runs, kind: str) -> None:
    recipe = runs.recipe(kind, "train.steps=100", "train.eval_every=100", "optim.lr=1e-3", f"optim.kind={kind}")
    train(recipe)
    losses = [row["loss"] for row in read_metrics(Path(recipe.run) / "pretrain", "step")]
    if os.environ.get("FISCHGPT_WRITE_GOLDEN"):
        stored = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
        GOLDEN.write_text(json.dumps(stored | {kind: losses}, indent=1) + "\n")
    assert len(losses) == 100 and losses[-1] < losses[0] - 1.5
    assert losses == pytest.approx(json.loads(GOLDEN.read_text())[kind], abs=1e-5)
