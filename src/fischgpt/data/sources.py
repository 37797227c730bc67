"""Where text comes from: the entries of `data.sources`, read from any position on.

A source is written `NAME_OR_PATH[:LIMIT][*TIMES]`: a public package (`factbook`), a data set on the Hub
(`fineweb-edu-10BT`, `hf:owner/name/folder`), made-up people (`grounded:5000`), or a path to a text, JSONL or parquet
file, or a folder of them. LIMIT takes only that many documents (blank ones count and are left out), TIMES repeats them.

Every source yields the same documents in the same order every time, and a `Position` names one of them, so that
preparing can stop anywhere and go straight there again.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fischgpt.data import hub
from fischgpt.data.packages import PACKAGES
from fischgpt.data.pieces import Documents, HubFiles, Paths, Piece, Position
from fischgpt.data.readers import files
from fischgpt.errors import UserError
from fischgpt.resources import cache_dir


@dataclass(frozen=True)
class Source:
    """One parsed entry of `data.sources`."""

    name: str
    limit: int | None = None
    times: int = 1

    @property
    def is_hub(self) -> bool:
        return hub.is_hub(self.name)

    @property
    def is_path(self) -> bool:
        return self.name not in PACKAGES and self.name != "grounded" and not self.is_hub


def parse(spec: str) -> Source:
    """`factbook:100*2` -> Source("factbook", 100, 2). Raises UserError for a name that is neither known nor a path."""
    if spec and Path(spec).exists() and spec not in PACKAGES:  # whatever its name looks like
        return Source(spec)
    match = re.fullmatch(r"(.+?)(?::(\d+))?(?:\*(\d+))?", spec.strip())
    if match is None:
        raise UserError(f"data.sources: {spec!r} is not NAME[:LIMIT][*TIMES]")
    name, limit, times = match[1], match[2], match[3]
    source = Source(name, int(limit) if limit else None, int(times) if times else 1)
    if source.times < 1 or source.limit == 0:
        raise UserError(f"data.sources: {spec!r}: LIMIT and TIMES start at 1")
    if source.is_hub:
        hub.parse_name(name)
    elif source.is_path and not Path(name).exists():
        known = ", ".join([*PACKAGES, *hub.ALIASES, "grounded"])
        raise UserError(
            f"data.sources: {name!r} is no file or folder here, no data set hf:OWNER/NAME, no known name ({known})"
        )
    return source


def documents(spec: str) -> Iterator[str]:
    """The documents of one source, each a non-empty text. Raises UserError when a source cannot be read."""
    for piece in Corpus([spec], hub_folder()).pieces():
        yield from (text for text in piece.read() if text.strip())


def hub_folder() -> Path:
    """Where downloads from the Hub lie that belong to no run's data folder."""
    return cache_dir() / "hub"


class Corpus:
    """The entries of `data.sources`. What has to be downloaded comes when it is read, one file ahead."""

    def __init__(
        self,
        specs: list[str],
        downloads: Path,
        keep: bool = True,
        on_download: Callable[[int, int], None] | None = None,
    ) -> None:
        """downloads: the folder for files from the Hub; not `keep`: `release` deletes them.
        on_download hears (bytes, of bytes) while a file is waited for."""
        self.sources = [parse(spec) for spec in specs]
        self._files = [_open(source, downloads, on_download) for source in self.sources]
        self._specs = specs
        self._keep = keep

    def fingerprints(self) -> list[dict[str, Any]]:
        """What identifies each source's content without reading it whole: hashes, or names and sizes of files."""
        return [{"spec": spec} | opened.fingerprint() for spec, opened in zip(self._specs, self._files, strict=True)]

    @cached_property
    def total(self) -> int | None:
        """Bytes of the sources' files, all turns; None if a source is of unknown size, or only a part of it is read."""
        if any(source.limit for source in self.sources) or any(opened.sizes is None for opened in self._files):
            return None
        return sum(
            sum(opened.sizes or []) * source.times for opened, source in zip(self._files, self.sources, strict=True)
        )

    def done(self, at: Position) -> int:
        """Bytes of the sources' files before a position, to the row group."""
        before = 0
        for number, opened in enumerate(self._files[: at.source + 1]):
            whole = sum(opened.sizes or [])
            if number < at.source:
                before += whole * self.sources[number].times
            else:
                before += whole * at.turn + sum((opened.sizes or [])[: at.file])
                if opened.sizes and at.file < len(opened.sizes):
                    before += int(opened.sizes[at.file] * opened.share(at))
        return before

    def needs(self) -> int:
        """Bytes on disk, roughly: the shards, and what of the downloads lies there at one time."""
        total = 0
        for opened, source in zip(self._files, self.sources, strict=True):
            if not source.limit and opened.sizes:
                total += int(sum(opened.sizes) * source.times * opened.shard_bytes)
            total += opened.room(self._keep and not source.limit)
        return total

    def pieces(self, at: Position | None = None) -> Iterator[Piece]:
        """Everything from a position on, in order."""
        at = at or Position()
        while at.source < len(self.sources):
            source, opened = self.sources[at.source], self._files[at.source]
            left = None if source.limit is None else source.limit - at.taken
            if at.file == opened.count or left == 0:
                again = at.turn + 1 < source.times
                at = Position(at.source, at.turn + 1) if again else Position(at.source + 1)
                continue
            for piece in opened.read(at, left):
                if left is not None:
                    piece = replace(piece, rows=min(left, piece.rows))
                    left -= piece.rows
                yield piece
                at = piece.after(piece.rows)
                if left == 0:
                    break
            else:
                at = replace(at, file=at.file + 1, group=0, row=0)

    def release(self, at: Position) -> None:
        """Everything before the position is safe in shards: delete downloads that nothing will read again."""
        if self._keep:
            return
        for number, (source, opened) in enumerate(zip(self.sources, self._files, strict=True)):
            if number < at.source:
                opened.delete(opened.count)
            elif number == at.source and at.turn + 1 >= source.times:
                opened.delete(at.file)


def _open(source: Source, downloads: Path, on_download: Callable[[int, int], None] | None) -> Documents | Paths:
    if source.is_hub:
        return HubFiles(source.name, downloads, on_download)
    if source.is_path:
        return Paths(files(Path(source.name)))
    if source.name == "grounded" and source.limit is None:
        raise UserError("data.sources: grounded is endless; say how many documents, for example grounded:5000")
    return Documents(source.name)
