"""What of a passage answers: a long one is cut between clauses into parts short enough to quote, one of several into
runs of a few words; the cross-encoder, which chose the passage, chooses of these too (profile/rereading.py)."""

import re
from dataclasses import dataclass
from functools import lru_cache

from fischgpt.profile.passages import Passage
from fischgpt.profile.text import sentences

SHORT_WORDS = 30
"""A passage up to here is quoted whole, with the organisation and dates that its text lacks: where the first model
shipped chose among its sentences, 6 answers in a hundred were lost that the whole passage held."""

MAX_WORDS = 60
"""Of an answer that has more than one line."""

# Where a sentence may be cut. Not at the comma in "Lyon, France" or "Python, Rust, Go": a small letter must follow.
_CLAUSE_END = re.compile(
    r"(?<=[;:])\s+|(?<=,)\s+(?=[a-z])|\s+(?=[–—(]\S?)"
    r"|\s+(?=(?:and|but|which|who|whom|where|when|while|after|before|until|because|so|then)\s)"
)
_COMMA = re.compile(r"(?<=,)\s+")
JOINT = re.compile(
    r"(?<=[,;:])\s|\s(?=[–—(])|\s(?=(?:in|on|at|by|for|from|with|after|before|during|under|over|through|until|since|about|as|and|but"
    r"|or|which|who|whom|whose|where|when|while|because|so|then|that)\s)"
)
"""Where a sentence can be broken off."""
_LEANS_BACK = re.compile(
    r"(?:and|but|or|nor|so|then|as|that|than|although|though|yet|not)\b|(?:by|to) \d", re.IGNORECASE
)
"""What a run may not begin with: "although two rivals wanted it" of "Refused every offer, although ..."."""
_LEANS_ON = re.compile(
    r"(?:\b(?:of|to|an?|the|his|her|their|my|its|our|no|not|so|as|and|or|but|in|on|at|by|for|from|with|into|about|over"
    r"|under|through|after|before|during|until|since|between(?: \S+)?|which|who|whom|whose)| [–—-])$",
    re.IGNORECASE,
)
"""What it may not end in."""
_VERB_LAST = re.compile(
    r"\b(?:\w+ed|built|made|written|found|began|begun|held|kept|led|left|met|paid|put|read|ran|said|saw|sent|set|sold"
    r"|spent|stood|taken|took|taught|told|went|won|wrote|given|gave|got|grew|drew|drawn|brought|bought|became|chosen"
    r"|fell|sung|sang|spoke|shown|lost|known|learnt|lent|is|was|were|are|be|been|had|has|have|did|does|could|would)$"
)
"""Nor that, where more follows: "FischGPT is a GPT-2 built…" says less than it seems to."""
RUN_WORDS = range(4, SHORT_WORDS // 2 + 1)
"""Of a run: two that are listed share SHORT_WORDS."""


@dataclass(frozen=True)
class Part:
    """A piece of a passage."""

    text: str
    """Its words; a reader gets the passage's `context` before them."""
    shown: str
    """As it is quoted, … where something was cut off."""


@lru_cache(maxsize=4096)
def parts(passage: Passage) -> tuple[Part, ...]:
    """The longest runs of clauses of at most SHORT_WORDS words, some ten where every item of a list is one; none of a
    passage that is itself no longer (passages have 60 words at most), or that cannot be cut. Of an entry's first line,
    which names it, what follows the name stays short enough to be quoted behind its title."""
    if len(passage.text.split()) <= SHORT_WORDS:
        return ()
    name, rest = passage.text[: (end := _named(passage))], sentences(passage.text[end:])
    if not (name and rest) or len(name.split()) > SHORT_WORDS:
        return tuple(_parts(sentences(passage.text), SHORT_WORDS))
    first = _parts([name, *rest], SHORT_WORDS)[0]
    title = len(f"{passage.title} {passage.dates}".split())
    room = SHORT_WORDS - title if title <= SHORT_WORDS / 2 else SHORT_WORDS
    return (first, *(part for part in _parts(rest, room) if part.text not in first.text))


def _named(passage: Passage) -> int:
    """Where the sentence ends in which an entry's first line names it: not at "Univ." of "awarded by Univ. Uppsala"."""
    end = 0
    for told in (passage.title, passage.organisation, passage.dates) if passage.names_itself else ():
        end = max(end, passage.text.find(told, end) + len(told))
    return passage.text.find(".", end) + 1 if end else 0


def _parts(whole: list[str], words: int) -> list[Part]:
    """The longest runs of clauses of these sentences, of at most so many words."""
    clauses, opening, closing = [], set(), set()
    for sentence in whole:
        opening.add(len(clauses))
        for clause in _CLAUSE_END.split(sentence):
            clauses += _COMMA.split(clause) if len(clause.split()) > words else [clause]
        closing.add(len(clauses))
    found, furthest = [], 0
    for start in range(len(clauses)):
        end = start
        while end < len(clauses) and len(" ".join(clauses[start : end + 1]).split()) <= words:
            end += 1
        leans = start < furthest and _LEANS_BACK.match(clauses[start])
        if end > max(start, furthest) and not leans:  # not inside the run before
            furthest = end
            text = " ".join(clauses[start:end])
            shown = text if end in closing else f"{text.rstrip(' ,;:–—(')}…"
            found.append(Part(text, shown if start in opening else f"…{shown}"))
    return found


@lru_cache(maxsize=4096)
def runs(passage: Passage) -> tuple[Part, ...]:
    """What can stand for a passage among several: the runs from joint to joint of a sentence of RUN_WORDS words;
    none of the first line of an entry, which is named instead."""
    if passage.names_itself:
        return ()
    found: dict[str, Part] = {}
    for sentence in sentences(passage.text):
        pieces = JOINT.split(sentence)
        for start in range(len(pieces)):
            for end in range(start + 1, len(pieces) + 1):
                text = " ".join(pieces[start:end])
                text = text if end == len(pieces) else text.rstrip(" ,;:–—(")
                cut = end < len(pieces)
                if len(text.split()) in RUN_WORDS and _stands_alone(text) and not (cut and _VERB_LAST.search(text)):
                    shown = f"{'…' if start else ''}{text}{'…' if cut else ''}"
                    found.setdefault(text, Part(text, shown))
    return tuple(found.values())


def _stands_alone(text: str) -> bool:
    whole = all(text.count(opening) == text.count(closing) for opening, closing in ("()", "“”"))
    return whole and text.count('"') % 2 == 0 and not _LEANS_BACK.match(text) and not _LEANS_ON.search(text)


def context(passage: Passage) -> str:
    """What a passage is read behind."""
    return passage.render().removesuffix(passage.text)
