"""A resume as PDF -> outline: words by their place on the page, in reading order, with bullets and wrapped lines whole.

`pdf_outline` reads in a process of its own, with bounded time and memory: a few kilobytes of PDF can unpack to
gigabytes. `python -m fischgpt.profile.pdf FILE` is that process; it writes the lines as JSON.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from fischgpt.errors import UserError
from fischgpt.profile.outline import BULLET_ALONE, Line
from fischgpt.profile.pdf_columns import columns, rows_of
from fischgpt.profile.pdf_lines import lines_of
from fischgpt.profile.sections import section_of

MAX_PAGES = 30
MAX_CHARS = 200_000
"""Of all pages together; thirty full pages hold 120,000."""
SECONDS = 60
"""Longest a file may take; a page of text takes 0.1 to 0.2 s."""
MEMORY = 2 << 30
"""Bytes of address space, where the system limits it (Linux); a resume takes 0.3 GB."""
_MARGIN = 0.1
"""Share of the page, above and below, where running headers and page numbers stand."""
_PAGE_NUMBER = re.compile(
    r"(?:.{0,60}\s)?(?:page|seite|p\.|página)\s*\d{1,3}(?:\s*(?:of|von|de|sur|/)\s*\d{1,3})?|[-–—\s]*\d{1,2}[-–—\s]*"
    r"|\d{1,2}\s*(?:/|of|von|de|sur)\s*\d{1,2}",
    re.IGNORECASE,
)


def pdf_outline(path: Path) -> list[Line]:
    """The lines of a PDF. Raises UserError for a damaged or encrypted file, a scan without text, and a file that would
    take too many pages, too long or too much memory."""
    # -P: nothing that lies in the working directory is taken for a module.
    command = [sys.executable, "-P", "-m", "fischgpt.profile.pdf", str(path)]
    paths = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": paths}
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL, env=environment)
    except subprocess.TimeoutExpired:
        raise UserError(f"{path} took longer than {SECONDS} s to read: export it again, as simple text") from None
    if done.returncode == 2:
        raise UserError(done.stderr.decode("utf-8", "replace").strip())
    if done.returncode:  # out of memory, or the reader crashed
        raise UserError(f"{path} is not a readable PDF: export it again")
    return [Line(line["kind"], line["text"], tuple(line["parts"])) for line in json.loads(done.stdout)]


def read_pdf(path: Path) -> list[Line]:
    """The lines of a PDF, read in this process. Raises UserError as `pdf_outline`."""
    import pdfplumber  # 0.4 s, only in the reading process

    try:
        with pdfplumber.open(path) as pdf:
            if len(pdf.pages) > MAX_PAGES:
                raise UserError(f"{path} has {len(pdf.pages)} pages; a resume of up to {MAX_PAGES} is read")
            pages: list[list[dict[str, Any]]] = []
            sizes = []
            n_chars = 0
            for page in pdf.pages:
                n_chars += len(page.chars)
                if n_chars > MAX_CHARS:
                    raise UserError(f"{path} has more than {MAX_CHARS} characters: too long for a resume")
                pages.append(_words(page))
                sizes.append((float(page.width), float(page.height)))
                page.close()
    except (UserError, MemoryError):
        raise
    except Exception as error:  # pdfminer raises its own errors, and bare ones on damaged files
        name = type(error).__name__ + repr(error)
        way = "remove its password" if "Password" in name or "Encrypt" in name else "export it again"
        raise UserError(f"{path} is not a readable PDF: {way}") from error
    if not any(pages):
        raise UserError(f"{path} holds no text (a scan?): export it from the program it was written in")
    pages = _without_running_lines(pages, [height for _, height in sizes])
    first, second = [], []
    for words, (width, _) in zip(pages, sizes, strict=True):
        main, side = columns(words, width) if words else ([], [])
        first += main
        second += side
    begins = next((i for i, row in enumerate(second) if section_of(row.text)), 0)
    if begins:  # the owner's address stands above the first heading of the side column
        end = next((i for i, row in enumerate(first) if section_of(row.text)), len(first))
        first, second = [*first[:end], *second[:begins], *first[end:]], second[begins:]
    return lines_of([*first, *second])


def _words(page: Any) -> list[dict[str, Any]]:
    """The words of a page with place, size and font; a bullet that is drawn (browsers do) becomes a word too."""
    words = page.dedupe_chars().extract_words(x_tolerance_ratio=0.15, extra_attrs=["fontname", "size"])
    words = [word for word in words if word["size"] > 0.5]
    for word in words:
        word["text"] = re.sub(r"\(cid:(?:127|183|8226|136)\)|\x7f", "•", word["text"])
        word["text"] = re.sub("\u00ad(?=.)", "-", word["text"])  # seen within a row: typst writes hyphens so
    words = [word for word in words if word["text"].strip()]
    words = [word for row in rows_of(words) for word in _whole_words(row)]
    marks = []
    for shape in [*page.curves, *page.rects]:
        if 1 <= shape["width"] <= 6 and 1 <= shape["height"] <= 6:
            middle = (shape["top"] + shape["bottom"]) / 2
            row = [w for w in words if w["top"] < middle < w["bottom"] and 0 < w["x0"] - shape["x1"] < 25]
            if row:
                first = min(row, key=lambda w: w["x0"])
                marks.append({**first, "text": "•", "x0": shape["x0"], "x1": shape["x1"]})
    return words + marks


def _whole_words(row: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row's words without the cuts that are none: where the font changes within a word (small capitals, a comma
    after bold), and between letters that are set wide (`E D U C A T I O N`)."""
    words: list[dict[str, Any]] = []
    for word in sorted(row, key=lambda w: w["x0"]):
        last = words[-1] if words else None
        touches = last is not None and -0.1 < (word["x0"] - last["x1"]) / word["size"] < 0.12
        if last is not None and touches and not BULLET_ALONE.match(last["text"]):
            longer = max(last, word, key=lambda w: len(w["text"]))
            size = max(last["size"], word["size"]) if last["text"][-1].isalpha() else longer["size"]
            words[-1] = _joined([last, word]) | {"fontname": longer["fontname"], "size": size}
        else:
            words.append(word)
    runs: list[list[dict[str, Any]]] = []
    for word in words:
        last = runs[-1][-1] if runs else None
        if last is not None and _is_letter(last) and _is_letter(word) and word["x0"] - last["x1"] < 1.5 * word["size"]:
            runs[-1].append(word)
        else:
            runs.append([word])
    return [word for run in runs for word in (_spaced_out(run) if len(run) > 4 else run)]


def _is_letter(word: dict[str, Any]) -> bool:
    """One capital, or two that were kerned together."""
    return (len(word["text"]) <= 2 and word["text"].replace("&", "A").isalpha() and word["text"].isupper()) or (
        word["text"] == "&"
    )  # fmt: skip


def _spaced_out(run: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Letters set wide -> words: the gap between two words is the wider one."""
    gaps = [right["x0"] - left["x1"] for left, right in pairwise(run)]
    wide = 1.6 * sorted(gaps)[len(gaps) // 2]
    words = [[run[0]]]
    for gap, letter in zip(gaps, run[1:], strict=True):
        if gap > wide:
            words.append([letter])
        else:
            words[-1].append(letter)
    return [_joined(letters) for letters in words]


def _joined(words: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return words[0] | {
        "text": "".join(word["text"] for word in words),
        "x1": words[-1]["x1"],
        "top": min(word["top"] for word in words),
        "bottom": max(word["bottom"] for word in words),
    }


def _without_running_lines(
    pages: Sequence[list[dict[str, Any]]], heights: Sequence[float]
) -> list[list[dict[str, Any]]]:
    """Pages without page numbers, and without the lines in the margin that repeat what stood on an earlier page."""
    seen: Counter[str] = Counter()
    kept = []
    for words, height in zip(pages, heights, strict=True):
        page: list[dict[str, Any]] = []
        for row in rows_of(words):
            text = " ".join(word["text"] for word in sorted(row, key=lambda w: w["x0"]))
            margin = row[0]["bottom"] < _MARGIN * height or row[0]["top"] > (1 - _MARGIN) * height
            if margin:
                seen[text] += 1
            if not (margin and (seen[text] > 1 or _PAGE_NUMBER.fullmatch(text))):
                page += row
        kept.append(page)
    return kept


def _limit() -> None:
    """Bound this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the time is bounded by who waits
        return
    for what, limit in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
        _, hard = resource.getrlimit(what)
        bound = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        try:
            resource.setrlimit(what, (bound, hard))
        except (ValueError, OSError):  # macOS does not limit address space
            continue


if __name__ == "__main__":
    _limit()
    try:
        print(json.dumps([asdict(line) for line in read_pdf(Path(sys.argv[1]))]))
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
