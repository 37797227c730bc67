"""Files that are whole or not there, and whose damage shows."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any


class OtherForm(ValueError):
    """A whole file, written by another version."""


def write_json(path: Path, content: Any) -> None:
    """Atomically: readers see the old file or the new one, never half of one."""
    _replace(path, json.dumps(content, indent=1))


def write_sealed(path: Path, content: dict[str, Any]) -> None:
    """As `write_json`, with a sha256 of the content in it; `read_sealed` notices any changed bit."""
    _replace(path, sealed(content))


def read_sealed(path: Path, schema: str) -> dict[str, Any]:
    """What `write_sealed` wrote. Raises ValueError saying what is wrong with it, OtherForm if whole, and OSError."""
    raw = path.read_bytes()
    try:
        content = json.loads(raw)
        content.pop("sha256")
        whole = raw == sealed(content).encode()
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"is damaged: {error!r}") from None
    if not whole:
        raise ValueError("is damaged: its content does not have the sha256 it says")
    if content.get("schema") != schema:
        raise OtherForm(f"is of the form {content.get('schema')}, not {schema}")
    return content


def sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Make renames in the folder survive a power loss (not possible, and not needed, on Windows)."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sealed(content: dict[str, Any]) -> str:
    """The content as JSON, its sha256 first."""
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return json.dumps({"sha256": digest} | content, indent=1)


def _replace(path: Path, text: str) -> None:
    part = path.with_name(f".part-{path.name}")
    part.write_text(text, encoding="utf-8")
    sync_file(part)
    part.replace(path)
    sync_folder(path.parent)
