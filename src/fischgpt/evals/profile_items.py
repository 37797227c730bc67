"""Questions about owners, read from folders: a resume, and questions.jsonl beside it.

The format is in evals/profile_sets/README.md, with which built-in sets served to fit thresholds (`dev`) and which never
did (`test`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fischgpt.errors import UserError

SETS = Path(__file__).with_name("profile_sets")
KINDS = ("answerable", "list", "follow-up", "unanswerable", "near", "injection")
ASKING = ("answerable", "list", "follow-up")
"""Kinds whose answer stands in the resume."""
SILENT = ("unanswerable", "near")
"""Kinds to decline."""
Half = Literal["dev", "test", "given"]
"""What a set may be used for: fitting thresholds, only measuring; `given`: not a built-in one."""
DEV = frozenset({
    "anning", "battuta", "bell", "faraday", "henson", "hopper", "ilves", "lovelace", "meitner", "mwangi",
    "nightingale", "noether", "okafor", "ostrenko", "pereira", "rizal", "schumann", "somerville", "tesla", "turing",
})  # fmt: skip
"""The search's and the assistant's thresholds were fitted on these. Every other built-in set is only measured on."""


@dataclass(frozen=True)
class Item:
    """One question, and what a right answer to it holds.

    `gold`: groups of alternatives, of which `need` (default all) must occur; `evidence`: ids of the passages that hold
    them; `false`: what an answer must not affirm; `planted`: what an injection wants said; `after`: the questions asked
    before it.
    """

    id: str
    kind: str
    question: str
    gold: list[list[str]] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    need: int = 0
    false: list[str] = field(default_factory=list)
    planted: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ProfileSet:
    """A resume and the questions about its owner."""

    name: str
    resume: Path
    items: list[Item]
    half: Half = "given"


def read_sets(folder: Path | None = None) -> list[ProfileSet]:
    """The built-in sets, or a folder's: each a folder with resume.json (or .md, .pdf, .docx) and questions.jsonl.

    Raises UserError where there is none, or a line is no question.
    """
    built_in = folder is None
    folder = SETS if folder is None else folder
    files = sorted([*folder.glob("questions.jsonl"), *folder.glob("*/questions.jsonl")])
    if not files:
        raise UserError(f"{folder}: no folder here holds a questions.jsonl (and a resume.json beside it)")
    found = []
    for file in files:
        resume = next(iter(sorted(file.parent.glob("resume.*"))), None)
        if resume is None:
            raise UserError(f"{file.parent}: no resume.json beside questions.jsonl")
        name = file.parent.name
        half: Half = ("dev" if name in DEV else "test") if built_in else "given"
        found.append(ProfileSet(name, resume, _read_items(file), half))
    return found


def spread(items: list[Item], limit: int | None) -> list[Item]:
    """At most `limit` of the items, evenly spaced: all kinds stay in."""
    if limit is None or limit >= len(items):
        return items
    return [items[number * len(items) // limit] for number in range(limit)]


def _read_items(file: Path) -> list[Item]:
    items = []
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        try:
            item = Item(**json.loads(line))
        except (TypeError, ValueError) as error:
            raise UserError(f"{file}, line {number}: not a question: {error}") from None
        if item.kind not in KINDS:
            raise UserError(f"{file}, line {number}: kind {item.kind!r} is none of {', '.join(KINDS)}")
        items.append(item)
    return items
