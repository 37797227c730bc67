"""Dates as people write them in resumes -> JSON Resume's `2019`, `2019-03`, `2019-03-14`."""

import re
from dataclasses import dataclass

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar", "february feb februar", "march mar märz mär", "april apr", "may mai",
            "june jun juni", "july jul juli", "august aug", "september sep sept", "october oct oktober okt",
            "november nov", "december dec dezember dez",
        ), 1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?:1[5-9]|20)\d\d"
_NOW = r"(?:present|now|today|current(?:ly)?|ongoing|heute|jetzt)\b"
_DATE = (
    rf"(?:\d{{1,2}}\.?\s+{_MONTH}\s+{_YEAR}|{_MONTH}\s+\d{{1,2}},\s*{_YEAR}|{_MONTH},?\s*['’]?{_YEAR}"
    rf"|(?:0?[1-9]|1[0-2])\s?[/.]\s?{_YEAR}|{_YEAR}[-/.](?:0[1-9]|1[0-2])(?:[-/.][0-3]\d)?(?!\d)"
    rf"|(?:spring|summer|autumn|fall|winter)\s+{_YEAR}|{_YEAR})"
)
_RANGE = re.compile(
    rf"(?<![\w/.-])(?P<since>since|from|seit)?\s*(?P<start>{_DATE})"
    rf"(?:\s*(?:-|–|—|−|‒|to|until|till|bis)\s*(?P<end>{_DATE}|{_NOW}))?(?![\w/])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Period:
    """Dates found in a line. `start` and `end` in JSON Resume's form; an open end is empty, one date alone is both."""

    start: str
    end: str
    before: str
    after: str
    """The line's text left and right of the dates."""
    ranged: bool
    """Two dates, or one that goes on."""


def find_period(line: str) -> Period | None:
    """The last dates in a line: the place where resumes put them when a name holds a year too."""
    found = list(_RANGE.finditer(line))
    if not found:
        return None
    match = next((m for m in reversed(found) if m["end"] or m["since"]), found[-1])
    start, end = iso(match["start"]), match["end"] or ""
    open_end = bool(match["since"] and not end) or bool(re.fullmatch(_NOW, end, re.IGNORECASE))
    closed = "" if open_end else iso(end) if end else start
    return Period(start, closed, line[: match.start()], line[match.end() :], bool(end) or open_end)


def iso(date: str) -> str:
    """`March 2019` -> `2019-03`, `14 March 2019` -> `2019-03-14`, `3/2019` -> `2019-03`; a season stays as text."""
    text = date.strip().casefold()
    year = re.search(_YEAR, text)
    if year is None or re.match(r"spring|summer|autumn|fall|winter", text):
        return date.strip()
    month = re.search(_MONTH, text)
    if month:
        day = re.search(r"\b(\d{1,2})\b(?!\d)", text.replace(year[0], "", 1))
        found = f"{year[0]}-{_MONTHS[month[0].rstrip('.')]:02}"
        return f"{found}-{int(day[1]):02}" if day else found
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 1:
        return year[0]
    if numbers[0] == year[0]:
        return "-".join([year[0], *(f"{int(n):02}" for n in numbers[1:])])
    return f"{year[0]}-{int(numbers[0]):02}"
