"""The words of a page -> rows in reading order, column by column.

Two columns are found by their gutter: an upright strip that hardly a row crosses (the name may) with running text on
both sides; dates set flush right look like a column and are told apart by what they say. A narrow column of dates or
labels beside what they belong to is none either: its rows are kept whole, in two parts.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from fischgpt.profile.dates import find_period, is_month
from fischgpt.profile.outline import BULLET_ALONE
from fischgpt.profile.sections import section_of

_CROSSING = 0.05
"""Share of rows that may cross a gutter: a name or a headline spans both columns."""
_RAGGED = 40.0
"""Points, at most, that a wrapped row ends before the margin: a long word had no room."""
_BOLD = re.compile(r"bold|black|heavy|semib|demi|-bd|cmbx|cmb\d", re.IGNORECASE)
_DASH = re.compile(r"(?:[-–—−]|\bto|\bbis|\bau|\bà|\ba)\s*$", re.IGNORECASE)


@dataclass
class Row:
    """Words on one baseline within one column, left to right."""

    words: list[dict[str, Any]]
    column_right: float = 0.0
    """Where the longest row of its column ends."""
    wraps: bool = True
    """Whether several rows end there, as wrapped text does."""
    text: str = field(init=False)
    parts: list[str] = field(init=False)
    """What stands far apart."""
    starts: list[float] = field(init=False)
    """The left edge of each part."""

    def __post_init__(self) -> None:
        self.words.sort(key=lambda word: word["x0"])
        self.x0, self.x1 = self.words[0]["x0"], max(word["x1"] for word in self.words)
        self.top, self.bottom = min(w["top"] for w in self.words), max(w["bottom"] for w in self.words)
        self.size = Counter(round(word["size"], 1) for word in self.words).most_common(1)[0][0]
        self.split()

    def split(self, at: float | None = None) -> None:
        """Part the words where the gap is wide, and before the one that begins `at`."""
        self.parts, self.starts = [self.words[0]["text"]], [self.x0]
        for left, right in pairwise(self.words):
            apart = right["x0"] - left["x1"] > 2.2 * self.size or (at is not None and abs(right["x0"] - at) < 2)
            if apart and not (len(self.parts) == 1 and BULLET_ALONE.match(self.parts[0])):
                self.parts.append(right["text"])
                self.starts.append(right["x0"])
            else:
                self.parts[-1] += " " + right["text"]
        self.text = "   ".join(self.parts)

    @property
    def bold(self) -> bool:
        """Whether the first word that is no date is bold."""
        shown = next((w for w in self.words if re.search(r"[^\W\d_]{3}", w["text"]) and not is_month(w["text"])), None)
        shown = shown or next((w for w in self.words if any(c.isalnum() for c in w["text"])), self.words[0])
        return bool(_BOLD.search(shown["fontname"]))

    @property
    def all_bold(self) -> bool:
        """Whether every word is bold."""
        return all(_BOLD.search(word["fontname"]) for word in self.words)

    @property
    def style(self) -> tuple[str, float]:
        return self.words[-1]["fontname"], self.size


def is_bold(style: tuple[str, float]) -> bool:
    """Whether a style's font is a bold one, as its name says."""
    return bool(_BOLD.search(style[0]))


def rows_of(words: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Words that share a baseline, top to bottom."""
    rows: list[list[dict[str, Any]]] = []
    for word in sorted(words, key=lambda w: (w["bottom"], w["x0"])):
        if rows and word["bottom"] - rows[-1][-1]["bottom"] <= max(2.0, 0.25 * word["size"]):
            rows[-1].append(word)
        else:
            rows.append([word])
    return rows


def columns(words: list[dict[str, Any]], width: float) -> tuple[list[Row], list[Row]]:
    """The rows of a page: the main column, with what spans the page at its top, and the other one (often none)."""
    rows = rows_of(words)
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
    ragged = min(_RAGGED, 0.15 * (right - min((row.x0 for row in made), default=0.0)))
    reaching = sum(row.x1 > right - ragged for row in made)
    for row in made:
        row.column_right, row.wraps = right, reaching > 2
    if (at := _labels_end(made)) is not None:
        for row in made:
            row.split(at)
        made = _whole_labels(made)
    return made


def _labels_end(rows: Sequence[Row]) -> float | None:
    """Where the text beside a narrow column of dates or labels begins, or None without one: several rows have a word
    that begins there after a short label, and nothing runs across but headings."""
    begins: Counter[int] = Counter()
    widest = max((row.column_right for row in rows), default=0.0)
    for row in rows:
        for left, right in pairwise(row.words):
            near = right["x0"] - left["x1"] > 0.7 * row.size
            if near and left["x1"] - row.x0 < 0.33 * (widest - row.x0) and not BULLET_ALONE.match(
                row.words[0]["text"]
            ):  # fmt: skip
                begins[round(right["x0"])] += 1
    for at, count in begins.most_common(2):
        beside = sum(abs(row.x0 - at) < 2 for row in rows)
        under = sum(not any(abs(word["x0"] - at) < 2 for word in row.words) and not section_of(row.text)
                    and row.x0 < at - 2 and row.x1 > at for row in rows)  # fmt: skip
        if count >= 3 and count + beside > 2 * under:
            return float(at)
    return None


def _whole_labels(rows: Sequence[Row]) -> list[Row]:
    """Rows with the end of a period that was wrapped in its narrow column (`03/2019 –` above `today`) taken up."""
    made: list[Row] = []
    for row in rows:
        last = next((other for other in reversed(made[-3:]) if len(other.parts) > 1), None)
        if last is not None and _DASH.search(last.parts[0]) and abs(row.x0 - last.x0) < 25:
            whole = find_period(f"{last.parts[0]} {row.parts[0]}")
            if whole is not None and whole.ranged and not (whole.before + whole.after).strip():
                last.parts[0] = f"{last.parts[0]} {row.parts[0]}"
                last.text = "   ".join(last.parts)
                if len(row.parts) == 1:
                    continue
                words = [word for word in row.words if word["x0"] >= row.starts[1] - 1]
                row = Row(words, row.column_right, row.wraps)
        made.append(row)
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
