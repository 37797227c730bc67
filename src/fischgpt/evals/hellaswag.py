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
from typing import Literal

from fischgpt.errors import UserError
from fischgpt.evals.hellaswag_items import Item, load_items, pick
from fischgpt.evals.likelihood import Row, lay
from fischgpt.evals.two_passes import Question, answer
from fischgpt.model.gpt import GPT
from fischgpt.tokenizer import Tokenizer

Protocol = Literal["token", "harness"]
METRICS: dict[Protocol, tuple[str, str]] = {"token": ("acc_token", "acc_norm_token"), "harness": ("acc", "acc_norm")}
"""What each protocol reports: the ending with the least loss, and with the least loss for its length."""


@dataclass(frozen=True)
class Choices:
    """One item as one protocol asks it: its endings after the context, and the length each one's loss is divided by."""

    rows: list[Row]
    lengths: list[int]


class HellaSwag:
    """The benchmark, as training calls it every N steps. Items are read once and tokenized once for each tokenizer.

    Raises UserError if the set cannot be had.
    """

    def __init__(self, items: Sequence[Item] | None = None, protocols: Sequence[Protocol] = tuple(METRICS)) -> None:
        self.items = list(load_items() if items is None else items)
        self.protocols = tuple(protocols)
        self._laid: dict[tuple[str, int, int | None, tuple[int, int]], _Laid] = {}

    def __call__(
        self,
        model: GPT,
        tok: Tokenizer,
        limit: int | None = None,
        shard: tuple[int, int] = (0, 1),
        add: Callable[[list[int]], list[int]] = lambda counts: counts,
        on_progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> dict:
        """Accuracies in 0..1 of `limit` evenly spaced items (None: all), with standard errors, by the names of METRICS.

        shard (rank, world): this process scores its share only; `add` gets its counts and gives the sums over all
        processes (an all-reduce), so that each returns the whole result. `on_progress` gets items done and in all. The
        model is left in the mode it was in. `rows_cut` counts rows that were too long and lost their first tokens,
        `scored_twice` questions (an item by one protocol) that were scored in bfloat16 and in float32; every answer is
        float32's. Raises UserError if there is no item.
        """
        start = time.perf_counter()
        key = (tok.fingerprint, model.config.block_size, limit, shard)
        if key not in self._laid:
            chosen = pick(self.items, limit)
            if not chosen:
                raise UserError("HellaSwag: no items to score")
            self._laid[key] = _Laid(tok, model.config.block_size, chosen[shard[0] :: shard[1]], self.protocols)
        laid = self._laid[key]
        right, twice = laid.score(model, on_progress)
        n, cut, twice, *hits = add([len(laid.items), laid.cut, twice, *map(sum, right.values())])
        result: dict = {"task": "hellaswag", "items": n, "items_in_set": len(self.items)}
        for name, hit in zip(right, hits, strict=True):
            accuracy = hit / n
            result[name] = accuracy
            result[f"{name}_stderr"] = math.sqrt(accuracy * (1 - accuracy) / max(1, n - 1))
        return result | {"rows_cut": cut, "scored_twice": twice, "seconds": round(time.perf_counter() - start, 1)}


def score(
    model: GPT, tok: Tokenizer, items: Sequence[Item], protocols: Sequence[Protocol] = tuple(METRICS)
) -> tuple[dict[str, list[bool]], int]:
    """Right or wrong of every item under every metric, and how many rows were too long and lost their first tokens."""
    laid = _Laid(tok, model.config.block_size, items, protocols)
    return laid.score(model)[0], laid.cut


class _Laid:
    """Items ready to be scored: tokenized, and laid into trees of which the context stands once."""

    def __init__(self, tok: Tokenizer, block_size: int, items: Sequence[Item], protocols: Sequence[Protocol]) -> None:
        asks = {"token": token_choices, "harness": harness_choices}
        self.items, self.protocols = items, protocols
        self.questions: list[Question] = []
        for protocol in protocols:
            for item in items:
                choices = asks[protocol](tok, item)
                self.questions.append(Question(lay(choices.rows, block_size), choices.lengths, item.label))
        self.cut = sum(question.tree.n_cut for question in self.questions)

    def score(
        self, model: GPT, on_progress: Callable[[int, int], None] = lambda done, total: None
    ) -> tuple[dict[str, list[bool]], int]:
        """Right or wrong of every item by the names of METRICS, and how many questions were scored twice."""
        n = len(self.items)
        found, twice = answer(model, self.questions, lambda share: on_progress(int(share * n), n))
        right: dict[str, list[bool]] = {}
        for at, protocol in enumerate(self.protocols):
            plain, normed = METRICS[protocol]
            part = found[at * n : (at + 1) * n]
            right[plain], right[normed] = [one for one, _ in part], [other for _, other in part]
        return right, twice


def token_choices(tok: Tokenizer, item: Item) -> Choices:
    """build-nanogpt's: context and " " + ending, tokenized apart; lengths in tokens."""
    context = tok.encode(item.ctx)
    endings = tok.encode_batch([" " + ending for ending in item.endings])
    return Choices([Row((*context, *ending), len(ending)) for ending in endings], [len(ending) for ending in endings])


def harness_choices(tok: Tokenizer, item: Item) -> Choices:
    """lm-evaluation-harness': tokenized together, the context's tokens taken off the front; lengths in characters."""
    query = harness_text(f"{item.activity_label}: {item.ctx_a} {item.ctx_b.capitalize()}")
    context = tok.encode(query.rstrip())
    endings = [harness_text(ending) for ending in item.endings]
    wholes = tok.encode_batch([f"{query} {ending}" for ending in endings])
    rows = [Row((*context, *whole[len(context) :]), max(1, len(whole) - len(context))) for whole in wholes]
    return Choices(rows, [len(ending) for ending in endings])


def harness_text(text: str) -> str:
    """The harness' preparation: `[title]` becomes a full stop, other brackets go, double spaces turn single."""
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")
