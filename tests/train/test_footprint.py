"""The memory formula against what torch says it keeps."""

import pytest
import torch
from torch import Tensor

from fischgpt.config import GPTConfig, OptimConfig
from fischgpt.model import gpt
from fischgpt.model.gpt import GPT
from fischgpt.train.footprint import footprint, largest_micro_batch, parameters, saved_per_token, scores_kept
from shapes import PRESETS

SMALL = GPTConfig(n_layer=2, n_head=2, n_embd=64, vocab_size=512, block_size=256)


def kept_for_backward(config: GPTConfig, rows: int, T: int, bf16: bool) -> int:
    """Bytes of the storages that a forward pass saves, each counted once, weights left out."""
    model = GPT(config)
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    ids = torch.randint(config.vocab_size, (rows, T + 1))
    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16), hooks:
        loss = model.loss(ids[:, :-1], ids[:, 1:])
    del loss
    return sum(kept.values())


@pytest.mark.parametrize("bf16", [True, False])
@pytest.mark.parametrize(("rows", "T"), [(2, 128), (3, 96), (1, 200), (2, 256)])
def test_activations_are_what_torch_keeps(bf16: bool, rows: int, T: int) -> None:
    more = kept_for_backward(SMALL, 2 * rows, T, bf16) - kept_for_backward(SMALL, rows, T, bf16)
    # Here, on a processor, bf16 keeps the scores of so short a row.
    assert more == pytest.approx(rows * T * saved_per_token(SMALL, bf16, scores_kept(T) if bf16 else 0), rel=0.002)


@pytest.mark.parametrize("bf16", [True, False])
def test_activations_with_the_fused_kernel_are_a_gpus(bf16: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpt, "SCORES_KEPT", 0)
    more = kept_for_backward(SMALL, 4, 128, bf16) - kept_for_backward(SMALL, 2, 128, bf16)
    assert more == pytest.approx(2 * 128 * saved_per_token(SMALL, bf16), rel=0.002)


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_counted_without_a_model(name: str) -> None:
    with torch.device("meta"):
        assert parameters(PRESETS[name]) == GPT(PRESETS[name]).n_params


def test_more_rows_take_more_and_the_largest_micro_batch_is_the_last_that_fits() -> None:
    gpt2, adamw, memory = PRESETS["gpt2"], OptimConfig(), 24 * 2**30
    rows = largest_micro_batch(gpt2, adamw, 1024, True, memory)
    assert footprint(gpt2, adamw, rows * 1024, True).total <= memory
    assert footprint(gpt2, adamw, 2 * rows * 1024, True).total > memory
    assert largest_micro_batch(PRESETS["gpt2-xl"], adamw, 1024, True, memory) == 0


def test_muon_holds_one_number_for_each_weight_of_a_matrix() -> None:
    adamw, muon = (footprint(SMALL, OptimConfig(kind=kind), 256, True).optimizer for kind in ("adamw", "muon"))  # pyrefly: ignore
    assert adamw - muon == 4 * 12 * 64 * 64 * 2
