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
    takes, or else those that the umask leaves. Raises UserError as `check_new`, and for a place where none can be made.
    """
    out = Path(out)
    try:
        check_new(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent)  # 0700
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}") from error
    with beside as part:
        folder = Path(part) / "new"
        folder.mkdir()
        yield folder
        if out.exists():
            folder.chmod(stat.S_IMODE(out.stat().st_mode))
            out.rmdir()
        folder.replace(out)
