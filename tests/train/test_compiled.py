"""What torch.compile makes of a step on a processor: the same gradient, the same bits every time."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fischgpt.config import GPTConfig, Recipe
from fischgpt.model.gpt import GPT
from fischgpt.resources import sha256_file
from fischgpt.train import loop
from fischgpt.train.parallel import compiling

pytestmark = [
    pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler"),
    pytest.mark.timeout(900),  # the compiler takes its time on a busy machine
]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_a_compiled_step_is_the_plain_one_and_the_same_bits_every_time(two_threads: None) -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_layer=1, n_head=2, n_embd=64, vocab_size=128, block_size=256))
    ids = torch.randint(8, (4, 257))  # few words, often: each row of the embedding is added to by both threads
    targets = ids[:, 1:].clone()
    targets[0, :50] = -100

    def gradient(loss_of: Callable[..., Tensor]) -> Tensor:
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(ids[:, :-1], targets)
        loss.backward()
        return torch.cat([loss.detach()[None], *(p.grad.flatten() for p in model.parameters() if p.grad is not None)])

    compiled = torch.compile(model.loss, **compiling())
    first, plain = gradient(compiled), gradient(model.loss)
    assert float(first[0]) == pytest.approx(float(plain[0]), rel=1e-3)
    assert (first - plain).norm() < 0.01 * plain.norm()
    assert all(torch.equal(gradient(compiled), first) for _ in range(20))


def test_a_compiled_run_goes_on_as_the_one_nobody_stopped(two_threads: None, recipe: Callable[..., Recipe]) -> None:
    shape = ("model.n_embd=64", "data.row_tokens=64", "train.tokens_per_step=256", "train.micro_batch=4")
    compiled = recipe("pretrain", *shape, "train.compile=true", "train.dtype=bfloat16", "train.steps=10")
    last = loop.run(compiled, "pretrain", quiet=True)
    expected = [sha256_file(file) for file in sorted(last.glob("*.safetensors"))]
    shutil.rmtree(last)
    assert [folder.name for folder in Path(last.parent).glob("step-*")] == ["step-00000005"]
    assert loop.run(compiled, "pretrain", quiet=True) == last
    assert [sha256_file(file) for file in sorted(last.glob("*.safetensors"))] == expected
    assert len(expected) >= 2  # weights and optimizer
