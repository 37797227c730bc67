"""A recipe's corpus, from its sources to token shards: tokenizer, encode, split, write. Restartable at every shard."""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from fischgpt.config import Recipe
from fischgpt.data import sources
from fischgpt.data.files import write_json
from fischgpt.data.shards import ShardInfo, Shards, write_manifest, write_shard
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer

BATCH = 256
"""Documents encoded at once: tiktoken spreads a batch over the cores."""


@dataclass(frozen=True)
class Progress:
    """How far preparing is; sizes of text are not known beforehand, so there is no total."""

    step: str
    documents: int = 0
    tokens: int = 0


OnProgress = Callable[[Progress], None]


def say_progress() -> OnProgress:
    """Lines on stderr, at most one every three seconds for each step."""
    console = Console(stderr=True, highlight=False)
    last: dict[str, float] = {}

    def say(progress: Progress) -> None:
        if time.monotonic() - last.get(progress.step, -3.0) >= 3.0:
            last[progress.step] = time.monotonic()
            counts = f": {progress.documents:,} documents, {progress.tokens:,} tokens" if progress.documents else ""
            console.print(f"{progress.step}{counts}", markup=False)

    return say


def data_folder(recipe: Recipe) -> Path:
    """Where the recipe's shards live: `data.folder`, or the run's own."""
    return Path(recipe.data.folder) if recipe.data.folder else Path(recipe.run) / "data"


def prepare(recipe: Recipe, on_progress: OnProgress | None = None) -> Path:
    """Tokenizer and shards of a recipe; returns the folder of the shards, which also holds the tokenizer.

    on_progress hears of every few documents; without it, lines on stderr tell.

    Nothing is done twice: a finished folder is returned as it is, an interrupted one goes on after its last shard.
    Raises UserError when a source cannot be had, or the folder was prepared from something else.
    """
    report = on_progress or say_progress()
    if not recipe.data.sources:
        raise UserError("data.sources is empty: name at least one, for example data.sources=['factbook']")
    folder = data_folder(recipe)
    made_from = _identity(recipe)
    if (folder / "manifest.json").exists():
        _same(Shards(folder).source, made_from, folder)
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(recipe, folder, report)
    if tokenizer.n_vocab > recipe.model.vocab_size:
        raise UserError(
            f"model.vocab_size is {recipe.model.vocab_size}, the tokenizer has {tokenizer.n_vocab} ids; "
            "make it at least as large"
        )
    shards = _write_shards(recipe, folder, tokenizer, made_from, report)
    for split in ("train", "val"):
        if not any(info.split == split for info in shards):
            raise UserError(
                f"data.sources give no {split} document; add text, or change data.val_fraction "
                f"(now {recipe.data.val_fraction}) or data.seed"
            )
    write_manifest(folder, shards, tokenizer.fingerprint, recipe.model.vocab_size, made_from)
    (folder / "progress.json").unlink(missing_ok=True)
    return folder


def is_validation(text: str, fraction: float, seed: int) -> bool:
    """By the document's own hash: the same text always falls on the same side, however often it occurs."""
    digest = hashlib.sha256(f"{seed}:{text}".encode()).digest()
    return int.from_bytes(digest[:8]) < fraction * 2**64


def _identity(recipe: Recipe) -> dict[str, Any]:
    data = recipe.data
    return {
        "sources": [sources.fingerprint(spec) for spec in data.sources],
        "tokenizer": asdict(recipe.tokenizer),
        "shard_tokens": data.shard_tokens,
        "val_fraction": data.val_fraction,
        "seed": data.seed,
    }


def _same(found: Any, wanted: Any, folder: Path) -> None:
    found, wanted = json.loads(json.dumps(found)), json.loads(json.dumps(wanted))
    different = [key for key in wanted if found.get(key) != wanted[key]]
    if different:
        raise UserError(
            f"{folder} was prepared with other {', '.join(different)} than the recipe has now; "
            "choose another run=..., or delete that folder"
        )


def _tokenizer(recipe: Recipe, folder: Path, report: OnProgress) -> Tokenizer:
    if (folder / "tokenizer.json").exists():
        return Tokenizer.load(folder)
    if recipe.tokenizer.kind == "gpt2":
        tokenizer = Tokenizer.gpt2()
    else:
        report(Progress("training the tokenizer"))
        tokenizer = Tokenizer.train(_sample(recipe), recipe.tokenizer.vocab_size)
    with tempfile.TemporaryDirectory(prefix=".part-", dir=folder) as part:
        tokenizer.save(part)
        # tokenizer.json last: it is the one that marks the step as done.
        for file in sorted(Path(part).iterdir(), key=lambda file: file.name == "tokenizer.json"):
            file.replace(folder / file.name)
    return tokenizer


def _sample(recipe: Recipe) -> Iterator[str]:
    """The same share of characters from every source, so that no source is missing from the vocabulary."""
    share = recipe.tokenizer.train_characters // len(recipe.data.sources)
    for spec in recipe.data.sources:
        left = share
        for text in sources.documents(spec):
            yield text[:left]
            left -= len(text)
            if left <= 0:
                break


def _write_shards(
    recipe: Recipe, folder: Path, tokenizer: Tokenizer, made_from: dict[str, Any], report: OnProgress
) -> list[ShardInfo]:
    """One train and one val shard at a time; progress.json says after which document the finished ones end."""
    shards, done = _load_progress(folder, made_from)
    texts = islice((text for spec in recipe.data.sources for text in sources.documents(spec)), done, None)
    held: dict[str, list[list[int]]] = {"train": [], "val": []}
    held_tokens = 0
    total = sum(info.tokens for info in shards)

    def flush() -> None:
        nonlocal held_tokens
        number = sum(info.split == "train" for info in shards)
        for split in ("train", "val"):
            if held[split]:
                tokens = np.fromiter((id_ for ids in held[split] for id_ in ids), dtype=np.uint32)
                name = f"{split}-{number:05d}.npy"
                shards.append(write_shard(folder, name, split, tokens, len(held[split]), recipe.model.vocab_size))
                held[split] = []
        held_tokens = 0
        state = {"made_from": made_from, "documents": done, "shards": [asdict(info) for info in shards]}
        write_json(folder / "progress.json", state)

    for batch in _batched(texts, BATCH):
        for text, ids in zip(batch, tokenizer.encode_batch(batch), strict=True):
            split = "val" if is_validation(text, recipe.data.val_fraction, recipe.data.seed) else "train"
            held[split].append([*ids, tokenizer.eot])
            held_tokens += len(ids) + 1
            total += len(ids) + 1
            done += 1
            if held_tokens >= recipe.data.shard_tokens:
                flush()
        report(Progress("tokenizing", done, total))
    if held_tokens:
        flush()
    return shards


def _load_progress(folder: Path, made_from: dict[str, Any]) -> tuple[list[ShardInfo], int]:
    path = folder / "progress.json"
    if not path.exists():
        return [], 0
    state = json.loads(path.read_text(encoding="utf-8"))
    _same(state["made_from"], made_from, folder)
    return [ShardInfo(**info) for info in state["shards"]], state["documents"]


def _batched(texts: Iterable[str], size: int) -> Iterator[list[str]]:
    iterator = iter(texts)
    while batch := list(islice(iterator, size)):
        yield batch
