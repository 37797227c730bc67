"""What of a long passage answers: it is cut between clauses into parts short enough to quote, and the cross-encoder,
which chose the passage, chooses one of them (profile/index.py)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from fischgpt.profile.passages import Passage
from fischgpt.profile.text import sentences

SHORT_WORDS = 30
"""A passage up to here is quoted whole, with the organisation and dates that its text lacks: where the first model
shipped chose among its sentences, 6 answers in a hundred were lost that the whole passage held."""

# Where a sentence may be cut. Not at the comma in "Lyon, France" or "Python, Rust, Go": a small letter must follow.
_CLAUSE_END = re.compile(
    r"(?<=[;:])\s+|(?<=,)\s+(?=[a-z])|\s+(?=[–—(]\S?)"
    r"|\s+(?=(?:and|but|which|who|whom|where|when|while|after|before|until|because|so|then)\s)"
)
_COMMA = re.compile(r"(?<=,)\s+")


@dataclass(frozen=True)
class Part:
    """A run of clauses of a passage."""

    read: str
    """As the reader gets it: behind the passage's section, organisation and dates."""
    shown: str
    """As it is quoted, … where something was cut off."""


@lru_cache(maxsize=4096)
def parts(passage: Passage) -> tuple[Part, ...]:
    """The longest runs of clauses of at most SHORT_WORDS words, some ten where every item of a list is one; none of a
    passage that is itself no longer (passages have 60 words at most), or that cannot be cut."""
    if len(passage.text.split()) <= SHORT_WORDS:
        return ()
    whole = sentences(passage.text)
    clauses, opening, closing = [], set(), set()
    for sentence in whole:
        opening.add(len(clauses))
        for clause in _CLAUSE_END.split(sentence):
            clauses += _COMMA.split(clause) if len(clause.split()) > SHORT_WORDS else [clause]
        closing.add(len(clauses))
    context = passage.render()[: -len(passage.text)]
    found, furthest = [], 0
    for start in range(len(clauses)):
        end = start
        while end < len(clauses) and len(" ".join(clauses[start : end + 1]).split()) <= SHORT_WORDS:
            end += 1
        if end > max(start, furthest):  # not inside the run before
            furthest = end
            text = " ".join(clauses[start:end])
            shown = text if end in closing else f"{text.rstrip(' ,;:–—(')}…"
            found.append(Part(context + text, shown if start in opening else f"…{shown}"))
    return tuple(found)
