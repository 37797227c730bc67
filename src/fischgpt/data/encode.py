"""Texts to token ids, on all cores, in order."""

import hashlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

import numpy as np

from fischgpt.data.pieces import Piece
from fischgpt.errors import UserError
from fischgpt.resources import available_cores
from fischgpt.tokenizer import Tokenizer

ALONE_BYTES = 8_000_000
"""Text tokenized before other processes are started: they take about as long to start."""


@dataclass(frozen=True)
class Encoded:
    """The documents of a piece, one after another."""

    ids: np.ndarray
    """(N,) uint16 or uint32; each document ends with `<|endoftext|>`."""
    lengths: np.ndarray
    """(rows,) tokens of each, the end included; 0: a blank document, which is left out."""
    held_out: np.ndarray
    """(rows,) bool: for validation."""
    text_bytes: int


def is_validation(text: str, fraction: float, seed: int) -> bool:
    """By the document's own hash: the same text always falls on the same side, however often it occurs."""
    digest = hashlib.sha256(f"{seed}:{text}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8]) < fraction * 2**64


class Encoder:
    """Tokenizes pieces and says which documents are held out."""

    def __init__(self, tokenizer: Tokenizer, val_fraction: float, seed: int) -> None:
        self._tokenizer = tokenizer
        self._dtype = np.uint16 if tokenizer.n_vocab <= 1 << 16 else np.uint32
        self._val_fraction, self._seed = val_fraction, seed

    def __call__(self, piece: Piece) -> Encoded:
        ids: list[np.ndarray] = []
        lengths = np.zeros(piece.rows, dtype=np.int64)
        held_out = np.zeros(piece.rows, dtype=bool)
        end = np.array([self._tokenizer.eot], dtype=self._dtype)
        text_bytes = 0
        for row, text in enumerate(piece.read()):
            text_bytes += len(text.encode("utf-8", "surrogatepass"))
            if not text.strip():
                continue
            ids += [self._tokenizer.encode_array(text).astype(self._dtype), end]
            lengths[row] = len(ids[-2]) + 1
            held_out[row] = is_validation(text, self._val_fraction, self._seed)
        joined = np.concatenate(ids) if ids else np.zeros(0, dtype=self._dtype)
        return Encoded(joined, lengths, held_out, text_bytes)


def encode_all(
    pieces: Iterable[Piece], tokenizer_folder: Path, val_fraction: float, seed: int, workers: int | None
) -> Generator[tuple[Piece, Encoded], None, None]:
    """Every piece with its tokens, in order, whatever the number of workers (None: all cores).

    Processes, not threads: on two cores 29.0 MB/s against 26.1 with threads and 16.8 with tiktoken's own batches, one
    alone 15.6 (GPT-2's vocabulary, English prose, this function alone; from parquet to shards docs/data.md has 17.8 and
    10.4); and threads share one interpreter lock, for which many cores
    would wait. Twice as many pieces as workers are on their way, which bounds the memory.
    """
    encoder = Encoder(Tokenizer.load(tokenizer_folder), val_fraction, seed)
    remaining = iter(pieces)
    count = workers or available_cores()
    alone = 0
    while count == 1 or (workers is None and alone < ALONE_BYTES):
        piece = next(remaining, None)
        if piece is None:
            return
        encoded = encoder(piece)
        alone += encoded.text_bytes
        yield piece, encoded
    pool = ProcessPoolExecutor(
        count,
        mp_context=multiprocessing.get_context("spawn"),  # a fork of a process with threads may hang
        initializer=_start,
        initargs=(tokenizer_folder, val_fraction, seed),
    )
    waiting: deque[tuple[Piece, Future[Encoded]]] = deque()
    try:
        while True:
            while len(waiting) < 2 * count and (piece := next(remaining, None)) is not None:
                waiting.append((piece, pool.submit(_encode, piece)))
            if not waiting:
                return
            piece, future = waiting.popleft()
            yield piece, future.result()
    except BrokenProcessPool:
        raise UserError(
            "a tokenizing process was killed, perhaps for want of memory; set data.workers lower and start again: "
            "what is done is kept"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_encoder: Encoder | None = None


def _start(tokenizer_folder: Path, val_fraction: float, seed: int) -> None:
    """In each process of the pool."""
    global _encoder
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _encoder = Encoder(Tokenizer.load(tokenizer_folder), val_fraction, seed)


def _end_with_parent() -> None:
    """A parent killed with -9 tells nobody, and its pool would wait for work for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _encode(piece: Piece) -> Encoded:
    assert _encoder is not None
    return _encoder(piece)
