"""Token shards on disk: .npy files of uint16 or uint32, with a manifest that holds their hashes.

Every document ends with `<|endoftext|>`, and no text ever encodes to it, so that id alone marks the boundaries. No file
format in common use notices a flipped bit (0 of 200 in safetensors and torch files), hence the sha256 of every shard,
verified when it is opened (1.7 GB/s).
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fischgpt.data.files import read_sealed, write_sealed
from fischgpt.errors import UserError
from fischgpt.resources import sha256_file

SCHEMA = "fischgpt.shards/1"
Split = Literal["train", "val"]


@dataclass(frozen=True)
class ShardInfo:
    """One file, as the manifest describes it."""

    file: str
    split: Split
    tokens: int
    documents: int
    bytes: int
    sha256: str


def write_shard(
    folder: Path, file: str, split: Split, tokens: np.ndarray, documents: int, vocab_size: int
) -> ShardInfo:
    """Write (N,) token ids atomically and durably; ids must be below `vocab_size`."""
    assert tokens.ndim == 1 and tokens.size, "an empty shard is never written"
    top = int(tokens.max())
    if top >= vocab_size or int(tokens.min()) < 0:
        raise UserError(f"{file}: token id {top} does not fit a vocabulary of {vocab_size}")
    dtype = np.uint16 if vocab_size <= 1 << 16 else np.uint32
    part = folder / f".part-{file}"
    with part.open("wb") as out:
        np.lib.format.write_array(out, tokens.astype(dtype), version=(1, 0))
        out.flush()
        os.fsync(out.fileno())
    info = ShardInfo(file, split, int(tokens.size), documents, part.stat().st_size, sha256_file(part))
    part.replace(folder / file)
    return info


def write_manifest(folder: Path, shards: list[ShardInfo], tokenizer: str, vocab_size: int, source: Any) -> None:
    """The last file written: a folder without it is not finished."""
    content = {"schema": SCHEMA, "tokenizer": tokenizer, "vocab_size": vocab_size, "source": source}
    write_sealed(folder / "manifest.json", content | {"shards": [asdict(shard) for shard in shards]})


class Shards:
    """A verified, memory-mapped data set.

    `arrays(split)` are the (N_i,) token arrays in manifest order. Raises UserError naming the shard, with expected and
    actual sha256, when a file is missing, damaged, of another type, or holds a token outside the vocabulary.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "manifest.json").is_file():
            raise UserError(f"{folder}: no prepared data (manifest.json); run `fischgpt data RECIPE` first")
        try:
            manifest = read_sealed(folder / "manifest.json", SCHEMA)
        except ValueError as error:
            raise UserError(f"{folder}/manifest.json {error}; delete the folder and prepare again") from None
        self.tokenizer: str = manifest["tokenizer"]
        self.vocab_size: int = manifest["vocab_size"]
        self.source: Any = manifest["source"]
        self.infos = [ShardInfo(**info) for info in manifest["shards"]]
        self._arrays = {info.file: self._open(info) for info in self.infos}

    @property
    def fingerprint(self) -> str:
        """sha256 over the names, sizes and hashes of the shards: what a checkpoint remembers of its data."""
        text = json.dumps([asdict(info) for info in self.infos])
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def eot(self) -> int:
        """`<|endoftext|>`: what every document, and so every shard, ends with."""
        return int(self._arrays[self.infos[0].file][-1])

    def arrays(self, split: Split) -> list[np.ndarray]:
        return [self._arrays[info.file] for info in self.infos if info.split == split]

    def tokens(self, split: Split) -> int:
        return sum(info.tokens for info in self.infos if info.split == split)

    def _open(self, info: ShardInfo) -> np.ndarray:
        path = self.folder / info.file
        if not path.is_file():
            raise UserError(f"shard {path} is missing; delete {self.folder} and prepare again")
        actual = sha256_file(path)
        if actual != info.sha256:
            raise UserError(
                f"shard {path} is damaged: sha256 is {actual}, expected {info.sha256} "
                f"({path.stat().st_size} bytes, expected {info.bytes}); delete {self.folder} and prepare again"
            )
        array = np.lib.format.open_memmap(path, mode="r")
        expected = np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        if array.dtype != expected or array.shape != (info.tokens,):
            raise UserError(
                f"shard {path} holds {array.dtype} {array.shape}, expected {expected.__name__} ({info.tokens},)"
            )
        if int(array.max()) >= self.vocab_size:
            raise UserError(f"shard {path} holds token {int(array.max())}, outside its vocabulary of {self.vocab_size}")
        return array
