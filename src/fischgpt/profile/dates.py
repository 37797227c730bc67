"""Dates as people write them in resumes -> JSON Resume's `2019`, `2019-03`, `2019-03-14`."""

import re
from dataclasses import dataclass

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier janv enero ene", "february feb februar février févr fév febrero",
            "march mar märz mär mars marzo", "april apr avril avr abril abr", "may mai mayo",
            "june jun juni juin junio", "july jul juli juillet juil julio", "august aug août agosto ago",
            "september sep sept septembre septiembre", "october oct oktober okt octobre octubre",
            "november nov novembre noviembre", "december dec dezember dez décembre déc diciembre dic",
        ), 1,
    )
    for name in names.split()
}  # fmt: skip
MONTH = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
"""A month's name or short form, as a regular expression."""
_YEAR = r"(?:1[5-9]|20)\d\d"
_NOW = (
    r"(?:the present|present|now|today|current(?:ly)?|ongoing|till\s?(?:date|now)|until now|to\s?date|date"
    r"|heute|jetzt|laufend|dato"
    r"|aujourd['’]hui|ce jour|présent|en cours|actualidad|presente|hoy)\b"
)
_DATE = (
    rf"(?:[0-3]?\d\.[01]?\d\.{_YEAR}|\d{{1,2}}\.?\s+{MONTH}\s+{_YEAR}|{MONTH}\s+\d{{1,2}},\s*{_YEAR}|{MONTH},?\s*(?:de\s+)?['’]?{_YEAR}"
    rf"|(?:0?[1-9]|1[0-2])\s?[/.]\s?{_YEAR}|{_YEAR}[-/.](?:0[1-9]|1[0-2])(?:[-/.][0-3]\d)?(?!\d)"
    rf"|(?:spring|summer|autumn|fall|winter)\s+{_YEAR}|{_YEAR})"
)
_RANGE = re.compile(
    rf"(?<![\w/.-])(?P<since>\b(?:since|from|seit|depuis|desde|ab|dès)\b)?\s*(?P<start>{_DATE})"
    rf"(?:\s*(?:-|–|—|−|‒|to|until|till|through|bis|à|au|a|al|hasta)\s*(?P<end>{_DATE}|{_NOW}))?(?![\w/])",
    re.IGNORECASE,
)
_DURATION = re.compile(
    r"\s*[(·•,]?\s*\b\d{1,2}\+?\s*(?:years?|yrs?|jahre?|ans?|months?|mos?|monate?|mois)\b(?:\s*(?:and|und|et|,)?\s*\d{1,2}\s*"
    r"(?:months?|mos?|monate?|mois))?\s*\)?",
    re.IGNORECASE,
)
"""How long it was, as LinkedIn writes it after the dates: they say it already."""


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
    open_end = bool(match["since"] and not end) or bool(re.fullmatch(_NOW, end.strip(), re.IGNORECASE))
    closed = "" if open_end else iso(end) if end else start
    after = _DURATION.sub("", line[match.end() :], count=1) if end else line[match.end() :]
    return Period(start, closed, line[: match.start()], after, bool(end) or open_end)


def is_month(word: str) -> bool:
    """Whether a word is a month's name or its short form."""
    return word.casefold().rstrip(".") in _MONTHS


def iso(date: str) -> str:
    """`March 2019` -> `2019-03`, `14 March 2019` -> `2019-03-14`, `3/2019` -> `2019-03`; a season stays as text."""
    text = date.strip().casefold()
    year = re.search(_YEAR, text)
    if year is None or re.match(r"spring|summer|autumn|fall|winter", text):
        return date.strip()
    month = re.search(MONTH, text)
    if month:
        day = re.search(r"\b(\d{1,2})\b(?!\d)", text.replace(year[0], "", 1))
        found = f"{year[0]}-{_MONTHS[month[0].rstrip('.')]:02}"
        return f"{found}-{int(day[1]):02}" if day else found
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 1:
        return year[0]
    if len(numbers) == 3 and numbers[2] == year[0]:  # day.month.year
        return f"{year[0]}-{int(numbers[1]):02}-{int(numbers[0]):02}"
    if numbers[0] == year[0]:
        return "-".join([year[0], *(f"{int(n):02}" for n in numbers[1:])])
    return f"{year[0]}-{int(numbers[0]):02}"
