"""Files of Hugging Face data sets: listed once at a fixed commit, downloaded one by one, verified, resumed.

Written `hf:OWNER/NAME[@REVISION][/FOLDER_OR_FILE]`, or by a short name of `ALIASES`. The branch is resolved to a commit
the first time and written down beside the downloads, so that a restart reads the same files.
"""

import re
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from fischgpt.data.files import read_sealed, sync_file, sync_folder, write_sealed
from fischgpt.data.readers import SUFFIXES
from fischgpt.errors import UserError
from fischgpt.hub import Repo, library, patiently
from fischgpt.resources import sha256_file

SCHEMA = "fischgpt.hub/1"
T = TypeVar("T")


@dataclass(frozen=True)
class Alias:
    """A data set with a short name. The model card is written from these entries."""

    spec: str
    licence: str
    good_for: str


ALIASES = {
    "fineweb-edu-10BT": Alias(
        "hf:HuggingFaceFW/fineweb-edu/sample/10BT",
        "ODC-By 1.0",
        "10 billion tokens of web pages that a classifier found educational",
    ),
    "fineweb-edu-100BT": Alias(
        "hf:HuggingFaceFW/fineweb-edu/sample/100BT",
        "ODC-By 1.0",
        "100 billion tokens of web pages that a classifier found educational",
    ),
    "oasst1": Alias(
        "hf:OpenAssistant/oasst1/data",
        "Apache-2.0",
        "conversations written and ranked by volunteers of OpenAssistant",
    ),
}


@dataclass(frozen=True)
class HubFile:
    """One file as the Hub lists it."""

    path: str
    size: int
    sha256: str | None
    """Of large files (LFS); small ones have git's own hash alone."""
    blob_id: str


@dataclass(frozen=True)
class Pin:
    """A data set at one commit, and the files of it that were named."""

    repo: str
    commit: str
    files: tuple[HubFile, ...]


def is_hub(name: str) -> bool:
    return name in ALIASES or name.startswith("hf:")


def parse_name(name: str) -> tuple[str, str | None, str]:
    """`hf:owner/name@rev/folder` or an alias -> (repository, revision or None, path). Raises UserError."""
    spec = ALIASES[name].spec if name in ALIASES else name
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+)(?:@([\w.-]+))?(?:/(.+))?", spec)
    if match is None:
        raise UserError(f"data.sources: {name!r} is not hf:OWNER/NAME[@REVISION][/FOLDER_OR_FILE]")
    return match[1], match[2], (match[3] or "").strip("/")


def pin(name: str, folder: Path) -> Pin:
    """The files of a data set at a fixed commit: as written down in `folder`, or asked of the Hub and written there.

    Raises UserError when the Hub cannot be reached, refuses, or has no such data set or no readable file there.
    """
    repo, revision, path = parse_name(name)
    record = folder / f"{_slug(name)}.json"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".lock-{record.name}"):  # of several processes that start at once, one asks
        if not record.exists():
            write_sealed(record, {"schema": SCHEMA, **asdict(_list(repo, revision, path))})
    try:
        saved = read_sealed(record, SCHEMA)
    except ValueError as error:
        raise UserError(f"{record} {error}; delete it to read the newest version of {repo}") from None
    return Pin(saved["repo"], saved["commit"], tuple(HubFile(**file) for file in saved["files"]))


def download(pin: Pin, file: HubFile, folder: Path) -> Path:
    """One file, in `folder`: whole and verified, or not there under its name.

    What an earlier attempt left is continued. Raises UserError for what does not pass by itself.
    """
    path = local_path(pin, file, folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".lock-{path.name}")):  # another thread or process may want the same file
        if not path.exists():  # it gets this name after it was verified
            _download(pin, file, path)
    return path


def downloaded_bytes(pin: Pin, file: HubFile, folder: Path) -> int:
    """How much of a file is on disk already."""
    path = local_path(pin, file, folder)
    for place in (path, _part(path)):
        if place.exists():
            return place.stat().st_size
    return 0


def local_path(pin: Pin, file: HubFile, folder: Path) -> Path:
    return folder / pin.repo.replace("/", "--") / pin.commit[:12] / file.path


def delete(pin: Pin, file: HubFile, folder: Path) -> None:
    """What was downloaded of a file."""
    path = local_path(pin, file, folder)
    for place in (path, _part(path), path.with_name(f".lock-{path.name}")):
        place.unlink(missing_ok=True)


def in_background(work: Callable[[], T]) -> "Future[T]":
    """`work` in a thread that does not keep the process alive: Ctrl-C does not wait for 2 GB."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="download").start()
    return future


def _list(repo: str, revision: str | None, path: str) -> Pin:
    hub = library()

    def ask() -> Pin:
        api = hub.HfApi(endpoint=hub.constants.ENDPOINT)
        commit = api.dataset_info(repo, revision=revision, timeout=30).sha
        if path.lower().endswith(SUFFIXES):
            entries = api.get_paths_info(repo, [path], revision=commit, repo_type="dataset")
        else:
            entries = api.list_repo_tree(repo, path or None, recursive=True, revision=commit, repo_type="dataset")
        files = [
            HubFile(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
            for entry in entries
            if isinstance(entry, hub.RepoFile) and entry.path.lower().endswith(SUFFIXES)
        ]
        return Pin(repo, commit, tuple(sorted(files, key=lambda file: file.path)))

    found = patiently(ask, Repo(repo, "data set"), path)
    if not found.files:
        raise UserError(f"data set {repo} has no {', '.join(SUFFIXES)} file in {path or 'it'}; look at its page")
    return found


def _download(pin: Pin, file: HubFile, path: Path) -> None:
    from huggingface_hub.utils.sha import git_hash

    part = _part(path)
    actual = ""
    for _ in (1, 2):
        _fetch(pin, file, part)
        actual = sha256_file(part) if file.sha256 else git_hash(part.read_bytes())
        if actual == (file.sha256 or file.blob_id):
            sync_file(part)
            part.replace(path)
            sync_folder(path.parent)
            return
        part.unlink()
    raise UserError(
        f"{pin.repo}: {file.path} came with sha256 {actual}, expected {file.sha256 or file.blob_id}, twice; "
        "it is not opened; if HF_ENDPOINT names a mirror, try another"
    )


def _fetch(pin: Pin, file: HubFile, part: Path) -> None:
    """Bytes into `part` until it has the size it should have."""
    hub = library()
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hub.hf_hub_url(pin.repo, file.path, repo_type="dataset", revision=pin.commit)

    def get() -> None:
        have = part.stat().st_size if part.exists() else 0
        if have > file.size:
            part.unlink()
            have = 0
        with part.open("ab") as out:
            # Not hf_hub_download: since hub 2 it starts every file again after a restart, and files here have 2 GB.
            http_get(url, out, resume_size=have, headers=build_hf_headers(), expected_size=file.size)

    patiently(get, Repo(pin.repo, "data set"), file.path, part)


def _part(path: Path) -> Path:
    return path.with_name(f".part-{path.name}")


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name)
