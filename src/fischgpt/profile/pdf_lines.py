"""Rows of a PDF -> lines: what is the name, a heading, an entry's head, a bullet, and which rows go on."""

from collections import Counter
from collections.abc import Sequence

from fischgpt.profile.dates import find_period
from fischgpt.profile.outline import BULLET, BULLET_ALONE, Line
from fischgpt.profile.pdf_columns import Row, is_bold
from fischgpt.profile.sections import is_title, section_of


def lines_of(rows: Sequence[Row]) -> list[Line]:
    """The lines of rows in reading order; the first is the owner's name where letters of its own size tell it."""
    words = [word for row in rows for word in row.words]
    if not words:
        return []
    body_size = Counter(round(word["size"], 1) for word in words).most_common(1)[0][0]
    rows = _name_first(rows)
    heading_styles = _heading_styles(rows, body_size)
    vocabulary = {word["text"].strip(".,;:()").casefold() for word in words}
    lines: list[Line] = []
    bullet_x: float | None = None  # where the text of the bullet being read starts
    bullet_style: tuple[str, float] | None = None  # of the bullet being read
    pending = False  # a bullet glyph stood alone in the row before
    previous: Row | None = None
    seen_heading = False
    sections = [bool(section_of(row.text)) for row in rows]
    for row, opens_section in zip(rows, sections, strict=True):
        text = row.text
        gap = row.top - previous.bottom if previous is not None else 0.0
        near = previous is not None and -0.5 * row.size < gap < 0.9 * row.size
        wrapped = bullet_x is not None and near and row.x0 >= bullet_x - 2 and row.style == bullet_style
        heading = (opens_section and not wrapped) or (
            (seen_heading or not any(sections)) and row.style in heading_styles
            and len(row.parts) == 1 and len(row.words) <= 5 and not find_period(text)
        )  # fmt: skip
        if BULLET_ALONE.match(text):
            pending, bullet_x = True, None
            continue
        bracket = near and previous is not None and bool(lines) and _is_open(previous, row)
        if not bracket and (pending or BULLET.match(text)):
            told = BULLET.sub("", text)
            glyph = BULLET.match(text) and len(row.words) > 1 and BULLET.match(f"{row.words[0]['text']} x")
            bullet_x = row.words[1 if glyph else 0]["x0"]
            lines.append(Line("bullet", " ".join(told.split())))
            pending, bullet_style = False, row.style
        elif heading and (lines or opens_section):
            lines.append(Line("heading", text))
            seen_heading, bullet_x = True, None
        elif bullet_x is not None and near and row.x0 >= bullet_x - 2 and len(row.parts) == 1:
            lines[-1] = Line("bullet", _joined(lines[-1].text, text, vocabulary))
        elif bracket or (previous is not None and near and _continues(previous, row, lines)):
            parts = lines[-1].parts
            parts = (*parts[:-1], _joined(parts[-1], text, vocabulary)) if len(parts) > 1 else ()
            lines[-1] = Line(lines[-1].kind, _joined(lines[-1].text, text, vocabulary), parts)
        elif not seen_heading and len(row.parts) > 1:  # beside the name: contact details, set flush right
            lines += [Line("text", part) for part in row.parts]
        else:
            bullet_x = None
            head = seen_heading and (row.bold or row.size > body_size + 0.4)
            lines.append(Line("entry" if head else "text", text, tuple(row.parts)))
        previous = row
    return lines


def _name_first(rows: Sequence[Row]) -> list[Row]:
    """Rows with the name at their top: what is set largest above the first heading, if it is larger than the rest."""
    end = next((i for i, row in enumerate(rows) if section_of(row.text) and not is_title(row.text)), len(rows))
    head = [row for row in rows[:end] if not is_title(row.text)]
    rest = list(rows[end:])
    if len(head) < 2:
        return [*head, *rest]
    largest = max(round(word["size"], 1) for row in head for word in row.words)
    named, others = [], []
    for row in head:
        large = [word for word in row.words if round(word["size"], 1) == largest]
        small = [word for word in row.words if round(word["size"], 1) != largest]
        named += large
        others += [Row(small, row.column_right, row.wraps)] if small else []
    if not others or len(named) > 8 or largest < 1.15 * max(row.size for row in others):
        return [*head, *rest]
    first = Row([dict(word) for word in named])
    first.parts = [" ".join(word["text"] for word in named)]  # in the order of the rows: it may stand on two
    first.text, first.starts = first.parts[0], first.starts[:1]
    return [first, *others, *rest]


def _heading_styles(rows: Sequence[Row], body_size: float) -> set[tuple[str, float]]:
    """The styles of headings: those of the headings whose names are known; if none is, the largest one that short
    rows share."""
    known = {row.style for row in rows[1:] if section_of(row.text)}
    if not known:
        short = Counter(
            row.style for row in rows[1:]
            if len(row.parts) == 1 and len(row.words) <= 4 and not find_period(row.text) and not BULLET.match(row.text)
            and row.size > body_size
        )  # fmt: skip
        shared = [style for style, count in short.items() if count >= 3]
        return {max(shared, key=lambda style: style[1])} if shared else set()
    return {style for style in known if style[1] > body_size or is_bold(style)}


def _continues(above: Row, row: Row, lines: Sequence[Line]) -> bool:
    """Whether a row goes on with the one above: same style and start, and its first word had no room up there."""
    if not lines or lines[-1].kind == "heading" or len(row.parts) > 1 or abs(above.starts[-1] - row.x0) > 3:
        return False
    last = above.parts[-1]
    word = row.words[0]
    if not row.wraps and not word["text"][0].islower() and last[-1] not in ",-–&":
        return False  # a list of short lines, the longest of which looks like a margin
    return (
        above.style == row.style and (not row.bold or (len(above.words) > 4 and above.all_bold and row.all_bold))
        and above.x1 + 0.25 * row.size + word["x1"] - word["x0"] > above.column_right - 2 and not find_period(last)
        and not set("@|") & set(row.text)  # contact details stand on a line of their own
    )  # fmt: skip


def _is_open(above: Row, row: Row) -> bool:
    """Whether a bracket that the row above opened is still open: `(2010` and below it `- 2015)`."""
    last = above.parts[-1]
    return last.count("(") > last.count(")") and len(row.parts) == 1 and abs(above.starts[-1] - row.x0) < 3


def _joined(above: str, below: str, vocabulary: set[str]) -> str:
    """Two rows of one text; a hyphen at the end stays only where the parts look like words of their own."""
    above = above.replace("\u00ad", "-")
    if above.endswith("-") and below[:1].islower():
        head, tail = above[:-1].rpartition(" ")[2].casefold(), below.partition(" ")[0].strip(".,;:()").casefold()
        if set("/@") & set(head):  # an address
            return above + below
        compound = head + tail not in vocabulary and (head in vocabulary or "-" in head)
        return above + below if compound else above[:-1] + below
    return f"{above} {below}"
