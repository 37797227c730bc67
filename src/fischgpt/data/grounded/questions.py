"""How visitors ask: phrasings of every kind of question, near misses of entries, and the asker's manner.

`phrasings.txt` and `entries.txt` hold the phrasings, `near.txt` what an entry's own line does not tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random

IMPERATIVE = (
    "tell ",
    "list ",
    "explain",
    "introduce",
    "name ",
    "give ",
    "sum",
    "describe",
    "write ",
    "show",
    "go on",
    "i read",
)


def _parts(text: str) -> tuple[list[str], list[str]]:
    train, _, held = text.partition("||")
    return [t.strip() for t in train.split(" | ")], [h.strip() for h in held.split(" | ") if h.strip()]


def _lines(name: str) -> list[str]:
    text = Path(__file__).with_name(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("# ")]


def _read() -> dict[str, tuple[list[str], list[str]]]:
    found: dict[str, tuple[list[str], list[str]]] = {}
    for line in (*_lines("phrasings.txt"), *_lines("entries.txt")):
        name, _, phrasings = line.partition(": ")
        for known, more in zip(found.setdefault(name, ([], [])), _parts(phrasings), strict=True):
            known += [phrasing for phrasing in more if phrasing not in known]
    return found


@dataclass(frozen=True, slots=True)
class Miss:
    """What an entry does not tell: words that would tell it after all, and how it is asked for."""

    told: tuple[str, ...]
    train: list[str]
    held: list[str]


def _misses() -> dict[str, list[Miss]]:
    found: dict[str, list[Miss]] = {}
    for line in _lines("near.txt"):
        family, told, phrasings = line.split(" ## ")
        found.setdefault(family, []).append(Miss(tuple(told.split(",")), *_parts(phrasings)))
    return found


NEAR = _misses()
FAMILIES = _read()
PRIVATE, OVERRIDE, COMMANDS, PERSONAS, BAD, FALSE, POLITE = (
    FAMILIES.pop(name) for name in ("PRIVATE", "OVERRIDE", "COMMANDS", "PERSONAS", "BAD", "FALSE", "POLITE")
)

_FORMS = {
    "you": ("did you", "do you", "have you", "are you", "were you", "you", "your", "you", "can you", "you", "yourself"),
    "she": ("did she", "does she", "has she", "is she", "was she", "she", "her", "her", "can she", "she", "her"),
    "he": ("did he", "does he", "has he", "is he", "was he", "he", "his", "him", "can he", "he", "him"),
    "they": (
        "did they",
        "do they",
        "have they",
        "are they",
        "were they",
        "they",
        "their",
        "them",
        "can they",
        "they",
        "them",
    ),
}
_KEYS = ("do", "does", "has", "is_", "was", "S", "poss", "O", "can", "S_", "O_")


def forms(who: str, first: str, full: str) -> dict[str, str]:
    """The person's forms for the slots. `who`: you, she, he, they, or a name to be used as it is."""
    values = _FORMS.get(who) or (
        f"did {who}",
        f"does {who}",
        f"has {who}",
        f"is {who}",
        f"was {who}",
        who,
        f"{who}'s",
        who,
        f"can {who}",
        who,
        who,
    )
    found = dict(zip(_KEYS, values, strict=True))
    if who == "you":
        found["S_"] = "the owner"
    found["first"], found["full"] = first, full
    return found


def typo(rng: Random, text: str) -> str:
    """One slip of the finger in a longer word: a letter lost, doubled or swapped with its neighbour."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text
    at = rng.choice(long)
    word = words[at]
    i = rng.randrange(1, len(word) - 1)
    roll = rng.random()
    if roll < 0.4:
        word = word[:i] + word[i + 1 :]
    elif roll < 0.7:
        word = word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    else:
        word = word[:i] + word[i] + word[i:]
    words[at] = word
    return " ".join(words)


def styled(rng: Random, question: str, held_out: bool = False) -> str:
    """The question as a visitor types it: case, question mark, politeness, slips."""
    roll = rng.random()
    end = "." if question.startswith(IMPERATIVE) else "?"
    if roll < 0.12 and len(question) > 20:
        polite = rng.choice(POLITE[held_out and bool(POLITE[1])])
        question = polite.replace("{q}", question + end).strip()
        question = question if rng.random() < 0.4 else question[0].upper() + question[1:]
    elif roll < 0.72:
        question = question[0].upper() + question[1:] + end
    elif roll < 0.82:
        question = question + end
    elif roll < 0.92:
        question = question.lower()
    else:
        question = question.lower() + "?"
    if rng.random() < 0.07:
        question = typo(rng, question)
    return question
