"""Checkpoints: atomic, checksummed, exactly resumable.

One folder each. It is written under a temporary name, every file synced, then a manifest with the sha256 and size of
each, and only then renamed: whatever moment a process dies at, every folder named `step-...` or `best-...` is whole.
Safetensors and JSON only; no format in common use detects a flipped bit by itself (0 of 200), hence the sums.
"""

import contextlib
import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

import fischgpt
from fischgpt.data.files import OtherForm, read_sealed, sealed, sync_file, sync_folder
from fischgpt.errors import UserError
from fischgpt.resources import sha256_file

SCHEMA = "fischgpt.checkpoint/2"
SPACE = 1.2
"""A write begins only with this many times the bytes it will need free: a disk filled to its end hurts others too."""
_STEP = "step-"


def _no_fault(point: str) -> None: ...


fault: Callable[[str], None] = _no_fault
"""Called with its name after each step of a write. Does nothing; a test puts here what kills the process or fails."""


class Damaged(UserError):
    """A checkpoint that does not verify: something is missing, cut or changed."""


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint and what its manifest says."""

    path: Path
    step: int
    state: dict[str, Any]


def save(
    folder: Path, step: int, write: Callable[[Path], None], state: dict[str, Any], keep_last: int, expect: int = 0
) -> Path:
    """Write `folder/step-00000100`: `write(path)` puts the files, `state` (JSON) goes into the manifest.

    Older checkpoints beyond `keep_last` (2 or more) are removed once the new one stands and verifies. `expect` is how
    many bytes the first will take, for the check of the disk's space; later ones are expected to be as large as the
    last. Raises OSError (disk full or broken) with the old checkpoints untouched.
    """
    assert keep_last >= 2, "if the only checkpoint were damaged, the run would be lost"
    final = _write(folder, f"{_STEP}{step:08d}", step, write, state, _size(latest_path(folder)) or expect)
    _remove_all(_folders(folder, _STEP)[:-keep_last])
    return final


def save_best(
    folder: Path, name: str, step: int, write: Callable[[Path], None], state: dict[str, Any], expect: int = 0
) -> Path:
    """Write `folder/best-NAME-00000250` as `save` does, and remove every other `best-NAME-...`: there is one best."""
    final = _write(folder, f"best-{name}-{step:08d}", step, write, state, _size(best_path(folder, name)) or expect)
    # One of a later step first: it is of a future that this run has not seen, from before it was resumed.
    _remove_all([path for path in reversed(_folders(folder, f"best-{name}-")) if path != final])
    return final


def load_latest(folder: Path, warn: Callable[[str], None], mine: bool = True) -> Checkpoint | None:
    """The newest checkpoint that verifies, or None if there is none at all.

    A damaged one is reported through `warn` and moved aside as `*.corrupt`, and what killed writers left is removed;
    with mine=False, for another run's checkpoints, nothing is touched: its writer may be at work. Raises UserError if
    only damaged ones exist: starting over in silence would throw a run away.
    """
    if mine:
        _clean(folder)
    damaged = [path.name for path in folder.glob(f"{_STEP}*.corrupt")]
    for path in reversed(_folders(folder, _STEP)):
        try:
            return verify(path)
        except Damaged as error:
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
    """Read the manifest and check every file against it.

    Raises Damaged naming the file and what differs, and another UserError for what is whole but cannot be read:
    another version wrote it, or permission is lacking.
    """
    file = path / "manifest.json"
    try:
        manifest = read_sealed(file, SCHEMA)
        if path.name != manifest["folder"]:
            raise Damaged(f"checkpoint {path} is damaged: its manifest.json is that of {manifest['folder']}")
        for name, expected in manifest["files"].items():
            file = path / name
            if not file.is_file():
                raise Damaged(f"checkpoint {path} is damaged: {name} is missing")
            actual = sha256_file(file)
            if actual != expected["sha256"]:
                raise Damaged(
                    f"checkpoint {path} is damaged: {name} has sha256 {actual} ({file.stat().st_size} bytes), "
                    f"expected {expected['sha256']} ({expected['bytes']} bytes)"
                )
    except OtherForm as error:
        raise UserError(f"{file} {error}: use the version of FischGPT that wrote it, or another run=...") from None
    except PermissionError as error:
        raise UserError(f"checkpoint {path} cannot be read: {error}") from None
    except Damaged:
        raise
    except (OSError, ValueError) as error:
        raise Damaged(f"checkpoint {path} is damaged: {file.name} {error}") from None
    return Checkpoint(path, manifest["step"], manifest["state"])


def latest_path(folder: Path) -> Path | None:
    """The newest checkpoint folder, not verified."""
    return next(reversed(_folders(folder, _STEP)), None)


def best_path(folder: Path, name: str) -> Path | None:
    """The newest `best-NAME-...` folder, not verified."""
    return next(reversed(_folders(folder, f"best-{name}-")), None)


def _write(
    folder: Path, name: str, step: int, write: Callable[[Path], None], state: dict[str, Any], expect: int
) -> Path:
    """The whole of `folder/name`, or OSError and nothing of it."""
    folder.mkdir(parents=True, exist_ok=True)
    _clean(folder)
    free = shutil.disk_usage(folder).free
    if free < SPACE * expect:
        raise OSError(errno.ENOSPC, f"{free / 1e9:.2f} GB free in {folder}, {SPACE * expect / 1e9:.2f} GB needed")
    final, part = folder / name, folder / f".tmp-{name}-{os.getpid()}"
    try:
        part.mkdir()
        fault("folder made")
        try:
            write(part)
        except SafetensorError as error:  # how safetensors says that the disk is full
            raise OSError(str(error)) from None
        fault("files written")
        files = sorted(file for file in part.rglob("*") if file.is_file())
        for file in files:
            sync_file(file)
        fault("files synced")
        sums = {
            file.relative_to(part).as_posix(): {"bytes": file.stat().st_size, "sha256": sha256_file(file)}
            for file in files
        }
        manifest = {"schema": SCHEMA, "folder": name, "step": step, "tokens": state.get("tokens"), **_origin()}
        _write_manifest(part / "manifest.json", manifest | {"state": state, "files": sums})
        sync_folder(part)
        fault("folder synced")
        if final.exists():  # the same step, trained again after a resume from an older one
            _remove(final)
        part.replace(final)
        fault("renamed")
        sync_folder(folder)
        fault("parent synced")
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    try:
        verify(final)
    except UserError as error:
        _remove_all([final])
        raise OSError(errno.EIO, f"what was written reads back differently: {error}") from None
    return final


def _write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    with path.open("w", encoding="utf-8") as out:
        fault("manifest opened")
        out.write(sealed(manifest))
        out.flush()
        fault("manifest written")
        os.fsync(out.fileno())
    fault("manifest synced")


def _origin() -> dict[str, Any]:
    """What wrote it: the code, the torch version, and over how many processes."""
    spread = torch.distributed.is_available() and torch.distributed.is_initialized()
    return {
        "code": _code(),
        "torch": torch.__version__,
        "world_size": torch.distributed.get_world_size() if spread else 1,
    }


@cache
def _code() -> str:
    """The commit, with `-dirty` if files were changed since, where this runs from a checkout; else the version."""
    root = Path(fischgpt.__file__).parents[2]
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    if (root / ".git").exists():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    return fischgpt.__version__


def _folders(folder: Path, prefix: str) -> list[Path]:
    """Finished ones, oldest first."""
    return sorted(path for path in folder.glob(f"{prefix}*") if path.name.removeprefix(prefix).isdigit())


def _size(path: Path | None) -> int:
    """Bytes of a folder's files; 0 for none."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path else 0


def _clean(folder: Path) -> None:
    """Remove what killed writers left."""
    for path in [*folder.glob(".tmp-*"), *folder.glob(".del-*")]:
        shutil.rmtree(path, ignore_errors=True)


def _remove_all(paths: list[Path]) -> None:
    """What cannot be removed now is tried again at the next save: the new checkpoint stands, which is what counts."""
    for path in paths:
        with contextlib.suppress(OSError):
            _remove(path)


def _remove(path: Path) -> None:
    """Renamed first, so that a half-removed folder is never taken for a checkpoint."""
    gone = path.with_name(f".del-{path.name}-{os.getpid()}")
    path.replace(gone)
    fault("old set aside")
    files = sorted(file for file in gone.rglob("*") if file.is_file())
    for number, file in enumerate(files):
        if number == len(files) // 2:
            fault("old half removed")
        file.unlink()
    shutil.rmtree(gone)
