"""Cleaning of what enters from a resume or a visitor: one line, visible characters, bounded length."""

import re
import unicodedata

_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"})
_MARKER = re.compile(r"\[\s*(\d+)\s*\]")
# A full stop ends a sentence when a capital or a digit follows, and what stands before it is not an initial
# or one of the abbreviations a resume uses.
_SENTENCE_END = re.compile(
    r"(?<![\s.(][A-Z])(?<!^[A-Z])(?<!\b(?:Dr|Mr|Ms|St|No|vs))(?<!\b(?:Mrs|Inc|Ltd|Vol|e\.g|i\.e|etc))(?<!\bProf)"
    r"[.!?][\"”’)]*\s+(?=[\"“‘(]?[A-Z0-9])"
)


def clean(text: object, limit: int = 0) -> str:
    """One line of visible text: NFC, every run of white space one blank, no control, format (zero-width,
    bidi, soft hyphen), private-use or unassigned characters. `[3]` becomes `(3)`: square numbers are the
    citations' own form. With `limit`, at most that many characters, cut at a word and marked with `…`.
    """
    if text is None:
        return ""
    line = str(text)
    if line.isascii() and line.isprintable():  # most lines of most resumes, and all of training: 8x faster
        return _cut(_MARKER.sub(r"(\1)", " ".join(line.split())), limit)
    kept = []
    for char in unicodedata.normalize("NFC", line).translate(_LIGATURES):
        category = unicodedata.category(char)
        if char.isspace() or category[0] == "Z":
            kept.append(" ")
        elif category[0] != "C":
            kept.append(char)
    return _cut(_MARKER.sub(r"(\1)", " ".join("".join(kept).split())), limit)


def _cut(line: str, limit: int) -> str:
    if limit and len(line) > limit:
        return line[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"
    return line


def sentences(text: str) -> list[str]:
    """The sentences of one clean line; abbreviations and initials do not end one."""
    found, start = [], 0
    for end in _SENTENCE_END.finditer(text):
        found.append(text[start : end.end()].strip())
        start = end.end()
    return [s for s in [*found, text[start:].strip()] if s]


def pieces(text: str, limit: int) -> list[str]:
    """A text as pieces of at most `limit` characters: whole sentences together while they fit, a longer
    sentence cut between words. Nothing is lost."""
    found: list[str] = []
    for sentence in sentences(text):
        if found and len(found[-1]) + 1 + len(sentence) <= limit:
            found[-1] += " " + sentence
            continue
        while len(sentence) > limit:
            cut = sentence.rfind(" ", 0, limit + 1)
            cut = cut if cut > 0 else limit
            found.append(sentence[:cut].rstrip())
            sentence = sentence[cut:].lstrip()
        found.append(sentence)
    return found


def full_stop(text: str) -> str:
    """The text with a full stop, unless it ends a sentence already."""
    return text if not text or text.rstrip("\"”’')")[-1:] in tuple(".!?…") else text.rstrip(" ,;:") + "."
