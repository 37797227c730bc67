"""Batches for fine-tuning: conversations from several sources, padded or packed. Seeded, shuffled, resumable."""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch

from fischgpt import chat
from fischgpt.chat import Turn
from fischgpt.data.batches import IGNORE, MicroBatch, Step
from fischgpt.data.conversations import conversations
from fischgpt.data.sources import parse
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer

CHUNK = 64
"""Conversations made or drawn at once; resuming goes to the start of a chunk and skips."""
Encoded = tuple[list[int], list[bool]]
"""A conversation's ids and which of them are learned, as chat.encode gives them."""


class ChatBatches:
    """Conversations, each from position 0 and seeing only itself; loss on the assistant's tokens alone.

    One to a row, padded on the right: with causal attention that isolates it without any mask. Or, with `packed`,
    several whole ones to a row of `block_size`, told apart by `doc`: rows of one shape, which torch.compile wants. On a
    CPU the two are about as fast (961 to 1,154 tokens a second padded, 1,029 to 1,226 packed, small model, one core).
    A step takes conversations until `tokens_per_step` tokens are full; padding sorts them by length before cutting
    micro-batches, which keeps it small.
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
        packed: bool = False,
    ) -> None:
        self._tok = tok
        self._packed = packed
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
        rows: list[Encoded] = []
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
        batches = self._stack(rows)
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
        return self._stack(rows)

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

    def _stack(self, rows: list[Encoded]) -> list[MicroBatch]:
        if self._packed:
            return pack(rows, self._block_size, self._micro_batch, self._tok.eot)
        return pad(rows, self._micro_batch, self._tok.eot)

    def _encode(self, turns: list[Turn]) -> Encoded | None:
        """Ids and loss mask, or None if not even the first exchange fits or there is nothing to learn.

        What does not fit is cut after a whole answer: nano's 512 tokens hold 56 % of the made-up conversations whole.
        """
        ids, mask = chat.encode(self._tok, turns)
        while len(ids) > self._block_size + 1 and sum(turn.role == "assistant" for turn in turns) > 1:
            turns = turns[:-1]
            while turns[-1].role != "assistant":
                turns = turns[:-1]
            ids, mask = chat.encode(self._tok, turns)
        return (ids, mask) if len(ids) <= self._block_size + 1 and any(mask[1:]) else None


def pack(rows: list[Encoded], block_size: int, micro_batch: int, filler: int) -> list[MicroBatch]:
    """Several whole conversations to a row of `block_size`, the longest first, each where it leaves the least room
    (best-fit decreasing, at most 22 % more rows than the fewest possible; Johnson 1974).

    idx, targets, pos and doc are (B, block_size): positions count from each conversation's beginning, and the padding
    at the end is a document of its own that carries no loss.
    """
    bins: list[list[Encoded]] = []
    room: list[tuple[int, int]] = []  # (tokens left, number of the bin), sorted
    for row in sorted(rows, key=lambda row: -len(row[0])):
        size = len(row[0]) - 1
        at = bisect_left(room, (size, 0))
        if at == len(room):
            bins.append([])
            room.append((block_size, len(bins) - 1))
        left, number = room.pop(at)
        bins[number].append(row)
        insort(room, (left - size, number))
    batches = []
    for start in range(0, len(bins), micro_batch):
        block = bins[start : start + micro_batch]
        idx = torch.full((len(block), block_size), filler)
        targets = torch.full((len(block), block_size), IGNORE)
        pos = torch.zeros((len(block), block_size), dtype=torch.long)
        doc = torch.zeros((len(block), block_size), dtype=torch.long)
        for number, talks in enumerate(block):
            at = 0
            for which, (ids, mask) in enumerate(talks):
                row, end = torch.tensor(ids), at + len(ids) - 1
                idx[number, at:end] = row[:-1]
                targets[number, at:end] = row[1:].masked_fill(~torch.tensor(mask[1:]), IGNORE)
                pos[number, at:end] = torch.arange(end - at)
                doc[number, at:end] = which
                at = end
            pos[number, at:] = torch.arange(block_size - at)
            doc[number, at:] = len(talks)
        batches.append(MicroBatch(idx, targets, pos, doc))
    return batches


def pad(rows: list[Encoded], micro_batch: int, filler: int) -> list[MicroBatch]:
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
