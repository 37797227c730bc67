"""What `fischgpt profile check|index|search` do. Every result prints itself and has `as_dict()` for programs."""

import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fischgpt.errors import UserError
from fischgpt.profile.doubts import doubts, unread
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile
from fischgpt.profile.retrieval import Retrieval
from fischgpt.profile.text import clean


@dataclass(frozen=True)
class Checked:
    """What was found in a profile, and what its owner may want to mend."""

    name: str
    resume_file: Path
    sections: dict[str, int]
    passages: list[dict[str, str]]
    warnings: list[str]

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "resume_file": str(self.resume_file)}

    def __str__(self) -> str:
        lines = [f"{self.name}: {_passages(len(self.passages))} in {self.resume_file}"]
        lines += [f"  {passage['id']:<16} {passage['rendered']}" for passage in self.passages]
        lines += ["", *(f"  {section:<14} {count:>4}" for section, count in self.sections.items())]
        lines += ["", *(f"warning: {warning}" for warning in self.warnings)] if self.warnings else []
        return "\n".join(lines)


@dataclass(frozen=True)
class Indexed:
    """An index that stands ready."""

    name: str
    passages: int
    seconds: float
    rebuilt: bool
    notice: str | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        done = "indexed" if self.rebuilt else "were indexed already"
        line = f"{_passages(self.passages)} about {self.name} {done} ({self.seconds:.1f} s)"
        return f"{line}\nwarning: {self.notice}" if self.notice else line


@dataclass(frozen=True)
class Found:
    """What a question retrieves."""

    question: str
    retrieval: Retrieval
    notice: str | None

    def as_dict(self) -> dict[str, Any]:
        found = self.retrieval
        hits = [
            {**asdict(hit.passage), "rendered": hit.passage.render()}
            | {"score": round(hit.score, 4), "cosine": round(hit.cosine, 4), "bm25": round(hit.bm25, 4)}
            for hit in found.hits
        ]
        return {
            "question": self.question,
            "answerable": found.answerable,
            "score": round(found.score, 4),
            "threshold": found.threshold,
            "notice": self.notice,
            "hits": hits,
        }

    def __str__(self) -> str:
        found = self.retrieval
        verdict = "the profile may answer it" if found.answerable else "the profile does not say"
        lines = [f"score {found.score:.3f}, threshold {found.threshold:.3f}: {verdict}"]
        lines += [" likely  cosine  bm25"] if found.hits else ["  no passage shares a word with it"]
        lines += [f" {h.score:6.2f}  {h.cosine:6.2f}  {h.bm25:4.1f}  {h.passage.render()}" for h in found.hits]
        return "\n".join([*lines, f"warning: {self.notice}"] if self.notice else lines)


def check(path: str | Path | None = None) -> Checked:
    """Read a profile and report its passages, and what is missing or doubtful. Raises UserError as load_profile."""
    profile = load_profile(path)
    passages = profile.passages
    warnings = unread(profile.lines, profile.resume) + doubts(profile.resume, passages)
    if len(passages) < 10:
        warnings.append(f"only {_passages(len(passages))}: most questions will be declined")
    if profile.private:
        warnings.append(
            f"{', '.join(profile.private)} in the resume: kept from visitors (`public` in profile.toml shows them)"
        )
        if profile.download:
            warnings.append(f"visitors can download {profile.resume_file.name}, which holds them (download = false)")
    index = Index.open(profile)
    if index.notice:
        warnings.append(index.notice)
    for starter in profile.starters:
        if not index.search(starter).answerable:
            warnings.append(f"no passage answers the starter question {starter!r}")
    return Checked(
        name=profile.name,
        resume_file=profile.resume_file,
        sections=dict(Counter(passage.section for passage in passages)),
        passages=[{**asdict(passage), "rendered": passage.render()} for passage in passages],
        warnings=warnings,
    )


def index(path: str | Path | None = None) -> Indexed:
    """Build or open the index of a profile. Raises UserError as load_profile."""
    profile, start = load_profile(path), time.perf_counter()
    opened = Index.open(profile)
    seconds = time.perf_counter() - start
    return Indexed(profile.name, len(profile.passages), round(seconds, 3), opened.rebuilt, opened.notice)


def search(question: str, path: str | Path | None = None, k: int = 5) -> Found:
    """What a question retrieves from a profile. Raises UserError as load_profile, or for an empty question."""
    if not (asked := clean(question)):
        raise UserError("the question is empty")
    opened = Index.open(load_profile(path))
    return Found(asked, opened.search(asked, k=k), opened.notice)


def _passages(count: int) -> str:
    return "1 passage" if count == 1 else f"{count} passages"
