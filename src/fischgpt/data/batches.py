"""Batches for the loop: rows of a token stream. Seeded, shuffled, resumable to the row.

These and the conversations of chat_batches.py give a `Step` at a time, everything one optimizer step needs, and
`state()` names the next step exactly: a run that is killed and started again sees the same steps in the same order.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from fischgpt.data.shards import Shards
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer

IGNORE = -100
"""Targets with this value carry no loss."""


class MicroBatch(NamedTuple):
    """What goes through the model at once: ids, the token after each or IGNORE, positions, documents; (B, T) int64."""

    idx: torch.Tensor
    targets: torch.Tensor
    pos: torch.Tensor | None = None
    """None: every row counts from 0."""
    doc: torch.Tensor | None = None
    """A run of equal numbers in a row is one document, which sees only itself; None: every row is one."""


@dataclass(frozen=True)
class Step:
    """Everything one optimizer step needs; `supervised` targets carry loss."""

    micro_batches: list[MicroBatch]
    tokens: int
    """Tokens that are not padding."""
    supervised: int
    position: str
    """Where in the data this is, for messages."""


class Batches(Protocol):
    """What the loop reads from."""

    def next(self) -> Step: ...
    def state(self) -> dict[str, Any]: ...
    def load_state(self, state: dict[str, Any]) -> None: ...
    def validation(self, tokens: int) -> list[MicroBatch]: ...


class PretrainBatches:
    """Rows of `row_tokens` from the train shards: documents shuffled and rows shuffled, anew every epoch.

    Within each shard the documents follow one another in a seeded order of the epoch, and that stream is cut into rows;
    the rows of all shards are then drawn in one seeded permutation. So no two epochs have the same neighbours or the
    same cuts, and a step mixes all shards, at 12 bytes of memory a document and 4 a row: 0.2 GB at 10 billion tokens.
    It takes 10 ns of a core a token, as rows cut from the shards as they lie do: 5 ms for a step of 524,288.

    Rows shorter than `block_size` start at position 0 half of the time and anywhere else otherwise: learned positions
    beyond the row would stay noise, and rows of 256 train 1.5 times as many tokens a second as rows of 512 on two
    cores. With `document_mask`, positions count from each document's beginning instead, and documents see only
    themselves. `<|endoftext|>` is then the first token of the document that follows, as it is in a prompt.
    """

    def __init__(
        self,
        shards: Shards,
        row_tokens: int,
        block_size: int,
        rows_per_step: int,
        micro_batch: int,
        seed: int,
        document_mask: bool = False,
    ) -> None:
        self._eot = shards.eot
        self._train = [_Documents(array, self._eot) for array in shards.arrays("train")]
        self._val = shards.arrays("val")
        self._row_tokens = row_tokens
        self._last_start = 0 if document_mask else block_size - row_tokens
        self._rows_per_step = rows_per_step
        self._micro_batch = micro_batch
        self._seed = seed
        self._document_mask = document_mask
        self._first_row = np.cumsum([0, *((shard.tokens - 1) // row_tokens for shard in self._train)])
        if not self._first_row[-1]:
            raise UserError(
                f"the train shards hold {shards.tokens('train')} tokens, not one row of {row_tokens}; "
                "add text, or set data.row_tokens lower"
            )
        self._epoch = self._cursor = 0
        self._start_epoch()

    def next(self) -> Step:
        rows: list[np.ndarray] = []
        starts: list[int] = []
        position = f"epoch {self._epoch}, row {self._cursor}"
        while len(rows) < self._rows_per_step:
            if self._cursor == len(self._order):
                self._epoch, self._cursor = self._epoch + 1, 0
                self._start_epoch()
            rows.append(self._row(int(self._order[self._cursor])))
            starts.append(int(self._starts[self._cursor]) if self._last_start else 0)
            self._cursor += 1
        tokens = self._rows_per_step * self._row_tokens
        return Step(self._stack(rows, starts), tokens, tokens, position)

    def state(self) -> dict[str, Any]:
        return {"epoch": self._epoch, "cursor": self._cursor, "seed": self._seed}

    def load_state(self, state: dict[str, Any]) -> None:
        self._epoch, self._seed = state["epoch"], state["seed"]
        self._start_epoch()
        self._cursor = state["cursor"]

    def validation(self, tokens: int) -> list[MicroBatch]:
        """About `tokens` tokens of the val shards as rows spread evenly over them.

        The same ones at every call, and whatever the seed, the micro-batch and the number of processes.
        """
        starts = [
            (shard, start) for shard in self._val for start in range(0, len(shard) - self._row_tokens, self._row_tokens)
        ]
        if not starts:
            return self._stack([max(self._val, key=len)[: self._row_tokens + 1]], [0])
        count = min(len(starts), max(1, tokens // self._row_tokens))
        chosen = np.linspace(0, len(starts) - 1, count).round().astype(int)
        rows = [starts[i][0][starts[i][1] : starts[i][1] + self._row_tokens + 1] for i in chosen]
        return self._stack(rows, [0] * len(rows))

    def _start_epoch(self) -> None:
        random = np.random.default_rng([self._seed, self._epoch])
        rows = int(self._first_row[-1])
        self._order = random.permutation(np.arange(rows, dtype=np.uint32))
        if self._last_start:
            anywhere = random.integers(0, self._last_start + 1, rows, dtype=np.int32)
            self._starts = anywhere * random.integers(0, 2, rows, dtype=np.int32)

    def _row(self, number: int) -> np.ndarray:
        shard = int(np.searchsorted(self._first_row, number, side="right")) - 1
        begin = (number - int(self._first_row[shard])) * self._row_tokens
        return self._train[shard].read([self._seed, self._epoch, shard], begin, begin + self._row_tokens + 1)

    def _stack(self, rows: list[np.ndarray], starts: list[int]) -> list[MicroBatch]:
        """(T+1,) rows, all equally long -> micro-batches of inputs and the same rows one token later."""
        batches = []
        for first in range(0, len(rows), self._micro_batch):
            block = torch.from_numpy(np.stack(rows[first : first + self._micro_batch]).astype(np.int64))
            idx, targets = block[:, :-1].contiguous(), block[:, 1:].contiguous()
            pos = doc = None
            if self._document_mask:
                pos, doc = documents_of(idx, self._eot)
            elif any(starts[first : first + self._micro_batch]):
                start = torch.tensor(starts[first : first + self._micro_batch])
                pos = start[:, None] + torch.arange(idx.size(1))
            batches.append(MicroBatch(idx, targets, pos, doc))
        return batches


class _Documents:
    """The documents of one shard, one after another in an order of each epoch's own."""

    def __init__(self, array: np.ndarray, eot: int) -> None:
        self._array, self._eot = np.asarray(array), eot  # slicing a memmap takes 10 us, an array 0.2
        self._ends: np.ndarray | None = None
        self._key: list[int] | None = None

    @property
    def tokens(self) -> int:
        return len(self._array)

    def read(self, key: list[int], begin: int, end: int) -> np.ndarray:
        """Tokens `begin` to `end` of the stream in the order that `key` seeds."""
        if self._key != key:
            self._shuffle(key)
        assert self._ends is not None
        row = np.empty(end - begin, dtype=self._array.dtype)
        # As uint32: for an int, numpy would first copy the whole array to int64.
        at, filled = int(np.searchsorted(self._until, np.uint32(begin), side="right")), 0
        while filled < len(row):
            stop = int(self._ends[self._order[at]])  # where in the shard the document ends
            left = int(self._until[at]) - begin - filled  # how much of it is still to come
            piece = self._array[stop - left : stop][: len(row) - filled]
            row[filled : filled + len(piece)] = piece
            filled, at = filled + len(piece), at + 1
        return row

    def _shuffle(self, key: list[int]) -> None:
        if self._ends is None:
            ends = np.flatnonzero(self._array == self._eot) + 1
            whole = len(ends) and ends[-1] == len(self._array)
            self._ends = (ends if whole else np.append(ends, len(self._array))).astype(np.uint32)
        lengths = np.diff(self._ends, prepend=np.uint32(0))
        self._order = np.random.default_rng(key).permutation(np.arange(len(lengths), dtype=np.uint32))
        self._until = np.cumsum(lengths[self._order], dtype=np.uint32)
        self._key = key


def documents_of(idx: torch.Tensor, eot: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, T) ids -> positions in the document, number of the document in the row; `eot` begins one."""
    begins = idx == eot
    place = torch.arange(idx.size(1)).expand_as(idx)
    return place - torch.where(begins, place, 0).cummax(1).values, begins.cumsum(1)


def text_bytes(tok: Tokenizer, batches: Sequence[MicroBatch]) -> int:
    """Bytes of the text their targets spell: a summed loss in nats / ln 2 / these is bits per byte.

    Control tokens carry loss and no bytes, as everywhere bits per byte are counted.
    """
    lengths = torch.tensor([len(tok.decode_bytes([i])) for i in range(tok.n_vocab)])
    targets = (batch.targets[batch.targets != IGNORE] for batch in batches)
    return sum(int(lengths[ids].sum()) for ids in targets)


class Prefetch:
    """Makes the next step in a thread while the model works on this one; `state()` is that of the steps handed out."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches")
        self._state = batches.state()
        self._next: Future[tuple[Step, dict[str, Any]]] = self._pool.submit(self._make)

    def next(self) -> Step:
        step, self._state = self._next.result()
        self._next = self._pool.submit(self._make)
        return step

    def state(self) -> dict[str, Any]:
        return self._state

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make(self) -> tuple[Step, dict[str, Any]]:
        return self._batches.next(), self._batches.state()
