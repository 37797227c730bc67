"""The first, the latest, the present, the highest: which entry of a resume that is, by its dates or its degree; and all
of them, the latest first.

To a reader of single lines each job is as likely the first as the next: the line that answers is the one that names the
job that began first. Where the dates leave a doubt nothing is told, and the question is searched.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from fischgpt.profile.entries_asked import CAREER, EACH, FIRST, HIGHEST, KINDS, LAST, LATEST, NOW
from fischgpt.profile.passages import MONTHS, Passage

_LEVELS = tuple(
    re.compile(rf"(?:(?i:honou?rs )?(?:{names}))(?!\w)")
    for names in (
        r"(?i:bachelors?|licence|licenciatura|licentiate)|B\.?A\.?|B\.?Sc?\.?|BEng|B\.?E\.?|BTech|BEd|BCom|BAcc|BASc|BBA"
        r"|BFA|BArch|BMus|LL\.?B\.?|A\.?B\.?|MBBS|MBChB|BMBS",
        r"(?i:masters?(?! (?:craftsman|class))|magister|diplom(?:-\w+)?|dipl\.-ing\.)|M\.?A\.?|M\.?Sc?\.?|MEng|MTech"
        r"|(?i:executive )?MBA|M\.?Phil\.?|MRes|MFA|MArch|MPH|MPharm|MCom|MEd|LL\.?M\.?",
        r"(?i:doctor(?:ate|al degree)?|doktor|doctorat|ph\.? ?d\.?(?! candidate| student))|D\.? ?Phil\.?|Dr\.?|M\.?D\.?"
        r"|J\.?D\.?|Ed\.?D\.?|D\.?Sc\.?",
    )
)
_SCHOOL = re.compile(
    r"\b(?:(?:high|sunday|boarding) school|secondary|grammar|primary|tuition|lessons)\b|gymnasi|lyc[ée]+|liceo|matura"
    r"|abitur|baccalaur|leaving|\b[ao][ -]levels?",
    re.IGNORECASE,
)
"""Of an entry of Education without a degree: no studies. Whether those at any other school are some is not known."""
_UNFINISHED = re.compile(r"candidate|expected|progress|unfinished|without|abandoned|\bnot?\b", re.IGNORECASE)
_POINT = re.compile(rf"(?:(?:(\d{{1,2}}) )?({'|'.join(MONTHS)}) )?(\d{{4}})")
Point = tuple[int, int, int]
"""Year, month, day; 0 for what is not told."""
Period = tuple[Point, Point]
_ONGOING: Point = (9999, 12, 31)
_STUDENT_YEARS = 10


def timeline(passages: Sequence[Passage], today: date | None = None) -> dict[tuple[str, str], list[str]]:
    """By what `asked_for` returns: the ids of the passages that answer, those that name an entry. What is not sure is
    left out, as where an entry of the section has no date, or more than two began together."""
    today = today or date.today()
    told: dict[tuple[str, str], list[str]] = {}
    named = [passage for passage in passages if passage.id == passage.entry]
    for kind in KINDS:
        section = "Education" if kind in ("Studies", "Degree") else kind
        entries = [one for one in named if one.section == section]
        if kind == "Degree":
            told |= _degrees([one for one in entries if _studies(one)], today)
            continue
        if kind == "Studies":
            entries = [one for one in entries if _studies(one)]
            if any(_level(one) < 0 and re.search(r"(?i)school", f"{one.title} {one.organisation}") for one in entries):
                continue
        periods = _periods(entries, today)
        if kind != "Studies":
            told[kind, EACH] = _latest_first([one.id for one in entries], periods)
        if kind == "Work":
            told[CAREER, EACH] = told[kind, EACH]
        if not periods:
            continue
        starts = {id_: start for id_, (start, _) in periods.items()}
        ends = {id_: end for id_, (_, end) in periods.items()}
        told[kind, FIRST] = _first(entries, starts)
        begun = [id_ for id_, start in starts.items() if start[:2] <= (today.year, today.month)]
        ongoing = sorted((id_ for id_ in begun if ends[id_] == _ONGOING), key=lambda id_: starts[id_], reverse=True)
        # Of projects, which go on side by side, the newest is the one begun last; a job is left before the next.
        latest = begun if kind == "Projects" else _extreme({id_: ends[id_] for id_ in begun}, max)
        newest = _extreme({id_: starts[id_] for id_ in latest}, max)
        # Where one begun later has ended long since, nobody may have written down that the one before did too.
        if not ongoing or kind == "Projects" or max(starts[id_] for id_ in begun) == starts[newest[0]]:
            told[kind, LATEST] = newest
        if not ongoing:
            told[kind, LAST] = told[kind, LATEST]
        if kind == "Work":
            told[kind, NOW] = ongoing
        if kind == "Studies":
            told[kind, NOW] = [id_ for id_ in ongoing if starts[id_][0] > today.year - _STUDENT_YEARS]
    return {asked: ids for asked, ids in told.items() if ids and (len(ids) <= 2 or asked[1] == EACH)}


def _latest_first(ids: list[str], periods: dict[str, Period]) -> list[str]:
    """In the profile's own order where a date is missing."""
    return sorted(ids, key=lambda id_: periods[id_][::-1], reverse=True) if periods else ids


def _degrees(studies: Sequence[Passage], today: date) -> dict[tuple[str, str], list[str]]:
    """Of what was studied to an end: the highest degree, and the first and the latest where each is known for one."""
    finished = [one for one in studies if not _UNFINISHED.search(f"{one.title} {one.dates}")]
    periods = {one.id: _period(one.dates, today) for one in finished}
    finished = [one for one in finished if not (found := periods[one.id]) or found[1] != _ONGOING]
    levels = {one.id: _level(one) for one in finished}
    best, known = max(levels.values(), default=-1), min(levels.values(), default=-1) >= 0
    told = {}
    if known or best == len(_LEVELS) - 1:
        told["Degree", HIGHEST] = [id_ for id_, level in levels.items() if level == best]
    ends = {one.id: found[1] for one in finished if (found := periods[one.id])}
    if known and len(ends) == len(finished):
        told["Degree", FIRST] = _extreme(ends, min)
        told["Degree", LATEST] = told["Degree", LAST] = _extreme(ends, max)
    return told


def _level(entry: Passage) -> int:
    """0 for a bachelor's degree, 1, 2 for a doctor's; -1 where the title begins with none."""
    return max((level for level, names in enumerate(_LEVELS) if names.match(entry.title)), default=-1)


def _studies(entry: Passage) -> bool:
    return _level(entry) >= 0 or not _SCHOOL.search(f"{entry.title} {entry.organisation}")


def _first(entries: Sequence[Passage], starts: dict[str, Point]) -> list[str]:
    """None where a start is not told: of a job that lasted until 2005, of studies with their last year alone."""
    ranges = [" to " in one.dates or one.dates.startswith("since ") for one in entries]
    if any(one.dates.startswith("until ") for one in entries):
        return []
    if entries[0].section == "Education" and any(ranges) and not all(ranges):
        return []
    return _extreme(starts, min)


def _extreme(points: dict[str, Point], best_of: Callable[[Iterable[Point]], Point]) -> list[str]:
    """Those that may be it: of one year where a month is not told, or of one month where a day is not."""
    if not points:
        return []
    best = best_of(points.values())
    return [id_ for id_, point in points.items() if _may_equal(point, best)]


def _may_equal(one: Point, other: Point) -> bool:
    for a, b in zip(one, other, strict=True):
        if not (a and b):
            return True
        if a != b:
            return False
    return True


def _periods(entries: Sequence[Passage], today: date) -> dict[str, Period]:
    """Of all of them, or of none."""
    found = {one.id: period for one in entries if (period := _period(one.dates, today))}
    return found if len(found) == len(entries) else {}


def _period(dates: str, today: date) -> Period | None:
    """Of the dates as passages tell them: `2019 to March 2021`, `since 2019`, `until 2021`, `14 March 1879`."""
    start, _, end = dates.removeprefix("since ").removeprefix("until ").partition(" to ")
    open_ = dates.startswith("since ") or end.casefold() in ("present", "now", "today", "current", "ongoing")
    first, last = _point(start), _ONGOING if open_ else _point(end or start)
    if first is None or last is None:
        return None
    lasts = " to " in dates and last[:2] > (today.year, today.month)
    return first, _ONGOING if lasts else last


def _point(text: str) -> Point | None:
    """The inverse of `passages.date`, of any century; profile/dates.py reads what people write, from 1500 on."""
    found = _POINT.fullmatch(text)
    if found is None:
        return None
    day, month, year = found.groups()
    return int(year), MONTHS.index(month) + 1 if month else 0, int(day or 0)
