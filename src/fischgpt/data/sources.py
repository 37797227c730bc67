"""Where text comes from: the entries of `data.sources`, read from any position on.

A source is written `NAME_OR_PATH[:LIMIT][*TIMES]`: a public package (`factbook`), a data set on the Hub
(`fineweb-edu-10BT`, `hf:owner/name/folder`), made-up people (`grounded:5000`), or a path to a text, JSONL or parquet
file, or a folder of them. LIMIT takes only that many documents (blank ones count and are left out), TIMES repeats them.

Every source yields the same documents in the same order every time, and a `Position` names one of them, so that
preparing can stop anywhere and go straight there again.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from fischgpt.data import hub
from fischgpt.data.packages import PACKAGES, READERS, fetch
from fischgpt.data.readers import files, read_column, read_texts, row_groups
from fischgpt.errors import UserError
from fischgpt.resources import cache_dir

PIECE_BYTES = 4_000_000
"""Text that is tokenized at once: 0.3 seconds of one core's work, so that handing it over costs nothing."""


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


@dataclass(frozen=True)
class Position:
    """Which document comes next."""

    source: int = 0
    """Entry of `data.sources`."""
    turn: int = 0
    """Which of the entry's TIMES."""
    file: int = 0
    group: int = 0
    """Row group of a parquet file; 0 of others."""
    row: int = 0
    """Documents before it in that row group or file. May run past the group, into the next ones."""
    taken: int = 0
    """Documents before it in this turn."""


@dataclass(frozen=True)
class Piece:
    """Documents that are tokenized together: their texts, or the row groups that whoever tokenizes them reads."""

    at: Position
    """Of the first one."""
    rows: int
    texts: list[str] | None = None
    file: Path | None = None
    groups: range = range(0)
    skip: int = 0
    """Rows of the groups before the first one."""

    def read(self) -> Iterator[str]:
        """Its documents, blank ones too. Raises UserError naming the file."""
        if self.texts is not None:
            return iter(self.texts)
        assert self.file is not None
        return islice(read_column(self.file, self.groups), self.skip, self.skip + self.rows)

    def after(self, rows: int) -> Position:
        """The position after its first `rows` documents."""
        return replace(self.at, row=self.at.row + rows, taken=self.at.taken + rows)


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


# --- the kinds of sources --------------------------------------------------------------------------------------------


class _Documents:
    """One stream of texts that code gives: an archive's, or made-up people's."""

    count = 1
    sizes: list[int] | None = None
    shard_bytes = 0.0

    def __init__(self, name: str) -> None:
        self._name = name

    def fingerprint(self) -> dict[str, Any]:
        return {"sha256": PACKAGES[self._name].sha256} if self._name in PACKAGES else {}

    def room(self, keep: bool) -> int:
        return 0

    def share(self, at: Position) -> float:
        return 0.0

    def delete(self, before: int) -> None: ...

    def read(self, at: Position, left: int | None) -> Iterator[Piece]:
        if self._name in PACKAGES:
            texts = islice(READERS[self._name](fetch(PACKAGES[self._name])), at.row, None)
        else:
            from fischgpt.data.grounded import conversations as made_up

            made = made_up(seed=0, split="train", start=at.row)
            texts = ("\n".join(turn.text for turn in turns) for turns in made)
        return _text_pieces(islice(texts, left), at)


class _Paths:
    """Files on this machine."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = paths
        self.count = len(paths)
        self.sizes: list[int] | None = [path.stat().st_size for path in paths]
        # FineWeb-Edu: 3.0 kB of parquet hold 5.1 kB of text, about 1,050 GPT-2 tokens of two bytes. Plain text: 4 to 5
        # characters a token, 3.3 with a vocabulary of 4,096.
        self.shard_bytes = 0.8 if any(path.suffix == ".parquet" for path in paths) else 0.6
        self._groups: dict[int, int] = {}
        """Row groups of the files that were opened. Reading is ahead of what is tokenized, so of more than one."""

    def fingerprint(self) -> dict[str, Any]:
        return {"files": [[str(path), size] for path, size in zip(self._paths, self.sizes or [], strict=True)]}

    def room(self, keep: bool) -> int:
        return 0

    def share(self, at: Position) -> float:
        """How far into its file a position is."""
        return at.group / max(1, self._groups.get(at.file, 1))

    def delete(self, before: int) -> None: ...

    def read(self, at: Position, left: int | None) -> Iterator[Piece]:
        path = self._path(at.file, ahead=left is None)
        if path.suffix.lower() != ".parquet":
            return _text_pieces(islice(read_texts(path, at.row), left), at)
        groups = row_groups(path)
        self._groups[at.file] = len(groups)
        return _parquet_pieces(path, groups, at)

    def _path(self, number: int, ahead: bool) -> Path:
        return self._paths[number]


class _Hub(_Paths):
    """Files of a data set on the Hub: the one that is read, and the next one on its way."""

    def __init__(self, name: str, downloads: Path, on_download: Callable[[int, int], None] | None) -> None:
        self._pin = hub.pin(name, downloads)
        self._downloads = downloads
        self._coming: dict[int, Future[Path]] = {}
        self._on_download = on_download
        self.count = len(self._pin.files)
        self.sizes = [file.size for file in self._pin.files]
        self.shard_bytes = 0.8
        self._groups = {}

    def fingerprint(self) -> dict[str, Any]:
        listed = [asdict(file) for file in self._pin.files]
        return {"commit": self._pin.commit, "files": [[f["path"], f["size"], f["sha256"]] for f in listed]}

    def room(self, keep: bool) -> int:
        sizes = sorted(self.sizes or [], reverse=True)
        wanted = sum(sizes) if keep else sum(sizes[:2])
        return max(0, wanted - sum(hub.downloaded_bytes(self._pin, file, self._downloads) for file in self._pin.files))

    def delete(self, before: int) -> None:
        for file in self._pin.files[:before]:
            hub.delete(self._pin, file, self._downloads)

    def _path(self, number: int, ahead: bool) -> Path:
        coming = self._start(number)
        file = self._pin.files[number]
        while not coming.done():
            if self._on_download:
                self._on_download(hub.downloaded_bytes(self._pin, file, self._downloads), file.size)
            try:
                coming.exception(timeout=0.2)
            except TimeoutError:
                continue
        path = coming.result()
        del self._coming[number]
        if ahead and number + 1 < self.count:
            self._start(number + 1)
        return path

    def _start(self, number: int) -> Future[Path]:
        if number not in self._coming:
            file = self._pin.files[number]
            self._coming[number] = hub.in_background(lambda: hub.download(self._pin, file, self._downloads))
        return self._coming[number]


def _open(source: Source, downloads: Path, on_download: Callable[[int, int], None] | None) -> _Documents | _Paths:
    if source.is_hub:
        return _Hub(source.name, downloads, on_download)
    if source.is_path:
        return _Paths(files(Path(source.name)))
    if source.name == "grounded" and source.limit is None:
        raise UserError("data.sources: grounded is endless; say how many documents, for example grounded:5000")
    return _Documents(source.name)


def _text_pieces(texts: Iterator[str], at: Position) -> Iterator[Piece]:
    held: list[str] = []
    size = 0
    for text in texts:
        held.append(text)
        size += len(text)
        if size >= PIECE_BYTES // 4:  # of other languages, four bytes a character
            yield Piece(at, len(held), held)
            at = replace(at, row=at.row + len(held), taken=at.taken + len(held))
            held, size = [], 0
    if held:
        yield Piece(at, len(held), held)


def _parquet_pieces(path: Path, groups: list[Any], at: Position) -> Iterator[Piece]:
    """Row groups together up to PIECE_BYTES of text; FineWeb-Edu's have about 1,000 rows, 5 MB."""
    first, skip = at.group, at.row
    while first < len(groups) and skip >= groups[first].rows:  # a position may run past its group
        skip -= groups[first].rows
        first += 1
    taken = at.taken
    while first < len(groups):
        end, size, rows = first, 0, 0
        while end < len(groups) and size < PIECE_BYTES:
            size, rows, end = size + groups[end].text_bytes, rows + groups[end].rows, end + 1
        rows -= skip
        here = replace(at, group=first, row=skip, taken=taken)
        if rows:
            yield Piece(here, rows, None, path, range(first, end), skip)
        taken, first, skip = taken + rows, end, 0
