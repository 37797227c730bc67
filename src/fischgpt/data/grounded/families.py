"""What a question asks for, by its words: the families that training can leave out, to see whether what is learned from
the others carries over (benchmarks/families.py)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from fischgpt.data.grounded.asked import Asked, MadeUp

# Of several that match, the one that stands first in the question; of those at one place, the first here.
_ASKING = {
    "how many": r"how (?:many|much)\b|(?:what|which) (?:number|amount|sum)\b",
    "how long": r"how (?:long|old|far|fast|tall|high|big|large|often|deep|heavy|wide|soon|late)\b|(?:at )?what age\b",
    "how": r"how\b",
    "who": r"(?:who|whom|whose)\b|with who\b",
    "when": r"when\b|(?:since |until |in |from )?(?:what|which) (?:years?|dates?|day|month|decade|time)\b",
    "where": r"where\b|(?:in |from |to )?(?:what|which) (?:city|town|country|place|state|village|part|island)\b",
    "why": r"why\b|what for\b|how come\b|what made\b",
    "which": r"(?:what|which)(?:'s|s)?\b",
}
_YES_NO = re.compile(
    r"^(?:and |so |but |then |also )?(?:did|does|do|was|were|is|are|has|have|had|can|could|would|will|any)\b"
)
FAMILIES = (*_ASKING, "yes-no", "list", "words")
"""words: those without any word that asks ("hobbies?", "tell me about Basel")."""


def family(question: Asked) -> str:
    """The family of a question: `list` where several passages answer, else by the word that asks."""
    if question.kind == "list":
        return "list"
    return family_of(question.text)


def family_of(text: str) -> str:
    """The family by the words of a question alone, never `list`."""
    said = text.casefold()
    if _YES_NO.match(said):
        return "yes-no"
    at = {name: match.start() for name, form in _ASKING.items() if (match := re.search(rf"\b(?:{form})", said))}
    return min(at, key=lambda name: at[name]) if at else "words"


def without(owners: Iterable[MadeUp], families: Collection[str]) -> Iterator[MadeUp]:
    """The owners, without their questions of some families."""
    for owner in owners:
        yield replace(owner, questions=[one for one in owner.questions if family(one) not in families])
