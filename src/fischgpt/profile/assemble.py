"""An outline -> JSON Resume: the owner's name and contact details, and which section each line belongs to."""

import re
from collections.abc import Sequence
from typing import Any

from fischgpt.profile.contact import is_address, is_personal, is_place, read_contact
from fischgpt.profile.entries import ENTRIES, POSITIONS, positions, votes
from fischgpt.profile.lists import LISTS
from fischgpt.profile.outline import Line, names_columns
from fischgpt.profile.sections import TITLE_AROUND_NAME, is_title, section_of
from fischgpt.profile.text import clean
from fischgpt.profile.vocabulary import is_role

_READERS = ENTRIES | LISTS
_SIGNED = re.compile(r"[^\W\d_][\w .-]{1,30},?\s+(?:den |le |the )?\d{1,2}[./]\s?\d{1,2}[./]\s?\d{4}")
"""Place and date below a signature, as German resumes end."""

_DECLARED = re.compile(r"declaration|disclaimer|einverständniserklärung|signature", re.IGNORECASE)
_SPOKEN = re.compile(r"languages?(?: known| spoken)?\s*:\s*(.+)", re.IGNORECASE)


def to_resume(lines: Sequence[Line]) -> dict[str, Any]:
    """JSON Resume of an outline; empty when it has no line."""
    lines = [
        line for line in lines if not (is_title(line.text) or (line.kind != "heading" and names_columns(line.text)))
    ]
    if len(lines) > 1 and _SIGNED.fullmatch(lines[-1].text.strip()):
        lines = lines[:-1]
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
            rest = read_contact(resume["basics"], body)
            spoken = [Line("text", found[1]) for line in rest if (found := _SPOKEN.match(line.text))]
            if spoken:
                resume.setdefault("languages", []).extend(_READERS["languages"](spoken))
        elif section in _READERS:
            resume.setdefault(section, []).extend(_READERS[section](body))
        elif body and not _DECLARED.fullmatch(title):  # a section of the owner's own: its name becomes a project's
            shown = title.capitalize() if title.isupper() else title
            resume.setdefault("projects", []).append({"name": shown, "highlights": [x.text for x in body]})
    return {key: value for key, value in resume.items() if value}


def _read_basics(basics: dict[str, Any], lines: Sequence[Line]) -> None:
    rest = list(lines)
    if rest:
        basics["name"] = _name(rest.pop(0).text)
    rest = [line for line in read_contact(basics, rest) if _name(line.text) != basics.get("name")]
    rest = [line for line in rest if not is_personal(line.text)]
    labels = [line for line in rest if len(line.text) <= 80 and not line.text.endswith(".")]
    label = next((line for line in labels if is_role(line.text)), None) or next(
        (line for line in labels if not is_place(line.text)), labels[0] if labels else None
    )
    # Further down it would be the summary's first line rather than what they call themselves.
    if (
        "label" not in basics
        and label is not None
        and (label is rest[0] or all(is_place(x.text) for x in rest[: rest.index(label)]))
    ):
        rest.remove(label)
        basics["label"] = label.text
    for line in [line for line in rest if is_address(line.text) or (is_place(line.text) and "label" in basics)]:
        rest.remove(line)
        basics.setdefault("location", {"address" if is_address(line.text) else "city": line.text})
    if rest:
        basics["summary"] = " ".join(line.text for line in rest)


def _name(text: str) -> str:
    name = TITLE_AROUND_NAME.sub("", text).strip(" –—-|,:•·")
    return name.title() if name.isupper() and " " in name else name
