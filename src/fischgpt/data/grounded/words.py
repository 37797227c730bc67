"""The open vocabulary of made-up owners: names of many cultures, places, things, and words that nobody ever wrote.

Lists (`names.txt`) are only seeds. About a third of all names are put together from syllables (`coined`), so that a
model cannot learn the names themselves and has to copy them from the passage. The lists called held-out stay out of
training: they measure whether reading carries over to names and places never seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random

Culture = tuple[list[str], list[str], list[str]]
"""Women's names, men's names, surnames."""


def _blocks() -> dict[str, str]:
    blocks: dict[str, str] = {}
    name = ""
    for line in Path(__file__).with_name("names.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            blocks[name] = f"{blocks.get(name, '')}\n{line.strip()}".strip()
        elif line.endswith(":") and not line.startswith("#"):
            name = line[:-1]
    return blocks


def _cultures(text: str) -> list[Culture]:
    rows = []
    for line in text.splitlines():
        women, men, surnames = (part.split() for part in line.split(":", 1)[1].split("|"))
        joined: list[str] = []
        for word in surnames:  # "van Dijk" and "de Boer" are one surname each
            joined[-1:] = [f"{joined[-1]} {word}"] if joined and joined[-1] in ("van", "de") else [*joined[-1:], word]
        rows.append((women, men, joined))
    return rows


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of hobby or of tool: what is of it, what may be, and the words that would tell of it in another line."""

    name: str
    yes: frozenset[str]
    maybe: frozenset[str]
    told: re.Pattern[str]


def _kinds(text: str) -> list[Kind]:
    kinds = []
    for row in text.splitlines():
        name, _, rest = row.partition(": ")
        yes, maybe, told = (part.strip().lower().split("; ") for part in rest.split(" | "))
        words = "|".join(re.escape(word) for word in (*yes, *maybe, *told) if word != "*")
        kinds.append(Kind(name, frozenset(yes), frozenset(maybe), re.compile(rf"(?<!\w)(?:{words})(?!\w)")))
    return kinds


def _semicolons(text: str) -> list[str]:
    return text.replace("\n", " ").split("; ")


_BLOCKS = _blocks()
CULTURES, HELD_CULTURES = _cultures(_BLOCKS["cultures"]), _cultures(_BLOCKS["held-out cultures"])
CITIES, HELD_CITIES = _BLOCKS["cities"].split(), _BLOCKS["held-out cities"].split()
LANGUAGES, HELD_LANGUAGES = _BLOCKS["languages"].split(), _BLOCKS["held-out languages"].split()
HOBBIES, HELD_HOBBIES = _semicolons(_BLOCKS["hobbies"]), _semicolons(_BLOCKS["held-out hobbies"])
FLUENCY = _semicolons(_BLOCKS["fluency"])
ADJECTIVES, ABSTRACT = _BLOCKS["adjectives"].split(), _BLOCKS["abstract"].split()
HOBBY_KINDS, TOOL_KINDS = _kinds(_BLOCKS["hobby kinds"]), _kinds(_BLOCKS["tool kinds"])
TOOLS_OF_A_KIND = frozenset(word for kind in TOOL_KINDS for word in (*kind.yes, *kind.maybe))
_ONSETS, _VOWELS = _BLOCKS["onsets"].split(), _BLOCKS["vowels"].split()
_CODAS = ["", "", "", *_BLOCKS["codas"].split()]


def coined(rng: Random, syllables: int | None = None) -> str:
    """A word that nobody ever wrote, capitalised: `Vethoun`, `Kliaz`. One to three syllables."""
    n = syllables or rng.choice((2, 2, 2, 3))
    choice = rng.choice
    word = "".join([choice(_ONSETS) + choice(_VOWELS) for _ in range(n)]) + choice(_CODAS)
    return word.capitalize()


def code(rng: Random) -> str:
    """A designation such as `KR-482`, `Mk 7` or `T5x`: letters and digits that only copying gets right."""
    a, b = rng.choice("ABCDEFGHKLMNPRSTVWXZ"), rng.choice("ABCDEFGHKLMNPRSTVWXZ")
    n = rng.randrange(2, 990)
    return rng.choice(
        (f"{a}{b}-{n}", f"{a}-{n}", f"{a}{n}", f"Mk {n % 12 + 1}", f"{a}{b}{n}", f"No. {n}", f"v{n % 9 + 1}")
    )


class Lists:
    """What one split may draw from: training lists, or lists that training never sees."""

    def __init__(self, held_out: bool) -> None:
        self.cultures = HELD_CULTURES if held_out else CULTURES
        self.cities = [c.replace("-", " ") for c in (HELD_CITIES if held_out else CITIES)]
        self.languages = HELD_LANGUAGES if held_out else LANGUAGES
        self.hobbies = HELD_HOBBIES if held_out else HOBBIES

    def person(self, rng: Random) -> tuple[str, str, str]:
        """First name, surname, pronoun (`she`, `he` or, now and then, `they`)."""
        women, men, surnames = rng.choice(self.cultures)
        female = rng.random() < 0.5
        first = rng.choice(women if female else men) if rng.random() < 0.75 else coined(rng)
        last = rng.choice(surnames) if rng.random() < 0.6 else coined(rng)
        return first, last, "they" if rng.random() < 0.06 else ("she" if female else "he")

    def place(self, rng: Random) -> str:
        return rng.choice(self.cities) if rng.random() < 0.7 else coined(rng)

    def proper(self, rng: Random) -> str:
        """The proper part of an organisation's or a thing's name."""
        roll = rng.random()
        if roll < 0.5:
            return coined(rng)
        return rng.choice(rng.choice(self.cultures)[2]) if roll < 0.8 else rng.choice(self.cities)
