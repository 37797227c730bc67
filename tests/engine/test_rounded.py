"""8 bits in PyTorch, where no compiled code is: exact products, close to fp32, and the same answers as a whole."""

import itertools
import os
import platform
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F

from engine_samples import CONFIG, MODEL
from fischgpt import chat
from fischgpt.assistant.model import load_model
from fischgpt.engine.native import quantize_rows
from fischgpt.engine.reference import Reference
from fischgpt.engine.rounded import Int8Linear, Rounded, largest_weight


@pytest.mark.parametrize("tokens", [1, 2, 7, 40])
@pytest.mark.parametrize(("n", "k"), [(48, 16), (85, 48), (96, 1280)])
def test_products_are_exact_at_every_range(tokens: int, n: int, k: int) -> None:
    torch.manual_seed(n + tokens)
    weight, bias = torch.randn(n, k), torch.randn(n)
    weight[::3], weight[1::5] = 2.0, -2.0  # rows and inputs of the largest bytes alone
    x = torch.randn(tokens, k)
    x[0], x[-1, ::2] = 3.0, 0.0
    whole, scale = map(torch.from_numpy, quantize_rows(weight, largest_weight()))
    input_scale = x.abs().amax(1, keepdim=True) / 127
    exact = (x / input_scale).round().double() @ whole.double().T
    expected = (exact * scale * input_scale + bias).float()
    assert torch.allclose(Int8Linear(weight, bias)(x), expected, rtol=1e-5, atol=1e-5 * expected.std())
    assert Int8Linear(weight, None)(torch.zeros(1, 2, k)).eq(0).all()


def test_a_prompt_in_pieces_is_the_whole_prompt_but_for_rounding() -> None:
    reader, ids = Rounded(MODEL, CONFIG.vocab_size), [i * 7 % 90 for i in range(60)]
    whole = reader.read(ids, None, len(ids))
    cache = reader.new_cache(len(ids))
    pieces = torch.cat([reader.read(ids[at : at + 9], cache, len(ids[at : at + 9])) for at in range(0, 60, 9)])
    exact = Reference(MODEL, CONFIG.vocab_size).read(ids, None, len(ids))
    assert (pieces - whole).abs().mean() < 0.5 * (whole - exact).abs().mean()
    assert (whole.argmax(-1) == exact.argmax(-1)).float().mean() > 0.8


def test_it_costs_the_shipped_model_less_than_half_a_percent_of_perplexity() -> None:
    from fischgpt.data.grounded import conversations

    model = load_model()
    n_vocab = model.tokenizer.n_vocab
    readers = (Reference(model.engine.model, n_vocab), Rounded(model.engine.model, n_vocab))
    losses, agree, count = [0.0, 0.0], 0, 0
    for turns in itertools.islice(conversations(5, "held-out"), 10):
        ids = chat.encode(model.tokenizer, turns)[0]
        logits = [reader.read(ids[:-1], None, len(ids) - 1) for reader in readers]
        for which in (0, 1):
            losses[which] += F.cross_entropy(logits[which], torch.tensor(ids[1:]), reduction="sum").item()
        agree += int((logits[0].argmax(-1) == logits[1].argmax(-1)).sum())
        count += len(ids) - 1
    change = torch.tensor((losses[1] - losses[0]) / count).exp().item() - 1
    print(f"perplexity {100 * change:+.3f} %, greedy agreement {100 * agree / count:.2f} % of {count} tokens")
    assert abs(change) < 0.005
    assert agree / count > 0.95


@pytest.mark.skipif(platform.machine() != "x86_64", reason="oneDNN's other instruction sets")
@pytest.mark.parametrize("isa", ["AVX2", "AVX512_CORE"])
def test_they_are_exact_without_vnni_too(isa: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", __file__, "-k", "exact_at_every_range"]
    done = subprocess.run(command, env=os.environ | {"ONEDNN_MAX_CPU_ISA": isa}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:]
