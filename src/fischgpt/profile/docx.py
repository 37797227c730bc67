"""A resume as DOCX -> outline."""

import re
from collections.abc import Iterator
from pathlib import Path

import docx
from docx.document import Document
from docx.table import Table
from docx.text.paragraph import Paragraph

from fischgpt.errors import UserError
from fischgpt.profile.outline import BULLET, Line, section_of


def docx_outline(path: Path) -> list[Line]:
    """The lines of a Word document, by style: Title and headings, lists, bold lines, tables row by row.

    Raises UserError when the file is not a readable DOCX.
    """
    try:
        document = docx.Document(str(path))
    except Exception as error:  # zipfile, lxml and python-docx each raise their own
        raise UserError(f"{path} is not a readable DOCX: save it again from Word or LibreOffice") from error
    headings = [
        (int(found[1]), paragraph.text)
        for paragraph in document.paragraphs
        if (found := re.fullmatch(r"Heading (\d)", _style(paragraph)))
    ]
    section_level = min((level for level, text in headings if section_of(text)), default=1)
    lines: list[Line] = []
    for paragraphs in _blocks(document):
        texts = [paragraph.text.strip() for paragraph in paragraphs]
        if len(paragraphs) > 1:  # cells of one row
            cells = tuple(text for text in texts if text)
            lines += [Line("text", "   ".join(cells), cells)] if cells else []
        elif texts[0]:
            lines.append(_line(paragraphs[0], section_level, not lines))
    return lines


def _blocks(document: Document) -> Iterator[list[Paragraph]]:
    """Paragraphs in the order of the page: one alone, or those that stand side by side in a table's row."""
    for section in document.sections[:1]:
        yield from ([paragraph] for paragraph in section.header.paragraphs if paragraph.text.strip())
    for item in document.iter_inner_content():
        if isinstance(item, Table):
            for row in item.rows:
                cells = [[p for p in cell.paragraphs if p.text.strip()] for cell in dict.fromkeys(row.cells)]
                cells = [cell for cell in cells if cell]
                if not cells:
                    continue
                yield [cell[0] for cell in cells]
                yield from ([paragraph] for cell in cells for paragraph in cell[1:])
        else:
            yield [item]


def _line(paragraph: Paragraph, section_level: int, first: bool) -> Line:
    text = paragraph.text.strip()
    style = _style(paragraph)
    parts = tuple(part.strip() for part in text.split("\t") if part.strip())
    listed = paragraph._p.pPr is not None and paragraph._p.pPr.numPr is not None
    if BULLET.match(text) or listed or style.startswith("List"):
        return Line("bullet", BULLET.sub("", text))
    if first and not section_of(text):
        return Line("text", text)
    if heading := re.fullmatch(r"Heading (\d)", style):
        return Line("heading" if int(heading[1]) <= section_level else "entry", text, parts)
    runs = [run for run in paragraph.runs if run.text.strip()]
    bold = bool(runs) and bool(runs[0].bold)
    if section_of(text) and (bold or text.isupper() or len(runs) == 1):
        return Line("heading", text)
    return Line("entry" if bold else "text", text, parts)


def _style(paragraph: Paragraph) -> str:
    return (paragraph.style.name if paragraph.style is not None else "") or ""
