"""`bench infer`: figures of the engine that answers, in words and as JSON."""

import json
import subprocess
import sys
import time

import torch

from fischgpt.config import GPTConfig
from fischgpt.engine import Engine, native
from fischgpt.engine.bench import bench_infer
from fischgpt.model.gpt import GPT

SLOW = 0.02


def engine() -> Engine:
    torch.manual_seed(0)
    return Engine(GPT(GPTConfig(n_layer=1, n_head=1, n_embd=32, block_size=256, vocab_size=300)))


def test_a_slower_step_shows_in_each_figure() -> None:
    def slow() -> Engine:
        time.sleep(0.2)
        made = engine()
        read = made.reader.read
        made.reader.read = lambda *args: (time.sleep(SLOW), read(*args))[1]  # type: ignore[method-assign]
        return made

    speed = bench_infer(slow, rounds=1, tokens=8)
    assert speed.engine == "PyTorch, float32, cpu" and speed.decode_8_tokens_per_second is None
    assert speed.load_seconds > 0.2
    assert 1 < speed.decode_tokens_per_second < 1 / SLOW
    assert speed.prefill_tokens_per_second < 255 / (2 * SLOW)  # read in pieces of 128
    assert speed.first_token_seconds > SLOW


def test_the_command_prints_json() -> None:
    command = [sys.executable, "-m", "fischgpt", "bench", "infer", "mini", "--bits", "4", "--rounds", "3", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found["decode_tokens_per_second"] > 0
    assert found["engine"].startswith("4-bit" if native.variants() else "PyTorch")
    assert found["first_token_again_seconds"] < 512 / found["prefill_tokens_per_second"]
    assert (found["decode_8_tokens_per_second"] is not None) == bool(native.variants())
    assert (found["bandwidth_share"] is not None) == bool(native.variants())
    assert found["bandwidth_share"] is None or 0 < found["bandwidth_share"] < 2  # of a cache's speed, at 9M
