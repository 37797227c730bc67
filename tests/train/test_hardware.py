"""The arithmetic of training is what this processor is faster at."""

import pytest
import torch

from fischgpt.train import hardware
from fischgpt.train.hardware import compute_dtype, gemm_flops


@pytest.mark.parametrize(
    ("able", "bf16", "expected"),
    [
        ({"avx512_bf16": True}, 1.8, torch.bfloat16),
        ({"avx512_bf16": True}, 0.54, torch.float32),  # a Xeon whose machine hides AMX
        ({"amx_bf16": True}, 3.0, torch.bfloat16),
        ({}, 1.8, torch.float32),
    ],
)
def test_bfloat16_is_taken_where_it_is_faster(
    able: dict[str, bool], bf16: float, expected: torch.dtype, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able)
    monkeypatch.setattr(hardware, "gemm_flops", lambda dtype, **_: bf16 if dtype == torch.bfloat16 else 1.0)
    hardware._bf16_is_faster.cache_clear()
    try:
        assert compute_dtype("auto", "cpu") == expected
        assert compute_dtype("bfloat16", "cpu") == torch.bfloat16
    finally:
        hardware._bf16_is_faster.cache_clear()


def test_measuring_a_processor_draws_nothing_from_the_runs_generator():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    assert gemm_flops(torch.float32, seconds=0.01) > 1e8
    assert torch.equal(torch.rand(3), expected)
