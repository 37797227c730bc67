"""A text opened up: the model's tokens, next-token logits, attention and layers as JSON. What `/v1/inspect` serves."""

import base64
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from typing_extensions import TypedDict

from fischgpt.assistant.model import TextModel
from fischgpt.config import GPTConfig
from fischgpt.engine.inspect import MAX_TOKENS, Inside, look_inside, parts_of
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT, without_weights

TOP = 200
"""Next tokens that are told one by one."""
LENS_TOP = 5
"""Guesses told of each layer at each position."""
TEMPERATURES = tuple(step / 20 for step in range(1, 41))
"""0.05 to 2.00: where the sum over all other tokens is told, so that probabilities are exact at each."""
MAX_CHARACTERS = 4096
"""Far more than 64 tokens of any text in use: longer ones are refused before they are encoded."""


class PartShape(TypedDict):
    """A piece of the network. `weights`: the shape of each; `flops`: forward, of one token at the context's end."""

    name: str
    weights: dict[str, list[int]]
    params: int
    flops: int


class Shape(TypedDict):
    """The network's configuration and parts, in the order a token meets them. FLOPs are those at `context` tokens."""

    n_layer: int
    n_head: int
    n_embd: int
    block_size: int
    vocab_size: int
    n_params: int
    context: int
    parts: list[PartShape]


class Next(TypedDict):
    """The likeliest next tokens with their logits, the likeliest first. `rest`: for each temperature t, the logsumexp
    of logit / t over all other tokens; empty if there are none."""

    ids: list[int]
    logits: list[float]
    temperatures: list[float]
    rest: list[float]


class Lens(TypedDict):
    """If the network ended after each layer: by layer (0 is the embeddings) and position, the likeliest next tokens."""

    ids: list[list[list[int]]]
    probs: list[list[list[float]]]


class AttentionBytes(TypedDict):
    """`data`: base64 of heads x tokens x tokens bytes, row by row; 255 is a weight of 1."""

    layer: int
    heads: int
    data: str


class Milliseconds(TypedDict):
    """How long each step of this one pass took."""

    embedding: float
    blocks: list[float]
    head: float


class Inspection(TypedDict):
    """One pass of the model over a text. `pieces`: the text of every id named anywhere here; bytes that are no UTF-8 by
    themselves are written `\\xe2`. `norms`: by layer and position, the length of the residual vector."""

    model: str
    text: str
    ids: list[int]
    pieces: dict[str, str]
    control_ids: list[int]
    next: Next
    lens: Lens | None
    norms: list[list[float]]
    attention: AttentionBytes | None
    ms: Milliseconds
    shape: Shape


def encode(model: TextModel, prompt: str | Sequence[int]) -> list[int]:
    """Ids of a text (special tokens off) or the ids given. Raises UserError for an empty or a far too long text."""
    if not isinstance(prompt, str):
        return list(prompt)
    if not prompt:
        raise UserError("the text is empty; give at least one token")
    if len(prompt) > MAX_CHARACTERS:
        raise UserError(f"the text has {len(prompt):,} characters; at most {MAX_TOKENS} tokens can be looked at")
    return model.tokenizer.encode(prompt)


def inspect(
    model: TextModel,
    ids: Sequence[int],
    layer: int | None = None,
    lens: bool = True,
    cancelled: Callable[[], bool] = lambda: False,
) -> Inspection | None:
    """One forward pass over `ids`, told in full or without the lens; None if it was cancelled.

    Raises UserError as `look_inside`.
    """
    inside = look_inside(model.engine, ids, layer, LENS_TOP if lens else 0, cancelled)
    if inside is None:
        return None
    following = next_token(inside.logits)
    guessed = [] if inside.lens_ids is None else inside.lens_ids.flatten().tolist()
    named = {*ids, *following["ids"], *guessed}
    return {
        "model": model.name,
        "text": model.tokenizer.decode(ids, keep_control=True),
        "ids": list(ids),
        "pieces": {str(id_): piece(model, id_) for id_ in sorted(named)},
        "control_ids": list(model.tokenizer.control_ids),
        "next": following,
        "lens": _lens(inside),
        "norms": [_rounded(norms, 2) for norms in inside.norms],
        "attention": None if inside.attention is None or layer is None else _attention(inside.attention, layer),
        "ms": _milliseconds(inside),
        "shape": shape_of(model.engine.model, len(ids)),
    }


def shape_of(model: GPT, context: int | None = None) -> Shape:
    """The network as it is; `context`: at how many tokens FLOPs are counted, the longest if not given."""
    config = model.config
    context = config.block_size if context is None else context
    return {
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "block_size": config.block_size,
        "vocab_size": config.vocab_size,
        "n_params": model.n_params,
        "context": context,
        "parts": [
            {"name": part.name, "weights": {key: list(shape) for key, shape in part.weights.items()},
             "params": part.params, "flops": part.flops}
            for part in parts_of(model, context)
        ],
    }  # fmt: skip


def shape_of_config(config: GPTConfig) -> Shape:
    """The same before any weight is read."""
    return shape_of(without_weights(config))


def piece(model: TextModel, id_: int) -> str:
    """Text of one token; half of a character is written as its bytes, `\\xe2`."""
    return model.tokenizer.decode_bytes([id_], keep_control=True).decode("utf-8", "backslashreplace")


def next_token(logits: Tensor) -> Next:
    """What is told of the logits (n_vocab,) at the last position."""
    ranked, ids = logits.double().sort(descending=True)
    temperatures = torch.tensor(TEMPERATURES, dtype=torch.float64)
    rest = ranked[TOP:].cpu()
    sums = (rest / temperatures[:, None]).logsumexp(-1) if len(rest) else torch.empty(0)
    return {
        "ids": ids[:TOP].tolist(),
        "logits": _rounded(ranked[:TOP], 5),
        "temperatures": list(TEMPERATURES),
        "rest": _rounded(sums, 5),
    }


def _lens(inside: Inside) -> Lens | None:
    if inside.lens_ids is None or inside.lens_probs is None:
        return None
    probs = [[_rounded(position, 4) for position in layer] for layer in inside.lens_probs]
    return {"ids": inside.lens_ids.tolist(), "probs": probs}


def _attention(weights: Tensor, layer: int) -> AttentionBytes:
    quantized = (weights * 255).round().to(torch.uint8).cpu().numpy()
    return {"layer": layer, "heads": len(weights), "data": base64.b64encode(quantized.tobytes()).decode()}


def _milliseconds(inside: Inside) -> Milliseconds:
    blocks = [round(ms, 3) for ms in inside.block_ms]
    return {"embedding": round(inside.embed_ms, 3), "blocks": blocks, "head": round(inside.head_ms, 3)}


def _rounded(values: Tensor, digits: int) -> list[float]:
    numbers: Iterable[float] | Iterable[list[float]] = values.tolist()
    return [[round(n, digits) for n in row] if isinstance(row, list) else round(row, digits) for row in numbers]  # type: ignore[misc]
