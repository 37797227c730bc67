"""`fischgpt profile init`: from a resume to a profile that is checked, indexed and has questions to offer."""

import json
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomli_w

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.remote import load
from fischgpt.assistant.starters import propose_starters
from fischgpt.errors import UserError
from fischgpt.folders import check_new, new_folder
from fischgpt.profile.doubts import unread
from fischgpt.profile.index import Index
from fischgpt.profile.manage import Checked, check
from fischgpt.profile.passages import CONTACT_FIELDS
from fischgpt.profile.profile import load_profile, slug
from fischgpt.profile.resume import read_with_lines
from fischgpt.profile.text import clean

Ask = Callable[[str, str], str]
"""A question for the owner and what an empty reply means -> the reply."""


@dataclass(frozen=True)
class Begun:
    """A new profile, and what was found in it."""

    folder: Path
    checked: Checked
    starters: list[str]
    """Written into profile.toml; each was asked and answered."""
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder), "starters": self.starters, "seconds": self.seconds, **self.checked.as_dict(),
        }  # fmt: skip

    def __str__(self) -> str:
        folder = shlex.quote(str(self.folder))
        sections = ", ".join(f"{section} {count}" for section, count in self.checked.sections.items())
        lines = [f"{self.checked.name}: {len(self.checked.passages)} passages ({sections})"]
        lines += [f"warning: {warning}" for warning in self.checked.warnings]
        lines += ["", "Questions offered, each of them asked and answered:"] if self.starters else []
        lines += [f"  {starter}" for starter in self.starters]
        return "\n".join(
            [*lines, "", f"Started {folder} in {self.seconds:.0f} s. Correct resume.json, tell your story in story.md;",
             f"  fischgpt profile check {folder}     shows every passage",
             f"  fischgpt up --profile {folder}      serves it"]
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the owner says of themselves; empty: what the resume says."""

    name: str = ""
    pronouns: str = ""
    headline: str = ""
    public: Sequence[str] = field(default_factory=list)
    """Contact details that visitors may see."""


def init(
    folder: str | Path | None = None,
    resume: str | Path | None = None,
    wishes: Wishes | None = None,
    model: str = "mini",
    ask: Ask | None = None,
) -> Begun:
    """Write a new profile folder (None: named after the owner), check it, index it, propose starter questions.

    ask: how to put questions to the owner (None: they are not asked). The folder appears whole or not at all. Raises
    UserError when something stands there already, when nobody is named, for a contact detail that is none, and as
    `read_resume`.
    """
    started, wishes = time.perf_counter(), wishes or Wishes()
    if folder is not None:
        check_new(folder)
    if ask is not None and resume is None and not wishes.name:
        resume = ask("Your resume (.pdf .docx .md or JSON Resume; empty: start without one)", "") or None
    told, lines = read_with_lines(Path(resume).expanduser()) if resume else ({}, [])
    wishes = _decide(told.get("basics") or {}, wishes, ask)
    if not wishes.name:
        raise UserError("a profile needs its owner's name: --name NAME")
    target = Path(folder) if folder is not None else Path(slug(wishes.name))
    with new_folder(target) as making:
        _write(making, told or _empty_resume(wishes.name), wishes, [])
        profile = load_profile(making)
        assistant = Assistant(profile, Index.open(profile), load(model))
        starters = propose_starters(assistant) if resume else []
        _write(making, told or _empty_resume(wishes.name), wishes, starters)
    checked = check(str(target))
    checked.warnings[:0] = unread(lines, told)
    return Begun(target, checked, starters, round(time.perf_counter() - started, 1))


def terminal_questions() -> Ask | None:
    """Questions in the terminal, or None where nobody sits at one."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None

    def ask(question: str, default: str) -> str:
        print(f"{question}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
        try:
            return input().strip() or default
        except EOFError:
            return default

    return ask


def _decide(basics: dict[str, Any], wishes: Wishes, ask: Ask | None) -> Wishes:
    """The wishes, completed by the resume and, where one can ask, by its owner."""
    if unknown := [key for key in wishes.public if key not in CONTACT_FIELDS]:
        raise UserError(f"--public {unknown[0]}: it may name {', '.join(CONTACT_FIELDS)}")
    name = clean(wishes.name or basics.get("name"), 80)
    headline = clean(wishes.headline or basics.get("label"), 200)
    pronouns, public = clean(wishes.pronouns, 40), list(wishes.public)
    if ask is not None:
        name = clean(wishes.name or ask("Your name", name), 80)
        headline = clean(wishes.headline or ask("What you are, in a few words", headline), 200)
        pronouns = pronouns or clean(ask("Pronouns", "they/them"), 40)
        for key in CONTACT_FIELDS if not public else ():
            shown = _shown(basics.get(key))
            if shown and ask(f"May visitors see your {key} ({shown})? yes or no", "no").casefold() in ("y", "yes"):
                public.append(key)
    return Wishes(name=name, pronouns=pronouns or "they/them", headline=headline, public=public)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(filter(None, map(_shown, value.values())))
    return ", ".join(map(_shown, value)) if isinstance(value, list) else clean(value, 80)


def _write(folder: Path, resume: dict[str, Any], wishes: Wishes, starters: Sequence[str]) -> None:
    (folder / "resume.json").write_text(json.dumps(resume, indent=2, ensure_ascii=False) + "\n", "utf-8")
    settings: dict[str, Any] = {"name": wishes.name, "pronouns": wishes.pronouns, "headline": wishes.headline}
    settings |= {"public": list(wishes.public)} | ({"starters": list(starters)} if starters else {})
    (folder / "profile.toml").write_text(_TOML_HEAD + tomli_w.dumps(settings), "utf-8")
    story = f"# {wishes.name}\n\nThe longer story, in Markdown: the site shows it on its own page.\n"
    (folder / "story.md").write_text(story, "utf-8")


def _empty_resume(name: str) -> dict[str, Any]:
    """Every usual section, empty, and one fact that is true from the start, so that the profile loads as it is."""
    told = f"{name} is the owner of this profile."
    return {
        "basics": {"name": name, "label": "", "summary": told, "email": "", "location": {"city": ""}},
        "work": [_blank("name position location startDate endDate")],
        "education": [_blank("institution studyType area startDate endDate")],
        "projects": [_blank("name startDate endDate")],
        "skills": [{"name": "", "keywords": []}],
        "awards": [],
        "publications": [],
        "languages": [{"language": "", "fluency": ""}],
        "interests": [{"name": "", "keywords": []}],
    }


def _blank(keys: str) -> dict[str, Any]:
    return {**dict.fromkeys(keys.split(), ""), "highlights": []}


_TOML_HEAD = """\
# How the site presents you. Also: first_name, greeting, starters = ["A question?"],
# links = [{ label = "GitHub", url = "https://..." }], and public = ["email", "phone", "url", "location", "profiles"]
# for the contact details of resume.json that visitors may see.
"""
