"""What is shown of the inside is what happens inside: held against transformers, to 1e-4."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from transformers import GPT2LMHeadModel

from fischgpt.config import GPTConfig
from fischgpt.engine import Engine
from fischgpt.engine.inspect import MAX_TOKENS, look_inside, parts_of
from fischgpt.errors import UserError
from fischgpt.model import GPT, save_pretrained

CONFIG = GPTConfig(n_layer=3, n_head=4, n_embd=48, block_size=80, vocab_size=320)
N_VOCAB = 300
IDS = torch.randint(0, N_VOCAB, (24,), generator=torch.Generator().manual_seed(5)).tolist()


@pytest.fixture(scope="module")
def engine() -> Engine:
    torch.manual_seed(7)
    model = GPT(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():  # biases and norms too, so that a mixed-up pair shows
            parameter += 0.1 * torch.randn_like(parameter)
    return Engine(model, n_vocab=N_VOCAB)


@pytest.fixture(scope="module")
def reference(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What transformers sees inside the same weights."""
    folder = tmp_path_factory.mktemp("model")
    save_pretrained(engine.model, folder)
    model = GPT2LMHeadModel.from_pretrained(folder, attn_implementation="eager").eval()
    with torch.inference_mode():
        outputs = model(torch.tensor([IDS]), output_hidden_states=True, output_attentions=True)
        heads = [model.lm_head(model.transformer.ln_f(state)) for state in outputs.hidden_states[:-1]]
        # The last hidden state of transformers has gone through the final LayerNorm already.
        yield outputs, [*heads, model.lm_head(outputs.hidden_states[-1])]


def test_logits_norms_and_lens_are_those_of_transformers(engine: Engine, reference: Any) -> None:
    outputs, heads = reference
    inside = look_inside(engine, IDS)
    assert inside is not None
    assert inside.lens_ids is not None and inside.lens_probs is not None
    assert (inside.logits - outputs.logits[0, -1, :N_VOCAB]).abs().max() < 1e-4
    assert inside.norms.shape == inside.lens_ids.shape[:2] == (CONFIG.n_layer + 1, len(IDS))
    for layer, state in enumerate(outputs.hidden_states[:-1]):
        assert (inside.norms[layer] - state[0].norm(dim=-1)).abs().max() < 1e-4
    for layer, logits in enumerate(heads):
        probs, ids = logits[0, :, :N_VOCAB].softmax(-1).topk(5)
        assert (inside.lens_probs[layer] - probs).abs().max() < 1e-4
        assert (inside.lens_ids[layer] == ids).all()
    assert len(inside.block_ms) == CONFIG.n_layer
    assert min(*inside.block_ms, inside.embed_ms, inside.head_ms) > 0


@pytest.mark.parametrize("layer", range(CONFIG.n_layer))
def test_attention_is_that_of_transformers(engine: Engine, reference: Any, layer: int) -> None:
    inside = look_inside(engine, IDS, layer)
    assert inside is not None and inside.attention is not None
    assert inside.attention.shape == (CONFIG.n_head, len(IDS), len(IDS))
    assert (inside.attention - reference[0].attentions[layer][0]).abs().max() < 1e-4
    assert (inside.attention.sum(-1) - 1).abs().max() < 1e-5


def test_the_last_residual_is_what_the_head_reads(engine: Engine) -> None:
    """So that the lens' last row is the model's own prediction, at every position."""
    inside = look_inside(engine, IDS)
    assert inside is not None and inside.lens_probs is not None
    with torch.inference_mode():
        probs = engine.model(torch.tensor([IDS]))[0, :, :N_VOCAB].softmax(-1).topk(5).values
    assert (inside.lens_probs[-1] - probs).abs().max() < 1e-5


@pytest.mark.parametrize(("ids", "layer", "message"), [
    ([], None, "the text is empty"),
    ([1] * (MAX_TOKENS + 1), None, "65 tokens; at most 64"),
    ([N_VOCAB], None, "no token 300"),
    ([-1], None, "no token -1"),
    ([1], 3, "layer must be between 0 and 2, not 3"),
])  # fmt: skip
def test_what_cannot_be_looked_at_is_said(engine: Engine, ids: list[int], layer: int | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        look_inside(engine, ids, layer)


def test_it_stops_when_nobody_waits(engine: Engine) -> None:
    assert look_inside(engine, IDS, cancelled=lambda: True) is None
    assert look_inside(engine, [1]) is not None


def test_parts_add_up_to_the_model(engine: Engine) -> None:
    parts = parts_of(engine.model, 24)
    assert [part.name for part in parts[:4]] == ["wte", "wpe", "h.0.ln_1", "h.0.attn"]
    assert parts[3].weights["c_attn.weight"] == (3 * 48, 48)
    assert sum(part.params for part in parts) == engine.model.n_params
    # Counted apart from GPT.flops_per_token, which counts norms and biases too; a backward pass is twice a forward one.
    assert sum(part.flops for part in parts) == pytest.approx(engine.model.flops_per_token(24) / 3, rel=0.02)
    with torch.device("meta"):
        assert parts_of(GPT(CONFIG), 24) == parts
