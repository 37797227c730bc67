"""What a search found, and which of it answers the question."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fischgpt.profile.parts import SHORT_WORDS
from fischgpt.profile.passages import Passage

MAX_LISTED = 6
BELONGS = np.array([0.97, 0.48, -0.53, 0.55, 1.45, 0.77])
"""Whether a further passage belongs to the answer: of its logit, the logit that several things are asked for, the best
passage's logit, whether both are of one section, whether the best is the first line of its entry and this one of its
others, and 1; the sum is a logit, fitted on 780 questions about the dev half and the eleven people of benchmarks/, 105
of them lists (AUC .94)."""
LISTED = 0.2
"""Probability of belonging from which a passage is quoted as well: of the dev half's questions by authors who knew
nothing of the search 86.1 % are right so, all in 30 words, and 16 % of those for one thing get more than one line; from
.25 85.8 and 12 %, from .15 87.0 and 18 % (benchmarks/weights.py)."""


@dataclass(frozen=True)
class Hit:
    """A passage found; `score` is the probability that it answers, or .05 x BM25 where only words are searched."""

    passage: Passage
    score: float
    cosine: float
    bm25: float
    signals: tuple[float, ...] = ()
    """Of what was read twice: the cross-encoder's logit, the first reader's, the search's score, and 1, which the
    search weighs (`REREAD_WEIGHTS`); for fitting those again."""
    usual: float = 0.0
    """Of what was judged: the logit that it answers, were the question one that anybody is asked
    (profile/intents.py)."""
    part: str = ""
    """What of the passage answers, where the whole is too long to quote and was read twice."""
    runs: tuple[tuple[str, float], ...] = ()
    """Shorter quotations of it, where several lines are listed, each with how much its logit that it answers is below
    that of the whole."""


@dataclass(frozen=True)
class Retrieval:
    """What a question found, best first; `answerable` when the best score reaches the threshold."""

    hits: list[Hit]
    answerable: bool
    score: float
    threshold: float
    several: float = 0.0
    """Probability that the question asks for several things, each in a passage of its own; 0 where passages are read
    once."""
    together: int = 1
    """How many of the first hits answer together: two where the question was taken apart (profile/compared.py)."""
    reread: int = 0
    """How many of the first hits were read twice; of the others too many look likely that are not."""
    usual: float = 0.0
    """Probability that the question is one that anybody is asked."""
    words: int = SHORT_WORDS
    """In which several are quoted, if that can be."""


def listed(found: Retrieval) -> list[tuple[Hit, float]]:
    """The hits that may be quoted, each with the probability that it tells what answers: the best one and those that
    answer together with it, or else those that probably belong to the answer, of what was read twice: prizes where
    prizes are asked for, or a second line as likely as the first."""
    best, *rest = found.hits
    if found.together > 1:
        return [(hit, 1.0) for hit in found.hits[: found.together]]
    read_twice = ((hit, _belongs(hit, best, found.several)) for hit in rest[: max(0, found.reread - 1)])
    return [(best, best.score), *(one for one in read_twice if one[1] >= LISTED)][:MAX_LISTED]


def _belongs(hit: Hit, best: Hit, several: float) -> float:
    """Probability that what answers is told by `hit` too."""
    return float(1 / (1 + np.exp(-BELONGS @ belonging(hit, best, several))))


def belonging(hit: Hit, best: Hit, several: float) -> NDArray[np.float64]:
    """(6,) what BELONGS weighs."""
    a, b = hit.passage, best.passage
    alike = (a.section == b.section, b.id == b.entry == a.entry, True)
    return np.array([*map(_logit, (hit.score, several, best.score)), *alike], float)


def _logit(probability: float) -> float:
    return math.log(max(probability, 1e-4) / max(1 - probability, 1e-4))
