"""Decoding that helps a small model: its answer may only run along the passages.

What a 9M model knows is which passage answers; copying forty tokens without a slip it learns much later (first token of
a span right 30 %, the rest 85 %: one slip is enough to lose an answer). So the next token is chosen among those that
continue `[n] ` and whole sentences of passage n, the passage's head ("Acme, Engineer (2019 to 2021)."), a further
citation, the end, or a refusal. Which of them, the model decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fischgpt.profile.passages import Passage
from fischgpt.profile.text import sentences
from fischgpt.tokenizer import Tokenizer

REFUSALS = (
    "The profile does not say.",
    "The profile does not mention that.",
    "The profile says nothing about that.",
)
"""How the model declines: all begin alike, so that the first token decides between citing and declining."""
RANK_WEIGHTS = (0.9, -0.3, -0.8, -1.2, -1.5, -1.7, -1.9, -2.0)
"""Added to the logit of passage 1, 2, ...: log of how often a search has the right passage there (83 %, 7 %, 4 %, ...)
over how often training had (38 %, 9 % each)."""
MAX_CITATIONS = 3
MAX_WORDS = 60
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


class Quotations:
    """Which tokens may follow, for one list of passages. `allow` is for `Engine.generate`."""

    def __init__(self, tok: Tokenizer, passages: Sequence[Passage], ranked: bool = False) -> None:
        """ranked: the passages are in a search's order, so the first is likelier to answer (`RANK_WEIGHTS`)."""
        self._stop = tok.eot
        self._ranked = ranked
        self._refusals = _trie(tok.encode(text) for text in REFUSALS)
        self._first, self._further = {}, {}
        for n, passage in enumerate(passages, 1):
            self._first[n] = _trie(tok.encode(f"[{n}] {span}") for span in spans(passage))
            self._further[n] = _trie(tok.encode(f" [{n}] {span}") for span in spans(passage))

    def allow(self, written: Sequence[int]) -> dict[int, float]:
        """Ids that may come after the answer's ids so far, weighted; the end token once an answer is whole."""
        states = [_State(self._refusals, 0, 0), *(_State(trie, n, 1) for n, trie in self._first.items())]
        for token in written:
            states = [_State(s.node[token], s.number, s.cited) for s in self._open(states) if token in s.node]
        allowed = {token: 0.0 for state in self._open(states) for token in state.node if token != _WHOLE}
        if self._ranked and len(written) == 1:  # after the bracket that opens the answer: the number is chosen
            for state in states:
                for token in state.node:
                    allowed[token] = RANK_WEIGHTS[min(state.number, len(RANK_WEIGHTS)) - 1]
        if any(_WHOLE in state.node for state in states) or not allowed:
            allowed[self._stop] = 0.0
        return dict(sorted(allowed.items()))

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


def _trie(rows: Iterable[list[int]]) -> Trie:
    root: Trie = {}
    for ids in rows:
        node = root
        for token in ids:
            node = node.setdefault(token, {})
        node[_WHOLE] = {}
    return root
