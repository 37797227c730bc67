"""Checkpoints: atomic, checksummed, exactly resumable.

One folder each. It is written under a temporary name, every file synced, then a manifest with the sha256 and size of
each, and only then renamed: whatever moment a process dies at, every folder named `step-...` is whole. Safetensors and
JSON only; no format in common use detects a flipped bit by itself (0 of 200), hence the sums.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fischgpt.data.files import read_sealed, sha256_file, sync_file, sync_folder, write_sealed
from fischgpt.errors import UserError

SCHEMA = "fischgpt.checkpoint/1"
_PREFIX = "step-"


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint and what its manifest says."""

    path: Path
    step: int
    state: dict[str, Any]


def save(folder: Path, step: int, write: Callable[[Path], None], state: dict[str, Any], keep_last: int) -> Path:
    """Write `folder/step-00000100`: `write(path)` puts the files, `state` (JSON) goes into the manifest.

    Older checkpoints beyond `keep_last` are removed after the new one stands. Raises OSError (disk full) with the old
    checkpoints untouched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    final = folder / f"{_PREFIX}{step:08d}"
    part = folder / f".tmp-{step}-{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    try:
        part.mkdir()
        write(part)
        files = sorted(file for file in part.rglob("*") if file.is_file())
        for file in files:
            sync_file(file)
        sums = {
            file.relative_to(part).as_posix(): {"bytes": file.stat().st_size, "sha256": sha256_file(file)}
            for file in files
        }
        write_sealed(part / "manifest.json", {"schema": SCHEMA, "step": step, "state": state, "files": sums})
        sync_folder(part)
        if final.exists():  # the same step, trained again after this copy was found damaged or was not the newest
            _remove(final)
        part.replace(final)
        sync_folder(folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    for old in _folders(folder)[:-keep_last]:
        _remove(old)
    return final


def load_latest(folder: Path, warn: Callable[[str], None], mine: bool = True) -> Checkpoint | None:
    """The newest checkpoint that verifies, or None if there is none at all.

    A damaged one is reported through `warn` and moved aside as `*.corrupt`, and what killed writers left is removed;
    with mine=False, for another run's checkpoints, nothing is touched: its writer may be at work. Raises UserError if
    only damaged ones exist: starting over in silence would throw a run away.
    """
    if mine:
        _clean(folder)
    damaged = [path.name for path in folder.glob("*.corrupt")]
    for path in reversed(_folders(folder)):
        try:
            return verify(path)
        except UserError as error:
            warn(f"{error}; going on from the one before")
            damaged.append(path.name)
            if mine:
                aside = path.with_name(path.name + ".corrupt")
                shutil.rmtree(aside, ignore_errors=True)
                path.replace(aside)
    if damaged:
        raise UserError(
            f"every checkpoint in {folder} is damaged ({', '.join(sorted(damaged))}); "
            "delete that folder to start the run again from the beginning"
        )
    return None


def verify(path: Path) -> Checkpoint:
    """Read the manifest and check every file against it. Raises UserError naming the file and what differs."""
    try:
        manifest = read_sealed(path / "manifest.json", SCHEMA)
    except (OSError, ValueError) as error:
        raise UserError(f"checkpoint {path} is damaged: manifest.json {error}") from None
    if path.name != f"{_PREFIX}{manifest['step']:08d}":
        raise UserError(f"checkpoint {path} is damaged: its manifest.json is that of step {manifest['step']}")
    for name, expected in manifest["files"].items():
        file = path / name
        if not file.is_file():
            raise UserError(f"checkpoint {path} is damaged: {name} is missing")
        actual = sha256_file(file)
        if actual != expected["sha256"]:
            raise UserError(f"checkpoint {path} is damaged: {name} has sha256 {actual}, expected {expected['sha256']}")
    return Checkpoint(path, manifest["step"], manifest["state"])


def latest_path(folder: Path) -> Path | None:
    """The newest checkpoint folder, not verified."""
    folders = _folders(folder)
    return folders[-1] if folders else None


def _folders(folder: Path) -> list[Path]:
    """Finished checkpoints, oldest first."""
    return sorted(path for path in folder.glob(f"{_PREFIX}*") if path.name.removeprefix(_PREFIX).isdigit())


def _clean(folder: Path) -> None:
    for path in [*folder.glob(".tmp-*"), *folder.glob(".del-*")]:
        shutil.rmtree(path, ignore_errors=True)


def _remove(path: Path) -> None:
    """Renamed first, so that a half-removed folder is never taken for a checkpoint."""
    gone = path.with_name(f".del-{path.name}-{os.getpid()}")
    path.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)
