"""A resume as DOCX -> outline."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docx
from docx.document import Document
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from fischgpt.errors import UserError
from fischgpt.profile.outline import BULLET, Line
from fischgpt.profile.sections import section_of

MAX_XML = 20_000_000
"""Bytes of all XML in it, unpacked; a resume has 0.1 to 0.5 MB, and ten times this takes a gigabyte to parse."""
MAX_UNPACKED = 200_000_000
"""Bytes of everything, pictures too."""
MAX_DEPTH = 8
"""Tables within tables, as deep as they are read."""


def docx_outline(path: Path) -> list[Line]:
    """The lines of a Word document, by style: Title and headings, lists, bold lines, tables row by row.

    Text boxes and content controls, which Word's own templates are made of, are read where they stand. Raises
    UserError when the file is not a readable DOCX, needs a password, or unpacks to more than a resume can.
    """
    _check_size(path)
    try:
        document = docx.Document(str(path))
        blocks = list(_blocks(document))
    except Exception as error:  # zipfile, lxml and python-docx each raise their own
        raise UserError(f"{path} is not a readable DOCX: save it again from Word or LibreOffice") from error
    flat = [paragraph for block in blocks for paragraph in block]
    levels = [
        (int(found[1]), text) for paragraph, text in flat if (found := re.fullmatch(r"Heading (\d)", _style(paragraph)))
    ]
    section_level = min((level for level, text in levels if section_of(text)), default=1)
    lines: list[Line] = []
    for block in blocks:
        if len(block) > 1:  # cells of one row
            cells = tuple(text for _, text in block if text)
            lines += [Line("text", "   ".join(cells), cells)] if cells else []
        elif block and block[0][1]:
            lines.append(_line(*block[0], section_level, not lines))
    return lines


def _check_size(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        with path.open("rb") as file:  # Word encrypts into the older container
            locked = file.read(8) == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        way = "remove its password, or save it as .docx" if locked else "save it again from Word or LibreOffice"
        raise UserError(f"{path} is not a readable DOCX: {way}") from error
    xml = sum(entry.file_size for entry in entries if entry.filename.endswith((".xml", ".rels")))
    if xml > MAX_XML or sum(entry.file_size for entry in entries) > MAX_UNPACKED or len(entries) > 5000:
        raise UserError(f"{path} unpacks to more than a resume holds: save it again from Word or LibreOffice")


Told = tuple[Paragraph, str]
"""A paragraph, and its text."""


def _blocks(document: Document) -> Iterator[list[Told]]:
    """Paragraphs in the order of the page: one alone, or those that stand side by side in a table's row."""
    for section in document.sections[:1]:
        yield from ([told] for told in (_told(paragraph) for paragraph in section.header.paragraphs) if told[1])
    yield from _content(document.element.body, document, 0)


def _content(parent: Any, owner: Any, depth: int) -> Iterator[list[Told]]:
    """What stands in a body, a cell, a text box or a content control."""
    for element in parent:
        if element.tag == qn("w:p"):
            yield [_told(Paragraph(element, owner))]
            for box in element.iter(qn("w:txbxContent")):
                if not any(True for _ in box.iterancestors(_FALLBACK)):  # the same text again, for older programs
                    yield from _content(box, owner, depth)
        elif element.tag == qn("w:sdt"):
            for inner in element.iterchildren(qn("w:sdtContent")):
                yield from _content(inner, owner, depth)
        elif element.tag == qn("w:tbl") and depth < MAX_DEPTH:
            yield from _table(Table(element, owner), depth + 1)


def _table(table: Table, depth: int) -> Iterator[list[Told]]:
    for row in table.rows:
        cells = [list(_content(cell._tc, cell, depth)) for cell in dict.fromkeys(row.cells)]
        cells = [filled for cell in cells if (filled := [block for block in cell if any(text for _, text in block)])]
        holds = [sum(bool(section_of(text)) for block in cell for _, text in block) for cell in cells]
        if len(cells) > 1 and any(holds):
            # Columns of a page, the owner's name not under a heading of theirs: that one first.
            for cell in sorted(cells, key=lambda cell: bool(section_of(cell[0][0][1]))):
                yield from cell
        elif cells:
            yield [told for cell in cells for told in cell[0]]
            yield from (block for cell in cells for block in cell[1:])


def _told(paragraph: Paragraph) -> Told:
    """The text of a paragraph: its runs, also those in links and content controls, not those in its text boxes."""
    pieces = []
    for element in paragraph._p.iter(qn("w:t"), qn("w:tab"), qn("w:br"), qn("w:noBreakHyphen")):
        parent = element.getparent()
        if parent is None or parent.tag != qn("w:r") or _in_box(element, paragraph._p):
            continue
        pieces.append({qn("w:t"): element.text or "", qn("w:noBreakHyphen"): "-"}.get(element.tag, "\t"))
    return paragraph, "".join(pieces).strip()


def _in_box(element: Any, paragraph: Any) -> bool:
    for ancestor in element.iterancestors():
        if ancestor is paragraph:
            return False
        if ancestor.tag == qn("w:txbxContent"):
            return True
    return False


def _line(paragraph: Paragraph, text: str, section_level: int, first: bool) -> Line:
    style = _style(paragraph)
    parts = tuple(part.strip() for part in text.split("\t") if part.strip())
    text = text.replace("\t", "   ") if len(parts) > 1 else text
    listed = paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None
    if BULLET.match(text) or listed or style.startswith("List"):
        return Line("bullet", BULLET.sub("", text))
    if first and not section_of(text):
        return Line("text", text)
    if heading := re.fullmatch(r"Heading (\d)", style):
        return Line("heading" if int(heading[1]) <= section_level else "entry", text, parts)
    runs = [run for run in paragraph.runs if run.text.strip()]
    bold = bool(runs) and bool(runs[0].bold)
    if section_of(text) and (bold or text.isupper() or len(runs) <= 1):
        return Line("heading", text)
    return Line("entry" if bold else "text", text, parts)


def _style(paragraph: Paragraph) -> str:
    return (paragraph.style.name if paragraph.style is not None else "") or ""


_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
