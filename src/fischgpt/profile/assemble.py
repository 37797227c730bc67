"""An outline -> JSON Resume: the owner's name and contact details, and which section each line belongs to."""

import re
from collections.abc import Sequence
from typing import Any

from fischgpt.profile.entries import EDGES, POSITIONS, READERS, positions, votes
from fischgpt.profile.outline import Line, section_of
from fischgpt.profile.text import clean

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d\s()/.-]{6,}\d(?!\w)")
_URL = re.compile(r"(?:https?://|www\.)[^\s|,;)]+|\b(?:github\.com|gitlab\.com|linkedin\.com)/[^\s|,;)]+", re.I)


def to_resume(lines: Sequence[Line]) -> dict[str, Any]:
    """JSON Resume of an outline; empty when it has no line."""
    sections: list[tuple[str, str, list[Line]]] = [("", "", [])]
    for line in lines:
        if line.kind == "heading":
            sections.append((section_of(line.text) or "", clean(line.text), []))
        else:
            sections[-1][2].append(line)
    resume: dict[str, Any] = {"basics": {}}
    head = sections.pop(0)[2]
    if not head and sections and not sections[0][0]:  # the first heading of all is the owner's name
        head = [Line("text", sections[0][1]), *sections.pop(0)[2]]
    _read_basics(resume["basics"], head)
    title_first = sum(votes(body) for section, _, body in sections if section in POSITIONS)
    for section, title, body in sections:
        if section in POSITIONS:
            resume.setdefault(section, []).extend(positions(body, POSITIONS[section], title_first))
        elif section == "summary":
            told = " ".join(line.text for line in body)
            resume["basics"]["summary"] = " ".join(filter(None, [resume["basics"].get("summary"), told]))
        elif section == "contact":
            _read_contact(resume["basics"], body)
        elif section in READERS:
            resume.setdefault(section, []).extend(READERS[section](body))
        elif body:  # a section of the owner's own: its name becomes a project's
            resume.setdefault("projects", []).append({"name": title, "highlights": [x.text for x in body]})
    return {key: value for key, value in resume.items() if value}


def _read_basics(basics: dict[str, Any], lines: Sequence[Line]) -> None:
    rest = list(lines)
    if rest:
        basics["name"] = rest.pop(0).text
    rest = _read_contact(basics, rest)
    if rest and len(rest[0].text) <= 80 and not rest[0].text.endswith("."):
        basics["label"] = rest.pop(0).text
    if rest:
        basics["summary"] = " ".join(line.text for line in rest)


def _read_contact(basics: dict[str, Any], lines: Sequence[Line]) -> list[Line]:
    """Take contact details out of lines; the lines without any are given back."""
    rest = []
    for line in lines:
        text = line.text
        left = text
        if found := _EMAIL.search(text):
            basics.setdefault("email", found[0])
            left = left.replace(found[0], " ")
        for url in _URL.findall(left):
            site = next((s for s in ("GitHub", "GitLab", "LinkedIn") if s.lower() in url.lower()), "")
            if site:
                basics.setdefault("profiles", []).append({"network": site, "url": url})
            else:
                basics.setdefault("url", url)
            left = left.replace(url, " ")
        if found := _PHONE.search(left):
            basics.setdefault("phone", found[0].strip())
            left = left.replace(found[0], " ")
        if left == text:
            rest.append(line)
            continue
        words = re.sub(
            r"\b(e-?mail|phone|tel|telephone|mobile|web(site)?|address|linkedin|github)\b\.?:?", " ", left, flags=re.I
        )
        places = [part.strip(EDGES) for part in re.split(r"[|•·∙\t]|\s{2,}", words)]
        place = next((part for part in places if re.search(r"[^\W\d_]{3}", part)), "")
        if place and len(place) < 60:
            basics.setdefault("location", {"city": clean(place)})
    return rest
