"""The lines of one section -> its entries in JSON Resume's fields.

An entry is some head lines (title, organisation, place, dates, in any order) and its bullets. Nothing that was written
is dropped: what fits no field becomes a bullet.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fischgpt.profile.dates import find_period
from fischgpt.profile.outline import EDGES, Line, trimmed
from fischgpt.profile.vocabulary import BARE, DEGREE, ORGANISATION, ROLE, SCHOOL, is_organisation, is_role

_STUDY = re.compile(r"^(?P<type>[^,]+?)\s+(?:in|en)\s+(?P<area>.+)$", re.IGNORECASE)
_LEAVING = re.compile(r"abitur|matura|baccalaur|a-levels?|high school|bachillerato", re.IGNORECASE)
"""What school ends with; it has no subject."""
_LEGAL = re.compile(r"(?:inc|llc|ltd|plc|gmbh|ag|s\.?a|corp|co)\b\.?", re.IGNORECASE)
_STRONG = re.compile(r"\s*(?:\t|\s{3,}|\s[|•·∙]\s|\s[–—-]\s)\s*")
_FIELD = re.compile(
    r"^(?:designation|position|role|job title|title|company|employer|organi[sz]ation|duration|period|location|place)"
    r"\s*:\s*",
    re.IGNORECASE,
)
"""The name of a field before what stands in it: `Designation: Embedded Engineer`."""
_COMMA = re.compile(r",\s+")
_FREE = re.compile(
    r"\b(freelance\w*|self[- ]employed|independent|selbst[aä]ndig\w*|freiberuflich\w*|ind[eé]pendant\w*)\b", re.I
)
_SCORE = re.compile(
    r"^(?:(?:overall |final )?(?:gpa|grade|score|average)|(?:abschluss|gesamt)?note|mention|moyenne"
    r"|nota)\b\s*:?\s*(?P<score>.+)$"
    r"|^(?P<mark>[\d.,/]+\s*(?:c?gpa|%|percent)(?:/\d+)?)$",
    re.IGNORECASE,
)


@dataclass
class Draft:
    """An entry while it is read: its head lines, then its bullets."""

    heads: list[Line] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def is_open(self, n_heads: int) -> bool:
        """Whether another head line may follow, up to `n_heads` in all."""
        return not self.bullets and not self.texts and len(self.heads) < n_heads and self.heads[0].kind != "bullet"

    def is_told(self) -> bool:
        """Whether its head is whole: a bold line, then a plain one with the dates."""
        return (
            self.heads[0].kind == "entry" and not find_period(self.heads[0].text) and self.heads[-1].kind != "entry"
            and any(find_period(head.text) for head in self.heads[1:])
        )  # fmt: skip


def drafts(lines: Sequence[Line], bare_bullets: bool, entry_opens: bool = False) -> list[Draft]:
    """Lines grouped into entries. A head after bullets opens the next entry; with `bare_bullets` a bullet that belongs
    to no head is an entry of its own, with `entry_opens` every line that looks like a head is."""
    found: list[Draft] = []
    for line in lines:
        last = found[-1] if found else None
        dated = find_period(line.text)
        if line.kind == "bullet":
            if last is None or (bare_bullets and not last.heads[1:] and last.heads[0].kind == "bullet"):
                found.append(Draft(heads=[line]) if bare_bullets else Draft(bullets=[line.text]))
            else:
                last.bullets.append(line.text)
        elif last is None or not last.heads:
            found.append(Draft(heads=[line]))
        elif line.kind == "entry" or _opens(line) or (_short(line) and (dated or len(line.parts) > 1)):
            again = dated and any(find_period(head.text) for head in last.heads)
            own = line.kind == "entry" and not _only_dates(line) and (last.is_told() or (
                entry_opens and not _only_dates(last.heads[-1])
            ))  # fmt: skip
            if again or own or not last.is_open(3):
                found.append(Draft(heads=[line]))
            else:
                last.heads.append(line)
        elif _short(line) and last.is_open(4 if any(_only_dates(head) for head in last.heads) else 2):
            last.heads.append(line)
        else:
            last.texts.append(line.text)
    return found


def _opens(line: Line) -> bool:
    """Whether a line begins with a period (`2012 to 2019: Head Gardener, Powis Castle.`), whatever it ends with."""
    period = find_period(line.text)
    return period is not None and period.ranged and not period.before.strip(EDGES) and len(line.text) < 120


def _short(line: Line) -> bool:
    return len(line.text) < 100 and not line.text.rstrip().endswith(".")


def _only_dates(line: Line) -> bool:
    period = find_period(line.text)
    return period is not None and not (period.before + period.after).strip(EDGES)


def _split(head: Line) -> tuple[dict[str, str], list[str]]:
    """The dates in a head line, and its other parts: what stands far apart or between strong separators."""
    dates: dict[str, str] = {}
    parts: list[str] = []
    for piece in head.parts or (head.text,):
        period = find_period(piece)
        at_end = period is not None and not (period.after.strip(EDGES) and period.before.strip(EDGES))
        if period and not dates and (period.ranged or at_end):
            dates = {"startDate": period.start, "endDate": period.end}
            pieces = [period.before, period.after]
        else:
            pieces = [piece]
        for text in pieces:
            parts += [p for p in (trimmed(part) for part in _STRONG.split(_FIELD.sub("", text.strip()))) if p]
    return dates, parts


def read_heads(draft: Draft) -> tuple[dict[str, str], list[list[str]]]:
    """The dates of an entry, and the parts of each of its head lines that say more."""
    dates: dict[str, str] = {}
    rows: list[list[str]] = []
    for head in draft.heads:
        found, parts = _split(head)
        dates = dates or found
        rows += [parts] if parts else []
    return dates, rows


def all_parts(rows: Sequence[Sequence[str]]) -> list[str]:
    """Every part of every head line, those between commas too."""
    return [piece for row in rows for part in row for piece in _COMMA.split(part) if piece]


def positions(lines: Sequence[Line], organisation: str, votes: int) -> Iterator[dict[str, Any]]:
    """Jobs and posts. Whether title or organisation comes first is asked of the entry, then of all (`votes`)."""
    last: dict[str, Any] = {}
    last_rows = 0
    title_first = _title_first(lines)
    for draft in drafts(lines, bare_bullets=False):
        dates, rows = read_heads(draft)
        entry: dict[str, Any] = dict(dates)
        if len(rows) == 1 < last_rows and organisation in last and _is_role(rows[0]):
            # A further post there, under the same name.
            yield with_bullets(entry | {"position": rows[0][0], organisation: last[organisation]}, draft)
            continue
        if len(rows) > 1 and len(rows[0]) == 1 and " at " not in rows[0][0]:
            first, second = rows[0][0], [piece for part in rows[1] for piece in _COMMA.split(part)]
            own = _vote(first, rows[1][0])
            place: list[str] = []
            if (own if abs(own) > 1 else votes or own) >= 0:
                cut = 1
                entry["position"], entry[organisation] = first, second[0]
            else:  # "Nurse, Intensive Care, Gothenburg": the place comes last
                cut = len(second) - 1 if len(second) > 2 else 1
                name, place = _name_and_place(first)
                entry["position"], entry[organisation] = ", ".join(second[:cut]), name
            rest = [*place, *second[cut:], *(part for row in rows[2:] for part in row)]
        else:
            rest = all_parts(rows)
            if rest and " at " in rest[0]:
                entry["position"], entry[organisation] = rest.pop(0).split(" at ", 1)
            elif role := next((part for part in rest if ROLE.search(part)), None):
                rest.remove(role)
                entry["position"] = role
            elif len(rest) > 1 and title_first > 0:  # a title no list knows, where titles come first
                entry["position"] = rest.pop(0)
            if rest and organisation not in entry:
                entry[organisation] = rest.pop(0)
        if rest:
            entry["location"] = ", ".join(rest).rstrip(".")
        last, last_rows = entry, len(rows)
        yield with_bullets(entry, draft)


def _name_and_place(text: str) -> tuple[str, list[str]]:
    """`Peachtree Logistics, Atlanta, GA` -> the name, and the town; `Acme, Inc.` stays whole."""
    name, *place = _COMMA.split(text)
    whole = not place or any(_LEGAL.match(part) or is_organisation(part) or is_role(part) for part in place)
    return (text, []) if whole or len(place) > 3 else (name, place)


def _is_role(parts: Sequence[str]) -> bool:
    """Whether a head line is a job's title alone, at nobody's named."""
    text = parts[0]
    return len(parts) == 1 and bool(ROLE.search(text)) and not (
        ORGANISATION.search(text) or _FREE.search(text) or "," in text or " at " in text
    )  # fmt: skip


def _title_first(lines: Sequence[Line]) -> int:
    """Whether in heads of one line, `Baker, Good Bread, Lund`, the title tends to come first (> 0)."""
    found = 0
    for draft in drafts(lines, bare_bullets=False):
        parts = all_parts(read_heads(draft)[1])
        for word, sign in ((ROLE, 1), (ORGANISATION, -1)):
            holds = [bool(word.search(part)) for part in parts]
            found += sign * (1 if holds[0] else -1) if any(holds) else 0
    return found


def votes(lines: Sequence[Line]) -> int:
    """How the heads of two lines vote on which of the two is the title."""
    heads = (read_heads(draft)[1] for draft in drafts(lines, bare_bullets=False))
    return sum(_vote(rows[0][0], rows[1][0]) for rows in heads if len(rows) > 1 and len(rows[0]) == 1)


def _vote(first: str, second: str) -> int:
    """Whether the first line of a head is the title (> 0) and the second the organisation, or the other way (< 0)."""
    votes = 0
    for line, sign in ((first, 1), (second, -1)):
        votes += sign * (bool(ROLE.search(line)) - bool(ORGANISATION.search(line)))
    return votes


def _education(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for draft in drafts(lines, bare_bullets=True):
        dates, rows = read_heads(draft)
        parts = all_parts(rows)
        entry: dict[str, Any] = dict(dates)
        if dates and dates["startDate"] == dates["endDate"]:
            del entry["startDate"]
        if score := next(filter(None, map(_SCORE.match, parts)), None):
            parts.remove(score[0])
            entry["score"] = score["score"] or score["mark"]
        school = next((part for part in parts if SCHOOL.search(part) and not _only_degree(part)), None)
        if school and " at " in school:
            before, school_name = school.split(" at ", 1)
            parts[parts.index(school)] = before
            entry["institution"] = school_name
        elif school:
            parts.remove(school)
            entry["institution"] = school
        degree = next((part for part in parts if DEGREE.search(part)), parts[0] if parts else None)
        if degree:
            parts.remove(degree)
            study = _STUDY.match(degree)
            if study:
                entry |= {"studyType": study["type"], "area": study["area"]}
            else:
                entry["studyType" if DEGREE.search(degree) else "area"] = degree
        if "institution" not in entry and parts:
            entry["institution"] = parts.pop(0)
        subject = re.sub(BARE, "", DEGREE.sub("", str(degree)))
        bare = not _LEAVING.search(str(degree)) and not re.search(r"[^\W\d_]{3}", subject)
        if parts and bare and "studyType" in entry and "area" not in entry and not re.search(r"\d", parts[0]):
            entry["area"] = parts.pop(0)
        if "institution" in entry:
            towns = [part for part in parts if _is_town(part)]
            entry["institution"] = ", ".join([entry["institution"], *towns])
            parts = [part for part in parts if part not in towns]
        draft.texts[:0] = [", ".join(parts)] if parts else []
        yield with_bullets(entry, draft)


def _is_town(text: str) -> bool:
    """Whether a part of a school's line may be where it stands, rather than how well it went."""
    return bool(re.fullmatch(r"[^\W\d_][^\d:.]{1,30}", text)) and not re.search(
        r"honou?r|class|distinction|laude|merit|grade|dean|minor|exchange|with|thesis", text, re.IGNORECASE
    )


def _only_degree(text: str) -> bool:
    """`Kew Diploma in Horticulture` names a degree, though a word of it may look like a school's."""
    return bool(DEGREE.match(text.strip()))


def _projects(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for draft in drafts([_named(line) for line in lines], bare_bullets=True, entry_opens=True):
        if draft.heads and draft.heads[0].kind == "bullet":
            name, _, told = draft.heads[0].text.partition(": ")
            named = bool(told) and len(name) < 60
            entry: dict[str, Any] = {"name": name if named else ""}
            draft.texts[:0] = [told if named else draft.heads[0].text]
        else:
            dates, rows = read_heads(draft)
            parts = [part for row in rows for part in row]
            entry = {"name": parts[0] if parts else "", **dates}
            draft.texts[:0] = parts[1:]
        yield with_bullets(entry, draft)


def _named(line: Line) -> Line:
    """`Tidewatch: warns of floods` names a project and tells of it, with a bullet before it or not."""
    name, _, told = line.text.partition(": ")
    return Line("bullet", line.text) if line.kind == "text" and told and len(name) < 40 else line


def with_bullets(entry: dict[str, Any], draft: Draft) -> dict[str, Any]:
    highlights = [text for text in [*draft.texts, *draft.bullets] if text]
    return {**entry, "highlights": highlights} if highlights else entry


POSITIONS = {"work": "name", "volunteer": "organization"}
ENTRIES: dict[str, Callable[[Sequence[Line]], Iterator[dict[str, Any]]]] = {
    "education": _education,
    "projects": _projects,
}
