"""What torch.compile makes of a step on a processor: the same gradient, the same bits every time."""

import shutil
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from fischgpt.config import GPTConfig
from fischgpt.model.gpt import GPT

pytestmark = pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="no C++ compiler")


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

    compiled = torch.compile(model.loss)
    first, plain = gradient(compiled), gradient(model.loss)
    assert float(first[0]) == pytest.approx(float(plain[0]), rel=1e-3)
    assert (first - plain).norm() < 0.01 * plain.norm()
    assert all(torch.equal(gradient(compiled), first) for _ in range(20))
