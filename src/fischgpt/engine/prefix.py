"""What was read before is not read again: the keys and values of finished answers, for prompts that begin alike."""

import threading
from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np


class Cache(Protocol):
    """Keys and values of one answer's tokens, `pos` of them filled."""

    pos: int

    @property
    def nbytes(self) -> int: ...

    def copy_from(self, other: Self, n: int) -> None:
        """Take over the first n tokens of another, and hold these alone."""
        ...


class PrefixCache:
    """The caches of the last answers, as many as `max_bytes` hold, the least recently used given up first.

    A cache that is kept is only read from then on: whoever continues it gets a copy. A token's keys and values are
    found by every id up to it, so what comes from another visitor's answer is what reading one's own text would have
    computed, sooner. Calls may come from several threads.
    """

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: list[tuple[np.ndarray, Cache]] = []  # ids and their cache, the most recently used last
        self.nbytes = 0

    def fill(self, ids: Sequence[int], cache: Cache) -> None:
        """Put the longest known beginning of ids into an empty cache, its last id left to be read."""
        wanted = np.array(ids[:-1], dtype=np.int32)
        with self._lock:
            lengths = [_common(wanted, kept) for kept, _ in self._kept]
            longest = max(lengths, default=0)
            if longest == 0:
                return
            entry = self._kept.pop(len(lengths) - 1 - lengths[::-1].index(longest))
            self._kept.append(entry)
        cache.copy_from(entry[1], longest)

    def keep(self, ids: Sequence[int], cache: Cache) -> None:
        """Keep a cache, which nobody writes to any more, of the ids it holds: all of them, in order."""
        held = np.array(ids, dtype=np.int32)
        if not 0 < cache.nbytes <= self.max_bytes or not len(held):
            return
        with self._lock:
            if any(_common(held, kept) == len(held) for kept, _ in self._kept):
                return
            # What this one begins with is in it.
            self._kept = [entry for entry in self._kept if _common(held, entry[0]) < len(entry[0])]
            self._kept.append((held, cache))
            self.nbytes = sum(kept.nbytes for _, kept in self._kept)
            while self.nbytes > self.max_bytes:
                self.nbytes -= self._kept.pop(0)[1].nbytes


def _common(a: np.ndarray, b: np.ndarray) -> int:
    """How many ids two texts begin with alike."""
    n = min(len(a), len(b))
    different = a[:n] != b[:n]
    return int(different.argmax()) if different.any() else n
