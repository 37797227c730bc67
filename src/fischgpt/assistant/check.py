"""Does an answer stand in the passages it cites?

A small model invents fluently: SmolLM2-135M put an unsupported name or number into 42 % of its answers about
resumes it had been given. So no answer is shown unchecked. The check is lexical and strict: it cannot prove that an
answer is right, but whatever it lets through is made of the cited passage's own words, names and numbers.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from fischgpt.profile.bm25 import fold, stem
from fischgpt.profile.passages import Passage

MAX_WORDS = 60
"""Longer answers are refused: evaluations read the first 60 words, and the small model drifts long before."""

MARKER = re.compile(r"\[(\d{1,3})\]")
_ROLE = re.compile(r"<\|[^>]{0,32}\|?>|</?s>|\[/?INST\]|<</?SYS>>|(?:^|\n)\s*(?:user|assistant|system|human)\s*:", re.I)
# A number (1,024; 208.74; 1.8e-3; 124M) or a word (GPT-2, Node.js, C++); hyphens bind only after a letter, so that
# "2019-2021" is two numbers and "12-hour" is 12 and hour.
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?[^\W\d_]*|[^\W\d_]\w*(?:[-'’.&]\w+)*(?:\+\+|#)?", re.UNICODE)
_THOUSANDS = re.compile(r"^\d{1,3}(?:,\d{3})+(?!\d)")
_DECLINE = re.compile(
    r"\b(?:does|do|did|is|are|was)(?: not|n['’]t)\b.{0,40}"
    r"\b(?:say|mention|state|tell|know|cover|include|list|given|there)"
    r"|\b(?:no|nothing)\b.{0,30}\b(?:information|mention|about)\b|\b(?:cannot|can['’]t) (?:say|tell|answer)",
    re.I,
)

_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBER_WORDS = {word: str(value) for value, word in enumerate(_NUMBERS.split())}

# Words that claim nothing of their own. Negations are missing on purpose: "did not" must stand in the passage.
_FUNCTION = frozenset(
    """a about after all also an and are as at be been before being both but by did do does doing during each for from
    had has have having he her here hers herself him himself his how i in into is it its itself may me mine my of on
    or our over she so some such than that the their theirs them themselves then there these they this those through to
    under until up us was we were what when where which while who whom whose will with within would you your
    s""".split()  # noqa: SIM905
)
# What a section says of everything in it: a bullet under Education may be retold with "studied".
_SECTION_WORDS = {
    "About": "work",
    "Work": "work job employ serve position role",
    "Volunteering": "volunteer work help role",
    "Education": "study studied graduate attend degree learn school university",
    "Projects": "project build built make made create work develop",
    "Skills": "know use skill work",
    "Languages": "speak know language",
    "Interests": "interest like enjoy hobby hobbies",
    "Publications": "publish write wrote written author publication",
    "Awards": "award receive win won",
    "Certificates": "certificate hold held earn certified",
    "References": "reference say",
    "Contact": "live contact reach find",
}


@dataclass(frozen=True)
class Verdict:
    """Whether an answer may be shown, and if not, why (one clause, for people)."""

    ok: bool
    reason: str = ""


@dataclass(frozen=True)
class Segment:
    """A run of text and the passages it cites, numbered from 1 in the order they were given."""

    citations: tuple[int, ...]
    text: str


def grounded(answer: str, question: str, passages: Sequence[Passage], owner: str = "") -> Verdict:
    """Whether every number, name and word of `answer` stands in the passage it cites.

    `answer` carries its citations either in front of what they support (`[2] It cost $208.74.`, as the model writes)
    or behind it (as it is shown). A word of the question counts only if some given passage has it too, for a question
    may claim what is false. The owner's own name (`owner`) always counts. Numbers never come from the question.
    Never raises, whatever the strings hold.
    """
    answer = unicodedata.normalize("NFKC", answer)
    if not re.search(r"\w", MARKER.sub("", answer)):
        return Verdict(False, "it is empty")
    if _ROLE.search(answer):
        return Verdict(False, "it holds a role marker")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs") or char == "\ufffd" for char in answer):
        return Verdict(False, "it holds characters that cannot be shown")
    if len(answer.split()) > MAX_WORDS:
        return Verdict(False, f"it is longer than {MAX_WORDS} words")
    parts = segments(answer)
    if not all(part.citations for part in parts):
        return Verdict(False, "it cites no passage")
    given = frozenset[str]().union(*(_vocabulary(passage) for passage in passages))
    asked = frozenset(_stem(word) for word in _words(question) if not word[0].isdigit()) & given
    for part in parts:
        if wrong := [number for number in part.citations if not 1 <= number <= len(passages)]:
            return Verdict(False, f"it cites passage {wrong[0]}, which was not given")
        cited = [passages[number - 1] for number in part.citations]
        verdict = _stands(part.text, cited, asked | {fold(word) for word in _words(owner)})
        if not verdict.ok:
            return verdict
    return Verdict(True)


def declines(answer: str) -> bool:
    """Whether the model says that it does not know: no citation, and words such as "does not say"."""
    return not MARKER.search(answer) and bool(_DECLINE.search(answer))


def segments(answer: str) -> list[Segment]:
    """Split an answer at its citations: those in front of a text belong to it, or else those behind it."""
    leading = bool(MARKER.match(answer.lstrip()))
    found: list[Segment] = []
    citations: list[int] = []
    start = 0
    for marker in MARKER.finditer(answer):
        text = answer[start : marker.start()].strip()
        if leading and text and re.search(r"\w", text):
            found.append(Segment(tuple(citations), text))
            citations = []
        elif not leading and re.search(r"\w", text):
            found.append(Segment((int(marker[1]),), text))
        elif not leading and found:
            found[-1] = Segment((*found[-1].citations, int(marker[1])), found[-1].text)
        citations.append(int(marker[1]))
        start = marker.end()
    if re.search(r"\w", rest := answer[start:].strip()):
        found.append(Segment(tuple(citations) if leading else (), rest))
    return found


def _stands(text: str, cited: Sequence[Passage], also: frozenset[str] | set[str]) -> Verdict:
    words = _words(text)
    supported = frozenset[str]().union(*(_vocabulary(passage) for passage in cited))
    content = [word for word in words if fold(word) not in _FUNCTION]
    if not content:
        return Verdict(False, "it says nothing")
    for word in content:
        plain = fold(word)
        if plain in supported or plain in also:
            continue
        if word[0].isdigit() or plain in NUMBER_WORDS:
            if NUMBER_WORDS.get(plain, plain) not in supported:
                return Verdict(False, f"the number {word} is not in the passage it cites")
        elif _is_name(word, first=word == words[0]):
            return Verdict(False, f"the name {word} is not in the passage it cites")
        elif _stem(word) not in supported and _stem(word) not in also:
            return Verdict(False, f"the word {word} is not in the passage it cites")
    if repeated := _loop(words, cited):
        return Verdict(False, f"it repeats “{repeated}”")
    return Verdict(True)


def _is_name(word: str, first: bool) -> bool:
    return any(char.isupper() for char in (word[1:] if first else word)) or any(char.isdigit() for char in word)


def _loop(words: Sequence[str], cited: Sequence[Passage]) -> str:
    """A word said twice in a row, or a run of three words said twice, unless the cited passages do so as often."""

    def runs(text: Sequence[str]) -> Counter[str]:
        lower = [word.casefold() for word in text]
        threes = [" ".join(lower[i : i + 3]) for i in range(len(lower) - 2)]
        return Counter(threes + [f"{a} {b}" for a, b in pairwise(lower) if a == b] * 2)  # a double counts at once

    allowed = sum((runs(_words(passage.render())) for passage in cited), Counter[str]())
    return next((run for run, count in runs(words).items() if count > max(1, allowed[run])), "")


@lru_cache(maxsize=4096)
def _vocabulary(passage: Passage) -> frozenset[str]:
    """Every form under which a word or number of the passage may be retold."""
    found: set[str] = set()
    for word in _words(passage.render()):
        plain = fold(word)
        found |= {plain, _stem(word), NUMBER_WORDS.get(plain, plain)}
        if "-" in plain:
            found |= {form for part in plain.split("-") if not part.isdigit() for form in (part, _stem(part))}
    found |= {_stem(word) for word in _SECTION_WORDS.get(passage.section, "").split()}
    return frozenset(found)


def _words(text: str) -> list[str]:
    """Words and numbers in order; a number without its thousands commas and leading zeros."""
    found = []
    for match in _TOKEN.finditer(unicodedata.normalize("NFKC", text)):
        word = match[0]
        if word[0].isdigit():
            word = _THOUSANDS.sub(lambda number: number[0].replace(",", ""), word)
            word = re.sub(r"^0+(?=\d)", "", word).casefold()
        else:
            word = re.sub(r"['’]s?$", "", word)
        found.append(word)
    return found


def _stem(word: str) -> str:
    return stem(fold(word))
