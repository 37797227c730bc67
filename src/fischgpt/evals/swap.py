"""An owner who never lived, with the life of one who did: every name invented, every year moved.

A model that reads its passages answers about both alike; one that remembers answers better about the real one. Names
are swapped word by word, the same word always for the same invention, in the resume and in everything asked about it;
years move by one distance for the whole set, so that orders and durations hold. Days, months, amounts, nationalities
and common words stay. Seeded by the set's name: the same set is always swapped alike.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from fischgpt.evals.profile_items import Item

_WORD = re.compile(r"[^\W\d_]+")
_YEAR = re.compile(r"(?<![\d.,])(1[0-9]\d\d|20\d\d)(?!\d|[.,]\d)")
# Whole values of these keys are names, so that a capital says something at their start too.
_NAMING = frozenset(
    "name location city region institution publisher awarder issuer organization entity title".split()  # noqa: SIM905
)
# Never shown to anyone, or no words at all.
_LEFT = frozenset("email phone url username countryCode postalCode public".split())  # noqa: SIM905
_ONSETS = "b br d dr f g gr h j k l m n p pr r s st t tr v z".split()  # noqa: SIM905
_VOWELS = "a e i o u ai ea ou".split()  # noqa: SIM905
_CODAS = ["", "", "", "l", "m", "n", "r", "s", "nd", "rk"]
_SHIFTS = [*range(-61, -18), *range(19, 62)]
_FIRST_YEAR, _LAST_YEAR = 1400, 2020
"""A moved year stays among these where the whole life fits there: no owner works in the future."""


class Swap:
    """The inventions of one set. `text` swaps any string about its owner."""

    def __init__(self, seed: str, resume: dict[str, Any]) -> None:
        rng = random.Random(f"swap {seed}")
        strings = list(_strings(resume))
        used = {plain(word) for _, text in strings for word in _WORD.findall(text)} | kept_words()
        self.names: dict[str, str] = {}
        """Plain name word -> its invention, capitalised."""
        for name in sorted(_names(strings)):
            self.names[name] = invented = _invent(rng, len(name), used)
            used.add(plain(invented))
        years = [int(year) for _, text in strings for year in _YEAR.findall(text)]
        first, last = (min(years), max(years)) if years else (0, 0)
        fitting = [shift for shift in _SHIFTS if first + shift >= _FIRST_YEAR and last + shift <= _LAST_YEAR]
        self.shift = rng.choice(fitting or [shift for shift in _SHIFTS if shift < 0])
        """Years by which every year moves."""

    def text(self, text: str) -> str:
        """The text with its names and years swapped; a word keeps its capitals, a name its number of words."""
        text = _WORD.sub(self._word, unicodedata.normalize("NFC", text))
        return _YEAR.sub(lambda year: str(int(year[0]) + self.shift), text)

    def resume(self, resume: dict[str, Any]) -> dict[str, Any]:
        """The swapped JSON Resume."""
        return _mapped(resume, self.text)

    def item(self, item: Item) -> Item:
        """The same question about the invented owner: its ids, kind and count of facts stay."""
        return replace(
            item,
            question=self.text(item.question),
            gold=_mapped(item.gold, self.text),
            false=_mapped(item.false, self.text),
            planted=_mapped(item.planted, self.text),
            after=_mapped(item.after, self.text),
        )

    def _word(self, match: re.Match[str]) -> str:
        word = match[0]
        new, end = self.names.get(plain(word)), ""
        if new is None and word[-1] in "sS":  # "the Bentleys", "bartholomews hospital"
            new, end = self.names.get(plain(word[:-1])), word[-1]
        if new is None:
            return word
        new += end
        return new.upper() if len(word) > 1 and word.isupper() else new if word[0].isupper() else new.lower()


def plain(word: str) -> str:
    """Lower case, no accents: `Ōi` and `oi` are one name."""
    return "".join(char for char in unicodedata.normalize("NFKD", word.casefold()) if not unicodedata.combining(char))


@cache
def kept_words() -> frozenset[str]:
    """Words with a capital that are no names: months, nationalities, `University`, `Society`."""
    text = Path(__file__).with_name("kept_words.txt").read_text(encoding="utf-8")
    return frozenset(word for line in text.splitlines() if not line.startswith("#") for word in line.split())


def _names(strings: Iterable[tuple[str, str]]) -> set[str]:
    """Words that stand with a capital where a common word would not, and nowhere without one."""
    capital, lower = set(), set()
    for key, text in strings:
        starts = key not in _NAMING
        for match in _WORD.finditer(text):
            word = match[0]
            if word[0].islower():
                lower.add(plain(word))
            elif not starts and len(word) > 1:
                capital.add(plain(word))
            # "J. E. Littlewood": the full stop of an initial ends no sentence.
            starts = text[match.end() : match.end() + 1] in tuple(".!?:") and len(word) > 1
    return capital - lower - kept_words()


def _strings(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _strings(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)
    elif isinstance(value, str) and key not in _LEFT:
        yield key, unicodedata.normalize("NFC", value)


def _mapped(value: Any, change: Callable[[str], str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _mapped(inner, change, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, change, key) for inner in value]
    return change(value) if isinstance(value, str) and key not in _LEFT else value


def _invent(rng: random.Random, length: int, used: set[str]) -> str:
    """A new word that can be spoken, at most two letters shorter or longer (or three to five for a short one)."""
    length = max(length, 4)
    while True:
        word = ""
        while len(word) < length - 2:
            word += rng.choice(_ONSETS) + rng.choice(_VOWELS) + rng.choice(_CODAS)
        if len(word) <= length + 2 and not {plain(word), plain(word).removesuffix("s")} & used:
            return word.capitalize()
