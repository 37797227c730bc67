"""What there is to use: shipped and cached files, and processors."""

import hashlib
import os
import string
from collections.abc import Mapping
from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parent
_REPOSITORY = _PACKAGE.parent.parent


def resource(path: str) -> Path:
    """The shipped file or folder `path`, for example `gpt2.tiktoken`, `profiles/fisch` or `recipes/nano.toml`.

    A wheel carries everything under `assets/`; an editable install has `profiles/` and `recipes/` in the repository.
    Raises FileNotFoundError.
    """
    for root in (_PACKAGE / "assets", _REPOSITORY):
        if (root / path).exists():
            return root / path
    raise FileNotFoundError(f"{path} is missing from this installation of fischgpt")


class _Template(string.Template):
    delimiter = "@@"


def fill(path: str, values: Mapping[str, str]) -> str:
    """The text of a shipped template with its `@@{name}` filled in. Raises KeyError for a name without a value."""
    return _Template(resource(path).read_text(encoding="utf-8")).substitute(values)


def cache_dir() -> Path:
    """Everything that can be made again (downloads, indexes): `$FISCHGPT_CACHE` or the user's cache folder."""
    folder = Path(os.environ.get("FISCHGPT_CACHE") or platformdirs.user_cache_dir("fischgpt"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def data_dir() -> Path:
    """What cannot be made again (visitors' thumbs, uploaded documents): `$FISCHGPT_DATA` or the user's data folder.

    It need not exist yet.
    """
    return Path(os.environ.get("FISCHGPT_DATA") or platformdirs.user_data_dir("fischgpt"))


def sha256_file(path: Path) -> str:
    """The sum of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def available_cores() -> int:
    """Cores this process may use: of those it is bound to, as many as its container's quota pays for."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        count = min(count, max(1, int(quota) // int(period)))
    except (OSError, ValueError):  # no such group, or its quota is "max"
        pass
    return count
