"""Questions that need two lines: an age (born, and the event), what came first, how long between.

No line says "she was 27 when she opened the shop". Such a question is taken apart into two plain ones, each is searched
by itself, and both lines together are the answer.
"""

import re

BORN, DIED = "When was she born?", "When did she die?"


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:(?:and|so|but|please|hello|hi),? )?(?:{pattern})$", re.IGNORECASE)


_PERSON = r"(?: (?:you|he|she|they)\b)?"
_TIME = r"how (?:many years|many months|much time|long)"
# The owner's name is taken out before, so that nobody stands there: "How old was when she opened the shop?".
_AGE = _form(
    rf"how old (?:was|were|is|are|did){_PERSON} "
    r"(?P<event>(?:when|as|at|on|in|by|become|get|live|the (?:first|last|day|year|time))\b.*)"
    rf"|(?:at )?(?:what|which) age (?:did|was|were){_PERSON} (?P<later>\S.*)"
    r"|what (?:was|is) (?:your|his|her|their) age (?P<at>\S.*)"
)
_LIFE = re.compile(r"(?:become|get|reach|live(?: to be)?|die|when (?:(?:you|he|she|they) )?died)", re.IGNORECASE)
_WHEN = re.compile(r"^(?:when|as|(?:by|at) the time(?: that| of)?|in the year(?: that)?)\s+", re.IGNORECASE)
_VERB = re.compile(r"^(?:did|was|were|had)\b", re.IGNORECASE)
_PAIRS = (
    _form(rf"{_TIME}\b.*?\bbetween (?P<one>\S.*?) and (?P<other>\S.*)"),
    _form(rf"{_TIME} (?:after|before) (?P<one>\S.*?) (?P<other>(?:did|was|were|until)\b.*)"),
    _form(
        r"(?:which|what|who)\b[^,:;]*?\b(?:first|earlier|older|before)\b[,:;]?\s+(?P<one>\S.*?),?\s+or\s+(?P<other>\S.*)"
    ),
    _form(r"(?P<one>(?:did|was|were|had)\b.+?) before (?P<other>\S.*?) or after(?:wards)?"),
    _form(r"(?P<one>(?:did|was|were|had)\b.+?) (?:before|after)(?: or (?:before|after))? (?P<other>\S.*)"),
)


def halves(question: str) -> tuple[str, str] | None:
    """The two plain questions that a question (without the owner's name) is made of, or None where it is one.

    >>> halves("How old was she when she opened the shop?")
    ('When was she born?', 'When she opened the shop?')
    """
    said = question.strip().rstrip("?!. ")
    if found := _AGE.match(said):
        event = found["event"] or found["later"] or found["at"]
        if found["later"] and event[0].isupper():  # somebody else's age: "At what age did Antje marry?"
            return None
        return BORN, DIED if _LIFE.fullmatch(event) else _when(event)
    for form in _PAIRS:
        if found := form.match(said):
            return _when(found["one"]), _when(found["other"])
    return None


def _when(event: str) -> str:
    """The question for the time of an event."""
    event = _WHEN.sub("", event)
    return f"When {event[0].lower()}{event[1:]}?" if _VERB.match(event) else f"When {event}?"
