"""The documents of one source in pieces, from any position on: made by code, in files here, in files on the Hub."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from fischgpt.data import hub
from fischgpt.data.packages import PACKAGES, READERS, fetch
from fischgpt.data.readers import read_column, read_texts, row_groups

PIECE_BYTES = 4_000_000
"""Text that is tokenized at once: 0.3 seconds of one core's work, so that handing it over costs nothing."""


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


class Documents:
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


class Paths:
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


class HubFiles(Paths):
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
