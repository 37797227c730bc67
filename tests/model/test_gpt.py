"""The network: alike with and without a cache, packed or alone, and a loss equal to the plain one."""

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import fischgpt.model.gpt as gpt_module
from fischgpt.config import GPTConfig
from fischgpt.model import GPT, KVCache, gradients
from shapes import PRESETS

SMALL = GPTConfig(n_layer=3, n_head=4, n_embd=48, block_size=64, vocab_size=96)


def lively(config: GPTConfig, seed: int = 0) -> GPT:
    """A random model whose every parameter, biases too, matters to the outcome."""
    torch.manual_seed(seed)
    model = GPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return model


def ids_like(config: GPTConfig, *shape: int, seed: int = 1) -> Tensor:
    return torch.randint(config.vocab_size, shape, generator=torch.Generator().manual_seed(seed))


def test_gpt2_124m_has_its_size_and_cost() -> None:
    with torch.device("meta"):
        model = GPT(PRESETS["gpt2"])
        mini = GPT(PRESETS["mini"])
    assert model.n_params == 124_439_808 + (50304 - 50257) * 768
    assert round(model.flops_per_token(1024) / 1e6) == 855
    assert mini.n_params == 9_036_800


def test_initial_weights_are_gpt2s() -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_layer=8, n_head=2, n_embd=128, block_size=64, vocab_size=512))
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif "ln_" in name:
            assert (parameter == 1).all()
        else:
            std = 0.02 / 4 if name.endswith("c_proj.weight") else 0.02
            assert parameter.std().item() == pytest.approx(std, rel=0.05), name
    loss = model.loss(ids_like(model.config, 4, 64), ids_like(model.config, 4, 64, seed=2))
    assert loss.item() == pytest.approx(math.log(512), rel=0.02)


@settings(max_examples=40, deadline=None)
@given(cuts=st.sets(st.integers(1, 63)), batch=st.integers(1, 3))
def test_reading_in_pieces_through_a_cache_equals_reading_at_once(cuts: set[int], batch: int) -> None:
    model = lively(SMALL)
    idx = ids_like(SMALL, batch, 64)
    with torch.inference_mode():
        whole = model(idx)
        cache = KVCache(SMALL, batch)
        edges = [0, *sorted(cuts), 64]
        pieces = [model(idx[:, a:b], cache=cache) for a, b in pairwise(edges)]
    assert cache.pos == 64
    torch.testing.assert_close(torch.cat(pieces, 1), whole, rtol=1e-4, atol=1e-4)


def test_last_only_is_the_last_position() -> None:
    model = lively(SMALL)
    idx = ids_like(SMALL, 2, 30)
    last = model(idx, last_only=True)
    assert last.shape == (2, 1, 96)
    torch.testing.assert_close(last, model(idx)[:, -1:], rtol=1e-5, atol=1e-5)


def test_the_future_is_not_seen() -> None:
    model = lively(SMALL)
    idx = ids_like(SMALL, 1, 40)
    changed = idx.clone()
    changed[0, 25:] = (changed[0, 25:] + 1) % 96
    before, after = model(idx), model(changed)
    torch.testing.assert_close(before[:, :25], after[:, :25], rtol=0, atol=1e-5)
    assert (before[:, 25:] - after[:, 25:]).abs().max() > 0.1


@pytest.mark.parametrize("masked", [False, True], ids=["apart", "masked"])
def test_packed_documents_see_only_themselves(masked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if masked:  # as on a GPU, or compiled
        monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    model = lively(SMALL)
    idx = ids_like(SMALL, 2, 60)
    lengths = [[13, 1, 46], [30, 30, 0]]
    doc = torch.stack([torch.repeat_interleave(torch.tensor([5, 2, 9]), torch.tensor(row)) for row in lengths])
    pos = torch.stack([torch.cat([torch.arange(n) for n in row]) for row in lengths])
    packed = model(idx, pos=pos, doc=doc)
    for b, row in enumerate(lengths):
        at = 0
        for n in filter(None, row):
            alone = model(idx[b : b + 1, at : at + n])
            torch.testing.assert_close(packed[b : b + 1, at : at + n], alone, rtol=1e-4, atol=1e-4)
            at += n


def test_a_document_number_used_twice_in_a_row_is_two_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    model = lively(SMALL)
    idx = ids_like(SMALL, 1, 30)
    doc = torch.tensor([[0] * 10 + [1] * 10 + [0] * 10])
    apart = model(idx, doc=doc)
    torch.testing.assert_close(apart, model(idx, doc=torch.arange(3).repeat_interleave(10)[None]))
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    torch.testing.assert_close(apart, model(idx, doc=doc), rtol=1e-4, atol=1e-4)


def test_too_many_tokens_are_refused() -> None:
    model = lively(SMALL)
    with pytest.raises(ValueError, match="65 tokens do not fit into 64 positions"):
        model(ids_like(SMALL, 1, 65))
    cache = KVCache(SMALL, 1, max_tokens=10)
    model(ids_like(SMALL, 1, 9), cache=cache)
    with pytest.raises(ValueError, match="11 tokens do not fit into 10"):
        model(ids_like(SMALL, 1, 2), cache=cache)
    with pytest.raises(ValueError, match="doc is for training"):
        model(ids_like(SMALL, 1, 1), cache=cache, doc=torch.zeros(1, 1))


def plain_loss(model: GPT, idx: Tensor, targets: Tensor, reduction: str) -> Tensor:
    return F.cross_entropy(model(idx).flatten(0, 1), targets.flatten(), ignore_index=-100, reduction=reduction)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("ignored", [0.0, 0.7])
@pytest.mark.parametrize("chunks", [(1, 1), (200, 1000), (1000, 200), (2**22, 2**26)])
def test_loss_and_gradients_equal_the_plain_ones(
    monkeypatch: pytest.MonkeyPatch, chunks: tuple[int, int], ignored: float, reduction: str
) -> None:
    monkeypatch.setitem(gradients.LOGITS_AT_ONCE, "cpu", chunks)
    model = lively(SMALL)
    idx, targets = ids_like(SMALL, 3, 20), ids_like(SMALL, 3, 20, seed=2)
    targets[torch.rand(3, 20, generator=torch.Generator().manual_seed(3)) < ignored] = -100
    expected = plain_loss(model, idx, targets, reduction)
    expected_grads = torch.autograd.grad(expected * 3, list(model.parameters()))
    loss = model.loss(idx, targets, reduction=reduction)  # pyrefly: ignore
    grads = torch.autograd.grad(loss * 3, list(model.parameters()))
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    for grad, expected_grad in zip(grads, expected_grads, strict=True):
        torch.testing.assert_close(grad, expected_grad, rtol=1e-4, atol=1e-5 * float(expected_grad.abs().max()) + 1e-6)
    with torch.no_grad():
        torch.testing.assert_close(model.loss(idx, targets, reduction=reduction), expected)  # pyrefly: ignore


def test_nothing_to_learn_is_a_loss_of_zero_not_nan() -> None:
    model = lively(SMALL)
    loss = model.loss(ids_like(SMALL, 2, 8), torch.full((2, 8), -100))
    loss.backward()
    assert loss.item() == 0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


def test_extreme_logits_keep_the_loss_finite() -> None:
    model = lively(SMALL)
    with torch.no_grad():
        model.wte.weight *= 500
    idx, targets = ids_like(SMALL, 2, 16), ids_like(SMALL, 2, 16, seed=2)
    loss = model.loss(idx, targets)
    assert loss.isfinite() and loss > 50
    torch.testing.assert_close(loss, plain_loss(model, idx, targets, "mean"), rtol=1e-4, atol=0)


def test_bfloat16_training_is_close_to_fp32() -> None:
    torch.manual_seed(0)
    model = GPT(SMALL)
    idx, targets = ids_like(SMALL, 4, 64), ids_like(SMALL, 4, 64, seed=2)
    parameters = list(model.parameters())
    exact = model.loss(idx, targets)
    exact_grads = torch.cat([g.flatten() for g in torch.autograd.grad(exact, parameters)])
    with torch.autocast("cpu", torch.bfloat16):
        loss = model.loss(idx, targets)
    grads = torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-3)
    assert ((grads - exact_grads).norm() / exact_grads.norm()).item() < 0.02


@pytest.mark.parametrize("documents", [False, True], ids=["rows", "documents"])
def test_kept_scores_train_as_torchs_fused_attention_does(documents: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    idx, doc = ids_like(SMALL, 2, 64), torch.tensor([[0] * 20 + [1] * 44, [0] * 64])
    trained = []
    for kept in (0, 64):
        monkeypatch.setattr(gpt_module, "SCORES_KEPT", kept)
        monkeypatch.setattr(gpt_module, "SCORES_AT_ONCE", 24)
        model = lively(SMALL)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model.loss(idx[:, :-1], idx[:, 1:], doc=doc[:, :-1] if documents else None)
        loss.backward()
        trained.append((loss.detach(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])))
    (loss, grad), (loss_kept, grad_kept) = trained
    assert abs(loss - loss_kept) < 0.01 * loss
    assert (grad - grad_kept).norm() < 0.02 * grad.norm()


def test_a_model_learns_a_sequence_by_heart() -> None:
    torch.manual_seed(0)
    model = GPT(SMALL)
    row = ids_like(SMALL, 1, 33)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = model.loss(row[:, :-1], row[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
    assert torch.equal(model(row[:, :-1]).argmax(-1), row[:, 1:])
