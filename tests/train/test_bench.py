"""`fischgpt bench train` measures the step that training takes."""

import json
from collections.abc import Callable

import pytest
import torch
from typer.testing import CliRunner

from fischgpt.cli import app
from fischgpt.config import GPTConfig, OptimConfig, Recipe, TrainConfig
from fischgpt.model.gpt import GPT
from fischgpt.train import bench
from fischgpt.train.bench import bench_train, whole_step
from fischgpt.train.distributed import World

SHAPE = GPTConfig(n_layer=1, n_head=2, n_embd=16, block_size=16, vocab_size=300)


def recipe(**train: object) -> Recipe:
    return Recipe(run="", model=SHAPE, train=TrainConfig(device="cpu", micro_batch=2, **train))  # pyrefly: ignore


def test_speed_and_share_of_the_peak_belong_together() -> None:
    speed = bench_train(recipe(tokens_per_step=64), seconds=0.0)
    assert speed.tokens_per_step == 64 and speed.steps >= 3 and speed.flops_per_token == GPT(SHAPE).flops_per_token(16)
    assert speed.peak_flops is not None and speed.mfu is not None
    assert speed.slowest <= speed.tokens_per_second <= speed.fastest
    assert speed.mfu == pytest.approx(speed.tokens_per_second * speed.flops_per_token / speed.peak_flops)
    assert "MFU" in str(speed)


def test_the_update_counts_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "_timed", lambda *args: [(1.0, 3.0)] * 3)
    assert bench_train(recipe(tokens_per_step=32)).tokens_per_second == 32 / (1 + 3)
    assert bench_train(recipe(tokens_per_step=320)).tokens_per_second == 320 / (10 * 1 + 3)


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_a_measured_step_changes_every_weight(kind: str) -> None:
    torch.manual_seed(0)
    model = GPT(SHAPE)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    config = Recipe(run="", model=SHAPE, train=TrainConfig(device="cpu"), optim=OptimConfig(kind=kind))  # pyrefly: ignore
    step: Callable[[], None] = whole_step(config, model, World(0, 1, torch.device("cpu")), torch.float32, 2, 16)
    step()
    assert not [name for name, p in model.named_parameters() if torch.equal(p, before[name])]


def test_json_prints_tokens_a_second_and_mfu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "")  # or it would replace this process by itself
    small = ["model.n_layer=1", "model.n_head=2", "model.n_embd=16", "train.micro_batch=1", "data.row_tokens=16"]
    result = CliRunner().invoke(app, ["bench", "train", "nano", *small, "--seconds", "0", "--json"])
    assert result.exit_code == 0, result.output
    assert {"tokens_per_second", "mfu", "peak_flops", "device", "dtype"} <= set(json.loads(result.stdout))
