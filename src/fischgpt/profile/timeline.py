"""The first, the latest, the present, the highest: which entry of a resume that is, by its dates or its degree; and all
of them, the latest first.

"What was her first job?" is not said by any line, and to a reader of single lines each job is as likely as the next:
the line that answers is the one that names the job that began first. Only what is asked for in so many words is looked
up, and only where the dates leave no doubt; all else is searched.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from fischgpt.profile.passages import MONTHS, Passage

WHICH = FIRST, LAST, LATEST, NOW, HIGHEST, EACH = "first", "last", "latest", "now", "highest", "each"
"""The last job of somebody who has one may be that or the one before; the latest is that."""
_PERSON = r"(?:(?:you|he|she|they)(?:['’]ve)? )?"  # the owner's name is taken out before: "What was first job?"
_WHOSE = r"(?:(?:the|your|his|her|their|my) )?"
_ADJECTIVE = (
    r"(?:very )?(?:(?P<first>first|earliest)|(?P<last>last)|(?P<latest>latest|most recent|newest)"
    r"|(?P<now>current|present))(?: ever)?"
)
_TODAY = r"now|right now|currently|today|these days|nowadays|at present|at the moment"
_ADVERB = rf"(?:(?P<first>first|at first)|(?P<last>last)|(?P<latest>most recently)|(?P<now>{_TODAY}))"
_NOUNS = {  # what an entry is called, and what its owner did with it
    "Work": (
        r"job(?: title)?|position|role|employment|employer|workplace|occupation",
        r"have|had|has held|hold|held|do|did|get|got|take|took|work(?:ed)? (?:at|in|for)",
    ),
    "Education": (r"school", r"attend(?:ed)?|go to|went to"),
    "Studies": (r"university|college", r"attend(?:ed)?|go to|went to|stud(?:y|ied) at"),
    "Degree": (
        r"degree",
        r"have|has|had|holds?|held|get|got|earn(?:ed)?|obtain(?:ed)?|complete[d]?|receive[d]?|do|did|take|took",
    ),
    "Awards": (r"award|honou?r|distinction", r"win|won|get|got|receive[d]?|earn(?:ed)?|(?:was |were )?given"),
    "Publications": (r"publication", r"publish(?:ed)?|write|wrote|written"),
    "Projects": (r"project", r"do|did|done|make|made|build|built|start(?:ed)?|work(?:ed)? on"),
    "Certificates": (r"certificate|certification", r"get|got|earn(?:ed)?|obtain(?:ed)?|receive[d]?"),
}
_ALL = {  # what all of them are called
    "Work": (
        r"jobs|positions|employers|workplaces|work(?:ing)? (?:experience|history|life)|employment history"
        r"|career(?: path| history| so far)?|professional (?:experience|history|career|background)|resume|résumé|cv"
    ),
    "Education": r"education(?: history)?|(?:educational|academic) (?:background|history)|schooling",
    "Awards": r"awards|prizes|honou?rs|distinctions",
    "Publications": r"publications",
    "Projects": r"projects",
    "Certificates": r"certificates|certifications",
}
_TELL = (
    r"(?:list|name|show(?: me)?|give me|tell me(?: more)? about|about|summari[sz]e|describe|outline|sum up"
    r"|(?:walk|talk|take|run) me through|(?:give me )?an? (?:(?:short|brief|quick) )?(?:summary|overview|outline) of"
    r"|(?:what|which|how)(?:['’]?s| is| are| was| were| does| do)?)"
)
_DOES = rf"(?:did|does|do|has|have|is|are|was) {_PERSON}"
_WORK = r"(?:work|worked|working|employed)(?: (?:at|for))?"
_STUDY = r"(?:study|studied|studying)"
_EMPLOYER = r"(?:where|who|whom|for whom|(?:which|what) (?:company|employer|firm))"


def _form(kind: str, pattern: str) -> tuple[str, re.Pattern[str]]:
    polite = (
        r"(?:(?:and|so|but|please|hello|hi|hey)(?: there)?[,!.]? )?(?:(?:please|can you|could you|would you),? )*"
        r"(?:tell me )?"
    )
    return kind, re.compile(rf"{polite}(?:{pattern})(?:,? please)?", re.IGNORECASE)


def _forms_of(kind: str, noun: str, got: str) -> list[tuple[str, re.Pattern[str]]]:
    where = "|where" if kind in ("Work", "Education", "Studies", "Degree") else ""
    whom = "|who" if kind == "Work" else ""
    asked = rf"(?:(?:what|which{where}{whom})(?:['’]?s| is| was| were)? )?"
    had = (
        rf"(?: (?:(?:that )?{_PERSON}(?:(?:have|has|had|did|ever) ){{0,2}}|(?:did|has|have|does|do) {_PERSON}"
        rf"(?:ever )?)(?:{got})(?: so far)?)?"
    )
    return [
        _form(kind, rf"{asked}{_WHOSE}{_ADJECTIVE} (?:{noun}){had}(?: (?:was|is))?"),
        _form(kind, rf"(?:which|what) (?:{noun}) (?:(?:did|has|have|do|does) {_PERSON}(?:{got})|came|was) {_ADVERB}"),
    ]


def _forms_of_all(kind: str, nouns: str, got: str) -> list[tuple[str, re.Pattern[str]]]:
    return [
        _form(kind, rf"(?P<each>(?:{_TELL} )?(?:all )?(?:of )?{_WHOSE}(?:{nouns})(?: (?:look )?like| so far)?)"),
        _form(kind, rf"(?P<each>(?:which|what) (?:{nouns}) {_DOES}(?:ever )?(?:{got})(?: so far)?)"),
    ]


_FORMS = (
    *(form for kind, (noun, got) in _NOUNS.items() for form in _forms_of(kind, noun, got)),
    *(form for kind, nouns in _ALL.items() for form in _forms_of_all(kind, nouns, _NOUNS[kind][1])),
    _form("Work", rf"(?P<each>where (?:have|has|did) {_PERSON}(?:ever )?work(?:ed)?(?: so far| before)?)"),
    _form(
        "Degree",
        rf"(?:(?:what|which)(?:['’]?s| is| was)? )?{_WHOSE}(?P<highest>highest) (?:level of )?(?:academic )?(?:degree|"
        rf"education|qualification)(?: (?:that )?{_PERSON}(?:(?:have|has|had|ever) ){{0,2}}(?:{_NOUNS['Degree'][1]}))?",
    ),
    _form("Awards", rf"(?:which|what) prize (?:(?:did|has|have) {_PERSON}(?:win|won|get|got)|came) {_ADVERB}"),
    _form("Publications", rf"what (?:did|has|have) {_PERSON}(?:publish|published|write|written) {_ADVERB}"),
    _form("Work", rf"{_EMPLOYER} {_DOES}{_WORK} {_ADVERB}"),
    _form("Work", rf"{_EMPLOYER} {_DOES}{_ADVERB} {_WORK}"),
    _form("Work", rf"(?:what|who)(?:['’]?s| is| are) (?:your|his|her|their) (?:{_NOUNS['Work'][0]}) (?P<now>{_TODAY})"),
    _form("Work", rf"what (?:does|do) {_PERSON}(?:do|work as)(?: for a living| for work)? (?P<now>{_TODAY})"),
    _form("Work", rf"what (?:does|do) {_PERSON}(?P<now>now|currently) (?:do|work as)(?: for a living| for work)?"),
    _form("Work", rf"what (?:is|are) {_PERSON}(?P<now>now|currently) (?:doing (?:for a living|for work)|working as)"),
    _form("Studies", rf"(?:where|what) {_DOES}{_STUDY} {_ADVERB}"),
    _form("Studies", rf"(?:where|what) {_DOES}{_ADVERB} {_STUDY}"),
)
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


def asked_for(question: str) -> tuple[str, str] | None:
    """What kind of entry, and which of them (one of WHICH), a question without the owner's name asks for.

    >>> asked_for("What was her first job?")
    ('Work', 'first')
    """
    said = " ".join(question.split()).rstrip("?!. ")
    for kind, form in _FORMS:
        if found := form.fullmatch(said):
            return kind, next(which for which, words in found.groupdict().items() if words)
    return None


def timeline(passages: Sequence[Passage], today: date | None = None) -> dict[tuple[str, str], list[str]]:
    """By what `asked_for` returns: the ids of the passages that answer, those that name an entry. What is not sure is
    left out, as where an entry of the section has no date, or more than two began together."""
    today = today or date.today()
    told: dict[tuple[str, str], list[str]] = {}
    named = [passage for passage in passages if passage.id == passage.entry]
    for kind in _NOUNS:
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
        if kind in _ALL:
            told[kind, EACH] = _latest_first([one.id for one in entries], periods)
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
