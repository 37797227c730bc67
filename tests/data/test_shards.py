"""Shards: what is written comes back; what is damaged is refused by name."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fischgpt.config import Recipe, load_recipe
from fischgpt.data import prepare as prepare_module
from fischgpt.data import sources
from fischgpt.data.prepare import is_validation, prepare
from fischgpt.data.shards import Shards, write_manifest, write_shard
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    infos = [
        write_shard(tmp_path, f"{split}-00000.npy", split, np.arange(1000) % 300, 3, 300) for split in ("train", "val")
    ]
    write_manifest(tmp_path, infos, "fingerprint", 300, {"made": "here"})
    return tmp_path


def quiet(progress: object) -> None: ...


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


# --- prepare ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    file = tmp_path / "text.jsonl"
    file.write_text("".join(json.dumps({"text": f"document number {n} says hello. " * 3}) + "\n" for n in range(400)))
    overrides = ["tokenizer.vocab_size=300", "data.shard_tokens=2048", "data.val_fraction=0.1"]
    path = tmp_path / "r.toml"
    path.write_text(f'run = "{tmp_path}/run"\n[tokenizer]\nkind = "bpe"\n[data]\nsources = ["{file}"]\n')
    return load_recipe(path, [*overrides, "model.vocab_size=320"])


def test_every_document_is_in_one_split_and_ends_with_endoftext(recipe: Recipe) -> None:
    folder = prepare(recipe, quiet)
    tok, shards = Tokenizer.load(folder), Shards(folder)
    expected: dict[str, set[str]] = {"train": set(), "val": set()}
    for text in sources.documents(recipe.data.sources[0]):
        expected["val" if is_validation(text, 0.1, 0) else "train"].add(text)
    assert 20 < len(expected["val"]) < 60
    for split in ("train", "val"):
        found = []
        for array in shards.arrays(split):
            assert array[-1] == tok.eot
            found += [tok.decode(ids) for ids in np.split(array, np.flatnonzero(array == tok.eot) + 1)[:-1]]
        assert sorted(found) == sorted(expected[split])
    assert len(shards.arrays("train")) > 3


def test_prepare_killed_after_any_shard_goes_on(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Shards(prepare(recipe, quiet)).infos
    recipe.run = str(tmp_path / "again")
    real = sources.documents
    until = 0

    def dies(spec: str) -> Iterator[str]:
        for number, text in enumerate(real(spec)):
            if number == until:
                raise KeyboardInterrupt(until)
            yield text

    monkeypatch.setattr(prepare_module, "BATCH", 7)
    prepare_module._tokenizer(recipe, _made(Path(recipe.run) / "data"), quiet)
    monkeypatch.setattr(sources, "documents", dies)
    for until in (90, 180, 270, 360):
        with pytest.raises(KeyboardInterrupt, match=str(until)):
            prepare(recipe, quiet)
        with pytest.raises(UserError, match="no prepared data"):
            Shards(Path(recipe.run) / "data")
    monkeypatch.setattr(sources, "documents", real)
    assert Shards(prepare(recipe, quiet)).infos == whole


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_a_vocabulary_larger_than_the_models_is_refused(recipe: Recipe) -> None:
    recipe.tokenizer.kind = "gpt2"
    with pytest.raises(UserError, match=r"model\.vocab_size"):
        prepare(recipe, quiet)
