"""HellaSwag, in the two ways the world reports it, named for what they are.

`acc_norm_token` (and `acc_token`): build-nanogpt's completion protocol, the one behind "GPT-2 124M: 29.55". The raw
`ctx`, each ending after a space, tokenized apart; the ending with the lowest mean (sum) of negative log-likelihoods
per TOKEN.

`acc_norm` and `acc`: lm-evaluation-harness' task `hellaswag`, the one behind "GPT-2 124M: 31.14 / 28.92". The text is
prepared (activity label in front, WikiHow's brackets away), context and ending are tokenized together; the ending with
the highest log-likelihood (`acc`), divided by its CHARACTERS (`acc_norm`).

Chance is 25. One standard error over all 10,042 items is 0.45 to 0.5 points: smaller differences are none.
"""

import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from fischgpt.errors import UserError
from fischgpt.evals.hellaswag_items import Item, load_items, pick
from fischgpt.model.gpt import GPT, IGNORE
from fischgpt.tokenizer import Tokenizer

METRICS = ("acc_norm_token", "acc_token", "acc_norm", "acc")
ROWS_TOKENS = 8192
"""Tokens of one batch, padding included. On two CPU cores larger batches are no faster."""


@dataclass(frozen=True)
class Row:
    """One ending after its context, as ids. The last `n_scored` ids are the ending's."""

    ids: tuple[int, ...]
    n_scored: int


def evaluate(
    model: GPT,
    tok: Tokenizer,
    items: Sequence[Item] | None = None,
    limit: int | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict:
    """Score `items` (the whole validation set if None; `limit` picks evenly spaced ones).

    Returns accuracies in 0..1 with their standard errors, under the names of METRICS. `on_progress` gets items done and
    in all. The model is left in the mode it was in. Raises UserError if the set cannot be had or there is no item.
    """
    every = list(load_items() if items is None else items)
    chosen = pick(every, limit)
    if not chosen:
        raise UserError("HellaSwag: no items to score")
    start = time.perf_counter()
    right, cut = score(model, tok, chosen, on_progress)
    result: dict = {"task": "hellaswag", "items": len(chosen), "items_in_set": len(every)}
    for name in METRICS:
        accuracy = sum(right[name]) / len(chosen)
        result[name] = accuracy
        result[f"{name}_stderr"] = math.sqrt(accuracy * (1 - accuracy) / max(1, len(chosen) - 1))
    return result | {"rows_cut": cut, "seconds": round(time.perf_counter() - start, 1)}


def score(
    model: GPT,
    tok: Tokenizer,
    items: Sequence[Item],
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[dict[str, list[bool]], int]:
    """Right or wrong of every item under every metric, and how many rows were too long and lost their first tokens."""
    rows = [row for item in items for row in token_rows(tok, item)]
    rows += [row for item in items for row in harness_rows(tok, item)]
    cut = sum(len(row.ids) > model.config.block_size for row in rows)
    losses = ending_losses(model, rows, lambda done: on_progress(int(done * len(items)), len(items)))
    right: dict[str, list[bool]] = {name: [] for name in METRICS}
    at = 0
    for item in items:
        mine = range(at, at + len(item.endings))
        right["acc_token"].append(_least([losses[i] for i in mine]) == item.label)
        right["acc_norm_token"].append(_least([losses[i] / rows[i].n_scored for i in mine]) == item.label)
        at = mine.stop
    for item in items:
        mine = [losses[at + i] for i in range(len(item.endings))]
        lengths = [len(harness_text(ending)) for ending in item.endings]
        right["acc"].append(_least(mine) == item.label)
        right["acc_norm"].append(
            _least([x / n if n else math.inf for x, n in zip(mine, lengths, strict=True)]) == item.label
        )
        at += len(item.endings)
    return right, cut


def token_rows(tok: Tokenizer, item: Item) -> list[Row]:
    """build-nanogpt's rows: context and " " + ending, tokenized apart."""
    context = tok.encode(item.ctx)
    endings = tok.encode_batch([" " + ending for ending in item.endings])
    return [Row((*context, *ending), len(ending)) for ending in endings]


def harness_rows(tok: Tokenizer, item: Item) -> list[Row]:
    """lm-evaluation-harness' rows: context and ending tokenized together, the context's tokens taken off the front."""
    query = harness_text(f"{item.activity_label}: {item.ctx_a} {item.ctx_b.capitalize()}")
    bare = query.rstrip()
    context = tok.encode(bare)
    wholes = tok.encode_batch([f"{query} {harness_text(ending)}" for ending in item.endings])
    return [Row((*context, *whole[len(context) :]), max(1, len(whole) - len(context))) for whole in wholes]


def harness_text(text: str) -> str:
    """The harness' preparation: `[title]` becomes a full stop, other brackets go, double spaces turn single."""
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")


@torch.inference_mode()
def ending_losses(
    model: GPT, rows: Sequence[Row], on_progress: Callable[[float], None] = lambda done: None
) -> list[float]:
    """Negative log-likelihood in nats of every row's ending given what stands before it, summed over its tokens.

    Rows of like length go through the model together. A row longer than the model's context loses its first tokens.
    """
    device = next(model.parameters()).device
    training, losses = model.training, [0.0] * len(rows)
    model.eval()
    clipped = [row.ids[-model.config.block_size :] for row in rows]
    order = sorted(range(len(rows)), key=lambda i: len(clipped[i]), reverse=True)
    done = 0
    while done < len(order):
        width = len(clipped[order[done]])
        batch = order[done : done + max(1, ROWS_TOKENS // width)]
        idx = torch.zeros(len(batch), width, dtype=torch.long)  # (B, T), padded right: no token sees what follows it
        targets = torch.full((len(batch), width), IGNORE)
        for line, i in enumerate(batch):
            ids = torch.tensor(clipped[i])
            idx[line, : len(ids)] = ids
            first = max(1, len(ids) - rows[i].n_scored)
            targets[line, first - 1 : len(ids) - 1] = ids[first:]
        targets = targets.to(device)
        scored = targets != IGNORE
        x = model.hidden(idx.to(device))[scored]  # (N, C): the head, most of the work, for the endings alone
        nll = F.cross_entropy(F.linear(x, model.wte.weight).float(), targets[scored], reduction="none")
        sums = torch.zeros(len(batch), dtype=torch.float64, device=device)
        sums.index_add_(0, scored.nonzero()[:, 0], nll.double())
        for i, loss in zip(batch, sums.tolist(), strict=True):
            losses[i] = loss
        done += len(batch)
        on_progress(done / len(order))
    model.train(training)
    return losses


def _least(values: Sequence[float]) -> int:
    return min(range(len(values)), key=values.__getitem__)
