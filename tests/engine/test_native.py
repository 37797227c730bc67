"""The compiled code of 8 and 4 bits: the same arithmetic in PyTorch gives the same logits, on every instruction set,
for any batch, piece and number of threads; it is close enough to fp32; and without it all works as before."""

import copy
import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from fischgpt import chat
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.engine import Bits, Engine, SamplingParams, native
from fischgpt.engine.native import NativeGPT, quantize_groups, quantize_rows, whole_numbers
from fischgpt.engine.reference import Reference
from fischgpt.model.gpt import GPT

pytestmark = pytest.mark.skipif(not native.variants(), reason="no C compiler when the package was installed")
SHAPES = [
    GPTConfig(n_layer=2, n_head=1, n_embd=16, block_size=64, vocab_size=300),
    GPTConfig(n_layer=2, n_head=3, n_embd=48, block_size=64, vocab_size=317),
    GPTConfig(n_layer=3, n_head=2, n_embd=128, block_size=160, vocab_size=512),
    GPTConfig(n_layer=1, n_head=2, n_embd=160, block_size=64, vocab_size=290),
]


def talkative(config: GPTConfig) -> GPT:
    torch.manual_seed(4)
    model = GPT(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model


MODELS = [talkative(config) for config in SHAPES]
READERS = [(model, NativeGPT(model, model.config.vocab_size - 5, bits=bits)) for model in MODELS for bits in (8, 4)]


def rounded(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(T, k) fp32 -> bytes, and for each row scale and zero: x is about scale * (byte - zero)."""
    low, high = x.amin(1, keepdim=True).clamp(max=0), x.amax(1, keepdim=True).clamp(min=0)
    scale = (high - low) / 255
    zero = (-128 - low / scale).round()
    return ((x / scale).round() + zero).clamp(-128, 127), scale, zero


def product(x: Tensor, weight: Tensor, bias: Tensor | float = 0.0, bits: int = 8) -> Tensor:
    whole, row_scale = quantize_rows(weight)
    if bits == 4:
        codes, group, row_scale = quantize_groups(weight)
        whole = whole_numbers(codes, group)
    whole, row_scale = torch.from_numpy(whole), torch.from_numpy(row_scale)
    byte, scale, zero = rounded(x)
    return ((byte - zero).double() @ whole.double().T).float() * scale * row_scale + bias


@torch.inference_mode()
def emulated(model: GPT, ids: list[int], n_vocab: int, bits: int) -> Tensor:
    """What the compiled code computes, in plain PyTorch: logits (T, n_vocab)."""
    whole, row_scale = map(torch.from_numpy, quantize_rows(model.wte.weight[:n_vocab]))
    x = whole[ids].float() * row_scale[ids, None] + model.wpe.weight[: len(ids)]
    for block in model.h:
        qkv = product(block.ln_1(x), block.attn.c_attn.weight, block.attn.c_attn.bias, bits)
        q, k, v = (t.view(len(ids), model.config.n_head, -1).transpose(0, 1)[None] for t in qkv.chunk(3, dim=1))
        k, v = (t.bfloat16().float() for t in (k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)[0].transpose(0, 1).reshape(len(ids), -1)
        x = x + product(y, block.attn.c_proj.weight, block.attn.c_proj.bias, bits)
        wide = F.gelu(product(block.ln_2(x), block.mlp.c_fc.weight, block.mlp.c_fc.bias, bits), approximate="tanh")
        x = x + product(wide, block.mlp.c_proj.weight, block.mlp.c_proj.bias, bits)
    return product(model.ln_f(x), model.wte.weight[:n_vocab])


def some_ids(model: GPT, n: int, seed: int = 0) -> list[int]:
    return torch.randint(model.config.vocab_size - 5, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("variant", native.variants())
@pytest.mark.parametrize("model", MODELS, ids=lambda m: f"{m.config.n_embd}x{m.config.n_head}")
def test_logits_are_those_of_the_same_arithmetic_in_pytorch(model: GPT, variant: str, bits: int) -> None:
    n_vocab = model.config.vocab_size - 5
    reader = NativeGPT(model, n_vocab, variant=variant, bits=bits)
    prompts = [some_ids(model, 3, seed) for seed in range(16)] + [some_ids(model, model.config.block_size)]
    same = 0
    for ids in prompts:
        found, expected = reader.read(ids, None, len(ids)), emulated(model, ids, n_vocab, bits)
        exact = Reference(model, n_vocab).read(ids, None, len(ids))
        error, rounding = (found - expected).abs().max(), (found - exact).abs().max()
        # Floats are summed in another order, so now and then a value falls on the other side of the edge between two
        # bytes. Where none does, the largest difference is 1.5e-6 of the logits' spread.
        same += bool(error < 1e-5 * expected.std())
        assert error < rounding
    assert same >= 8


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), at=st.integers(0, len(READERS) - 1), threads=st.integers(1, 3))
def test_pieces_batches_and_threads_change_no_bit(seed: int, at: int, threads: int) -> None:
    rng, (model, alone) = Random(seed), READERS[at]
    reader = NativeGPT(model, alone.n_vocab, threads=threads, bits=alone.bits)
    answers = [some_ids(model, rng.randint(1, 60), number) for number in range(rng.randint(1, 9))]
    expected = [alone.read(ids, None, len(ids)) for ids in answers]
    caches = [reader.new_cache(len(ids)) for ids in answers]
    while any(cache.pos < len(ids) for cache, ids in zip(caches, answers, strict=True)):
        batch, ends = [], []
        for number, (cache, ids) in enumerate(zip(caches, answers, strict=True)):
            if piece := ids[cache.pos : cache.pos + rng.choice((0, 1, 1, 3, 4, 9))]:
                batch.append((piece, cache, rng.randint(0, len(piece))))
                ends.append((number, cache.pos + len(piece)))
        if batch:
            for (number, end), (_, _, wanted), rows in zip(ends, batch, reader.read_many(batch), strict=True):
                assert torch.equal(rows, expected[number][end - wanted : end])


@pytest.mark.parametrize("variant", native.variants())
@pytest.mark.parametrize("wild", [False, True], ids=["model", "extremes"])
def test_four_bits_read_alone_are_the_eight_bits_that_they_stand_for(variant: str, wild: bool) -> None:
    """One token is read from the codes, several from bytes written out: the same bits, at every range's edge too."""
    model = copy.deepcopy(MODELS[2])
    if wild:
        with torch.no_grad():
            for block in model.h:
                for linear in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj):
                    signs = torch.randint(-1, 2, linear.weight.shape).float()
                    linear.weight.copy_(signs.repeat_interleave(16, dim=0)[: len(signs)])
                    linear.weight[::7] = 3.0  # of one sign alone: the zero at one end, inputs at theirs
                    linear.weight[3::7] = -3.0
                    linear.weight[5] = 0.0
    reader, ids = NativeGPT(model, 500, variant=variant, bits=4), some_ids(MODELS[2], 30)
    together = reader.read([i % 500 for i in ids], None, len(ids))
    cache = reader.new_cache(len(ids))
    alone = torch.cat([reader.read([i % 500], cache) for i in ids])
    assert together.isfinite().all()
    assert torch.equal(alone, together)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 40), groups=st.integers(1, 9))
def test_four_bits_lose_less_than_a_step_of_their_group(seed: int, n: int, groups: int) -> None:
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((n, 16 * groups)) * rng.choice([0.01, 1, 1, 30], (n, groups)).repeat(16, axis=1)
    weight = (weight + rng.choice([0, 0, 2, -2], (n, groups)).repeat(16, axis=1)).astype(np.float32)
    weight[rng.random(n) < 0.1] = 0
    codes, group, scale = quantize_groups(torch.from_numpy(weight))
    group_scale, zero = ((half.astype(int)).repeat(16, axis=1) for half in ((group & 15) + 1, group >> 4))
    whole = group_scale * (codes.astype(int) - zero)
    assert codes.max() <= 15 and np.array_equal(whole_numbers(codes, group), whole)  # no overflow of 8 bits
    lost = ((weight - whole * scale[:, None]) ** 2).reshape(n, groups, 16).mean(axis=2) ** 0.5
    span = np.ptp(np.concatenate([weight.reshape(n, groups, 16), np.zeros((n, groups, 1))], axis=2), axis=2)
    # A step that spans the group's range, but for a whole number of the row's scale: half of it is lost to rounding, as
    # much where the zero is rounded too; another scale is only taken where the group loses less with it.
    step = np.maximum(span / 15, scale[:, None]) + scale[:, None] / 2
    assert (lost <= 1.01 * step).all()
    assert (whole[(weight == 0).all(axis=1)] * 1.0 * scale[(weight == 0).all(axis=1), None] == 0).all()


def test_many_threads_at_once_get_what_each_would_get_alone() -> None:
    model = MODELS[2]
    reader = NativeGPT(model, 500, threads=3)
    prompts = [[i % 500 for i in some_ids(model, 40 + seed, seed)] for seed in range(8)]
    alone = [reader.read(ids, None, len(ids)) for ids in prompts]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(20):
            for found, expected in zip(pool.map(lambda i: reader.read(i, None, len(i)), prompts), alone, strict=True):
                assert torch.equal(found, expected)


def test_a_full_cache_and_an_unknown_id_are_refused() -> None:
    reader = READERS[2][1]
    cache = reader.new_cache(10)
    reader.read([1] * 16, cache)
    with pytest.raises(ValueError, match="16 positions"):
        reader.read([1], cache)
    for bad in (-1, 312, 2**31):
        with pytest.raises((ValueError, OverflowError)):
            reader.read([bad], None)


@pytest.fixture(scope="module")
def real_text() -> list[list[int]]:
    """Made-up owners' passages, questions and answers as the shipped model reads them, each from position 0."""
    from fischgpt.data.grounded import conversations

    tok = load_model().tokenizer
    return [chat.encode(tok, turns)[0] for turns in itertools.islice(conversations(5, "held-out"), 10)]


@pytest.mark.parametrize("variant", native.variants())
@pytest.mark.parametrize("n", [1, 15, 16, 4097])
def test_the_sum_of_exponentials_is_pytorchs_on_every_instruction_set(
    variant: str, n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "_fastest", lambda library: native.VARIANTS.index(variant))
    torch.manual_seed(n)
    for scale, shift in ((1, 0), (30, 1000), (0, -5000)):
        values = scale * torch.randn(n) + shift
        assert native.logsumexp(values) == pytest.approx(values.double().logsumexp(0).item(), abs=1e-6)
        assert native.logsumexp(values.repeat_interleave(2)[::2]) == pytest.approx(native.logsumexp(values), abs=1e-6)


@pytest.mark.parametrize(("bits", "most", "agreed"), [(8, 0.005, 0.97), (4, 0.03, 0.9)])
def test_fewer_bits_cost_the_shipped_model_little_perplexity(
    real_text: list[list[int]], bits: Bits, most: float, agreed: float
) -> None:
    model = load_model()
    exact = Reference(model.engine.model, model.tokenizer.n_vocab)
    rounded = NativeGPT(model.engine.model, model.tokenizer.n_vocab, bits=bits)
    losses, agree, count = [0.0, 0.0], 0, 0
    for ids in real_text:
        logits = [reader.read(ids[:-1], None, len(ids) - 1) for reader in (exact, rounded)]
        for which in (0, 1):
            losses[which] += F.cross_entropy(logits[which], torch.tensor(ids[1:]), reduction="sum").item()
        agree += int((logits[0].argmax(-1) == logits[1].argmax(-1)).sum())
        count += len(ids) - 1
    change = torch.tensor((losses[1] - losses[0]) / count).exp().item() - 1
    print(
        f"{bits} bits: perplexity {100 * change:+.3f} %, greedy agreement {100 * agree / count:.2f} % of {count} tokens"
    )
    assert abs(change) < most
    assert agree / count > agreed


def test_answers_are_made_with_it_under_constraint_and_with_log_probabilities() -> None:
    model = load_model()
    assert model.engine.reader.description.startswith("8-bit")
    prompt = chat.encode_prompt(model.tokenizer, [Turn("system", "[1] Built a ship."), Turn("user", "What was built?")])
    free = list(model.engine.generate(prompt, SamplingParams(max_tokens=12, top_logprobs=3)))
    assert [s.top[0][0] for s in free] == [s.id for s in free]
    assert [s.top[0][1] for s in free] == pytest.approx([s.logprob for s in free], abs=1e-4)
    assert model.engine.score(prompt, [sampled.id for sampled in free]) == pytest.approx(
        [sampled.logprob for sampled in free], abs=1e-4
    )
    bound = model.engine.generate(prompt, SamplingParams(max_tokens=9), lambda written: {100 + len(written): 0.0})
    assert [sampled.id for sampled in bound] == list(range(100, 109))


@pytest.mark.parametrize("missing", ["library", "shape"])
def test_without_the_library_or_for_other_shapes_pytorch_answers_in_eight_bits(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = MODELS[1]
    if missing == "shape":
        model = talkative(GPTConfig(n_layer=1, n_head=2, n_embd=48, block_size=64, vocab_size=300))
    else:
        monkeypatch.setattr(native, "LIBRARY", tmp_path / "none.so")
    native._library.cache_clear()
    try:
        engine = Engine(model, bits=8, kept_contexts=2)
        assert engine.reader.description.startswith("PyTorch, 8-bit")
        prompt, params = some_ids(model, 9), SamplingParams(max_tokens=30)
        written = [sampled.id for sampled in engine.generate(prompt, params)]
        exact = Engine(model)
        for n in (0, 1, 15, 29):  # from the cache as from the whole text, and near what fp32 expects
            whole = engine.reader.read([*prompt, *written[:n]], None)[-1]
            assert whole[written[n]] > whole.max() - 0.05 * whole.std()
            theirs = exact.reader.read([*prompt, *written[:n]], None)[-1, : len(whole)]
            assert torch.corrcoef(torch.stack([whole, theirs]))[0, 1] > 0.995
        assert engine.prefixes.nbytes == 0
    finally:
        monkeypatch.undo()
        native._library.cache_clear()
