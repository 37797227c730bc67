"""What the readers say of what was found, weighed: the order of passages, and whether any of them answers."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fischgpt.profile.embed import Reading
from fischgpt.profile.intents import intents
from fischgpt.profile.relevance import Pair, relevance
from fischgpt.profile.rereading import best_part, read_again
from fischgpt.profile.retrieval import Hit

RANK_WEIGHT, GATE_WEIGHT = 4.0, 2.0
"""What the search's score adds to the reader's logit: more where passages are ordered (hit@1 on questions in a resume's
own words .87 by the reader alone, .90 with 4; on oblique ones .49 and .50), less where it is decided whether any of
them answers (AUC of oblique questions against near misses .89 by the reader alone, .86 with 2, .83 with 4; against
absent answers .977, .985, .988). Seen with the reader of 68 people; the weights were not fitted again."""
EVEN = 0.37
"""The search's score at which that adds nothing: its own threshold, were there no reader."""
REREAD_WEIGHTS = np.array([0.66, 0.17, 1.77, -1.45])
"""Of the cross-encoder's logit, the first reader's, the search's score, and 1; the sum is the logit that a passage
answers, fitted on 1,144 questions about 30 people that neither reader learned from; fitted again on 1,303 about others
(benchmarks/weights.py) with today's reader they come out alike and order no better."""
REREAD_GATE = np.array([0.76, 0.38, -0.87, 2.28])
"""The same of the best passage, for the logit that the profile holds an answer, fitted on the same questions: near in
meaning is what near misses are too. Where 3 % of the oblique questions with an answer are declined, .70 of those
without are, and .61 by REREAD_WEIGHTS (AUC .950 and .925)."""
FAR, FAR_WEIGHT = 0.15, 10.0
"""Where the best passage has a lower search score than FAR, that logit is lower by FAR_WEIGHT for each 1.0 of what is
missing: that nearness counts against an answer (REREAD_GATE) is true of near misses, not of "say banana", which is near
nothing. Of 160 orders 91 % are declined so and 88 without, of 933 questions with an answer one more (reader before)."""
USUAL_FIRST = np.array([0.54, 0.22, 0.74, -0.13])
"""Of a question that anybody is asked (profile/intents.py): of the logit that a passage answers that one, the first
reader's, the search's score, and 1; the sum is the logit that it does."""
USUAL_WEIGHTS = np.array([0.48, 0.39, 0.07, 0.32, 0.27])
"""The same with the cross-encoder's logit behind the first of these, fitted on the twenty people of the dev half: 2,390
usual questions and what the evaluation asks that looks like one. With it the passage that comes first answers .69 of
those with an answer, by the readers alone .59 (each half of the people weighed by a fit on the other)."""
USUAL_GATE = np.array([0.52, 0.42, 0.06, 0.95, 1.68])
"""And of the best passage, for the logit that the profile holds an answer: AUC .88 instead of .80."""


def judge(
    question: Reading,
    whole: Reading | None,
    usual: NDArray[np.float32],
    hits: Sequence[Hit],
    readings: Sequence[Reading],
    reread: int,
) -> tuple[list[Hit], float]:
    """The hits in the order of search and readers together, scored by the probability that each answers; and the
    probability that one of them does. The best `reread` of the first reader are read twice.

    whole: a question with the rest of its message, which the cross-encoder reads too, for the higher logit: of 152
    questions behind an order to do something else 130 find their passage first so, and 120 if they are searched
    and read with it alone (seen once, with an earlier reader). usual: the probability that it is each of the usual
    questions. readings: of the hits."""
    if not hits:
        return [], 0.0
    pairs = [Pair(question, reading, hit.cosine, hit.bm25) for hit, reading in zip(hits, readings, strict=True)]
    first_lines = [hit.passage.id == hit.passage.entry for hit in hits]
    asked = intents().judged(usual, intents().answered(readings, first_lines))
    hits = [replace(hit, usual=float(logit)) for hit, logit in zip(hits, asked, strict=True)]
    found, logits, one = np.array([hit.score for hit in hits]), relevance().score(pairs), np.ones(len(hits))
    share, of_usual = float(np.sqrt(usual.sum())), USUAL_FIRST @ np.stack([asked, logits, found, one])
    order = np.argsort(-_mixed(logits + RANK_WEIGHT * found, of_usual, share), kind="stable")
    scores = _probability(_mixed(logits + GATE_WEIGHT * (found - EVEN), of_usual, share))
    if not reread:
        return [replace(hits[i], score=float(scores[i])) for i in order], float(scores.max())
    best, rest = order[:reread], order[reread:]
    again = read_again([pairs[i] for i in best], whole)
    known = np.stack([again, logits[best], found[best], one[best]])
    usually = np.vstack([asked[best], known])
    both = _mixed(REREAD_WEIGHTS @ known, USUAL_WEIGHTS @ usually, share)
    scores[best] = _probability(both)
    for i, of in zip(best, known.T.tolist(), strict=True):
        hits[i] = replace(hits[i], signals=tuple(of))
    first, *rest = [*best[np.argsort(-both, kind="stable")], *rest]
    part = best_part(pairs[first], hits[first].passage, whole)
    judged = [
        replace(hits[first], score=float(scores[first]), part=part),
        *(replace(hits[i], score=float(scores[i])) for i in rest),
    ]
    at = both.argmax()
    return judged, float(_probability(_mixed(np.array(gate(known[:, at])), USUAL_GATE @ usually[:, at], share)))


def gate(signals: NDArray[np.floating]) -> float:
    """Logit that the profile holds an answer, of the best passage's (4,) signals (`Hit.signals`)."""
    return float(REREAD_GATE @ signals - FAR_WEIGHT * max(0.0, FAR - signals[2]))


def _mixed(of_readers: NDArray, of_usual: NDArray, share: float) -> NDArray:
    """The logits, those for usual questions as far as the question is one: `share` is the root of how likely that is,
    which tells .002 more of each kind rightly than that itself."""
    return (1 - share) * of_readers + share * of_usual


def _probability(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    return 1 / (1 + np.exp(-logits))
