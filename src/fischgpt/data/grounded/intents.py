"""What anybody is asked ("are you married?", "hobbies?"): some 120 usual questions, each in the words of many visitors,
and which passages of the people written by hand answer each.

`intents/GROUP.txt` has a block per question: its KEY, what counts as an answer, its phrasings, one a line, with {he}
{his} {him} or {name} for the owner. `intents/GROUP_answers.txt` has a block per person: `@ NAME`, then `KEY: passage-id
...` for those that the resume answers; all other questions of the group it does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fischgpt.errors import UserError

FOLDER = Path(__file__).parent / "intents"
GROUPS = ("first", "second")
_PRONOUNS = ({"he": "he", "his": "his", "him": "him"}, {"he": "she", "his": "her", "him": "her"})


@dataclass(frozen=True)
class Intent:
    """A question that anybody is asked, whatever its words."""

    key: str
    group: str
    meaning: str
    """What counts as an answer, as those who labelled the answers were told."""
    phrasings: tuple[str, ...]

    def said(self, phrasing: str, name: str) -> list[str]:
        """The phrasing about somebody of that first name, once for each pronoun it could have."""
        return list(dict.fromkeys(phrasing.format(name=name, **words) for words in _PRONOUNS))


@lru_cache(maxsize=1)
def intents() -> tuple[Intent, ...]:
    """All of them, in the order of their files."""
    found = []
    for group in GROUPS:
        for block in (FOLDER / f"{group}.txt").read_text(encoding="utf-8").strip().split("\n\n"):
            key, meaning, *phrasings = block.splitlines()
            found.append(Intent(key, group, meaning, tuple(phrasings)))
    return tuple(found)


def answers() -> dict[str, dict[str, frozenset[str]]]:
    """By the file name of a person, then by the key of each question that was looked for in their resume: the ids of
    the passages that answer, none where nothing does. Raises UserError that names the line of an unknown key."""
    keys = {group: [one.key for one in intents() if one.group == group] for group in GROUPS}
    found: dict[str, dict[str, frozenset[str]]] = {}
    for group in GROUPS:
        file = FOLDER / f"{group}_answers.txt"
        of: dict[str, frozenset[str]] = {}
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("@ "):
                of = found.setdefault(line[2:], {})
                of.update(dict.fromkeys(keys[group], frozenset()))
            elif line:
                key, _, ids = line.partition(": ")
                if key not in of:
                    raise UserError(f"{file.name}, line {number}: no usual question has the key {key!r}")
                of[key] = frozenset(ids.split())
    return found
