"""The owner: what the site says about them, and the passages answers are taken from."""

import difflib
import hashlib
import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from dataclasses import field as default
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

from anyascii import anyascii
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from fischgpt.errors import UserError
from fischgpt.profile.outline import Line
from fischgpt.profile.passages import CONTACT_FIELDS, Passage, passages_from_resume
from fischgpt.profile.resume import SUFFIXES, read_with_lines
from fischgpt.profile.text import clean
from fischgpt.resources import resource

Contact = Literal["email", "phone", "url", "location", "profiles"]
MAX_PASSAGES = 2000
"""Embedding them takes about 10 s; a resume holds 30 to 60."""
_TITLES = frozenset("dr prof mr mrs ms sir dame lady lord".split())  # noqa: SIM905


@checked_dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class Link:
    """Something to visit: `label` is shown, `url` opened."""

    label: str
    url: str


@checked_dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class ProfileFile:
    """What `profile.toml` may hold; all of it optional, the resume decides what is left out."""

    name: str = ""
    first_name: str = ""
    pronouns: str = ""
    headline: str = ""
    greeting: str = ""
    starters: list[str] = default(default_factory=list)
    """Questions offered to a visitor."""
    links: list[Link] = default(default_factory=list)
    public: list[Contact] = default(default_factory=list)
    """Contact details of the resume that visitors may see."""
    download: bool | None = None
    """Whether visitors may download the resume file. Not set: only when it holds no contact detail kept private."""


@dataclass(frozen=True)
class Profile:
    """Everything the site and the assistant know about the owner."""

    name: str
    first_name: str
    pronouns: str
    headline: str
    greeting: str
    starters: list[str]
    links: list[dict[str, str]]
    """Each with `label` and `url`."""
    story_markdown: str
    resume: dict[str, Any]
    """JSON Resume, private contact details included: not for visitors."""
    lines: list[Line]
    """The document's own lines, where it is no JSON Resume: to say what was left out."""
    passages: list[Passage]
    resume_file: Path
    download: bool
    """Whether visitors may download `resume_file`."""
    private: list[str]
    """Contact details that the resume holds and no visitor sees."""
    fingerprint: str
    """sha256 of the name and the passages: equal for equal content."""


def load_profile(path: str | Path | None = None) -> Profile:
    """A profile folder (`profile.toml`, `resume.json|md|pdf|docx`, `story.md`), a bare resume file, or, for None, the
    shipped profile.

    What profile.toml leaves out is derived from the resume. Raises UserError with one line: nothing there, an unknown
    key (with the nearest right one), a resume that cannot be read or holds no fact, no name.
    """
    path = resource("profiles/fisch") if path is None else Path(path).expanduser()
    if not path.exists():
        raise UserError(f"profile {path} does not exist: start one with `fischgpt profile init {path} --resume FILE`")
    if path.is_dir():
        resume_file, given = _resume_file(path), _read_toml(path / "profile.toml")
        story = _read_text(path / "story.md")
    else:
        resume_file, given, story = path, ProfileFile(), ""
    resume, lines = read_with_lines(resume_file)
    basics = resume.get("basics") or {}
    name = clean(given.name or basics.get("name"), 80)
    if not name:
        raise UserError(f"{resume_file} names no person: add basics.name, or `name` in a profile.toml beside it")
    passages = passages_from_resume(resume, given.public)
    if not passages:
        raise UserError(f"{resume_file} holds no fact to answer from: fill in work, education, skills …")
    if len(passages) > MAX_PASSAGES:
        raise UserError(f"{resume_file} holds {len(passages)} facts; up to {MAX_PASSAGES} are read")
    first_name = clean(given.first_name, 40) or _first_name(name)
    shown = {*given.public, *(basics.get("public") or ())}
    private = [key for key in CONTACT_FIELDS if _says(basics.get(key)) and key not in shown]
    content = "\0".join([name, *(f"{passage.id}\0{passage.render()}" for passage in passages)])
    return Profile(
        name=name,
        first_name=first_name,
        pronouns=clean(given.pronouns, 40) or "they/them",
        headline=clean(given.headline or basics.get("label"), 200),
        greeting=clean(given.greeting, 400) or f"Ask me about {first_name}. I answer from the resume and show where.",
        starters=[clean(text, 200) for text in given.starters] or derive_starters(first_name, passages),
        links=[{"label": clean(link.label, 80), "url": clean(link.url, 400)} for link in given.links],
        story_markdown=story,
        resume=resume,
        lines=lines,
        passages=passages,
        resume_file=resume_file,
        download=given.download if given.download is not None else not private,
        private=private,
        fingerprint=hashlib.sha256(content.encode()).hexdigest(),
    )


@dataclass(frozen=True)
class Starter:
    """A question to offer, and where its answer stands: the section, and the entry if it is about one."""

    question: str
    section: str
    entry: str = ""


def starter_candidates(first_name: str, passages: Sequence[Passage]) -> list[Starter]:
    """Questions that these passages should answer, in the visitor's words: one of each kind of fact, then further
    ones about further entries."""
    asked: dict[str, Callable[[Passage], str]] = {
        "Work": lambda p: f"What did {first_name} do at {p.organisation}?" if p.organisation else "",
        "Education": lambda p: f"Where did {first_name} study{_subject(p)}?",
        "Projects": lambda p: f"What is {p.title}?" if p.title else "",
        "Awards": lambda _: f"Which awards has {first_name} won?",
        "Publications": lambda _: f"What has {first_name} published?",
        "Skills": lambda p: f"What are {first_name}'s skills{f' in {p.title}' if p.title else ''}?",
        "Languages": lambda _: f"Which languages does {first_name} speak?",
        "Interests": lambda _: f"What does {first_name} like to do in free time?",
        "Volunteering": lambda _: f"Where has {first_name} volunteered?",
    }
    further: dict[str, Callable[[Passage], str]] = {
        "Work": lambda p: f"When did {first_name} work at {p.organisation}?" if p.organisation and p.dates else "",
        "Education": lambda p: (
            f"When did {first_name} study at {p.organisation}?" if p.organisation and p.dates else ""
        ),
        "Skills": lambda _: f"Which skills does {first_name} have?",
    }
    of_one = ("Work", "Education", "Projects")
    entries: dict[str, dict[str, Passage]] = {}
    for passage in passages:
        entries.setdefault(passage.section, {}).setdefault(passage.entry, passage)
    found: list[list[Starter]] = []
    for section, ask in asked.items():
        questions = []
        for make in filter(None, (ask, further.get(section))):
            for entry, passage in entries.get(section, {}).items():
                if question := make(passage):
                    questions.append(Starter(question, section, entry if section in of_one else ""))
        if questions:
            found.append(questions[:6])
    turns = zip_longest(*found)
    return list(dict.fromkeys(starter for turn in turns for starter in turn if starter is not None))


def derive_starters(first_name: str, passages: Sequence[Passage]) -> list[str]:
    """Up to five questions that these passages answer, one for each kind of fact."""
    firsts: dict[str, str] = {}
    for starter in starter_candidates(first_name, passages):
        firsts.setdefault(starter.section, starter.question)
    return list(firsts.values())[:5] or [f"Who is {first_name}?"]


def slug(name: str) -> str:
    """`Ada Éxample` -> `ada-example`, `李明` -> `liming`: a name as folders and Kubernetes have it, at most 40
    characters. A name without a letter or digit of any script is told from others by a sum: `owner-1a2b3c4d`."""
    latin = re.sub(r"[^a-z0-9]+", "-", anyascii(name).lower())[:40].strip("-")
    return latin or f"owner-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _says(value: Any) -> bool:
    """Whether a field holds anything: `{"city": ""}` does not."""
    return (
        any(map(_says, value.values() if isinstance(value, dict) else value))
        if isinstance(value, dict | list)
        else bool(value)
    )


def _subject(passage: Passage) -> str:
    subject = passage.title.partition(" in ")[2]
    return f" {subject}" if subject and len(subject) < 40 else ""


def _first_name(name: str) -> str:
    words = [word for word in name.split() if word.casefold().rstrip(".") not in _TITLES]
    return (words or [name])[0]


def _resume_file(folder: Path) -> Path:
    for suffix in SUFFIXES:
        if (file := folder / f"resume{suffix}").is_file():
            return file
    raise UserError(f"{folder} holds no resume: put resume.json, resume.md, resume.pdf or resume.docx into it")


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it as UTF-8") from None


def _read_toml(path: Path) -> ProfileFile:
    try:
        raw = tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}") from None
    known = [entry.name for entry in fields(ProfileFile)]
    for key in raw:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            raise UserError(f"{path}: unknown key {key}; {hint}")
    try:
        return TypeAdapter(ProfileFile).validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {where}: {first['msg']}, got {first['input']!r}") from None
