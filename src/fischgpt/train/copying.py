"""Weights a small model starts from so that it can copy from the first step on.

Answering from passages is copying, and copying is what a small model learns last: from random weights it did not form
at all within a million tokens. What forms in the end is known (induction heads: Olsson et al. 2022, arXiv 2209.11895),
and can be written down in plain GPT-2 weights:

    layer 0, one head:     attends to the previous position; writes a sketch of that token into dimensions of its own
    layer 1, a few heads:  attend to where the previous token was the current one; write the token that stands there

Everything stays trainable, and all other weights stay random.
"""

import math

import torch
from torch import nn

from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT

STD = 0.02
"""Size of the embeddings, as in GPT-2; LayerNorm brings it to about 1 before every product below."""
PREVIOUS_GAIN = 1.5
"""Of q and k in layer 0: puts nearly all attention on the previous of 1,024 positions."""
MATCH_GAIN = 1.5
"""Of q and k in layer 1: a match of 64 dimensions scores 18, the best of 500 others about 7."""
COPY_GAIN = 3.0
"""How much louder than the current token the copied one is written."""


@torch.no_grad()
def install_copying(model: GPT) -> None:
    """Overwrite embeddings, one head of layer 0 and some of layer 1. Uses torch's global generator.

    The residual stream (n_embd dimensions) is split at the start: tokens, then head_dim for positions, then head_dim
    for the previous token. Raises UserError for a model with one layer or fewer than 4 heads.
    """
    config = model.config
    head_dim = config.n_embd // config.n_head
    if config.n_layer < 2 or config.n_head < 4 or head_dim % 2:
        raise UserError("train.copy_init needs at least 2 layers and 4 heads of an even size")
    tokens = config.n_embd - 2 * head_dim
    positions, previous = slice(tokens, tokens + head_dim), slice(tokens + head_dim, config.n_embd)

    # At GPT-2's scale the random blocks would write noise twice as loud as the embeddings; they start silent instead.
    for name, parameter in model.named_parameters():
        if name.endswith("c_proj.weight"):
            parameter.zero_()
    model.wte.weight[:, tokens:] = 0
    # Positions as head_dim/2 clock hands of different speeds: turning every hand back by one step gives the position
    # before, which is a matrix.
    speeds = math.pi * (torch.rand(head_dim // 2) * 0.95 + 0.05)
    angles = torch.arange(config.block_size)[:, None] * speeds
    model.wpe.weight.zero_()
    model.wpe.weight[:, positions] = STD * math.sqrt(2) * torch.stack((angles.cos(), angles.sin()), 2).flatten(1)
    back = torch.block_diag(*(_rotation(-float(speed)) for speed in speeds))

    sketch = torch.empty(head_dim, tokens)
    nn.init.orthogonal_(sketch)

    first, second = (block.get_submodule("attn") for block in list(model.h)[:2])
    q, k, v, out = _head(first, 0, head_dim)
    q[:, positions] = PREVIOUS_GAIN * back
    k[:, positions] = PREVIOUS_GAIN * torch.eye(head_dim)
    v[:, :tokens] = sketch
    out[previous] = STD * torch.eye(head_dim)
    for head, start in enumerate(range(0, tokens, head_dim)):
        q, k, v, out = _head(second, head, head_dim)
        q[:, :tokens] = MATCH_GAIN * sketch
        k[:, previous] = MATCH_GAIN * torch.eye(head_dim)
        size = min(head_dim, tokens - start)
        v[:size, start : start + size] = torch.eye(size)
        out[start : start + size, :size] = STD * COPY_GAIN * torch.eye(size)


def _rotation(angle: float) -> torch.Tensor:
    return torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _head(
    attention: nn.Module, head: int, head_dim: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Views of one head's q, k, v (head_dim, n_embd) and output (n_embd, head_dim), set to zero."""
    fused, out = attention.get_parameter("c_attn.weight"), attention.get_parameter("c_proj.weight")
    width = out.size(0)
    rows = [fused[part * width + head * head_dim : part * width + (head + 1) * head_dim] for part in range(3)]
    views = (rows[0], rows[1], rows[2], out[:, head * head_dim : (head + 1) * head_dim])
    for view in views:
        view.zero_()
    return views
