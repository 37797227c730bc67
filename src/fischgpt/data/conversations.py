"""Conversations for fine-tuning, and which of them are held out."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, cast, get_args

from fischgpt import chat
from fischgpt.chat import Role, Turn
from fischgpt.data import hub, oasst
from fischgpt.data.encode import is_validation
from fischgpt.data.packages import PACKAGES, chitchat_turns, fetch
from fischgpt.data.readers import TEXT_SUFFIXES, files, read_jsonl, read_records
from fischgpt.data.sources import hub_folder, parse
from fischgpt.errors import UserError


class Conversations(NamedTuple):
    """A finite source, split; neither part is empty."""

    train: list[list[Turn]]
    held_out: list[list[Turn]]


def conversations(spec: str, val_fraction: float = 0.01) -> Conversations:
    """All conversations of `chitchat`, of `oasst1`, or of files in JSONL of {"messages": [{"role", "content"}]} or in
    one of OASST1's shapes.

    A data set that brings its own validation split (files named `validation*`) keeps it; otherwise `val_fraction` are
    held out by the hash of the first turn, or of the tree: the same conversation always falls on the same side.
    Raises UserError with file and line for a record of another shape.
    """
    source = parse(spec)
    held: list[list[Turn]] = []
    train: list[list[Turn]] = []
    if source.name == "chitchat":
        for texts in chitchat_turns(fetch(PACKAGES["chitchat"])):
            turns = _alternating(texts)
            (held if is_validation(turns[0].text, val_fraction, 0) else train).append(turns)
    elif source.is_path or source.is_hub:
        found = _local(Path(source.name)) if source.is_path else _download(source.name)
        own_split = any(_is_held_out(file) for file in found)
        for file in found:
            for key, turns in _read(file):
                out = _is_held_out(file) if own_split else is_validation(key, val_fraction, 0)
                (held if out else train).append(turns)
    else:
        raise UserError(f"data.sources: {source.name} holds documents, not conversations")
    train = train[: source.limit]
    if not train and not held:
        raise UserError(f"data.sources: {spec} holds no conversation")
    return Conversations((train or held) * source.times, held or train[:1])


def _is_held_out(file: Path) -> bool:
    return file.name.lower().startswith("validation")


def _local(path: Path) -> list[Path]:
    found = [file for file in files(path) if file == path or file.suffix.lower() not in TEXT_SUFFIXES]
    if not found:
        raise UserError(f"{path}: conversations are .jsonl files of messages, or OASST1's files")
    return found


def _download(name: str) -> list[Path]:
    pinned = hub.pin(name, hub_folder())
    return [hub.download(pinned, file, hub_folder()) for file in pinned.files]


def _read(file: Path) -> Iterator[tuple[str, list[Turn]]]:
    """(what decides its side of the split, turns)."""
    if file.suffix.lower() == ".parquet":
        records = ((f"{file}, row {row}", record) for row, record in enumerate(read_records(file)))
    elif file.name.lower().endswith((".jsonl", ".jsonl.gz")):
        records = ((f"{file}, line {line}", record) for line, record in read_jsonl(file))
    else:
        raise UserError(f"{file}: conversations are .jsonl files of messages, or OASST1's files")
    first = next(records, None)
    if first is None:
        return
    if oasst.shape(first[1]):
        yield from oasst.conversations(chain([first], records))
        return
    for where, record in chain([first], records):
        turns = _turns(record, where)
        yield turns[0].text, turns


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
