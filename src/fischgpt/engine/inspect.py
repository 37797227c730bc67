"""What happens inside the network while it reads one short text: residuals, attention, every layer's own guess.

The blocks are called one by one, as `GPT.hidden` does, and what passes between them is looked at. No hooks: they would
hang on weights that other threads are reading with at the same time.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fischgpt.engine.engine import Engine
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT, Attention, Block

MAX_TOKENS = 64
"""Longest text that is opened: one layer's attention at 12 heads is 48 KB then, as bytes."""


@dataclass(frozen=True)
class Inside:
    """One pass over T tokens. Layer 0 is what the embeddings give, layer i what block i has made of it."""

    logits: Tensor
    """(n_vocab,) of the token that comes next."""
    lens_ids: Tensor | None
    """(n_layer + 1, T, top): the likeliest next tokens if the network ended there, by its own final LayerNorm and head
    (the logit lens, nostalgebraist 2020)."""
    lens_probs: Tensor | None
    """(n_layer + 1, T, top): with which probability, of the whole vocabulary."""
    norms: Tensor
    """(n_layer + 1, T): length of each residual vector."""
    attention: Tensor | None
    """(n_head, T, T) of the layer asked for: how much each token (row) takes from each (column)."""
    embed_ms: float
    block_ms: tuple[float, ...]
    head_ms: float
    """Of the output head at the last position, which is all that generating needs."""


@dataclass(frozen=True)
class Part:
    """A piece of the network with its own weights."""

    name: str
    """As in the checkpoint: `wte`, `h.0.attn`, `ln_f`; `head` is the output head, whose weights are those of `wte`."""
    weights: dict[str, tuple[int, ...]]
    """Shape of each weight, as Linear holds it: (out, in)."""
    params: int
    """The head's count with `wte`, once."""
    flops: int
    """For one token at the end of a row of T, forward: 2 per weight in a matrix product, 4 T n_embd for attention's two
    products. Lookups, norms and activations are under 1 % and not counted."""


@torch.inference_mode()
def look_inside(
    engine: Engine,
    ids: Sequence[int],
    layer: int | None = None,
    top: int = 5,
    cancelled: Callable[[], bool] = lambda: False,
) -> Inside | None:
    """Read `ids` once; `layer`: whose attention is kept, from 0; `top`: guesses of the lens, 0 for no lens.

    None if `cancelled` said so between two layers. Raises UserError for no tokens, too many, an id or a layer the model
    does not have.
    """
    model, T = engine.model, len(ids)
    _check(model, engine.n_vocab, ids, layer)
    clock = _Clock(engine.device)
    idx = torch.tensor([list(ids)], device=engine.device)
    x = model.wte(idx) + model.wpe(torch.arange(T, device=engine.device))
    embed_ms, residuals, block_ms, attention = clock.lap(), [x], [], None
    blocks: list[Block] = list(model.h)  # type: ignore[arg-type]
    for at, block in enumerate(blocks):
        if cancelled():
            return None
        if at == layer:
            attention = _weights(block.attn, block.ln_1(x))
            clock.lap()
        x = block(x, None, None)
        block_ms.append(clock.lap())
        residuals.append(x)
    logits = _head(model, x[0, -1:], engine.n_vocab)[0]
    head_ms = clock.lap()
    lens_ids, lens_probs = [], []
    # The head for every residual is most of the work at a large vocabulary (124M, 64 tokens, one core: 2.0 of 2.2 s),
    # and all logits at once would be 167 MB.
    for residual in residuals if top else ():
        if cancelled():
            return None
        guessed = _head(model, residual[0], engine.n_vocab)
        likeliest, guesses = guessed.topk(min(top, engine.n_vocab))
        lens_ids.append(guesses)
        lens_probs.append((likeliest - guessed.logsumexp(-1, keepdim=True)).exp())
    return Inside(
        logits=logits,
        lens_ids=torch.stack(lens_ids) if top else None,
        lens_probs=torch.stack(lens_probs) if top else None,
        norms=torch.stack([residual[0].float().norm(dim=-1) for residual in residuals]),
        attention=attention,
        embed_ms=embed_ms,
        block_ms=tuple(block_ms),
        head_ms=head_ms,
    )


def parts_of(model: GPT, T: int) -> list[Part]:
    """The network in the order a token meets it, read from the module itself; one on the device "meta" will do."""
    C, parts = model.config.n_embd, []
    modules = [("wte", model.wte), ("wpe", model.wpe)]
    for at, block in enumerate(model.h):
        modules += [(f"h.{at}.{name}", getattr(block, name)) for name in ("ln_1", "attn", "ln_2", "mlp")]
    for name, module in [*modules, ("ln_f", model.ln_f)]:
        shapes = {key: tuple(weight.shape) for key, weight in module.named_parameters()}
        matrices = sum(math.prod(shape) for shape in shapes.values() if len(shape) == 2)
        flops = 0 if name in ("wte", "wpe") else 2 * matrices + (4 * T * C if isinstance(module, Attention) else 0)
        parts.append(Part(name, shapes, sum(math.prod(shape) for shape in shapes.values()), flops))
    head = tuple(model.wte.weight.shape)
    return [*parts, Part("head", {"weight": head}, 0, 2 * math.prod(head))]


def _check(model: GPT, n_vocab: int, ids: Sequence[int], layer: int | None) -> None:
    most = min(MAX_TOKENS, model.config.block_size)
    if not ids:
        raise UserError("the text is empty; give at least one token")
    if len(ids) > most:
        raise UserError(f"the text has {len(ids)} tokens; at most {most} can be looked at")
    if beyond := [i for i in ids if not 0 <= i < n_vocab]:
        raise UserError(f"there is no token {beyond[0]}; the vocabulary ends at {n_vocab - 1}")
    if layer is not None and not 0 <= layer < model.config.n_layer:
        raise UserError(f"layer must be between 0 and {model.config.n_layer - 1}, not {layer}")


def _head(model: GPT, x: Tensor, n_vocab: int) -> Tensor:
    """Logits (T, n_vocab) in fp32 of residuals (T, n_embd)."""
    return F.linear(model.ln_f(x), model.wte.weight[:n_vocab]).float()


def _weights(attn: Attention, x: Tensor) -> Tensor:
    """(n_head, T, T) of x (1, T, n_embd): what the fused kernel uses and never hands out."""
    _, T, C = x.shape
    q, k, _ = (t.transpose(0, 1) for t in attn.c_attn(x).view(T, 3, attn.n_head, C // attn.n_head).unbind(1))
    scores = (q @ k.transpose(-1, -2)).float() * (C // attn.n_head) ** -0.5  # (n_head, T, T)
    future = torch.full((T, T), -math.inf, device=x.device).triu(1)
    return (scores + future).softmax(-1)


class _Clock:
    """Milliseconds between laps."""

    def __init__(self, device: torch.device) -> None:
        self._device, self._last = device, time.perf_counter()

    def lap(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        now = time.perf_counter()
        ms, self._last = (now - self._last) * 1000, now
        return ms
