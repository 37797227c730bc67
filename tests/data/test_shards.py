"""Shards: what is written comes back; what is damaged is refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest

from fischgpt.data.shards import Shards, write_manifest, write_shard
from fischgpt.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    infos = [
        write_shard(tmp_path, f"{split}-00000.npy", split, np.arange(1000) % 300, 3, 300) for split in ("train", "val")
    ]
    write_manifest(tmp_path, infos, "fingerprint", 300, {"made": "here"})
    return tmp_path


def test_what_is_written_comes_back(folder: Path) -> None:
    shards = Shards(folder)
    (train,) = shards.arrays("train")
    assert train.dtype == np.uint16 and train.tolist() == (np.arange(1000) % 300).tolist()
    assert shards.tokens("val") == 1000 and shards.source == {"made": "here"} and not list(folder.glob(".part*"))


def test_large_vocabularies_take_four_bytes(tmp_path: Path) -> None:
    info = write_shard(tmp_path, "train-00000.npy", "train", np.array([70_000, 3]), 1, 100_000)
    write_manifest(tmp_path, [info], "f", 100_000, None)
    assert Shards(tmp_path).arrays("train")[0].tolist() == [70_000, 3]


@pytest.mark.parametrize("damage", ["flip", "zero", "truncate", "delete", "swap"])
def test_damage_is_named(folder: Path, damage: str) -> None:
    file = folder / "val-00000.npy"
    content = bytearray(file.read_bytes())
    if damage == "flip":
        content[-7] ^= 32
    elif damage == "zero":
        content[500:1500] = bytes(1000)
    elif damage == "truncate":
        content = content[:-2]
    elif damage == "swap":
        content[-4:-2], content[-2:] = content[-2:], content[-4:-2]
    file.unlink() if damage == "delete" else file.write_bytes(content)
    with pytest.raises(UserError, match=r"val-00000\.npy") as error:
        Shards(folder)
    assert damage == "delete" or "expected" in str(error.value)


def test_a_changed_manifest_is_refused(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"fingerprint"', '"fingerprinT"'))
    with pytest.raises(UserError, match=r"manifest\.json"):
        Shards(folder)
    manifest.write_text(json.dumps({"schema": "other/9"}))
    with pytest.raises(UserError, match=r"manifest\.json"):
        Shards(folder)
    manifest.unlink()
    with pytest.raises(UserError, match="fischgpt data"):
        Shards(folder)


def test_a_token_outside_the_vocabulary_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="300"):
        write_shard(folder, "train-00001.npy", "train", np.array([1, 300]), 1, 300)
    infos = Shards(folder).infos
    write_manifest(folder, infos, "fingerprint", 250, None)
    with pytest.raises(UserError, match="outside its vocabulary"):
        Shards(folder)
