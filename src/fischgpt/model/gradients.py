"""Gradients made otherwise than autograd or torch's compiler would: the loss's, and the embeddings'."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORE = -100
"""A target that is not learned from."""
LOGITS_AT_ONCE = {"cpu": (2**22, 2**26), "cuda": (2**26, 2**26)}
"""Logits in float32 at once in the loss, and logits held at once in the dtype of the matrix products.

On a processor softmax wants the first small, in cache (16 MB; 2**19 takes 1.8 times as long), the products want the
second large: at 50,304 words 83 rows at a time took 209 ms for 1,024 where 256 and more took 175, and adding up the
weight's gradient, 154 MB, for every few rows as long again. A GPU wants both large: 1,334 rows at 50,304 words."""


class LinearCrossEntropy(torch.autograd.Function):
    """Sum of cross-entropies of `x @ weight.T` against targets; gradients are made along with the loss, chunk by chunk.

    The logits' gradient is softmax minus one-hot, known as soon as the logits are, so nothing of size (B*T, vocab) is
    kept for the backward pass and nothing is computed twice. (As Liger kernel's fused linear cross-entropy,
    arXiv 2410.10989.)
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, targets: Tensor, dtype: torch.dtype) -> Tensor:
        """x (N, C), weight (V, C), targets (N,) -> scalar fp32; matrix products in `dtype`."""
        needs_grad = x.requires_grad or weight.requires_grad
        n, vocab = x.size(0), weight.size(0)
        made, held = (max(1, logits // vocab) for logits in LOGITS_AT_ONCE.get(x.device.type, (2**22, 2**26)))
        if torch.compiler.is_compiling():
            made = held  # compiled, the softmax is one loop over rows, and a row is in cache anyway
        total = torch.zeros((), dtype=torch.float32, device=x.device)
        dx = torch.empty_like(x) if needs_grad else None
        dw: Tensor | None = None
        with torch.autocast(x.device.type, enabled=False):
            w = weight.to(dtype)
            for start in range(0, n, held):
                x_held = x[start : start + held].to(dtype)
                target = targets[start : start + held, None]
                keep = target != IGNORE
                target = target.clamp(min=0)
                logits = x_held @ w.T  # (rows, V); becomes its own gradient, softmax minus one-hot
                for at in range(0, x_held.size(0), made):
                    rows = slice(at, at + made)
                    log_p = logits[rows].float().log_softmax(-1)
                    log_p_target = log_p.gather(1, target[rows])
                    total -= (log_p_target * keep[rows]).sum()
                    if needs_grad:
                        logits[rows] = log_p.exp_()
                        logits[rows].scatter_(1, target[rows], (log_p_target.exp() - 1).to(dtype))
                if dx is not None:
                    # (w.T @ logits.T).T is logits @ w: 93 ms for 107 on two threads of a Zen 5 (1,024 x 50,304 x 768).
                    dx[start : start + held] = (w.T @ logits.T).T * keep
                    part = logits.T @ (x_held * keep)
                    dw = part.float() if dw is None else dw.add_(part)
        if needs_grad and dw is None:  # no rows at all
            dw = torch.zeros_like(weight, dtype=torch.float32)
        ctx.save_for_backward(dx, dw)
        ctx.weight_dtype = weight.dtype
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        (scale,) = grad_outputs
        dx, dw = ctx.saved_tensors
        return dx * scale, (dw * scale).to(ctx.weight_dtype), None, None


def embedding(idx: Tensor, weight: Tensor) -> Tensor:
    """Rows of weight (V, C) by ids (...): (..., C)."""
    if torch.compiler.is_compiling() and weight.device.type == "cpu":
        return _Embedding.apply(idx, weight)
    return F.embedding(idx, weight)


class _Embedding(torch.autograd.Function):
    """As F.embedding, its gradient made by torch's own kernel, which adds in one order.

    The compiler lets threads add to a row as they come: on two threads the gradient had other bits every time.
    """

    @staticmethod
    def forward(ctx: Any, idx: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(idx)
        ctx.rows = weight.size(0)
        return F.embedding(idx, weight)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[None, Tensor]:
        (idx,) = ctx.saved_tensors
        return None, _rows_added(grad_outputs[0].contiguous(), idx, ctx.rows)


@torch.library.custom_op("fischgpt::rows_added", mutates_args=())
def _rows_added(grad: Tensor, idx: Tensor, rows: int) -> Tensor:
    """(rows, C): at each row the sum of the grad (..., C) whose id it is. Opaque to the compiler."""
    return torch.ops.aten.embedding_dense_backward(grad, idx, rows, -1, False)


@_rows_added.register_fake
def _(grad: Tensor, idx: Tensor, rows: int) -> Tensor:
    return grad.new_empty(rows, grad.size(-1))
