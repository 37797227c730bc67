"""Text in files: plain text and Markdown, JSON lines, parquet. What is wrong with a file is said with its name."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from fischgpt.errors import UserError

TEXT_SUFFIXES = (".txt", ".md")
SUFFIXES = (*TEXT_SUFFIXES, ".jsonl", ".jsonl.gz", ".parquet")
LONG_TEXT = 1_000_000
"""Characters from which a text file is cut into documents; whole books as one document leave nothing to hold out."""
PIECE = 50_000
"""Characters of such a document, at least; cut at the next blank line."""


def files(path: Path) -> list[Path]:
    """The file itself, or all readable files of a folder in the order of their names. Raises UserError for none."""
    if path.is_file():
        if not path.name.lower().endswith(SUFFIXES):
            raise UserError(f"{path}: not a {', '.join(SUFFIXES)} file")
        return [path]
    found = sorted(file for file in path.rglob("*") if file.name.lower().endswith(SUFFIXES) and file.is_file())
    if not found:
        raise UserError(f"{path}: no {', '.join(SUFFIXES)} file in this folder")
    return found


def read_texts(file: Path, start: int = 0) -> Iterator[str]:
    """The documents of a file, from number `start`. Raises UserError naming file and line."""
    if file.suffix.lower() == ".parquet":
        for text in read_column(file):
            if start <= 0:
                yield text
            start -= 1
    elif file.name.lower().endswith((".jsonl", ".jsonl.gz")):
        for number, record in read_jsonl(file, start):
            text = record.get("text")
            if not isinstance(text, str):
                raise UserError(f"{file}, line {number}: no field `text` with a string in it")
            yield text
    else:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{file}: not UTF-8 text: {error}") from None
        yield from islice(split_text(text) if len(text) > LONG_TEXT else [text], start, None)


def split_text(text: str, piece: int = PIECE) -> Iterator[str]:
    """Cut at blank lines into documents of at least `piece` characters (the last may be shorter)."""
    held: list[str] = []
    size = 0
    for group in re.split(r"\n\s*\n", text):
        held.append(group)
        size += len(group)
        if size >= piece:
            yield "\n\n".join(held)
            held, size = [], 0
    if held:
        yield "\n\n".join(held)


def read_jsonl(file: Path, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of every line that is not blank, from object number `start`; also gzipped."""
    packed = file.suffix.lower() == ".gz"
    number = 0
    try:
        with gzip.open(file, "rt", encoding="utf-8") if packed else file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                if start > 0:  # skipped without being parsed: a restart should not take as long as the first time
                    start -= 1
                    continue
                try:
                    record = json.loads(line)
                except json.JSONDecodeError as error:
                    raise UserError(f"{file}, line {number}: not JSON: {error}") from None
                if not isinstance(record, dict):
                    raise UserError(f"{file}, line {number}: not a JSON object")
                yield number, record
    except (EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise UserError(f"{file}, after line {number}: damaged: {error}") from None


# --- parquet ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowGroup:
    """One row group of a parquet file, as its footer tells."""

    rows: int
    text_bytes: int
    """Of the column `text`, uncompressed."""


def row_groups(file: Path, column: str = "text") -> list[RowGroup]:
    """From the footer alone, nothing else is read. Raises UserError naming the file, also if the column is missing."""
    with _parquet(file) as table:
        names = table.schema_arrow.names
        if column not in names:
            raise UserError(f"{file}: no column `{column}` (it has {', '.join(names)})")
        found = []
        for number in range(table.metadata.num_row_groups):
            group = table.metadata.row_group(number)
            columns = (group.column(i) for i in range(group.num_columns))
            size = sum(c.total_uncompressed_size for c in columns if c.path_in_schema == column)
            found.append(RowGroup(group.num_rows, size))
        return found


def read_column(file: Path, groups: range | None = None) -> Iterator[str]:
    """The column `text`, "" where it is null; 1,000 rows in memory at a time.

    FineWeb-Edu's files are 2 GB and hold ten other columns, which are not read.
    """
    with _parquet(file) as table:
        if "text" not in table.schema_arrow.names:
            raise UserError(f"{file}: no column `text` (it has {', '.join(table.schema_arrow.names)})")
        for batch in table.iter_batches(batch_size=1000, row_groups=groups, columns=["text"], use_threads=False):
            yield from (text or "" for text in batch.column(0).to_pylist())


def read_records(file: Path) -> Iterator[dict[str, Any]]:
    """Whole rows as dicts, for data sets that are small."""
    with _parquet(file) as table:
        for batch in table.iter_batches(batch_size=1000, use_threads=False):
            yield from batch.to_pylist()


class _parquet:
    """An opened pyarrow.parquet.ParquetFile; pyarrow's errors become UserErrors with the file's name."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Any:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            raise UserError(f"{self._file}: reading parquet needs pyarrow: pip install 'fischgpt[train]'") from None
        self._errors = pa.ArrowException
        try:
            self._opened = pq.ParquetFile(self._file)
        except (pa.ArrowException, OSError) as error:
            raise self._named(error) from None
        return self._opened

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._opened.close()
        if isinstance(error, self._errors | OSError):
            raise self._named(error) from None

    def _named(self, error: BaseException) -> UserError:
        return UserError(f"{self._file}: not a readable parquet file: {' '.join(str(error).split())}")
