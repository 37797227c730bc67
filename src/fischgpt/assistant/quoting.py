"""Decoding that helps a small model: its answer may only run along the passages.

What a 9M model knows is which passage answers; copying forty tokens without a slip it learns much later (first token of
a span right 30 %, the rest 85 %: one slip is enough to lose an answer). So the next token is chosen among those that
continue `[n] ` and whole sentences of passage n, the passage's head ("Acme, Engineer (2019 to 2021)."), a further
citation, the end, or a refusal. Which of them, the model decides.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fischgpt.profile.parts import SHORT_WORDS
from fischgpt.profile.passages import Passage
from fischgpt.profile.retrieval import Hit
from fischgpt.profile.text import sentences
from fischgpt.tokenizer import Tokenizer

REFUSALS = (
    "The profile does not say.",
    "The profile does not mention that.",
    "The profile says nothing about that.",
)
"""How the model declines: all begin alike, so that the first token decides between citing and declining."""
RANK_WEIGHTS = (0.9, -0.3, -0.8, -1.2, -1.5, -1.7, -1.9, -2.0)
"""Added to the logit of passage 1, 2, ...: a search has the right passage first far more often than training had it
(with its reader for 95.0 % of 202 questions, benchmarks/retrieval.md)."""
MAX_CITATIONS = 3
MAX_WORDS = 60
LIKELY = 1.0
"""The model may cite passages that are at least so likely, as a share of the best one's probability. Of 36 follow-ups
of the dev half 28, 29, 30 and 31 are right with .25, .5, .75 and 1, of 247 other questions 220 with any of them: where
the readers know less than usual the model knows nothing either, and has a choice only between equals (seen once, with
the reader before)."""
Trie = dict[int, Any]
"""Token id -> what may follow."""
_WHOLE = -1
"""A key of the nodes at which a quotation is whole."""


def head(passage: Passage) -> str:
    """`Acme, Engineer (2019 to 2021).`: where and when, as the rendered line says it, without the section."""
    shown = passage.render()
    start, end = len(passage.section) + 2, len(shown) - len(passage.text) - 2
    return shown[start:end] + "." if end > start else ""


@lru_cache(maxsize=4096)
def spans(passage: Passage) -> tuple[str, ...]:
    """What may be quoted of a passage: any run of its sentences, and its head; nothing over 60 words."""
    parts = sentences(passage.text)
    runs = [" ".join(parts[a:b]) for a in range(len(parts)) for b in range(a + 1, len(parts) + 1)]
    found = dict.fromkeys([*runs, *([head(passage)] if passage.organisation or passage.title else [])])
    return tuple(span for span in found if span and len(span.split()) <= MAX_WORDS)


# A text that opens so is a sentence that needs no title before it: "The training cost ...", "He built ...".
_OPENERS = frozenset("the a an he she they it his her their its this these there in on at".split())  # noqa: SIM905


def quotation(passage: Passage, part: str = "") -> str:
    """The passage in its own words, or a part of it, with as much of its context as that does not say itself and 30
    words allow: the title goes first, then the organisation, then the dates. What says more of a prize or a book than
    its name comes behind that."""
    text = part or passage.text
    said = text.casefold()
    opening = said.split(" ", 1)[0]
    # "A ledger in Go" is no sentence: what it is the name of goes before it.
    opens = opening in _OPENERS and not (passage.section == "Projects" and opening in ("a", "an"))
    stands_alone = opens or opening in passage.title.casefold().split()
    if part and passage.names_itself and not passage.text.startswith(part.rstrip("…")):
        return _behind_its_title(passage, text)
    head = [passage.organisation, *([] if stands_alone else [passage.title])]
    head = [part for part in head if part and part.casefold() not in said]
    if not passage.organisation and not passage.title and passage.section not in ("About", "Contact"):
        head = [passage.section]
    dates = "" if all(year in said for year in re.findall(r"\d+", passage.dates)) else f" ({passage.dates})"
    room = SHORT_WORDS - len(text.split())
    while head and len(f"{' '.join(head)}{dates}".split()) > room:
        head.pop()
    if len(dates.split()) > room:
        dates = ""
    if head:
        return f"{', '.join(head)}{dates}: {text}"
    return f"{text.removesuffix('.')}{dates}." if dates else text


def _behind_its_title(passage: Passage, text: str) -> str:
    """`Note on Hybodus (1839): A letter to the editor.`"""
    dates = [f"({passage.dates})"] if passage.dates and passage.dates not in passage.title else []
    title = " ".join([passage.title or passage.organisation, *dates])
    return f"{title}: {text}" if len(f"{title} {text}".split()) <= SHORT_WORDS else text


def served(passage: Passage, part: str = "") -> tuple[str, ...]:
    """What the model may write of a passage: the whole of it with its context (`quotation`), or the part that a reader
    chose; of a long one that nobody cut, any of its sentences."""
    whole = quotation(passage, part)
    return (whole,) if part or len(whole.split()) <= SHORT_WORDS else spans(passage)


def choices(hits: Sequence[Hit]) -> list[tuple[str, ...]]:
    """What the model may write of each of a search's hits: of those that are far less likely than the best nothing."""
    least = LIKELY * max((hit.score for hit in hits), default=0.0)
    return [served(hit.passage, hit.part) if hit.score >= least else () for hit in hits]


class Quotations:
    """Which tokens may follow, for one answer from a list of passages. `allow` is for `Engine.generate`."""

    def __init__(self, tok: Tokenizer, choices: Sequence[Sequence[str]], ranked: bool = False) -> None:
        """choices: the texts that may be quoted of each passage. ranked: the passages are in a search's order, so that
        the first is likelier to answer (`RANK_WEIGHTS`)."""
        self._choices = choices
        self._stop = tok.eot
        self._ranked = ranked
        self._refusals = _trie(tok.encode(text) for text in REFUSALS)
        self._first, self._further = {}, {}
        for n, texts in enumerate(choices, 1):
            self._first[n] = _trie(tok.encode(f"[{n}] {text}") for text in texts)
            self._further[n] = _trie(tok.encode(f" [{n}] {text}") for text in texts)
        # Where the answer stands after each of its tokens: an answer asks again and again, one token longer.
        self._walked: list[int] = []
        self._states = [[_State(self._refusals, 0, 0), *(_State(trie, n, 1) for n, trie in self._first.items())]]

    def allow(self, written: Sequence[int]) -> dict[int, float]:
        """Ids that may come after the answer's ids so far, weighted; the end token once an answer is whole."""
        states = self._after(written)
        allowed = {token: 0.0 for state in self._open(states) for token in state.node if token != _WHOLE}
        if self._ranked and len(written) == 1:  # after the bracket that opens the answer: the number is chosen
            for state in states:
                for token in state.node:
                    allowed[token] = RANK_WEIGHTS[min(state.number, len(RANK_WEIGHTS)) - 1]
        if any(_WHOLE in state.node for state in states) or not allowed:
            allowed[self._stop] = 0.0
        return dict(sorted(allowed.items()))

    @property
    def grammar(self) -> str:
        """The same answers as a grammar in llama.cpp's notation (GBNF), for a server that picks the tokens itself."""
        # llama.cpp refuses an empty rule: a passage of which nothing is short enough to quote has none.
        texts_of = {n: texts for n, texts in enumerate(self._choices, 1) if texts}
        rules = {
            "root": _any(["refusal", *(f"cite-1-{n}" for n in texts_of)]),
            "refusal": _any(map(_literal, REFUSALS)),
        }
        for n, texts in texts_of.items():
            rules[f"text-{n}"] = _any(map(_literal, texts))
            for cited in range(1, MAX_CITATIONS + 1):
                later = [f"cite-{cited + 1}-{m}" for m in texts_of if m > n] if cited < MAX_CITATIONS else []
                opening = _literal(f"[{n}] " if cited == 1 else f" [{n}] ")
                rules[f"cite-{cited}-{n}"] = f"{opening} text-{n}" + (f" ({_any(later)})?" if later else "")
        return "".join(f"{name} ::= {rule}\n" for name, rule in rules.items())

    def _after(self, written: Sequence[int]) -> list["_State"]:
        same = 0
        for known, token in zip(self._walked, written, strict=False):
            if known != token:
                break
            same += 1
        del self._walked[same:], self._states[same + 1 :]
        for token in written[same:]:
            states = self._open(self._states[-1])
            self._states.append([_State(s.node[token], s.number, s.cited) for s in states if token in s.node])
            self._walked.append(token)
        return self._states[-1]

    def _open(self, states: list["_State"]) -> list["_State"]:
        """The states, and the further citations that may follow those that are whole: of later passages alone."""
        further = [
            _State(trie, n, state.cited + 1)
            for state in states
            if _WHOLE in state.node and 0 < state.cited < MAX_CITATIONS
            for n, trie in self._further.items()
            if n > state.number
        ]
        return [*states, *further]


@dataclass(frozen=True)
class _State:
    """A place in a trie, the number of the passage it quotes (0: a refusal), and how many are cited so far."""

    node: Trie
    number: int
    cited: int


def _any(rules: Iterable[str]) -> str:
    return " | ".join(rules)


def _literal(text: str) -> str:
    """Quoted as GBNF reads it, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def _trie(rows: Iterable[list[int]]) -> Trie:
    root: Trie = {}
    for ids in rows:
        node = root
        for token in ids:
            node = node.setdefault(token, {})
        node[_WHOLE] = {}
    return root
