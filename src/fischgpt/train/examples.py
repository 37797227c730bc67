"""What the readers of passages learn from: questions about made-up owners and people written by hand, and the passages
of their owner that each is shown with."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fischgpt.data.grounded.asked import Asked, MadeUp
from fischgpt.data.grounded.families import without
from fischgpt.data.grounded.orders import in_company, orders
from fischgpt.data.grounded.people import people
from fischgpt.errors import UserError
from fischgpt.profile.bm25 import BM25
from fischgpt.profile.embed import Reading, embedder
from fischgpt.profile.index import BM25_WEIGHT
from fischgpt.profile.indexed import indexed_text
from fischgpt.profile.question import strip
from fischgpt.profile.relevance import Pair

Item = TypeVar("Item")

QUESTIONS_PER_STEP = 24
CANDIDATES, FAR = 6, 2
"""Passages a question is learned against: those that answer it, the ones that the search ranks highest, and some of the
others: without these a passage that is like no question ("What stayed with him most was ...") drew questions of any
kind."""
WRITTEN = 0.6
"""Share of the questions that are about the people written by hand."""
WITHHELD = 0.15
"""Share of the answerable questions of which no passage that answers is shown: none of the others does, and what is
wanted is simply not there, the commonest case on a real page."""
MOVED_ON = 0.15
"""Share of the questions that are also read behind another one of the same visitor, which says nothing about them."""
ORDERS, COMPANY = 0.2, 0.1
"""Orders, as a share of the questions about an owner, and questions in their company (grounded/orders.py)."""
BARE = 0.4
"""Of the questions whose passage has a bare version: the share that see it beside the passage; as many see it alone."""
POOL = 2000
"""Questions from which a step draws, so that those of one owner (12) lie far apart."""


@dataclass(frozen=True)
class Example:
    """A question with its owner's P passages, and which of them answer it."""

    question: Reading
    passages: list[Reading]
    """P of them, then bare versions of some."""
    cosines: NDArray[np.float32]
    bm25: NDArray[np.float32]
    """Both of all passages."""
    answers: NDArray[np.bool_]
    """(P,)"""
    kind: str
    bare: tuple[int, ...] = ()
    """Where among the passages are bare versions of those that answer, which do not."""

    def pairs(self, which: Sequence[int]) -> list[Pair]:
        return [Pair(self.question, self.passages[i], float(self.cosines[i]), float(self.bm25[i])) for i in which]


Shown = tuple[list[Pair], Tensor, Tensor]
"""The N pairs of a step, (N,) whether each answers, and (N,) the numbers of their questions."""
Nearness = Callable[[Example, np.random.Generator], NDArray[np.floating]]
"""(passages,) how likely each is taken for the answer: the wrong ones to learn against are those that are."""


def by_hand(folder: Path, left_out: Collection[str] = (), follow_ups: bool = False) -> list[Example]:
    """The questions about a folder of people written by hand, without those of some families, counted aloud. Raises
    UserError where there are none."""
    with ThreadPoolExecutor(torch.get_num_threads()) as readers:
        read_of = readers.map(partial(read, follow_ups=follow_ups), without(people(folder), left_out))
        written = [one for examples in read_of for one in examples]
    if not written:
        raise UserError(f"no people in {folder}: NAME.json with NAME.txt beside it")
    print(f"{len(written):,} questions written by hand", flush=True)
    return written


def read(owner: MadeUp, follow_ups: bool = False) -> list[Example]:
    """The owner's questions as the search sees them, names stripped; `follow_ups` with the question before them, as the
    cross-encoder reads them, or else left out: they say nothing alone. With them come questions that go on from nothing
    though another stands before them, and orders."""
    examples: list[Example] = []
    texts = [indexed_text(passage) for passage in [*owner.passages, *(one.passage for one in owner.bare)]]
    alone = [one for one in owner.questions if not one.earlier]
    questions = [(one, one.text) for one in alone]
    if follow_ups:
        rng = Random(owner.name)
        questions = [(one, f"{one.earlier} {one.text}".strip()) for one in owner.questions]
        questions += [(one, f"{rng.choice(alone).text} {one.text}") for one in alone if rng.random() < MOVED_ON]
        questions += [(one, in_company(one.text, rng)) for one in alone if rng.random() < COMPANY]
        given = rng.sample(orders(), round(ORDERS * len(alone)))
        questions += [(Asked(order, "", (), "order"), order) for order in given]
    asked = [strip(text, owner.name) for _, text in questions]
    readings = embedder().read([*texts, *asked])
    P = len(owner.passages)
    passages, bm25, of_bare = readings[: len(texts)], BM25(texts[:P]), BM25(texts)
    vectors = np.stack([passage.vector for passage in passages])
    for question, text, (one, _) in zip(readings[len(texts) :], asked, questions, strict=True):
        answers = np.isin(np.arange(P), one.answers)
        words = np.array([*bm25.scores(text), *of_bare.scores(text)[P:]], np.float32)
        bare = tuple(P + i for i, b in enumerate(owner.bare) if answers[b.of] and one.text not in b.still)
        examples.append(Example(question, passages, vectors @ question.vector, words, answers, one.kind, bare))
    return examples


def steps(
    owners: Iterable[MadeUp],
    written: Sequence[Example],
    seed: int,
    share: float = WRITTEN,
    questions: int = QUESTIONS_PER_STEP,
) -> Iterator[list[Example]]:
    """The `questions` of each step, `share` of them written by hand; made-up owners are read ahead, as long as there
    are any."""
    rng = np.random.default_rng(seed)
    again: list[int] = []
    pool: list[Example] = []
    source = iter(owners)
    ahead: list[MadeUp] = list(islice(source, 32))
    with ThreadPoolExecutor(1) as reader:
        reading = reader.submit(lambda part: [one for owner in part for one in read(owner)], ahead)
        while ahead or len(pool) >= questions:
            while ahead and len(pool) < POOL:
                pool += reading.result()
                ahead = list(islice(source, 32))
                reading = reader.submit(lambda part: [one for owner in part for one in read(owner)], ahead)
            by_hand = rng.binomial(questions, share) if written else 0
            if len(again) < by_hand:
                again = [*again, *rng.permutation(len(written)).tolist()]
            step, again = [written[i] for i in again[:by_hand]], again[by_hand:]
            for _ in range(questions - by_hand):
                at = int(rng.integers(len(pool)))
                pool[at], pool[-1] = pool[-1], pool[at]
                step.append(pool.pop())
            yield step


def by_search(one: Example, rng: np.random.Generator) -> NDArray[np.floating]:
    """(passages,) how near the search finds each, never twice quite the same."""
    P = len(one.answers)
    return one.cosines[:P] + BM25_WEIGHT * one.bm25[:P] + rng.normal(0, 0.15, P)


def shown(
    batch: Sequence[Example],
    rng: np.random.Generator,
    candidates: int = CANDIDATES,
    far: int = FAR,
    nearness: Nearness = by_search,
) -> Shown:
    """What a step shows of its questions."""
    pairs: list[Pair] = []
    answers: list[float] = []
    numbers: list[int] = []
    for number, one in enumerate(batch):
        which = _candidates(one, rng, candidates, far, nearness)
        pairs += one.pairs(which)
        answers += [float(i < len(one.answers) and one.answers[i]) for i in which]
        numbers += [number] * len(which)
    return pairs, torch.tensor(answers), torch.tensor(numbers)


def _candidates(one: Example, rng: np.random.Generator, candidates: int, far: int, nearness: Nearness) -> list[int]:
    ranked = np.argsort(-nearness(one, rng))
    right = [] if rng.random() < WITHHELD else np.flatnonzero(one.answers).tolist()
    wrong = [int(i) for i in ranked if not one.answers[i]]
    bare: list[int] = []
    if one.bare and (drawn := rng.random()) < 2 * BARE:
        bare, right = list(one.bare), right if drawn < BARE else []
    near = max(2, candidates - far - len(right) - len(bare))
    others = rng.permutation(len(wrong) - near)[:far] + near if len(wrong) > near else []
    return [*right, *bare, *wrong[:near], *(wrong[i] for i in others)]


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The items, each made while the one before is used."""
    with ThreadPoolExecutor(1) as maker:
        coming = maker.submit(next, items, None)
        while (item := coming.result()) is not None:
            coming = maker.submit(next, items, None)
            yield item
