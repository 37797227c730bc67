"""Visitors' thumbs in a local SQLite file, and what of them a model can be trained on.

What was asked and answered is stored only where the owner has decided to keep questions; otherwise a row holds the
thumb, the kind of answer and a comment, if the visitor wrote one.
"""

import json
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from fischgpt.assistant.check import segments
from fischgpt.errors import UserError
from fischgpt.profile.profile import Profile, load_profile, slug
from fischgpt.profile.prompt import render_passages
from fischgpt.resources import data_dir

MAX_ROWS = 100_000
"""Thumbs kept at most."""
MAX_TEXT = 16_000
"""Characters of one conversation kept at most: the file stays under 2 GB whatever visitors send."""
_SCHEMA = """CREATE TABLE IF NOT EXISTS thumbs (
    id TEXT PRIMARY KEY, time TEXT NOT NULL, rating TEXT NOT NULL, model TEXT NOT NULL, comment TEXT,
    messages TEXT, sources TEXT)"""


class Full(Exception):
    """No more thumbs are kept."""


@dataclass(frozen=True)
class Thumb:
    """One visitor's verdict on one answer."""

    id: str
    """The answer's own."""
    rating: Literal["up", "down"]
    model: str
    comment: str | None = None
    messages: list[dict[str, str]] | None = None
    """Only where questions are kept: user and assistant in turn, the rated answer last."""
    sources: list[str] | None = None
    """The ids of its passages, in the order of their numbers."""


def owner_folder(profile: Profile, base: Path | None = None) -> Path:
    """Where this owner's feedback and documents are, so that two profiles on one machine never mix."""
    name = re.sub(r"[^\w]+", "-", profile.name.casefold()).strip("-") or slug(profile.name)
    return (base or data_dir()) / name


class Feedback:
    """The file of one owner. Safe to use from several threads and processes; what `add` returned from is on the disk,
    whatever happens to the process."""

    def __init__(self, file: Path) -> None:
        """Nothing is created before the first thumb."""
        self.file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def add(self, thumb: Thumb) -> None:
        """Store a thumb; a second one on the same answer replaces the first. Raises Full."""
        kept = [
            None if value is None else json.dumps(value, ensure_ascii=False)
            for value in (thumb.messages, thumb.sources)
        ]
        now = datetime.now(UTC).isoformat(timespec="seconds")
        row = (thumb.id, now, thumb.rating, thumb.model, thumb.comment, *kept)
        with self._lock:
            connection = self._open()
            with connection:
                known = connection.execute("SELECT 1 FROM thumbs WHERE id = ?", (thumb.id,)).fetchone()
                if not known and connection.execute("SELECT count(*) FROM thumbs").fetchone()[0] >= MAX_ROWS:
                    raise Full
                connection.execute("INSERT OR REPLACE INTO thumbs VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.file, timeout=5, check_same_thread=False)
            # WAL: readers (an export) never block a visitor. FULL: a commit is on the disk even if the power goes.
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(_SCHEMA)
        return self._connection


@dataclass(frozen=True)
class Exported:
    """What an export wrote, and how many thumbs there are."""

    file: Path
    conversations: int
    up: int
    down: int
    without_text: int

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {**vars(self), "file": str(self.file)}

    def __str__(self) -> str:
        line = f"{self.conversations} conversations in {self.file} (thumbs: {self.up} up, {self.down} down)"
        if self.without_text:
            line += f"; {self.without_text} have no text: FISCHGPT_KEEP_QUESTIONS=1 keeps it from now on"
        return line


def export(out: Path, profile: str | None = None, rating: Literal["up", "down", "all"] = "up") -> Exported:
    """Write the rated conversations whose text was kept as JSONL of {"messages": [...]}, as `fischgpt sft` reads it.

    The passages come back as the system message and citations to the front of their sentences, which is what the model
    is trained on. Raises UserError when there is no feedback, or a file stands at `out` already.
    """
    owner = load_profile(profile)
    file = owner_folder(owner) / "feedback.sqlite3"
    if not file.is_file():
        raise UserError(f"no visitor of {owner.name}'s site has given a thumb yet ({file} does not exist)")
    if out.exists():
        raise UserError(f"{out} exists already: choose another file")
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as connection:
        rows = connection.execute("SELECT rating, messages, sources FROM thumbs ORDER BY time, id").fetchall()
    passages = {passage.id: passage for passage in owner.passages}
    lines = []
    for given, messages, sources in rows:
        if messages is None or rating not in ("all", given):
            continue
        known = [passages[id_] for id_ in json.loads(sources or "[]") if id_ in passages]
        system = [{"role": "system", "content": render_passages(known)}] if known else []
        spoken = [
            {**message, "content": trained_form(message["content"])} if message["role"] == "assistant" else message
            for message in json.loads(messages)
        ]
        lines.append(json.dumps({"messages": [*system, *spoken], "rating": given}, ensure_ascii=False))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    ratings = [row[0] for row in rows]
    without = sum(row[1] is None for row in rows)
    return Exported(out, len(lines), ratings.count("up"), ratings.count("down"), without)


def trained_form(shown: str) -> str:
    """`It did. [2]`, as it is shown, -> `[2] It did.`, as it is written."""
    parts = segments(shown)
    if not any(part.citations for part in parts):
        return shown
    return " ".join("".join(f"[{n}]" for n in part.citations) + f" {part.text}" for part in parts).strip()


def conversation(messages: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """What is kept of a rated conversation: user and assistant in turn, the answer last. Raises UserError."""
    spoken = [{"role": role, "content": text} for role, text in messages if role in ("user", "assistant")]
    expected = _turns()
    if len(spoken) % 2 or any(message["role"] != next(expected) for message in spoken):
        raise UserError("messages: user and assistant take turns, and the rated answer is the last")
    while len(spoken) > 2 and sum(len(message["content"]) for message in spoken) > MAX_TEXT:
        spoken = spoken[2:]
    if sum(len(message["content"]) for message in spoken) > MAX_TEXT:
        raise UserError(f"messages: question and answer together are at most {MAX_TEXT} characters")
    return spoken


def _turns() -> Iterator[str]:
    while True:
        yield from ("user", "assistant")
