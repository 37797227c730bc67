"""The lines of sections that list things -> JSON Resume: skills, languages, interests, awards, certificates,
publications, references."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fischgpt.profile.dates import find_period
from fischgpt.profile.entries import all_parts, drafts, read_heads, with_bullets
from fischgpt.profile.outline import EDGES, Line, trimmed

Reader = Callable[[Sequence[Line]], Iterator[dict[str, Any]]]
_RATING = re.compile(r"\s*[●○◉◯■□★☆▪▫•◦⬤◆◇]{2,}\s*$")
"""How good at it, drawn: five discs say nothing in words."""
_SEPARATORS = r"[,;|•·∙\t](?![^(]*\))"
"""Between the items of a list; a comma in brackets joins."""
_TONGUE = re.compile(
    r"(?:(?P<native>mother tongue|native|muttersprache|langue maternelle)|(?:other|foreign)? ?languages?)", re.I
)
"""How Europass labels the two kinds of languages."""
_CITATION = re.compile(
    r"^(?P<authors>[^“\"(]{3,200}?)[.,]?\s*\((?P<date>[^()]*\b(?:19|20)\d\d[^()]*)\)[.,:]?\s*"
    r"[“\"]?(?P<title>[^“”\"]{8,250}?)(?:[.?!]?[”\"][.,]?|[.?!])\s*(?:In:?\s+)?(?P<venue>.*)$"
)
"""`Solheim, I., Berg, T. (2022). Krill distribution. Journal of Plankton Research, 44(3), 210–224.`"""
_QUOTED = re.compile(
    r"^(?P<authors>[^“\"]{0,200}?)[,.:]?\s*[“\"](?P<title>[^”\"]{8,250}?)[.,]?[”\"][.,]?\s*(?P<venue>.*)$"
)


def _skills(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    group, single = "", []
    for line in lines:
        text = _RATING.sub("", line.text)
        name, colon, words = text.partition(":")
        if not colon and len(line.parts) == 2 and not line.parts[1].strip(EDGES).isdigit():
            name, colon, words = line.parts[0], ":", line.parts[1]  # a label, and what it holds beside it
        listed = [trimmed(_RATING.sub("", word)).strip(".") for word in re.split(_SEPARATORS, words if colon else text)]
        listed = [word for word in listed if word]
        if single and (colon or line.kind == "entry"):
            yield {"name": group, "keywords": single}
            single = []
        if line.kind == "entry" and not colon and len(listed) == 1:
            group = text
        elif colon and listed:
            yield {"name": name.strip(EDGES), "keywords": listed}
            group = ""
        elif colon:
            group = name.strip(EDGES)
        elif len(text) > 80 and len(listed) == 1:  # a sentence
            yield {"name": group, "keywords": listed}
        else:
            single += listed
    if single:
        yield {"name": group, "keywords": single}


def _titled(title: str, by: str, when: str) -> Reader:
    """Awards, certificates: `Title, by, 2019` on one line or more. Lines without any date are one each."""

    def read(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
        dated = any(find_period(line.text) for line in lines)
        groups = [lines] if dated else [[line] for line in lines]
        for draft in (draft for group in groups for draft in drafts(group, bare_bullets=True, entry_opens=True)):
            period = next(filter(None, (find_period(head.text) for head in draft.heads)), None)
            parts = all_parts(read_heads(draft)[1])
            entry: dict[str, Any] = {title: parts[0] if parts else ""}
            if len(parts) > 1:
                entry[by] = ", ".join(parts[1:])
            if period:
                entry[when] = period.end or period.start
            yield with_bullets(entry, draft)

    return read


_plain_publications = _titled("name", "publisher", "releaseDate")


def _publications(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    """A citation with its authors, its title in quotes or after the year; other lines as awards are read."""
    for line in lines:
        text = re.sub(r"^\[?\d{1,2}[.)\]]\s+", "", line.text)
        cited = _CITATION.match(text) or _QUOTED.match(text)
        if cited is None or not cited["authors"].strip(EDGES):
            yield from _plain_publications([Line(line.kind, text, line.parts)])
            continue
        entry = {"name": cited["title"].strip(EDGES), "publisher": cited["venue"].strip(EDGES + ".")}
        if period := find_period(cited.groupdict().get("date") or cited["venue"]):
            entry["releaseDate"] = period.end or period.start
        yield {**entry, "summary": f"Authors: {cited['authors'].strip(EDGES)}"}


def _listed(lines: Sequence[Line]) -> list[str]:
    """The single words of languages and interests, one a bullet or several a line."""
    found = []
    for line in lines:
        for part in re.split(rf"{_SEPARATORS}|(?<=\))\s+(?=[A-Z])", line.text):
            if word := _RATING.sub("", part).strip(" \t,;|•·∙."):
                found.append(word)
    return found


def _languages(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for line in lines:
        tongue = _TONGUE.match(line.parts[0]) if len(line.parts) == 2 else None
        if tongue and not tongue["native"]:
            line = Line("text", line.parts[1])
        if len(line.parts) == 2 and not re.search(_SEPARATORS, line.text):
            language, fluency = line.parts if tongue is None else (line.parts[1], "native")
            yield {"language": trimmed(language), "fluency": trimmed(_RATING.sub("", fluency))}
            continue
        for word in _listed([line]):
            match = re.match(r"(?P<language>[^(:–—-]+?)\s*(?:[(:–—-]\s*(?P<fluency>[^)]+)\)?)?$", word)
            if match:
                yield {key: value.strip() for key, value in match.groupdict().items() if value}
            else:
                yield {"language": word}


def _interests(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for line in lines:
        name, colon, words = line.text.partition(": ")
        if colon:
            yield {"name": name, "keywords": _listed([Line("text", words)])}
        else:
            yield from ({"name": word} for word in _listed([line]))


def _references(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if re.search(
            r"(?:available|provided|furnished)?\s*(?:up)?on request|auf (?:an|nach)frage|sur demande", line.text, re.I
        ):
            continue
        name, colon, said = line.text.partition(": ")
        yield {"name": name, "reference": said} if colon and len(name) < 60 else {"reference": line.text}


LISTS: dict[str, Reader] = {
    "skills": _skills,
    "publications": _publications,
    "awards": _titled("title", "awarder", "date"),
    "certificates": _titled("name", "issuer", "date"),
    "languages": _languages,
    "interests": _interests,
    "references": _references,
}
