"""Batches for the loop: rows of a token stream, or padded conversations. Seeded, shuffled, resumable to the row.

Both kinds give a `Step` at a time, everything one optimizer step needs, and `state()` names the next step exactly: a
run that is killed and started again sees the same steps in the same order.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from fischgpt import chat
from fischgpt.chat import Turn
from fischgpt.data.conversations import conversations
from fischgpt.data.shards import Shards
from fischgpt.data.sources import parse
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer

IGNORE = -100
"""Targets with this value carry no loss."""
CHUNK = 64
"""Conversations made or drawn at once; resuming goes to the start of a chunk and skips."""


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
    """Rows of `row_tokens` from the train shards, in a new seeded order every epoch.

    Rows are cut at an offset that changes with the epoch, so that the model does not see the same cuts again. Rows
    shorter than `block_size` start at position 0 half of the time and anywhere else otherwise: learned positions beyond
    the row would stay noise, and rows of 256 train 1.5 times as many tokens a second as rows of 512 on two cores.
    """

    def __init__(
        self, shards: Shards, row_tokens: int, block_size: int, rows_per_step: int, micro_batch: int, seed: int
    ) -> None:
        self._train = shards.arrays("train")
        self._val = shards.arrays("val")
        self._row_tokens = row_tokens
        self._last_start = block_size - row_tokens
        self._rows_per_step = rows_per_step
        self._micro_batch = micro_batch
        self._seed = seed
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
            starts.append(int(self._starts[self._cursor]))
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
        """About `tokens` tokens of the val shards as rows spread evenly over them: the same ones at every call."""
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
        shortest = min(len(shard) for shard in self._train)
        self._offset = int(random.integers(0, max(1, min(self._row_tokens, shortest - self._row_tokens))))
        counts = [max(0, (len(shard) - 1 - self._offset) // self._row_tokens) for shard in self._train]
        self._first_row = np.cumsum([0, *counts])
        self._order = random.permutation(int(self._first_row[-1]))
        if not len(self._order):
            raise UserError(
                f"the train shards hold {sum(map(len, self._train))} tokens, not one row of {self._row_tokens}; "
                "add text, or set data.row_tokens lower"
            )
        anywhere = random.integers(0, self._last_start + 1, len(self._order))
        self._starts = anywhere * random.integers(0, 2, len(self._order))

    def _row(self, number: int) -> np.ndarray:
        shard = int(np.searchsorted(self._first_row, number, side="right")) - 1
        start = self._offset + (number - int(self._first_row[shard])) * self._row_tokens
        return self._train[shard][start : start + self._row_tokens + 1]

    def _stack(self, rows: list[np.ndarray], starts: list[int]) -> list[MicroBatch]:
        """(T+1,) rows, all equally long -> micro-batches of inputs and the same rows one token later."""
        batches = []
        for first in range(0, len(rows), self._micro_batch):
            block = torch.from_numpy(np.stack(rows[first : first + self._micro_batch]).astype(np.int64))
            idx, targets = block[:, :-1].contiguous(), block[:, 1:].contiguous()
            start = torch.tensor(starts[first : first + self._micro_batch])
            pos = start[:, None] + torch.arange(idx.size(1)) if start.any() else None
            batches.append(MicroBatch(idx, targets, pos))
        return batches


# --- conversations ---------------------------------------------------------------------------------------------------


class ChatBatches:
    """Conversations, one to a row from position 0, padded on the right; loss on the assistant's tokens alone.

    With causal attention, padding on the right isolates a conversation without any mask, and masked attention was about
    2x slower than plain on a CPU. A step takes conversations until `tokens_per_step` tokens are full, and sorts them by
    length before cutting micro-batches, which keeps padding small.
    """

    def __init__(
        self,
        specs: Sequence[str],
        tok: Tokenizer,
        block_size: int,
        tokens_per_step: int,
        micro_batch: int,
        seed: int,
        val_fraction: float = 0.01,
    ) -> None:
        self._tok = tok
        self._block_size = block_size
        self._tokens_per_step = tokens_per_step
        self._micro_batch = micro_batch
        self._seed = seed
        self._pools = [_pool(spec, seed, val_fraction) for spec in specs]
        if not self._pools:
            raise UserError("data.sources is empty: name conversations, for example data.sources=['grounded']")
        self._weights = np.array([pool.weight for pool in self._pools], dtype=np.float64)
        self._weights /= self._weights.sum()
        self._chunk = self._used = self.skipped = 0
        self._held: tuple[int, list[list[Turn]]] = (-1, [])

    def next(self) -> Step:
        rows: list[tuple[list[int], list[bool]]] = []
        tokens = misses = 0
        position = f"chunk {self._chunk}, conversation {self._used}"
        while tokens < self._tokens_per_step:
            row = self._encode(self._draw())
            if row is None:
                self.skipped += 1
                misses += 1
                if misses > 1000:
                    raise UserError(
                        f"1,000 conversations in a row are longer than the model's block_size of {self._block_size} "
                        "tokens; shorten them or use a larger block_size"
                    )
                continue
            rows.append(row)
            tokens += len(row[0])
            misses = 0
        batches = pad(rows, self._micro_batch, self._tok.eot)
        return Step(batches, tokens, sum(int((batch.targets != IGNORE).sum()) for batch in batches), position)

    def state(self) -> dict[str, Any]:
        return {"chunk": self._chunk, "used": self._used, "skipped": self.skipped, "seed": self._seed}

    def load_state(self, state: dict[str, Any]) -> None:
        self._chunk, self._used, self.skipped = state["chunk"], state["used"], state["skipped"]

    def validation(self, tokens: int) -> list[MicroBatch]:
        """Held-out conversations of every source, about `tokens` tokens in all, always the same."""
        rows = []
        for pool, share in zip(self._pools, self._weights, strict=True):
            left = tokens * share
            for turns in pool.held_out():
                row = self._encode(turns)
                if row is not None:
                    rows.append(row)
                    left -= len(row[0])
                if left <= 0:
                    break
        return pad(rows, self._micro_batch, self._tok.eot)

    def held_out(self, count: int) -> list[list[Turn]]:
        """The first held-out conversations, whose answers are shown while training."""
        return list(islice(self._pools[0].held_out(), count))

    def _draw(self) -> list[Turn]:
        if self._held[0] != self._chunk:
            which = int(np.random.default_rng([self._seed, self._chunk]).choice(len(self._pools), p=self._weights))
            self._held = (self._chunk, self._pools[which].chunk(self._chunk))
        turns = self._held[1][self._used]
        self._used += 1
        if self._used == len(self._held[1]):
            self._chunk, self._used = self._chunk + 1, 0
        return turns

    def _encode(self, turns: list[Turn]) -> tuple[list[int], list[bool]] | None:
        """Ids and loss mask, or None if the conversation does not fit or has nothing to learn."""
        ids, mask = chat.encode(self._tok, turns)
        return (ids, mask) if len(ids) <= self._block_size + 1 and any(mask[1:]) else None


def pad(rows: list[tuple[list[int], list[bool]]], micro_batch: int, filler: int) -> list[MicroBatch]:
    """Sort by length, cut into micro-batches, pad on the right: idx (B, T) and targets (B, T).

    A target is the next token where the mask marks that next token, and IGNORE everywhere else.
    """
    rows = sorted(rows, key=lambda row: len(row[0]))
    batches = []
    for start in range(0, len(rows), micro_batch):
        block = rows[start : start + micro_batch]
        length = len(block[-1][0]) - 1
        idx = torch.full((len(block), length), filler)
        targets = torch.full((len(block), length), IGNORE)
        for number, (ids, mask) in enumerate(block):
            row = torch.tensor(ids)
            idx[number, : len(ids) - 1] = row[:-1]
            targets[number, : len(ids) - 1] = row[1:].masked_fill(~torch.tensor(mask[1:]), IGNORE)
        batches.append(MicroBatch(idx, targets))
    return batches


def text_bytes(tok: Tokenizer, batches: Sequence[MicroBatch]) -> int:
    """Bytes of the text their targets spell: a summed loss in nats / ln 2 / these is bits per byte.

    Control tokens carry loss and no bytes, as everywhere bits per byte are counted.
    """
    lengths = torch.tensor([len(tok.decode_bytes([i])) for i in range(tok.n_vocab)])
    targets = (batch.targets[batch.targets != IGNORE] for batch in batches)
    return sum(int(lengths[ids].sum()) for ids in targets)


@dataclass(frozen=True)
class _Pool:
    """One source of conversations: `chunk(n)` is its n-th draw, `held_out()` what it never draws."""

    weight: int
    chunk: Callable[[int], list[list[Turn]]]
    held_out: Callable[[], Iterator[list[Turn]]]


def _pool(spec: str, seed: int, val_fraction: float) -> _Pool:
    source = parse(spec)
    if source.name == "grounded":
        from fischgpt.data.grounded import conversations as made_up

        return _Pool(
            source.times,
            # Conversation i depends on the seed and i alone: resuming goes straight to it, nothing before it is made.
            lambda number: list(islice(made_up(seed, "train", start=number * CHUNK), CHUNK)),
            lambda: made_up(seed=0, split="held-out"),
        )
    train, held = conversations(spec, val_fraction)

    def chunk(number: int) -> list[list[Turn]]:
        orders = {}
        drawn = []
        for place in range(number * CHUNK, (number + 1) * CHUNK):
            epoch, index = divmod(place, len(train))
            if epoch not in orders:
                orders[epoch] = np.random.default_rng([seed, epoch]).permutation(len(train))
            drawn.append(train[int(orders[epoch][index])])
        return drawn

    return _Pool(source.times, chunk, lambda: iter(held))


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
