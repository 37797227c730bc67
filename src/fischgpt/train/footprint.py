"""What one GPU must hold while it trains, by formula: for planning, before there is a GPU to try it on.

What a forward pass keeps for the backward pass, in bytes per token and layer at width C and H heads:

    bf16   36 C + 4 H + 16    two inputs of LayerNorm in fp32 (8 C); in bf16: both outputs (4 C), query, key and value
                              (6 C), attention's output (2 C), the MLP's inside before and after GELU (16 C);
                              attention's normalisers and LayerNorm's means
    fp32   64 C + 4 H + 16    the same, all of it in fp32

Counted with torch.autograd.graph.saved_tensors_hooks the formula is exact (off by less than 0.1 %; the test repeats
it), with torch.compile too, on a CPU: 2 layers of 64, 2 rows of 128. Not measured: what a GPU's libraries take beside
it, for which OVERHEAD stands.
"""

from dataclasses import dataclass, fields

from fischgpt.config import GPTConfig, OptimConfig
from fischgpt.model.gpt import SCORES_AT_ONCE, SCORES_KEPT
from fischgpt.model.gradients import LOGITS_AT_ONCE

OVERHEAD = 2 * 2**30
"""CUDA's context, cuBLAS's and NCCL's work space, and holes in the allocator's memory: assumed."""


@dataclass(frozen=True)
class Footprint:
    """Bytes on one GPU at the moment when most is held: the start of the backward pass."""

    weights: int
    gradients: int
    optimizer: int
    low_precision: int
    """bf16 copies of the matrices, kept by autocast."""
    activations: int
    backward: int
    """One layer's gradients on their way."""
    head: int
    """The loss: a chunk of logits and their gradients, and the gradient of the output head before it is added."""
    overhead: int

    @property
    def total(self) -> int:
        return sum(getattr(self, field.name) for field in fields(self))


def footprint(
    model: GPTConfig, optim: OptimConfig, tokens: int, bf16: bool, kind: str = "cuda", row_tokens: int = 1024
) -> Footprint:
    """Training `tokens` at a time (rows x row length) of a micro-batch, everything on every GPU (DDP)."""
    scores = scores_kept(row_tokens) if kind == "cpu" and bf16 else 0
    C, L, V = model.n_embd, model.n_layer, model.vocab_size
    matrices, count = 12 * C * C * L, parameters(model)
    made, held = (min(tokens * V, max(logits, V)) for logits in LOGITS_AT_ONCE[kind])
    size = 2 if bf16 else 4
    return Footprint(
        weights=4 * count,
        gradients=4 * count,
        optimizer=8 * count if optim.kind == "adamw" else 4 * matrices + 8 * (count - matrices),
        low_precision=2 * (matrices + V * C) if bf16 else 0,
        activations=tokens * saved_per_token(model, bf16, scores),
        backward=tokens * C * 16 * size,
        head=made * 8 + held * size + 2 * 4 * V * C,
        overhead=OVERHEAD if kind == "cuda" else 0,
    )


def scores_kept(row_tokens: int) -> float:
    """Attention scores kept per token and head by a processor's bf16, on average over the row."""
    if row_tokens > SCORES_KEPT:
        return 0
    ends = range(SCORES_AT_ONCE, row_tokens + SCORES_AT_ONCE, SCORES_AT_ONCE)
    sizes = [SCORES_AT_ONCE] * (len(ends) - 1) + [row_tokens - SCORES_AT_ONCE * (len(ends) - 1)]
    return sum(size * min(end, row_tokens) for size, end in zip(sizes, ends, strict=True)) / row_tokens


def saved_per_token(model: GPTConfig, bf16: bool, scores: float = 0) -> int:
    """Bytes kept for the backward pass; beyond the layers: the input of the last LayerNorm and its gradient.

    scores: those that attention keeps (`scores_kept`), in fp32 and in bf16, in place of the normalisers.
    """
    C, H = model.n_embd, model.n_head
    attention = 6 * H * scores if scores else 4 * H
    return round(model.n_layer * ((36 if bf16 else 64) * C + attention + 16)) + 8 * C + 16


def parameters(model: GPTConfig) -> int:
    """As GPT.n_params, without making the model."""
    C = model.n_embd
    return C * (model.vocab_size + model.block_size) + model.n_layer * (12 * C * C + 13 * C) + 2 * C


def largest_micro_batch(model: GPTConfig, optim: OptimConfig, row_tokens: int, bf16: bool, memory: int) -> int:
    """Rows that fit, a power of two; 0 if not even one does."""
    rows = 0
    while footprint(model, optim, max(1, 2 * rows) * row_tokens, bf16).total <= memory and rows < 1024:
        rows = max(1, 2 * rows)
    return rows
