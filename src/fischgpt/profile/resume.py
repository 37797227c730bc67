"""A resume in any of its usual forms -> JSON Resume."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fischgpt.errors import UserError
from fischgpt.profile.assemble import to_resume
from fischgpt.profile.docx import docx_outline
from fischgpt.profile.markdown import markdown_outline
from fischgpt.profile.outline import Line
from fischgpt.profile.pdf import pdf_outline
from fischgpt.profile.schema import parse_resume
from fischgpt.profile.text import clean

SUFFIXES = (".json", ".md", ".pdf", ".docx")
MAX_BYTES = 10_000_000
MAX_TEXT = 1_000_000
"""Of a file that is text alone: two hundred times a resume."""


def read_resume(path: str | Path) -> dict[str, Any]:
    """The JSON Resume that a `.json`, `.md`, `.pdf` or `.docx` file holds, sections in the file's order.

    Raises UserError as `read_with_lines`.
    """
    return read_with_lines(path)[0]


def read_with_lines(path: str | Path) -> tuple[dict[str, Any], list[Line]]:
    """The JSON Resume, and the lines of the document that it was made of (none for `.json`, which is one already).

    Raises UserError with one line for a file that is missing, empty, too large, of another kind, damaged, without
    text, or of the wrong shape.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"{path} is not a resume this can read: use {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise UserError(f"{path} does not exist" if not path.exists() else f"{path} is not a file")
    size = path.stat().st_size
    if size == 0:
        raise UserError(f"{path} is empty")
    limit = MAX_TEXT if suffix in (".json", ".md") else MAX_BYTES
    if size > limit:
        raise UserError(f"{path} has {size / 1e6:.0f} MB; a resume of up to {limit // 1_000_000} MB is read")
    if suffix == ".json":
        return parse_resume(_text(path), path), []
    lines = [line for line in map(_visible, _OUTLINES[suffix](path)) if line.text]
    resume = to_resume(lines)
    if not resume:
        raise UserError(f"{path} holds no text")
    return parse_resume(json.dumps(resume), path), lines


def _visible(line: Line) -> Line:
    """The line without control and invisible characters, its parts still three blanks apart."""
    parts = tuple(filter(None, map(clean, line.parts)))
    return Line(line.kind, "   ".join(parts) if len(parts) > 1 else clean(line.text), parts)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text: save it as UTF-8") from None


def _markdown(path: Path) -> list[Line]:
    return markdown_outline(_text(path))


_OUTLINES: dict[str, Callable[[Path], list[Line]]] = {
    ".md": _markdown,
    ".pdf": pdf_outline,
    ".docx": docx_outline,
}
