"""Has the training text seen the test? Items of a benchmark of which 13 tokens in a row stand in a run's shards.

As GPT-3's authors looked for it (Brown et al. 2020, https://arxiv.org/abs/2005.14165, appendix C), but with tokens
where they had words, because tokens are what shards hold: 13 tokens are fewer words, so more is found of what is
verbatim. Text that was altered, in case or spacing too, is not found.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fischgpt.data.shards import Shards
from fischgpt.evals.hellaswag_items import Item, load_items
from fischgpt.tokenizer import Tokenizer

N = 13
AT_ONCE = 2**22
"""Tokens scanned at once: 32 MB of hashes, whatever the size of a shard."""
_BASE, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93)
_BITS = np.uint64(40)
"""What is shifted away to find a hash's place in a table of 2**24 flags, which leaves few hashes to search for."""


@dataclass(frozen=True)
class Contamination:
    """Which of the items stand in the text."""

    items: int
    found: list[int]
    """Their places in the list."""
    tokens: int
    """Of training text that was read."""

    def as_dict(self) -> dict[str, Any]:
        return {"items": self.items, "found": self.found, "tokens": self.tokens, "ngram": N}

    def __str__(self) -> str:
        share = 100 * len(self.found) / max(1, self.items)
        return (
            f"HellaSwag: {len(self.found):,} of {self.items:,} items ({share:.2f} %) have {N} tokens in a row "
            f"in the {self.tokens:,} tokens of training text"
        )


def ngram_hashes(ids: np.ndarray) -> np.ndarray:
    """A 64-bit hash of every N tokens in a row of ids (T,): (T - N + 1,), or none. Over 10 billion tokens the chance
    that any of a million others collides is 1 in 1,800."""
    count, ids = len(ids) - N + 1, ids.astype(np.uint64)
    total = np.zeros(max(0, count), dtype=np.uint64)
    for at in range(N if count > 0 else 0):
        total *= _BASE
        total += ids[at : at + count]
    return total * _MIX


def check_hellaswag(folder: Path) -> Contamination:
    """HellaSwag's validation set against the shards of a prepared folder. Raises UserError if the set cannot be had."""
    return find(Shards(folder), Tokenizer.load(folder), load_items())


def find(shards: Shards, tok: Tokenizer, items: Sequence[Item]) -> Contamination:
    """The items whose context with its real ending shares an n-gram with the training split."""
    grams = [ngram_hashes(tok.encode_array(f"{item.ctx} {item.endings[item.label]}")) for item in items]
    owners = np.repeat(np.arange(len(items)), [len(hashes) for hashes in grams])
    hashes = np.concatenate(grams) if grams else np.zeros(0, dtype=np.uint64)
    train = shards.arrays("train")
    seen = np.isin(hashes, _seen(train, hashes))
    return Contamination(len(items), np.unique(owners[seen]).tolist(), sum(map(len, train)))


def _seen(arrays: Iterable[np.ndarray], hashes: np.ndarray) -> np.ndarray:
    """Those of `hashes` that occur in the arrays."""
    flags = np.zeros(1 << 24, dtype=bool)
    flags[hashes >> _BITS] = True
    found = [np.zeros(0, dtype=np.uint64)]
    for array in arrays:
        for start in range(0, len(array), AT_ONCE):
            here = ngram_hashes(array[start : start + AT_ONCE + N - 1])
            found.append(np.intersect1d(here[flags[here >> _BITS]], hashes))
    return np.unique(np.concatenate(found))
