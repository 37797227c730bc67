"""The second reading: does this passage answer this question?

The reader of `relevance.py` puts the candidates in order; the best few are read once more, by a network four times as
deep that sees both texts from its first layer on: a cross-encoder (Nogueira and Cho 2019, arXiv 1901.04085), which
knows what it takes to tell that "the empress" is Catherine. It began as ms-marco-MiniLM-L-12-v2, trained on half a
million questions put to a search engine, and learned on from invented owners (train/cross_encoder.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fischgpt.profile.relevance import PASSAGE_TOKENS, QUESTION_TOKENS, Pair, Relevance, found
from fischgpt.resources import resource


@dataclass(frozen=True)
class Tokens:
    """B pairs as the network takes them, padded: `[CLS] question [SEP] passage [SEP]`."""

    ids: NDArray[np.int64]
    """(B, T): word pieces, 0 where there is padding."""
    part: NDArray[np.int64]
    """(B, T): 1 for the passage, 0 elsewhere (BERT's token types)."""
    found: NDArray[np.float32]
    """(B, 2): what the search found, as the first reader gets it."""


def collate(pairs: Sequence[Pair]) -> Tokens:
    """The pairs as one batch."""
    questions = [pair.question.ids[:QUESTION_TOKENS] for pair in pairs]
    passages = [pair.passage.ids[1:PASSAGE_TOKENS] for pair in pairs]  # [CLS] stands once, at the beginning
    T = max(len(a) + len(b) for a, b in zip(questions, passages, strict=True))
    ids, part = (np.zeros((len(pairs), T), np.int64) for _ in range(2))
    for row, (a, b) in enumerate(zip(questions, passages, strict=True)):
        n, end = len(a), len(a) + len(b)
        ids[row, :n], ids[row, n:end], part[row, n:end] = a, b, 1
    return Tokens(ids, part, found(pairs))


class CrossEncoder(Relevance):
    """The network with int8 weights, as the first reader's."""

    collate = staticmethod(collate)


@lru_cache(maxsize=1)
def cross_encoder() -> CrossEncoder:
    """The shipped network, loaded once. Raises FileNotFoundError or onnxruntime's errors when it is not whole."""
    return CrossEncoder(resource("crossencoder/model.onnx"))
