"""The arithmetic of training is what this processor is faster at."""

import pytest
import torch

from fischgpt.train import hardware
from fischgpt.train.hardware import compute_dtype, gemm_flops


@pytest.fixture
def product(monkeypatch: pytest.MonkeyPatch):
    """Sets what a product in either arithmetic takes, by a clock that only products move on; the first `disturbed`
    products take ten times as long."""
    now, calls = 0.0, 0

    def of(bf16: float, disturbed: int = 0) -> None:
        def linear(x: torch.Tensor, _: torch.Tensor) -> None:
            nonlocal now, calls
            now += (bf16 if x.dtype == torch.bfloat16 else 1.0) * (10 if calls < disturbed else 1)
            calls += 1

        monkeypatch.setattr(torch.nn.functional, "linear", linear)
        monkeypatch.setattr(hardware.time, "perf_counter", lambda: now)

    hardware._bf16_is_faster.cache_clear()
    yield of
    hardware._bf16_is_faster.cache_clear()


@pytest.mark.parametrize(
    ("able", "bf16", "expected"),
    [
        ({"avx512_bf16": True}, 0.55, torch.bfloat16),
        ({"avx512_bf16": True}, 1.8, torch.float32),  # a Xeon whose machine hides AMX
        ({"amx_bf16": True}, 0.3, torch.bfloat16),
        ({}, 0.55, torch.float32),
    ],
)
def test_bfloat16_is_taken_where_it_is_faster(
    able: dict[str, bool], bf16: float, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch, product
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    product(bf16)
    assert compute_dtype("auto", "cpu") == expected
    assert compute_dtype("bfloat16", "cpu") == torch.bfloat16


@pytest.mark.parametrize(("bf16", "expected"), [(0.55, torch.bfloat16), (1.8, torch.float32)])
def test_what_else_runs_meanwhile_does_not_choose_the_arithmetic(
    bf16: float, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch, product
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    product(bf16, disturbed=1)
    assert compute_dtype("auto", "cpu") == expected


def test_measuring_a_processor_draws_nothing_from_the_runs_generator():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    assert gemm_flops(torch.float32, seconds=0.01) > 1e8
    assert torch.equal(torch.rand(3), expected)
