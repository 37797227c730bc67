"""A resume as PDF -> outline: words by their place on the page, in reading order, with bullets and wrapped lines whole.

Two columns are found by their gutter: an upright strip that hardly a row crosses (the name may) with running text on
both sides; dates set flush right look like a column and are told apart by what they say.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pdfplumber

from fischgpt.errors import UserError
from fischgpt.profile.dates import find_period
from fischgpt.profile.outline import BULLET, BULLET_ALONE, Line, section_of

MAX_PAGES = 30
_CROSSING = 0.05
"""Share of rows that may cross a gutter: a name or a headline spans both columns."""
_BOLD = re.compile(r"bold|black|heavy|semib|demi|-bd|cmbx|cmb\d", re.IGNORECASE)


@dataclass
class Row:
    """Words on one baseline within one column, left to right."""

    words: list[dict[str, Any]]
    column_right: float = 0.0
    text: str = ""
    parts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.words.sort(key=lambda word: word["x0"])
        self.x0, self.x1 = self.words[0]["x0"], max(word["x1"] for word in self.words)
        self.top, self.bottom = min(w["top"] for w in self.words), max(w["bottom"] for w in self.words)
        self.size = Counter(round(word["size"], 1) for word in self.words).most_common(1)[0][0]
        self.parts = [self.words[0]["text"]]
        for left, right in pairwise(self.words):
            if right["x0"] - left["x1"] > 2.2 * self.size:
                self.parts.append(right["text"])
            else:
                self.parts[-1] += " " + right["text"]
        self.text = "   ".join(self.parts)

    @property
    def bold(self) -> bool:
        shown = next((w for w in self.words if any(c.isalnum() for c in w["text"])), self.words[0])
        return bool(_BOLD.search(shown["fontname"]))

    @property
    def style(self) -> tuple[str, float]:
        return self.words[-1]["fontname"], self.size


def pdf_outline(path: Path) -> list[Line]:
    """The lines of a PDF. Raises UserError for a damaged or encrypted file and for a scan without text."""
    try:
        with pdfplumber.open(path) as pdf:
            if len(pdf.pages) > MAX_PAGES:
                raise UserError(f"{path} has {len(pdf.pages)} pages; a resume of up to {MAX_PAGES} is read")
            pages = [_words(page) for page in pdf.pages]
            widths = [float(page.width) for page in pdf.pages]
    except UserError:
        raise
    except Exception as error:  # pdfminer raises its own errors, and bare ones on damaged files
        name = type(error).__name__ + repr(error)
        way = "remove its password" if "Password" in name or "Encrypt" in name else "export it again"
        raise UserError(f"{path} is not a readable PDF: {way}") from error
    if not any(pages):
        raise UserError(f"{path} holds no text (a scan?): export it from the program it was written in")
    first: list[Row] = []
    second: list[Row] = []
    for words, width in zip(pages, widths, strict=True):
        main, side = _columns(words, width)
        first += main
        second += side
    return _lines([*first, *second])


def _words(page: Any) -> list[dict[str, Any]]:
    """The words of a page with place, size and font; a bullet that is drawn (browsers do) becomes a word too."""
    words = page.dedupe_chars().extract_words(x_tolerance_ratio=0.15, extra_attrs=["fontname", "size"])
    for word in words:
        word["text"] = re.sub(r"\(cid:(?:127|183|8226|136)\)|\x7f", "•", word["text"])
        word["text"] = re.sub("\u00ad(?=.)", "-", word["text"])  # seen within a row: typst writes hyphens so
    words = [word for word in words if word["text"].strip()]
    marks = []
    for shape in [*page.curves, *page.rects]:
        if 1 <= shape["width"] <= 6 and 1 <= shape["height"] <= 6:
            middle = (shape["top"] + shape["bottom"]) / 2
            row = [w for w in words if w["top"] < middle < w["bottom"] and 0 < w["x0"] - shape["x1"] < 25]
            if row:
                first = min(row, key=lambda w: w["x0"])
                marks.append({**first, "text": "•", "x0": shape["x0"], "x1": shape["x1"]})
    return words + marks


def _rows(words: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Words that share a baseline, top to bottom."""
    rows: list[list[dict[str, Any]]] = []
    for word in sorted(words, key=lambda w: (w["bottom"], w["x0"])):
        if rows and word["bottom"] - rows[-1][-1]["bottom"] <= max(2.0, 0.25 * word["size"]):
            rows[-1].append(word)
        else:
            rows.append([word])
    return rows


def _columns(words: list[dict[str, Any]], width: float) -> tuple[list[Row], list[Row]]:
    """The rows of a page: the main column, with what spans the page at its top, and the other one (often none)."""
    rows = _rows(words)
    gutter = _gutter(rows, width)
    if gutter is None:
        return _made(rows), []
    left: list[list[dict[str, Any]]] = []
    right: list[list[dict[str, Any]]] = []
    head: list[list[dict[str, Any]]] = []
    largest = max(word["size"] for word in words)
    begins = min(w["top"] for row in rows if not _crosses(row, gutter) for w in row if w["x0"] >= gutter)
    named = next(row for row in rows if any(word["size"] == largest for word in row))
    for row in rows:
        if named[0]["top"] < begins - 1 and row[0]["top"] < begins - 1:
            head.append(row)  # the name, and what stands with it before the right column begins
        elif _crosses(row, gutter):
            left.append(row)
        else:
            left += [column for column in ([w for w in row if w["x1"] <= gutter],) if column]
            right += [column for column in ([w for w in row if w["x0"] >= gutter],) if column]
    # The main column is the one with the name; when that stands above both, the wider one.
    holds = [any(word["size"] == largest for row in side for word in row) for side in (left, right)]
    right_first = holds[1] and not holds[0] if any(holds) else width - gutter > gutter
    main, side = (right, left) if right_first else (left, right)
    return [*_made(head), *_made(main)], _made(side)


def _made(rows: Sequence[list[dict[str, Any]]]) -> list[Row]:
    made = [Row(row) for row in rows]
    right = max((row.x1 for row in made), default=0.0)
    for row in made:
        row.column_right = right
    return made


def _crosses(row: Sequence[dict[str, Any]], x: float) -> bool:
    """Whether a word of the row covers x, or the row runs on over it with an ordinary word space."""
    if any(word["x0"] < x < word["x1"] for word in row):
        return True
    left = max((w["x1"] for w in row if w["x1"] <= x), default=None)
    right = min((w["x0"] for w in row if w["x0"] >= x), default=None)
    return left is not None and right is not None and right - left < 0.9 * row[0]["size"]


def _gutter(rows: Sequence[list[dict[str, Any]]], width: float) -> float | None:
    """The x of the strip between two columns of running text, or None for one column."""
    if len(rows) < 6:
        return None
    best: tuple[float, float, float] | None = None  # fewest rows across, then the widest strip
    for step in range(20, 80):
        x = width * step / 100
        crossing = sum(_crosses(row, x) for row in rows)
        if crossing > max(_CROSSING * len(rows), 2):
            continue
        left = [[w for w in row if w["x1"] <= x] for row in rows if not _crosses(row, x)]
        right = [[w for w in row if w["x0"] >= x] for row in rows if not _crosses(row, x)]
        left, right = [side for side in left if side], [side for side in right if side]
        if not (_is_column(left, len(rows)) and _is_column(right, len(rows))):
            continue
        space = min(w["x0"] for side in right for w in side) - max(w["x1"] for side in left for w in side)
        if best is None or (-crossing, space) > best[:2]:
            best = (-crossing, space, x)
    return best[2] if best else None


def _is_column(side: Sequence[list[dict[str, Any]]], n_rows: int) -> bool:
    """Running text: enough rows and words, most starting at few places, and not mostly dates or places."""
    if len(side) < max(4, 0.15 * n_rows) or sum(len(row) for row in side) < 12:
        return False
    texts = [" ".join(word["text"] for word in row) for row in side]
    dated = sum(bool(find_period(text)) and len(text) < 30 for text in texts)
    bullets = sum(bool(BULLET_ALONE.match(text)) for text in texts)
    starts = Counter(round(row[0]["x0"] / 4) for row in side)
    aligned = sum(count for _, count in starts.most_common(3))
    return dated < 0.4 * len(side) and bullets < 0.4 * len(side) and aligned >= 0.6 * len(side)


def _lines(rows: Sequence[Row]) -> list[Line]:
    """Rows -> lines: what is a heading, an entry's head, a bullet, and which rows continue the one before."""
    words = [word for row in rows for word in row.words]
    body = Counter(round(word["size"], 1) for word in words)
    body_size = body.most_common(1)[0][0]
    known = {row.style for row in rows[1:] if section_of(row.text)}
    heading_styles = {style for style in known if style[1] > body_size or _BOLD.search(style[0])}
    vocabulary = {word["text"].strip(".,;:()").casefold() for word in words}
    lines: list[Line] = []
    bullet_x: float | None = None  # where the text of the bullet being read starts
    bullet_style: tuple[str, float] | None = None  # of the bullet being read
    pending = False  # a bullet glyph stood alone in the row before
    previous: Row | None = None
    seen_heading = False
    for row in rows:
        text = row.text
        gap = row.top - previous.bottom if previous is not None else 0.0
        near = previous is not None and -0.5 * row.size < gap < 0.9 * row.size
        wrapped = bullet_x is not None and near and row.x0 >= bullet_x - 2 and row.style == bullet_style
        heading = (bool(section_of(text)) and not wrapped) or (
            seen_heading and row.style in heading_styles and len(row.parts) == 1 and len(row.words) <= 5
            and not find_period(text)
        )  # fmt: skip
        if BULLET_ALONE.match(text):
            pending, bullet_x = True, None
            continue
        if pending or BULLET.match(text):
            told = BULLET.sub("", text)
            glyph = BULLET.match(text) and len(row.words) > 1 and BULLET_ALONE.match(row.words[0]["text"])
            bullet_x = row.words[1 if glyph else 0]["x0"]
            lines.append(Line("bullet", " ".join(told.split())))
            pending, bullet_style = False, row.style
        elif heading and lines:
            lines.append(Line("heading", text))
            seen_heading, bullet_x = True, None
        elif bullet_x is not None and near and row.x0 >= bullet_x - 2 and len(row.parts) == 1:
            lines[-1] = Line("bullet", _joined(lines[-1].text, text, vocabulary))
        elif previous is not None and near and _continues(previous, row, lines):
            lines[-1] = Line(lines[-1].kind, _joined(lines[-1].text, text, vocabulary), lines[-1].parts[:-1])
        else:
            bullet_x = None
            head = seen_heading and (row.bold or row.size > body_size + 0.4)
            lines.append(Line("entry" if head else "text", text, tuple(row.parts)))
        previous = row
    return lines


def _continues(above: Row, row: Row, lines: Sequence[Line]) -> bool:
    """Whether a row goes on with the one above: same style and start, and its first word had no room up there."""
    word = row.words[0]
    space = 0.25 * row.size
    return (
        bool(lines) and lines[-1].kind != "heading" and above.style == row.style and not row.bold
        and len(above.parts) == len(row.parts) == 1 and abs(above.x0 - row.x0) < 3
        and above.x1 + space + word["x1"] - word["x0"] > above.column_right - 2 and not find_period(above.text)
        and not set("@|") & set(row.text)  # contact details stand on a line of their own
    )  # fmt: skip


def _joined(above: str, below: str, vocabulary: set[str]) -> str:
    """Two rows of one text; a hyphen at the end stays only where the parts look like words of their own."""
    above = above.replace("\u00ad", "-")
    if above.endswith("-") and below[:1].islower():
        head, tail = above[:-1].rpartition(" ")[2].casefold(), below.partition(" ")[0].strip(".,;:()").casefold()
        compound = head + tail not in vocabulary and (head in vocabulary or "-" in head)
        return above + below if compound else above[:-1] + below
    return f"{above} {below}"
