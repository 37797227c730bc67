"""How likely a model finds given endings. What several rows begin with goes through the model once.

The rows of a question (one context, four endings) are laid over one another as a tree, every token standing once; the
tree is one row of the batch in which a token attends to its ancestors alone (as the candidates of speculative decoding
do in SpecInfer, Miao et al. 2023, https://arxiv.org/abs/2305.09781). Against a key-value cache that is copied for each
ending this needs one pass instead of two, and pads by whole questions: HellaSwag's are within 2 % of their batch.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fischgpt.model.gpt import GPT, MLP
from fischgpt.train.hardware import compute_dtype

BATCH_TOKENS, HEAD_LOGITS, SOFTMAX_LOGITS = 2048, 2**23, 2**20
"""Tokens of one batch, padding included, and logits made at once, on a CPU: four times as many take a tenth longer.

Their softmax is taken in pieces that stay in cache: of 2**23 in bfloat16 at once, copied to float32, it takes as long
as the product that makes them."""
ALIKE = 0.8
"""A tree shorter than this share of its batch's longest waits for the next: a few trees of all sizes would be mostly
padding."""
GPU_BATCH_TOKENS, GPU_HEAD_LOGITS = 2**16, 2**28


@dataclass(frozen=True)
class Row:
    """A context and its ending as ids, of which the last `n_scored` are the ending's."""

    ids: tuple[int, ...]
    n_scored: int


@dataclass(frozen=True)
class Tree:
    """Rows laid over one another, nodes in preorder: the descendants of node n are the nodes from n + 1 to end[n]."""

    nodes: Tensor
    """(3, T) int32: the token, its position, its `end`."""
    scored: Tensor
    """(N, 3) int32: a node, the token that follows it, the row that asks for it."""
    n_rows: int
    n_cut: int
    """Rows longer than the model's context, which lost their first tokens."""

    def __len__(self) -> int:
        return self.nodes.size(1)


def lay(rows: Sequence[Row], block_size: int) -> Tree:
    """The tree of `rows`. Of a row beyond block_size + 1 tokens only the last ones stay: its last is never read, only
    predicted."""
    kept = [row.ids[-(block_size + 1) :] for row in rows]
    tokens: list[int] = []
    positions: list[int] = []
    ends: list[int] = []
    scored: list[tuple[int, int, int]] = []
    known: dict[tuple[int, int], int] = {}
    for number in sorted(range(len(rows)), key=kept.__getitem__):  # what makes the order of arrival a preorder
        ids, path, node = kept[number], [], -1
        first = max(1, len(ids) - rows[number].n_scored)
        for at, token in enumerate(ids):
            if at >= first:
                scored.append((node, token, number))
            if at + 1 < len(ids):
                node = known.setdefault((node, token), len(tokens))
                if node == len(tokens):
                    tokens.append(token)
                    positions.append(at)
                    ends.append(0)
                path.append(node)
        for node in path:
            ends[node] = len(tokens)
    nodes = torch.tensor([tokens, positions, ends], dtype=torch.int32)
    asked = torch.tensor(scored, dtype=torch.int32).view(-1, 3)
    return Tree(nodes, asked, len(rows), sum(len(row.ids) > block_size + 1 for row in rows))


@torch.inference_mode()
def losses(
    model: GPT,
    trees: Sequence[Tree],
    on_progress: Callable[[float], None] = lambda share: None,
    rough: bool = False,
) -> list[list[float]]:
    """Negative log-likelihood in nats of every row's ending given what stands before it, summed over its tokens.

    rough: with matrix products in bfloat16, for a model of which `can_be_rough` is true. Trees of like size go through
    the model together. The model is left in the mode it was in.
    """
    training = model.training
    model.eval()
    order = sorted(range(len(trees)), key=lambda i: len(trees[i]), reverse=True)
    found: list[list[float]] = [[] for _ in trees]
    done, tokens = 0, BATCH_TOKENS if model.wte.weight.device.type == "cpu" else GPU_BATCH_TOKENS
    try:
        with _packed(model, torch.bfloat16 if rough else torch.float32) as head:
            while done < len(order):
                longest = len(trees[order[done]])
                size = max(1, tokens // max(1, longest))
                batch = [i for i in order[done : done + size] if len(trees[i]) >= ALIKE * longest]
                for i, sums in zip(batch, _batch_losses(model, head, [trees[i] for i in batch]), strict=True):
                    found[i] = sums
                done += len(batch)
                on_progress(done / len(order))
    finally:
        model.train(training)
    return found


def _batch_losses(model: GPT, head: Callable[[Tensor], Tensor], trees: list[Tree]) -> list[list[float]]:
    device, width = model.wte.weight.device, max(1, *map(len, trees))
    node = torch.arange(width)
    nodes = torch.zeros(3, len(trees), width, dtype=torch.long)  # (3, B, T)
    nodes[2] = node + 1  # padding sees itself alone
    asked, n_rows = [], 0
    for line, tree in enumerate(trees):
        nodes[:, line, : len(tree)] = tree.nodes
        asked.append(tree.scored + torch.tensor([line * width, 0, n_rows]))
        n_rows += tree.n_rows
    at, targets, rows = torch.cat(asked).to(device).unbind(1)
    idx, pos, end = nodes.to(device)
    node = node.to(device)
    sees = (node[:, None] >= node) & (node[:, None] < end[:, None, :])  # (B, T, T): is the key an ancestor, or itself
    x = model.hidden(idx, pos=pos, sees=sees[:, None]).flatten(0, 1)  # (B*T, C)
    sums = torch.zeros(n_rows, dtype=torch.float64, device=device)
    made, normed = (HEAD_LOGITS, SOFTMAX_LOGITS) if device.type == "cpu" else (GPU_HEAD_LOGITS, GPU_HEAD_LOGITS)
    made, normed = (max(1, logits // model.config.vocab_size) for logits in (made, normed))
    nll = [
        F.cross_entropy(logits.float(), target, reduction="none")
        for part, wanted in zip(at.split(made), targets.split(made), strict=True)
        for logits, target in zip(head(x[part]).split(normed), wanted.split(normed), strict=True)
    ]  # no logits but those asked for
    sums.index_add_(0, rows, torch.cat(nll).double())
    return [part.tolist() for part in sums.split([tree.n_rows for tree in trees])]


def can_be_rough(model: GPT) -> bool:
    """Whether this processor is faster at bfloat16's products than at float32's, and `losses` packs the model for it.

    Twice float32's rate on a Zen 5 core; where they are emulated they would be the slower ones.
    """
    return _can_be_packed(model) and compute_dtype("auto", "cpu") == torch.bfloat16


def _can_be_packed(model: GPT) -> bool:
    able = torch.backends.mkldnn.is_available() and not torch.is_autocast_enabled("cpu")
    return able and model.wte.weight.device.type == "cpu" and model.wte.weight.dtype == torch.float32


@contextmanager
def _packed(model: GPT, dtype: torch.dtype) -> Iterator[Callable[[Tensor], Tensor]]:
    """Within it, products on a CPU are oneDNN's in `dtype` on weights laid out for it; gives the output head.

    In float32 100 GFLOP/s of a Zen 5 core against 72 of MKL, torch's default there; the sums differ in their seventh
    digit. GELU is applied to a product before it leaves the registers: by itself it takes a tenth of the time of all
    products. (The operators are what torch's own compiler emits for frozen weights.)
    """
    weight = model.wte.weight.detach()
    if not _can_be_packed(model):
        yield lambda x: F.linear(x, weight)
        return

    def product(weight: Tensor, bias: Tensor | None, then: str = "none") -> Callable[[Tensor], Tensor]:
        laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.detach().to(dtype), BATCH_TOKENS)
        offset = None if bias is None else bias.detach().to(dtype)
        return lambda x: torch.ops.mkldnn._linear_pointwise(x.to(dtype), laid_out, offset, then, [], "tanh")

    mlps = [module for module in model.modules() if isinstance(module, MLP)]
    gelu_follows = {mlp.c_fc for mlp in mlps}
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    try:
        for layer in layers:
            forward = product(layer.weight, layer.bias, "gelu" if layer in gelu_follows else "none")
            layer.forward = forward  # pyrefly: ignore [bad-assignment]
        for mlp in mlps:
            mlp.forward = nn.Sequential(mlp.c_fc, mlp.c_proj).forward  # pyrefly: ignore [bad-assignment]
        if dtype == torch.bfloat16:  # what all logits have in common says nothing, and costs digits
            weight = weight - weight.mean(0)
        yield product(weight, None)
    finally:  # also of a packing that broke off
        for module in (*layers, *mlps):
            module.__dict__.pop("forward", None)
