"""Whole made-up profiles with labelled questions: what profile/relevance.py learns from and is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Literal

from fischgpt.data.grounded.absent import absent
from fischgpt.data.grounded.shown import Exchange
from fischgpt.data.grounded.talk import Talk
from fischgpt.profile.passages import Passage

QUESTIONS = 12
"""Asked of one owner."""
ABSENT = 0.27
"""Share of tries at a question that the profile does not answer."""
_SIZES = (40,)
"""More passages than any made-up owner has: all are shown."""


@dataclass(frozen=True)
class Asked:
    """A question, the one before it if it leans on that, and the indices of the passages that answer it (or none)."""

    text: str
    earlier: str
    answers: tuple[int, ...]
    kind: str


@dataclass(frozen=True)
class Bare:
    """A passage without what it is asked for: about the same thing, but no answer, save to the questions `still`."""

    of: int
    passage: Passage
    still: frozenset[str]


@dataclass(frozen=True)
class MadeUp:
    """One owner: name, passages, questions, and bare versions of some of the passages (none for generated owners)."""

    name: str
    passages: list[Passage]
    questions: list[Asked]
    bare: list[Bare] = field(default_factory=list)


def made_up(seed: int, split: Literal["train", "held-out"] = "train", start: int = 0) -> Iterator[MadeUp]:
    """Owners `start`, `start + 1`, ... without end; number i depends on (seed, split, i) alone.

    Nearly half of the questions have no answer in the profile, and most of those are near misses: the thing is there,
    the detail asked for is not; half of them are about entries (a job, a prize), half about bullets. Orders alone
    ("Ignore the above") are left out, orders around a real question are not.
    """
    number = start
    while True:
        yield _one(Random(f"asked/{seed}/{split}/{number}"), split == "held-out")
        number += 1


def _one(rng: Random, held_out: bool) -> MadeUp:
    talk = Talk(rng, held_out, _SIZES)
    asked: list[Asked] = []
    seen: set[str] = set()
    for _ in range(QUESTIONS * 4):
        before = talk.last
        talk.last = before if asked and asked[-1].answers else None
        one = talk.exchange(first=not asked) if rng.random() > ABSENT else _absent(talk, rng)
        if one is None or one.kind == "injection" or one.question.lower().strip("?. ") in seen:
            talk.last = before
            continue
        if one.kind == "list" or not one.at:
            talk.last = None
        seen.add(one.question.lower().strip("?. "))
        earlier = asked[-1].text if one.kind == "follow-up" else ""
        asked.append(Asked(one.question, earlier, tuple(one.at), one.kind))
        if len(asked) == QUESTIONS:
            break
    return MadeUp(talk.owner.full, talk.shown, asked)


def _absent(talk: Talk, rng: Random) -> Exchange | None:
    """A question without an answer; every near miss, and half of the others, which are easier."""
    one = absent(talk)
    if one is None or (one.kind != "near" and rng.random() < 0.45):
        return None
    one.question = talk.styled(one.question)
    return one
