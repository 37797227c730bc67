"""Is a question one that anybody is asked ("are you married?", "hobbies?"), and which passages answer that one?

Two linear models fitted by train/intents.py: one tells from a question's vector which of 120 usual questions it is, if
any; the other from a passage's vector and word pieces which of them it answers. What a reader of pairs seldom learns,
that a line is near "what are you proudest of?" and yet no answer, each of these has learned by itself, from every line
of hundreds of resumes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

from fischgpt.profile.embed import Reading
from fischgpt.resources import resource

MOST = 8.0
"""Logits beyond are cut: nothing is that certain."""
LEAST = float(1 / (1 + np.exp(MOST)))
"""The probability of the lowest."""


@dataclass(frozen=True)
class Intents:
    """The fitted models, of K usual questions."""

    asked: NDArray[np.float32]
    """(384 + 1, K + 1): which one a question is, from its vector and 1; the last column is none of them."""
    vectors: NDArray[np.float32]
    """(384 + 2, K): which of them a passage answers, from its vector, whether it is its entry's first line, and 1,"""
    pieces: NDArray[np.float32]
    """(V, K) and from the mean of these, one for each of its different word pieces that are known, times the root of
    their number,"""
    known: dict[int, int]
    """of which this is the row."""

    @classmethod
    def load(cls, file: Path) -> "Intents":
        tensors = load_file(file)
        weights = {name: tensors[name].astype(np.float32) for name in ("asked", "vectors", "pieces")}
        return cls(**weights, known={int(id_): row for row, id_ in enumerate(tensors["known"])})

    def of(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """(K,) the probability that a question is each of the usual ones; (384,) its vector."""
        logits = vector @ self.asked[:-1] + self.asked[-1]
        odds = np.exp(logits - logits.max())
        return (odds / odds.sum())[:-1]

    def answered(self, passages: Sequence[Reading], first: Sequence[bool]) -> NDArray[np.float32]:
        """(P, K) logits that the passages answer each; first: whether each is the first line of its entry."""
        logits = np.stack([passage.vector for passage in passages]) @ self.vectors[:-2] + self.vectors[-1]
        logits += np.array(first, np.float32)[:, None] * self.vectors[-2]
        for i, passage in enumerate(passages):
            if rows := [self.known[id_] for id_ in set(passage.ids.tolist()) if id_ in self.known]:
                logits[i] += self.pieces[rows].sum(axis=0) / np.sqrt(len(rows))
        return np.clip(logits, -MOST, MOST)

    def judged(self, asked: NDArray[np.float32], answered: NDArray[np.float32]) -> NDArray[np.float32]:
        """(P,) logits that the passages answer a question that is one of the usual ones: (K,) which, and what
        `answered` gives. For none at all the least there is."""
        share = asked / max(float(asked.sum()), 1e-9)
        probabilities = (1 / (1 + np.exp(-answered))) @ share
        return np.log(np.maximum(probabilities, LEAST) / (1 - probabilities))


@lru_cache(maxsize=1)
def intents() -> Intents:
    """The shipped ones."""
    return Intents.load(resource("relevance/intents.safetensors"))
