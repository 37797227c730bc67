"""The lines of one section -> its entries in JSON Resume's fields.

An entry is some head lines (title, organisation, place, dates, in any order) and its bullets. Nothing that was written
is dropped: what fits no field becomes a bullet.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fischgpt.profile.dates import find_period
from fischgpt.profile.outline import Line

_ROLE = re.compile(
    r"\b(engineer|developer|manager|director|head|lead|leader|chief|officer|c[etfo]o|president|analyst|scientist"
    r"|researcher|professor|lecturer|teacher|tutor|assistant|associate|intern|trainee|apprentice|consultant|designer"
    r"|architect|administrator|coordinator|specialist|technician|nurse|doctor|physician|surgeon|chef|cook|waiter"
    r"|waitress|baker|driver|clerk|accountant|lawyer|attorney|editor|writer|journalist|author|founder|co-founder"
    r"|partner|owner|member|volunteer|mentor|coach|trainer|programmer|student|fellow|governess|secretary|supervisor"
    r"|operator|paramedic|mechanic|electrician|carpenter|illustrator|listener|speaker|agent|representative|salesperson|cashier|barista|librarian|curator"
    r"|translator|interpreter|artist|musician|photographer|pilot|captain|scout|helper|worker|executive|advisor"
    r"|advocate|strategist|planner|producer|instructor|postdoc)s?\b",
    re.IGNORECASE,
)
_SCHOOL = re.compile(
    r"(universi|college|school|institut|academ|polytechn|hochschule|gymnasium|lyc[eé]e|[eé]cole|facult"
    r"|conservator|\bETH\b|\bMIT\b|\bEPFL\b|\bUC[LB]?\b|seminary|kolleg)",
    re.IGNORECASE,
)
_DEGREE = re.compile(
    r"\b(?:(?:b\.?\s?sc|m\.?\s?sc|b\.?a|m\.?a|b\.?eng|m\.?eng|mba|ph\.?\s?d|d\.?phil|pgce)\b|bachelor|master|doctor"
    r"|diplom|degree|abitur|a-levels?|licence|baccalaur|certificate|minor|major|apprenticeship)",
    re.IGNORECASE,
)
_STUDY = re.compile(
    r"^(?P<type>[^,]+?)\s+(?:in|of(?=\s+(?!science|arts|engineering|business|law)))\s+(?P<area>.+)$", re.I
)
_STRONG = re.compile(r"\s*(?:\t|\s{3,}|\s[|•·∙]\s|\s[–—-]\s)\s*")
_COMMA = re.compile(r",\s+")
_ORGANISATION = re.compile(
    r"\b(inc|ltd|llc|gmbh|ag|s\.?a|plc|corp|company|co|group|bank|hospital|clinic|university|college|school|institut"
    r"|academy|service|ministry|department|council|foundation|society|association|museum|library|labs?|studios?"
    r"|agency|restaurant|hotel|without borders|red cross|samaritans|team|club|systems|software|storage|holding)s?\b",
    re.IGNORECASE,
)
Reader = Callable[[Sequence[Line]], Iterator[dict[str, Any]]]
EDGES = " \t,;:|•·∙–—-()"


@dataclass
class _Draft:
    """An entry while it is read: its head lines, then its bullets."""

    heads: list[Line] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def is_open(self, n_heads: int) -> bool:
        """Whether another head line may follow, up to `n_heads` in all."""
        return not self.bullets and not self.texts and len(self.heads) < n_heads and self.heads[0].kind != "bullet"


def _drafts(lines: Sequence[Line], bare_bullets: bool) -> list[_Draft]:
    """Lines grouped into entries. A head after bullets opens the next entry; with `bare_bullets` a bullet that belongs
    to no head is an entry of its own."""
    drafts: list[_Draft] = []
    for line in lines:
        last = drafts[-1] if drafts else None
        dated = find_period(line.text)
        if line.kind == "bullet":
            if last is None or (bare_bullets and not last.heads[1:] and last.heads[0].kind == "bullet"):
                drafts.append(_Draft(heads=[line]) if bare_bullets else _Draft(bullets=[line.text]))
            else:
                last.bullets.append(line.text)
        elif last is None or not last.heads:
            drafts.append(_Draft(heads=[line]))
        elif line.kind == "entry" or (_short(line) and (dated or len(line.parts) > 1)):
            again = dated and any(find_period(head.text) for head in last.heads)
            if again or not last.is_open(3):
                drafts.append(_Draft(heads=[line]))
            else:
                last.heads.append(line)
        elif _short(line) and last.is_open(3 if any(_only_dates(head) for head in last.heads) else 2):
            last.heads.append(line)
        else:
            last.texts.append(line.text)
    return drafts


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
            parts += [p for p in (part.strip(EDGES) for part in _STRONG.split(text.strip())) if p]
    return dates, parts


def _read_heads(draft: _Draft) -> tuple[dict[str, str], list[list[str]]]:
    """The dates of an entry, and the parts of each of its head lines that say more."""
    dates: dict[str, str] = {}
    rows: list[list[str]] = []
    for head in draft.heads:
        found, parts = _split(head)
        dates = dates or found
        rows += [parts] if parts else []
    return dates, rows


def _all_parts(rows: Sequence[Sequence[str]]) -> list[str]:
    """Every part of every head line, those between commas too."""
    return [piece for row in rows for part in row for piece in _COMMA.split(part) if piece]


def positions(lines: Sequence[Line], organisation: str, votes: int) -> Iterator[dict[str, Any]]:
    """Jobs and posts. Whether title or organisation comes first is asked of the entry, then of all (`votes`)."""
    for draft in _drafts(lines, bare_bullets=False):
        dates, rows = _read_heads(draft)
        entry: dict[str, Any] = dict(dates)
        if len(rows) > 1 and len(rows[0]) == 1 and " at " not in rows[0][0]:
            first, second = rows[0][0], [piece for part in rows[1] for piece in _COMMA.split(part)]
            own = _vote(first, rows[1][0])
            if (own if abs(own) > 1 else votes or own) >= 0:
                cut = 1
                entry["position"], entry[organisation] = first, second[0]
            else:  # "Nurse, Intensive Care, Gothenburg": the place comes last
                cut = len(second) - 1 if len(second) > 2 else 1
                entry["position"], entry[organisation] = ", ".join(second[:cut]), first
            rest = [*second[cut:], *(part for row in rows[2:] for part in row)]
        else:
            rest = _all_parts(rows)
            if rest and " at " in rest[0]:
                entry["position"], entry[organisation] = rest.pop(0).split(" at ", 1)
            elif role := next((part for part in rest if _ROLE.search(part)), None):
                rest.remove(role)
                entry["position"] = role
            if rest and organisation not in entry:
                entry[organisation] = rest.pop(0)
        if rest:
            entry["location"] = ", ".join(rest)
        yield _with_bullets(entry, draft)


def votes(lines: Sequence[Line]) -> int:
    """How the heads of two lines vote on which of the two is the title."""
    heads = (_read_heads(draft)[1] for draft in _drafts(lines, bare_bullets=False))
    return sum(_vote(rows[0][0], rows[1][0]) for rows in heads if len(rows) > 1 and len(rows[0]) == 1)


def _vote(first: str, second: str) -> int:
    """Whether the first line of a head is the title (> 0) and the second the organisation, or the other way (< 0)."""
    votes = 0
    for line, sign in ((first, 1), (second, -1)):
        votes += sign * (bool(_ROLE.search(line)) - bool(_ORGANISATION.search(line)))
    return votes


def _education(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for draft in _drafts(lines, bare_bullets=True):
        dates, rows = _read_heads(draft)
        parts = _all_parts(rows)
        entry: dict[str, Any] = dict(dates)
        if dates and dates["startDate"] == dates["endDate"]:
            del entry["startDate"]
        school = next((part for part in parts if _SCHOOL.search(part)), None)
        if school and " at " in school:
            before, school_name = school.split(" at ", 1)
            parts[parts.index(school)] = before
            entry["institution"] = school_name
        elif school:
            parts.remove(school)
            entry["institution"] = school
        degree = next((part for part in parts if _DEGREE.search(part)), parts[0] if parts else None)
        if degree:
            parts.remove(degree)
            study = _STUDY.match(degree)
            if study:
                entry |= {"studyType": study["type"], "area": study["area"]}
            else:
                entry["studyType" if _DEGREE.search(degree) else "area"] = degree
        if "institution" not in entry and parts:
            entry["institution"] = parts.pop(0)
        if parts and "area" not in entry and "studyType" in entry and not re.search(r"\d", parts[0]):
            entry["area"] = parts.pop(0)
        draft.texts[:0] = [", ".join(parts)] if parts else []
        yield _with_bullets(entry, draft)


def _projects(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for draft in _drafts(lines, bare_bullets=True):
        if draft.heads and draft.heads[0].kind == "bullet":
            name, _, told = draft.heads[0].text.partition(": ")
            named = bool(told) and len(name) < 60
            entry: dict[str, Any] = {"name": name if named else ""}
            draft.texts[:0] = [told if named else draft.heads[0].text]
        else:
            dates, rows = _read_heads(draft)
            parts = [part for row in rows for part in row]
            entry = {"name": parts[0] if parts else "", **dates}
            draft.texts[:0] = parts[1:]
        yield _with_bullets(entry, draft)


def _skills(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    group = ""
    for line in lines:
        name, colon, words = line.text.partition(":")
        listed = [word.strip(EDGES + ".") for word in re.split(r"[,;|•·∙]\s*|\t", words if colon else line.text)]
        listed = [word for word in listed if word]
        if line.kind == "entry" and not colon:
            group = line.text
        elif colon and listed:
            yield {"name": name.strip(EDGES), "keywords": listed}
        elif group:
            yield {"name": group, "keywords": listed}
        else:
            yield {"name": "", "keywords": listed}


def _titled(title: str, by: str, when: str) -> Reader:
    """Awards, certificates, publications: `Title, by, 2019` on one line or more."""

    def read(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
        for draft in _drafts(lines, bare_bullets=True):
            period = next(filter(None, (find_period(head.text) for head in draft.heads)), None)
            parts = _all_parts(_read_heads(draft)[1])
            entry: dict[str, Any] = {title: parts[0] if parts else ""}
            if len(parts) > 1:
                entry[by] = ", ".join(parts[1:])
            if period:
                entry[when] = period.end or period.start
            yield _with_bullets(entry, draft)

    return read


def _listed(lines: Sequence[Line]) -> list[str]:
    """The single words of languages and interests, one a bullet or several a line; a comma in brackets joins."""
    found = []
    for line in lines:
        for part in re.split(r"[,;|•·∙\t](?![^(]*\))", line.text):
            if word := part.strip(" \t,;|•·∙."):
                found.append(word)
    return found


def _languages(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for word in _listed(lines):
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
        name, colon, said = line.text.partition(": ")
        yield {"name": name, "reference": said} if colon and len(name) < 60 else {"reference": line.text}


def _with_bullets(entry: dict[str, Any], draft: _Draft) -> dict[str, Any]:
    highlights = [text for text in [*draft.texts, *draft.bullets] if text]
    return {**entry, "highlights": highlights} if highlights else entry


POSITIONS = {"work": "name", "volunteer": "organization"}
READERS: dict[str, Reader] = {
    "education": _education,
    "projects": _projects,
    "skills": _skills,
    "publications": _titled("name", "publisher", "releaseDate"),
    "awards": _titled("title", "awarder", "date"),
    "certificates": _titled("name", "issuer", "date"),
    "languages": _languages,
    "interests": _interests,
    "references": _references,
}
