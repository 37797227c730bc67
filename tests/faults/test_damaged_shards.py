"""Shards that are whole as files but not what the run was told: refused by name. (Damaged files: tests/data.)"""

from pathlib import Path

import numpy as np
import pytest

from faults_samples import Runs, train
from fischgpt.data.shards import Shards, write_manifest, write_shard
from fischgpt.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    infos = [
        write_shard(tmp_path, f"train-0000{n}.npy", "train", (np.arange(1000) + n) % 300, 3, 300) for n in range(2)
    ]
    write_manifest(tmp_path, infos, "fingerprint", 300, None)
    return tmp_path


def test_two_shards_that_changed_places_are_named_with_both_hashes(folder: Path) -> None:
    first, second = folder / "train-00000.npy", folder / "train-00001.npy"
    expected, actual = (info.sha256 for info in Shards(folder).infos)
    held = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(held)
    with pytest.raises(UserError, match=rf"train-00000\.npy is damaged: sha256 is {actual}, expected {expected}"):
        Shards(folder)


def test_tokens_of_another_type_are_refused_even_with_the_right_hash(folder: Path) -> None:
    wide = write_shard(folder, "train-00001.npy", "train", np.arange(1000) % 300, 3, 100_000)  # uint32
    write_manifest(folder, [wide], "fingerprint", 300, None)
    with pytest.raises(UserError, match=r"train-00001\.npy holds uint32"):
        Shards(folder)


def test_a_run_does_not_go_on_with_shards_in_another_order(runs: Runs) -> None:
    small = ("data.shard_tokens=2048", f"data.folder={runs.folder / 'sorted'}")
    train(runs.recipe("run", *small, "train.steps=5"))
    folder = runs.folder / "sorted"
    shards = Shards(folder)
    assert len(shards.infos) > 2
    write_manifest(folder, shards.infos[::-1], shards.tokenizer, shards.vocab_size, shards.source)
    with pytest.raises(UserError, match="started with other data"):
        train(runs.recipe("run", *small, "train.steps=10"))
