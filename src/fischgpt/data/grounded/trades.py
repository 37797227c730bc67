"""Trades of several eras: what people in them are called, make, use, study and measure. The words: `trades.txt`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Trade:
    """One trade: its words, and the years (`first` to `last`) in which it is practised."""

    name: str
    first: int
    last: int
    roles: list[str]
    orgs: list[str]
    verbs: list[str]
    objects: list[str]
    tools: list[str]
    fields: list[str]
    measures: list[str]
    people: list[str]


def _parse(text: str) -> list[Trade]:
    trades: list[Trade] = []
    rows: dict[str, str] = {}
    for line in [*text.strip().splitlines(), "trade: end 0 0"]:
        key, _, value = line.partition(": ")
        if key == "trade" and rows:
            name, first, last = rows.pop("trade").rsplit(" ", 2)
            trades.append(Trade(name, int(first), int(last), **{k: v.split("; ") for k, v in rows.items()}))
            rows = {}
        rows[key] = value
    return trades


@dataclass(frozen=True)
class Verb:
    base: str
    past: str
    gerund: str
    other: tuple[str, ...]


def _verbs(text: str) -> dict[str, Verb]:
    table = {}
    for row in text.replace("\n", " | ").split("|"):
        if row.strip():
            base, past, gerund, other = row.split()
            known = base if base == "fine-tune" else base.replace("-", " ")
            plain = str if base == "fine-tune" else (lambda word: word.replace("-", " "))
            table[known] = Verb(known, plain(past), plain(gerund), tuple(o.replace("-", " ") for o in other.split(",")))
    return table


_text = "\n".join(
    line for line in Path(__file__).with_name("trades.txt").read_text(encoding="utf-8").splitlines() if line[:1] != "#"
)
_trades, _, _verb_rows = _text.partition("\nverbs\n")
TRADES, HELD_TRADES = (_parse(part) for part in _trades.split("\nheld-out\n"))
"""The trades of training, and those that only measure whether reading carries over."""
VERBS = _verbs(_verb_rows)
