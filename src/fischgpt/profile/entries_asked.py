"""Which entries of a resume a question asks for: "What was her first job?", "Walk me through your career".

Only what is asked in so many words is looked up (profile/timeline.py); all else is searched: what is narrower than a
section ("her first book", "awards for teaching"), and what is asked about an entry ("What was her first job like?").
"""

import re

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
KINDS = tuple(_NOUNS)
CAREER = "Career"
"""All of Work, in more words: when each of the jobs was is what a career is about."""
_KEPT = {  # what all of them are called of which the old ones are still one's own
    "Education": r"education(?: history)?|(?:educational|academic) (?:background|history)|schooling",
    "Awards": r"awards|prizes|honou?rs|distinctions",
    "Publications": r"publications",
    "Certificates": r"certificates|certifications",
}
_PAST = {  # and of which they are not: "What are her jobs?" asks for those of today
    "Work": r"jobs|positions|employers|workplaces",
    "Projects": r"projects",
}
_CAREER = (
    r"career(?: path| history)?|work(?:ing)? (?:experience|history|life)|employment history|resume|résumé|cv"
    r"|professional (?:experience|history|career|background)"
)
_TELL = (
    r"list|name|show(?: me| us)?|give (?:me|us)|tell (?:me|us)(?: more)? about|(?:what )?about|summari[sz]e|describe"
    r"|outline|sum up|(?:walk|talk|take|run) (?:me|us) through|can i see|which|what|what were"
    r"|(?:give (?:me|us) )?an? (?:(?:short|brief|quick) )?(?:summary|overview|outline) of"
)
_IS = r"what['’]?s|what is|what was|what are"
_DOES = rf"(?:did|does|do|has|have|is|are|was) {_PERSON}"
_DID = rf"(?:did|has|have|had) {_PERSON}(?:ever )?"
_WORK = r"(?:work|worked|working|employed)(?: (?:at|for))?"
_STUDY = r"(?:study|studied|studying)"
_EMPLOYER = r"(?:where|who|whom|for whom|(?:which|what) (?:company|employer|firm))"
_EMPLOYERS = r"(?:who|whom|(?:which|what) (?:companies|employers|firms|organi[sz]ations))"
Form = tuple[str, re.Pattern[str]]


def _form(kind: str, pattern: str) -> Form:
    # The second comma is left of "Marie, where ...", whose name was taken out.
    greeting = r"(?:(?:and|so|but|please|hello|hi|hey|dear|ok|okay|great|thanks)(?: there)? ?[,!.]? )?(?:, )?"
    polite = r"(?:(?:please|can you|could you|would you),? )*(?:tell me )?"
    return kind, re.compile(rf"{greeting}{polite}(?:{pattern})(?:,? please)?", re.IGNORECASE)


def _one(kind: str, noun: str, got: str) -> list[Form]:
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


def _all(kind: str, nouns: str, tell: str = _TELL) -> Form:
    return _form(kind, rf"(?P<each>(?:(?:{tell}) )?(?:all )?(?:of )?{_WHOSE}(?:{nouns})(?: so far)?)")


def _had(kind: str, nouns: str) -> Form:
    got = _NOUNS[kind][1]
    which = rf"(?:which|what) (?:{nouns}) {_DID}(?:have|had|hold|held|{got})(?: so far)?"
    return _form(kind, rf"(?P<each>{which}|(?:{_DID}(?:{got}) )?any (?:{nouns})(?: so far)?)")


def _has(kind: str, nouns: str) -> Form:
    return _form(kind, rf"(?P<each>(?:which|what) (?:{nouns}) (?:does|do) {_PERSON}(?:have|hold))")


FORMS: tuple[Form, ...] = (
    *(form for kind, (noun, got) in _NOUNS.items() for form in _one(kind, noun, got)),
    *(_all(kind, nouns, f"{_TELL}|{_IS}") for kind, nouns in (_KEPT | {CAREER: _CAREER}).items()),
    *(_all(kind, nouns) for kind, nouns in _PAST.items()),
    *(_had(kind, nouns) for kind, nouns in (_KEPT | _PAST).items()),
    *(_has(kind, nouns) for kind, nouns in _KEPT.items()),
    _form(
        "Work",
        rf"(?P<each>(?:where {_DID}work(?:ed)?|{_EMPLOYERS} (?:has|have) {_PERSON}(?:ever )?worked for)(?: so far)?)",
    ),
    _form(CAREER, rf"(?P<each>(?:what|how) (?:does|did) {_WHOSE}(?:{_CAREER}) look like)"),
    _form("Publications", rf"(?P<each>what (?:has|have) {_PERSON}(?:ever )?published(?: so far)?)"),
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


def asked_for(question: str) -> tuple[str, str] | None:
    """What kind of entry, and which of them (one of WHICH), a question without the owner's name asks for.

    >>> asked_for("What was her first job?")
    ('Work', 'first')
    """
    said = " ".join(question.split()).rstrip("?!. ")
    for kind, form in FORMS:
        if found := form.fullmatch(said):
            return kind, next(which for which, words in found.groupdict().items() if words)
    return None
