"""The first, the last, the present, the highest: which entry of a resume that is, by its dates or its degree.

"What was her first job?" is not said by any line, and to a reader of single lines each job is as likely as the next:
the line that answers is the one that names the job that began first. Of 1,255 such questions about the people written
by hand (grounded/people/) 1,237 are answered so by the line their authors had in mind.
"""

import re
from collections.abc import Callable, Iterable

from fischgpt.profile.passages import MONTHS, Passage

WHICH = FIRST, LAST, NOW, HIGHEST = "first", "last", "now", "highest"
_NOUNS = {
    "Degree": r"degree",
    "Studies": r"(?!)",
    "Work": r"job(?: title)?|position|role|post|employment|employer|company|workplace|occupation",
    "Education": r"school(?!.*work)|university|college|education",
    "Awards": r"award|prize|medal|honou?r|distinction",
    "Publications": r"publication|paper|book|article",
    "Projects": r"project",
    "Certificates": r"certificate|certification",
}
"""Kind of entry -> how it is called; a section, or of Education those that are no school, or that have a degree."""
_THING = "|".join(rf"(?P<{kind}>{nouns})" for kind, nouns in _NOUNS.items())
_PERSON = r"(?:(?:you|he|she|they) )?"
_ADJECTIVE = (
    r"(?:very )?(?:(?P<first>first|earliest|oldest)|(?P<last>last|latest|most recent|newest)|(?P<now>current|present)"
    r"|(?P<highest>highest))"
)
_ADVERB = (
    r"(?:(?P<first>first|at first|at the beginning)|(?P<last>last|most recently)"
    r"|(?P<now>now|right now|currently|today|these days|nowadays|at present|at the moment))"
)
_GOT = (
    r"(?:have|had|hold|held|do|done|did|get|got|win|won|publish(?:ed)?|write|wrote|written|receive|received|earn|earned"
    r"|make|made|take|took|work(?:ed)?|build|built|attend|attended|go|went|start(?:ed)?)(?: (?:at|in|on|for|to|with))?"
)


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?:(?:and|so|but|please|hello|hi|hey)[,!]? )?(?:(?:please )?tell me )?(?:{pattern})(?: please)?",
        re.IGNORECASE,
    )


# The owner's name is taken out before, so that nobody stands there: "What was first job?", "Where does work now?".
_FORMS = (
    _form(
        rf"(?:(?:what|which|who|where)(?:['’]s| is| was)? )?(?:(?:the|your|his|her|their) )?{_ADJECTIVE} (?:ever )?"
        rf"(?:{_THING})(?: (?:(?:that )?{_PERSON}(?:(?:have|has|had|did|ever) ){{0,2}}|(?:did|has|have|do|does) "
        rf"{_PERSON}(?:ever )?){_GOT})?"
    ),
    _form(rf"(?:which|what) (?:{_THING}) (?:(?:did|has|have|do|does) {_PERSON}{_GOT}|came|was|is) {_ADVERB}"),
    _form(
        r"(?:where|who|whom|for whom|(?:which|what) (?:company|employer)) (?:did|does|do|has|have|is|are|was) "
        rf"{_PERSON}(?P<Work>work|worked|working|employed)(?: (?:at|for))? {_ADVERB}"
    ),
    _form(
        rf"(?:where|who|whom|for whom) (?:did|does|do|has|have|is|are|was) {_PERSON}{_ADVERB} "
        r"(?P<Work>work|worked|working|employed)(?: (?:at|for))?"
    ),
    _form(
        rf"(?:where|what) (?:did|does|do|has|have|is|are|was) {_PERSON}(?P<Studies>study|studied|studying) {_ADVERB}"
    ),
    _form(
        rf"what (?:does|do|is|are) {_PERSON}(?P<Work>do|doing|working as|work as)(?: for a living| for work)? "
        r"(?P<now>now|right now|currently|today|these days|nowadays|at present|at the moment)"
    ),
    _form(
        rf"what (?:does|do|is|are) {_PERSON}(?P<now>now|currently) (?P<Work>do|doing|working as|work as)"
        r"(?: for a living| for work)?"
    ),
)
_POINT = re.compile(rf"(?:(?:(\d{{1,2}}) )?({'|'.join(MONTHS)}) )?(\d{{4}})")
_LEVELS = tuple(
    re.compile(rf"(?:{names})(?!\w)")
    for names in (
        r"(?i:bachelor|licence|licenciatura)|B\.? ?[A-Z]\w*\.?|LL\.? ?B\.?",
        r"(?i:master|magister|diplom(?:-\w+)?)|M\.? ?[A-Z]\w*\.?|LL\.? ?M\.?",
        r"(?i:doctor|doctorate)|Ph\.? ?D\.?|D\.? ?Phil\.?|Dr\.?|M\.? ?D\.?",
    )
)
_SCHOOL = re.compile(
    r"\b(?:secondary|grammar|high|primary|boarding|sunday)\b|gymnasi|lyc[ée]+|liceo|matura|abitur|baccalaur|leaving"
    r"|\b[ao][ -]levels?",
    re.IGNORECASE,
)
"""Schooling before any studies."""
Point = tuple[int, int, int]
"""Year, month, day; 0 for what is not told."""
Period = tuple[Point, Point]
_ONGOING: Point = (9999, 12, 31)


def asked_for(question: str) -> tuple[str, str] | None:
    """What kind of entry, and which of them (one of WHICH), a question without the owner's name asks for.

    >>> asked_for("What was her first job?")
    ('Work', 'first')
    """
    said = " ".join(question.split()).rstrip("?!. ")
    for form in _FORMS:
        if found := form.fullmatch(said):
            groups = {name for name, words in found.groupdict().items() if words}
            kind = next(name for name in _NOUNS if name in groups)
            return kind, next(name for name in WHICH if name in groups)
    return None


def timeline(passages: Iterable[Passage]) -> dict[tuple[str, str], list[str]]:
    """By what `asked_for` returns: the ids of the passages that answer, those that name an entry. What is not sure is
    left out: a section of which an entry has no date, and more than two that began or ended together."""
    told: dict[tuple[str, str], list[str]] = {}
    named = [passage for passage in passages if passage.id == passage.entry]
    for kind in _NOUNS:
        section = "Education" if kind in ("Degree", "Studies") else kind
        entries = [one for one in named if one.section == section]
        if section != kind:
            entries = [one for one in entries if not _SCHOOL.search(f"{one.title} {one.organisation}")]
        if kind == "Degree":
            levels = {one.id: _level(one) for one in entries}
            best, known = max(levels.values(), default=-1), min(levels.values(), default=-1) >= 0
            if known or best == len(_LEVELS) - 1:
                told[kind, HIGHEST] = [id_ for id_, level in levels.items() if level == best]
            if not known:
                continue
        periods = {one.id: found for one in entries if (found := _period(one.dates))}
        if not periods or len(periods) < len(entries):
            continue
        starts = {id_: start for id_, (start, _) in periods.items()}
        ends = {id_: end for id_, (_, end) in periods.items()}
        ongoing = [id_ for id_ in ends if ends[id_] == _ONGOING]
        told[kind, FIRST] = _extreme(starts, min)
        # A job is left before the next; of projects, which go on side by side, the newest is the one begun last.
        latest = starts if kind == "Projects" else ends
        told[kind, LAST] = _extreme({id_: starts[id_] for id_ in _extreme(latest, max)}, max)
        if kind in ("Work", "Studies"):
            told[kind, NOW] = sorted(ongoing, key=lambda id_: starts[id_], reverse=True)
    return {asked: ids for asked, ids in told.items() if 0 < len(ids) <= 2}


def _level(entry: Passage) -> int:
    """0 for a bachelor's degree, 1, 2 for a doctor's; -1 where the title begins with no degree."""
    return max((level for level, names in enumerate(_LEVELS) if names.match(entry.title)), default=-1)


def _extreme(points: dict[str, Point], best_of: Callable[[Iterable[Point]], Point]) -> list[str]:
    """Those that may be it: of one year where a month is not told, or of one month where a day is not."""
    best = best_of(points.values())
    return [id_ for id_, point in points.items() if _may_equal(point, best)]


def _may_equal(one: Point, other: Point) -> bool:
    for a, b in zip(one, other, strict=True):
        if not (a and b):
            return True
        if a != b:
            return False
    return True


def _period(dates: str) -> Period | None:
    """Of the dates as passages tell them: `2019 to March 2021`, `since 2019`, `until 2021`, `14 March 1879`."""
    start, _, end = dates.removeprefix("since ").removeprefix("until ").partition(" to ")
    first, last = _point(start), _point(end or start)
    if first is None or last is None:
        return None
    return first, _ONGOING if dates.startswith("since ") else last


def _point(text: str) -> Point | None:
    found = _POINT.fullmatch(text)
    if found is None:
        return None
    day, month, year = found.groups()
    return int(year), MONTHS.index(month) + 1 if month else 0, int(day or 0)
