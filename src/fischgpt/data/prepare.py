"""A recipe's corpus, from its sources to token shards: tokenizer, encode, split, write. Restartable at every shard."""

import json
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fischgpt.config import Recipe
from fischgpt.data.encode import Encoded, encode_all
from fischgpt.data.files import read_sealed, write_sealed
from fischgpt.data.pieces import Piece, Position
from fischgpt.data.progress import Display, OnProgress, Progress
from fischgpt.data.shards import ShardInfo, Shards, Split, write_manifest, write_shard
from fischgpt.data.sources import Corpus
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer

SCHEMA = "fischgpt.progress/2"


def data_folder(recipe: Recipe) -> Path:
    """Where the recipe's shards live: `data.folder`, or the run's own."""
    return Path(recipe.data.folder) if recipe.data.folder else Path(recipe.run) / "data"


def prepare(recipe: Recipe, on_progress: OnProgress | None = None) -> Path:
    """Tokenizer and shards of a recipe; returns the folder of the shards, which also holds the tokenizer.

    on_progress hears of every piece of work; without it, stderr tells.

    Nothing is done twice: a finished folder is returned as it is, an interrupted one goes on after its last shard.
    Raises UserError when a source cannot be had, the disk is too small, or the folder was prepared from something else.
    """
    if on_progress is not None:
        return _prepare(recipe, on_progress)
    with closing(Display()) as display:
        return _prepare(recipe, display)


def _prepare(recipe: Recipe, report: OnProgress) -> Path:
    if not recipe.data.sources:
        raise UserError("data.sources is empty: name at least one, for example data.sources=['factbook']")
    folder = data_folder(recipe)
    corpus = Corpus(
        recipe.data.sources,
        folder / "downloads",
        recipe.data.keep_downloads,
        lambda done, total: report(Progress("downloading", done=done, total=total)),
    )
    made_from = _identity(recipe, corpus)
    if (folder / "manifest.json").exists():
        _same(Shards(folder).source, made_from, folder)
        corpus.release(Position(len(corpus.sources)))
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(recipe, folder, made_from)
    _check_disk(corpus, folder, sum(info.bytes for info in writer.shards))
    tokenizer = _tokenizer(recipe, folder, report)
    if tokenizer.n_vocab > recipe.model.vocab_size:
        raise UserError(
            f"model.vocab_size is {recipe.model.vocab_size}, the tokenizer has {tokenizer.n_vocab} ids; "
            "make it at least as large"
        )
    data = recipe.data
    text_bytes = 0
    pieces = corpus.pieces(writer.at)
    # Closed however this ends: nothing is left running, and a processes' pool does not outlive us.
    with closing(encode_all(pieces, folder, data.val_fraction, data.seed, data.workers)) as encoded_pieces:
        for piece, encoded in encoded_pieces:
            if writer.add(encoded, piece):
                corpus.release(writer.at)
            text_bytes += encoded.text_bytes
            done = corpus.done(piece.at)
            report(Progress("tokenizing", writer.documents, writer.tokens, text_bytes, done, corpus.total))
    writer.finish()
    for split in ("train", "val"):
        if not any(info.split == split for info in writer.shards):
            raise UserError(
                f"data.sources give no {split} document; add text, or change data.val_fraction "
                f"(now {data.val_fraction}) or data.seed"
            )
    write_manifest(folder, writer.shards, tokenizer.fingerprint, recipe.model.vocab_size, made_from)
    (folder / "progress.json").unlink(missing_ok=True)
    corpus.release(Position(len(corpus.sources)))
    return folder


class _Writer:
    """Documents in, shards out. After each pair of shards, progress.json says which document comes next."""

    def __init__(self, recipe: Recipe, folder: Path, made_from: dict[str, Any]) -> None:
        self._recipe, self._folder, self._made_from = recipe, folder, made_from
        self.shards: list[ShardInfo] = []
        self.documents = self.tokens = 0
        self.at = Position()
        """What follows the shards on disk."""
        self._held: dict[Split, list[np.ndarray]] = {"train": [], "val": []}
        self._held_documents: dict[Split, int] = {"train": 0, "val": 0}
        self._held_tokens = 0
        self._next = self.at
        self._load()

    def add(self, encoded: Encoded, piece: Piece) -> bool:
        """Take the documents of a piece; True if that filled a shard."""
        ends = np.concatenate([[0], np.cumsum(encoded.lengths)])
        row, flushed = 0, False
        while row < piece.rows:
            # The shard is full with the first document that brings it to shard_tokens: up to `end`, not included.
            room = self._recipe.data.shard_tokens - self._held_tokens
            end = min(piece.rows, int(np.searchsorted(ends, ends[row] + room)))
            lengths, held_out = encoded.lengths[row:end], encoded.held_out[row:end]
            ids, of_val = encoded.ids[ends[row] : ends[end]], np.repeat(held_out, lengths)
            splits: list[tuple[Split, np.ndarray, np.ndarray]] = [
                ("train", ids[~of_val], lengths[~held_out]),
                ("val", ids[of_val], lengths[held_out]),
            ]
            for split, tokens, of_split in splits:
                self._held[split].append(tokens)
                self._held_documents[split] += int((of_split > 0).sum())
            self.documents += int((lengths > 0).sum())
            self.tokens += len(ids)
            self._held_tokens += len(ids)
            self._next = piece.after(end)
            if self._held_tokens >= self._recipe.data.shard_tokens:
                self._flush()
                flushed = True
            row = end
        return flushed

    def finish(self) -> None:
        if self._held_tokens:
            self._flush()

    def _flush(self) -> None:
        try:
            self._write()
        except OSError as error:
            raise UserError(f"{self._folder}: {error}; what is done is kept: mend that and start again") from None

    def _write(self) -> None:
        number = sum(info.split == "train" for info in self.shards)
        for split in self._held:
            if self._held_documents[split]:
                tokens, name = np.concatenate(self._held[split]), f"{split}-{number:05d}.npy"
                vocab_size, documents = self._recipe.model.vocab_size, self._held_documents[split]
                self.shards.append(write_shard(self._folder, name, split, tokens, documents, vocab_size))
            self._held[split], self._held_documents[split] = [], 0
        self._held_tokens = 0
        self.at = self._next
        state = {
            "schema": SCHEMA,
            "made_from": self._made_from,
            "next": asdict(self.at),
            "documents": self.documents,
            "tokens": self.tokens,
            "shards": [asdict(info) for info in self.shards],
        }
        write_sealed(self._folder / "progress.json", state)

    def _load(self) -> None:
        path = self._folder / "progress.json"
        if not path.exists():
            return
        try:
            state = read_sealed(path, SCHEMA)
        except ValueError as error:
            raise UserError(f"{path} {error}; delete {self._folder} and prepare again") from None
        _same(state["made_from"], self._made_from, self._folder)
        self.shards = [ShardInfo(**info) for info in state["shards"]]
        self.documents, self.tokens = state["documents"], state["tokens"]
        self.at = self._next = Position(**state["next"])


def _identity(recipe: Recipe, corpus: Corpus) -> dict[str, Any]:
    data = recipe.data
    return {
        "sources": corpus.fingerprints(),
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


def _check_disk(corpus: Corpus, folder: Path, written: int) -> None:
    needed, free = corpus.needs() - written, shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder} needs about {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free; "
            "free some, set data.folder to a larger disk, or take fewer documents (NAME:LIMIT)"
        )


def _tokenizer(recipe: Recipe, folder: Path, report: OnProgress) -> Tokenizer:
    part = folder / ".part-tokenizer"  # always of this name, so that what a kill leaves is found and goes
    if not (folder / "tokenizer.json").exists():
        if recipe.tokenizer.kind == "gpt2":
            tokenizer = Tokenizer.gpt2()
        else:
            report(Progress("training the tokenizer"))
            tokenizer = Tokenizer.train(_sample(recipe, folder), recipe.tokenizer.vocab_size)
        tokenizer.save(part)
        # tokenizer.json last: it is the one that marks the step as done.
        for file in sorted(part.iterdir(), key=lambda file: file.name == "tokenizer.json"):
            file.replace(folder / file.name)
    shutil.rmtree(part, ignore_errors=True)
    return Tokenizer.load(folder)


def _sample(recipe: Recipe, folder: Path) -> Iterator[str]:
    """The same share of characters from every source, so that no source is missing from the vocabulary."""
    share = recipe.tokenizer.train_characters // len(recipe.data.sources)
    for spec in recipe.data.sources:
        left = share
        for piece in Corpus([spec], folder / "downloads").pieces():
            for text in piece.read():
                yield text[:left]
                left -= len(text)
                if left <= 0:
                    break
            if left <= 0:
                break
