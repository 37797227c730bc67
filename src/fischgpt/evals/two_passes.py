"""float32's answers for little more than half of float32's time: bfloat16 first, and again in float32 what is close.

Which ending is likeliest is seldom a close call: the likeliest is whole nats ahead where bfloat16 errs by hundredths.
How far it errs is a matter of the model, so it is measured on the model at hand: a sample of the questions is scored
both ways, and whatever is scored twice later measures on. A question counts as close unless its answer stays what it is
wherever in the margin the true losses lie.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from fischgpt.evals.likelihood import Tree, can_be_rough, losses
from fischgpt.model.gpt import GPT

FACTOR = 4
"""How many times the largest error seen an error may be.

Of the errors of all endings the largest was 1.2 to 1.7 times as large as the sample's largest, and with 200 other
samples at random never more than 2.8 times (benchmarks/hellaswag.md). For a wrong answer the
errors of two endings have to differ by twice the bound."""
SAMPLE, SAMPLE_SHARE = 8, 1 / 25
"""Questions scored both ways to begin with: at least so many, and this share of all."""
WORTHWHILE = 0.4
"""Share of close questions from which on float32 alone is the faster way: a pass in bfloat16 takes 0.5 to 0.65 of
its time."""


@dataclass(frozen=True)
class Question:
    """A context with its endings, one of them right, and the length that each ending's loss is divided by."""

    tree: Tree
    lengths: list[int]
    label: int

    @cached_property
    def roots(self) -> list[float]:
        """Of each ending's number of tokens: what the error of a sum of that many errors grows with."""
        return self.tree.scored[:, 2].bincount(minlength=self.tree.n_rows).sqrt().tolist()

    def right(self, sums: Sequence[float]) -> tuple[bool, bool]:
        """Whether the right ending has the least loss, and the least loss for its length; the first of equals wins."""
        plain, normed = (min(range(len(sums)), key=values.__getitem__) for values in (sums, self._normed(sums)))
        return plain == self.label, normed == self.label

    def is_close(self, sums: Sequence[float], margin: float) -> bool:
        """Whether losses within `margin` times the root of each ending's tokens could change what `right` says."""
        low = [nats - margin * root for nats, root in zip(sums, self.roots, strict=True)]
        high = [nats + margin * root for nats, root in zip(sums, self.roots, strict=True)]
        return not (self._is_settled(low, high) and self._is_settled(self._normed(low), self._normed(high)))

    def _is_settled(self, low: list[float], high: list[float]) -> bool:
        others = [ending for ending in range(len(low)) if ending != self.label]
        surely_right = all(high[self.label] < low[ending] for ending in others)
        return surely_right or any(high[ending] < low[self.label] for ending in others)

    def _normed(self, sums: Sequence[float]) -> list[float]:
        return [nats / length if length else math.inf for nats, length in zip(sums, self.lengths, strict=True)]


def answer(
    model: GPT, questions: Sequence[Question], on_progress: Callable[[float], None] = lambda share: None
) -> tuple[list[tuple[bool, bool]], int]:
    """What `Question.right` says of float32's losses, for every question; and how many were scored twice for it.

    0 where bfloat16 is not in hardware, the weights are not float32, or there are too few questions to gain by it.
    """
    everything = list(range(len(questions)))
    n_sample = max(SAMPLE, int(len(questions) * SAMPLE_SHARE))
    exact: dict[int, list[float]] = {}
    rough: dict[int, list[float]] = {}

    def pass_over(chosen: list[int], begin: float, end: float, roughly: bool = False) -> None:
        trees = [questions[i].tree for i in chosen]
        found = losses(model, trees, lambda share: on_progress(begin + share * (end - begin)), roughly)
        (rough if roughly else exact).update(zip(chosen, found, strict=True))

    if len(questions) < 3 * n_sample or not can_be_rough(model):
        pass_over(everything, 0, 1)
        return [questions[i].right(exact[i]) for i in everything], 0
    by_size = sorted(everything, key=lambda i: len(questions[i].tree))
    sample = [by_size[(2 * i + 1) * len(by_size) // (2 * n_sample)] for i in range(n_sample)]
    begin = n_sample / len(questions)
    pass_over(sample, 0, begin)
    pass_over(sample, begin, begin, roughly=True)
    margin = FACTOR * _largest_error(questions, exact, rough)
    share = sum(questions[i].is_close(rough[i], margin) for i in sample) / n_sample
    if share > WORTHWHILE:
        pass_over([i for i in everything if i not in exact], begin, 1)
        return [questions[i].right(exact[i]) for i in everything], n_sample
    middle = begin + (1 - begin) * (1 - share)
    pass_over([i for i in everything if i not in rough], begin, middle, roughly=True)
    while close := [i for i in everything if i not in exact and questions[i].is_close(rough[i], margin)]:
        pass_over(close, middle, 1)
        margin = FACTOR * _largest_error(questions, exact, rough)
    on_progress(1)
    return [questions[i].right(exact.get(i, rough[i])) for i in everything], len(exact)


def _largest_error(
    questions: Sequence[Question], exact: dict[int, list[float]], rough: dict[int, list[float]]
) -> float:
    """Of what was scored both ways, for the root of an ending's tokens."""
    return max(
        abs(one - other) / max(1.0, root)
        for i in exact.keys() & rough.keys()
        for one, other, root in zip(exact[i], rough[i], questions[i].roots, strict=True)
    )
