"""Folders that appear whole or not at all."""

import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fischgpt.errors import UserError


def check_new(out: str | Path) -> None:
    """Raises UserError unless `out` is free to become a folder: nothing stands there, or an empty folder does."""
    out = Path(out)
    if out.is_symlink():  # a folder cannot take its place, and what it names was not given
        raise UserError(f"{out} is a link: choose another folder")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} exists already and is not empty: choose another folder")
    if out.exists() and out.samefile(Path.cwd()):
        raise UserError(f"{out} is the folder you are in, and would be replaced: choose another, such as ./new")


@contextmanager
def new_folder(out: str | Path) -> Iterator[Path]:
    """A folder to fill that becomes `out` if the block ends well and is gone if it does not.

    While it is filled, only its owner can look into it; then it has the permissions of the empty folder whose place it
    takes, or else those that the umask leaves. An empty folder whose place cannot be taken, such as a mount point, is
    filled with what stands in the new one, a name after the other. Raises UserError as `check_new`, and for a place
    where none can be made.
    """
    out = Path(out)
    try:
        check_new(out)
        room, within = _room(out)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}") from error
    with room as part:
        folder = Path(part) / "new"
        folder.mkdir()
        yield folder
        if not within:
            if out.exists():
                folder.chmod(stat.S_IMODE(out.stat().st_mode))
                out.rmdir()
            folder.replace(out)
        elif len(list(out.iterdir())) > 1:
            raise UserError(f"{out} is not empty any more: choose another folder")
        else:
            for path in folder.iterdir():
                path.rename(out / path.name)


def _room(out: Path) -> tuple[tempfile.TemporaryDirectory[str], bool]:
    """A folder beside `out` that nobody else opens (0700); within it, and True, where `out` stands and cannot move."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent)
        if out.exists():
            try:  # now, not when hours of work wait for its place
                out.rename(Path(beside.name) / "old").rename(out)
            except OSError:
                beside.cleanup()
                raise
        return beside, False
    except OSError:
        if not out.is_dir():
            raise
        return tempfile.TemporaryDirectory(prefix=".new-", dir=out), True
