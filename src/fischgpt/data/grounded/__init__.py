"""Made-up owners, their passages as serving renders them, and conversations about them: what teaches a small model
to answer from sources (the method is RAFT's: the right passage among distractors, sometimes absent; Zhang 2024).

An answer is the citation, then words copied from that passage: `[2] Repaired the tower clock in Graz.` A question
that no passage answers is declined without a citation. Names, numbers and many words are invented, so copying is
the only way to be right. No real person is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Literal

from fischgpt.chat import Turn
from fischgpt.data.grounded.shown import FIRST, FIRST_SIZES, SIZES
from fischgpt.data.grounded.talk import Talk

Split = Literal["train", "held-out"]


def labelled(seed: int, split: Split, number: int) -> tuple[list[Turn], list[str]]:
    """Conversation `number` and the kind of each of its questions: single, list, head, follow-up, near, ..."""
    sizes = FIRST_SIZES if split == "train" and number < FIRST else SIZES
    for attempt in range(100):
        talk = Talk(Random(f"{seed}/{split}/{number}/{attempt}"), split == "held-out", sizes)
        turns, exchanges = talk.turns()
        if exchanges:
            return turns, [one.kind for one in exchanges]
    raise AssertionError(f"no question found for conversation {number}")


def conversations(seed: int, split: Split = "train", start: int = 0) -> Iterator[list[Turn]]:
    """Conversations `start`, `start + 1`, ... without end: system (the passages), then questions and answers.

    Number i depends on (seed, split, i) alone, so a training run resumes at its count without replay.
    `held-out` has its own names, places, trades, hobbies, languages and phrasings.
    """
    number = start
    while True:
        yield labelled(seed, split, number)[0]
        number += 1
