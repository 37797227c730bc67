"""Does this passage answer this question? The upper half of the embedding model, reading both texts together.

Cosines say what a passage is about, not whether it holds the answer: "How much did the tower cost?" is close to every
line about the tower. So the tokens of question and passage, each text by itself through the lower three layers of
MiniLM, go together through three more, which see what is asked (a sum, a name, a reason) and whether it stands there.
They began as MiniLM's upper three and were trained on. A passage's half is read once, when it is indexed (a
cross-encoder with precomputed lower layers: PreTTR, MacAvaney et al. 2020, arXiv 2004.14255). The logit of "none of
these" is 0: a question is answerable when a passage scores above it. The network and its training: train/reader.py.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fischgpt.profile.embed import DIMENSIONS, Reading
from fischgpt.resources import resource

QUESTION_TOKENS, PASSAGE_TOKENS = 48, 100
"""Tokens read of each: of 400 made-up owners the longest question has 37, the longest passage 87."""

SLICE = 4
"""Pairs of alike length that are read at once: 32 pairs take 108 ms so, 233 when all are padded to the longest."""


@dataclass(frozen=True)
class Pair:
    """A question, a passage, and what the search found between them."""

    question: Reading
    passage: Reading
    cosine: float
    bm25: float


@dataclass(frozen=True)
class Batch:
    """B pairs, padded."""

    states: NDArray[np.float32]
    """(B, T, 384)"""
    part: NDArray[np.int64]
    """(B, T): 1 question, 2 passage, 0 padding."""
    shared: NDArray[np.int64]
    """(B, T): whether the token stands in both texts."""
    found: NDArray[np.float32]
    """(B, 2): cosine and BM25 at about the same scale."""


def collate(pairs: Sequence[Pair]) -> Batch:
    """The pairs as one batch."""
    questions = [pair.question.ids[:QUESTION_TOKENS] for pair in pairs]
    passages = [pair.passage.ids[:PASSAGE_TOKENS] for pair in pairs]
    T = max(len(a) + len(b) for a, b in zip(questions, passages, strict=True))
    states = np.zeros((len(pairs), T, DIMENSIONS), np.float32)
    part, shared = (np.zeros((len(pairs), T), np.int64) for _ in range(2))
    for row, (pair, a, b) in enumerate(zip(pairs, questions, passages, strict=True)):
        n, end = len(a), len(a) + len(b)
        states[row, :n], states[row, n:end] = pair.question.states[:n], pair.passage.states[: len(b)]
        part[row, :n], part[row, n:end] = 1, 2
        shared[row, :n], shared[row, n:end] = np.isin(a, b), np.isin(b, a)
    return Batch(states, part, shared, found(pairs))


def found(pairs: Sequence[Pair]) -> NDArray[np.float32]:
    """(B, 2): cosine and BM25 of each pair at about the same scale."""
    return np.array([(5 * (pair.cosine - 0.4), pair.bm25 / 4) for pair in pairs], np.float32)


class Relevance:
    """The reader with int8 weights, in one thread of onnxruntime. Safe to use from several threads."""

    collate: Callable[[Sequence[Pair]], Any] = staticmethod(collate)
    """Pairs -> the network's inputs, by name."""

    def __init__(self, model: Path) -> None:
        """Raises onnxruntime's errors when the file is not whole."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])

    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """(N,) logits that the passages answer, in the order of the pairs, against "none of these" at 0."""
        logits = np.zeros(len(pairs), np.float32)
        order = np.argsort([len(pair.passage.ids) for pair in pairs], kind="stable")
        for rows in (order[at : at + SLICE] for at in range(0, len(order), SLICE)):
            logits[rows] = np.asarray(self._session.run(None, vars(self.collate([pairs[i] for i in rows])))[0])
        return logits


@lru_cache(maxsize=1)
def relevance() -> Relevance:
    """The shipped reader, loaded once. Raises FileNotFoundError or onnxruntime's errors when it is not whole."""
    return Relevance(resource("relevance/model.onnx"))
