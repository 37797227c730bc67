"""Any damage to a checkpoint is noticed, said, and the one before is taken.

All 500 are quick: FISCHGPT_MUTATIONS=5000 for more.
"""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from faults_samples import Runs, checkpoints, count, train
from fischgpt.data.files import sealed
from fischgpt.train import checkpoint

Hurt = Callable[[random.Random, Path, Path], None]
"""Changes one file of the newest checkpoint (the second path: the checkpoint before)."""


def flip_a_bit(rng: random.Random, file: Path, older: Path) -> None:
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def zero_a_page(rng: random.Random, file: Path, older: Path) -> None:
    content = bytearray(file.read_bytes())
    start = 4096 * rng.randrange(len(content) // 4096 + 1)
    content[start : start + 4096] = bytes(len(content[start : start + 4096]))
    file.write_bytes(content)


def truncate(rng: random.Random, file: Path, older: Path) -> None:
    with file.open("r+b") as out:
        out.truncate(rng.randrange(file.stat().st_size))


def delete(rng: random.Random, file: Path, older: Path) -> None:
    file.unlink()


def swap(rng: random.Random, file: Path, older: Path) -> None:
    other = rng.choice([path for path in sorted(file.parent.iterdir()) if path != file])
    content = file.read_bytes()
    file.write_bytes(other.read_bytes())
    other.write_bytes(content)


def append(rng: random.Random, file: Path, older: Path) -> None:
    with file.open("ab") as out:
        out.write(rng.randbytes(rng.randint(1, 64)))


def take_the_older_one(rng: random.Random, file: Path, older: Path) -> None:
    shutil.copyfile(older / file.name, file)


def empty_the_manifest(rng: random.Random, file: Path, older: Path) -> None:
    (file.parent / "manifest.json").write_bytes(b"")


def edit_the_manifest(rng: random.Random, file: Path, older: Path) -> None:
    manifest = json.loads((file.parent / "manifest.json").read_text())
    if rng.random() < 0.5:
        manifest["files"].pop(rng.choice(sorted(manifest["files"])))
    else:
        manifest["state"]["batches"]["cursor"] += 1
    (file.parent / "manifest.json").write_text(json.dumps(manifest, indent=1))


def seal_the_older_manifest(rng: random.Random, file: Path, older: Path) -> None:
    """A whole, sealed manifest, but of another checkpoint."""
    manifest = json.loads((older / "manifest.json").read_text())
    manifest.pop("sha256")
    (file.parent / "manifest.json").write_text(sealed(manifest))


def be_the_older_one(rng: random.Random, file: Path, older: Path) -> None:
    """Whole, but not what its name says."""
    shutil.copytree(older, file.parent, dirs_exist_ok=True)


HURTS: list[Hurt] = [
    flip_a_bit, zero_a_page, truncate, delete, swap, append,
    take_the_older_one, empty_the_manifest, edit_the_manifest, seal_the_older_manifest, be_the_older_one,
]  # fmt: skip


@pytest.fixture(scope="module")
def saved(runs: Runs) -> Path:
    """The checkpoints of a run: step-00000005 and step-00000010."""
    recipe = runs.recipe("run", "train.steps=10")
    train(recipe)
    return checkpoints(recipe)


@pytest.mark.parametrize("hurt", HURTS)
def test_every_damage_is_noticed_and_the_older_checkpoint_taken(saved: Path, hurt: Hurt) -> None:
    older, newest = saved / "step-00000005", saved / "step-00000010"
    files = sorted(newest.iterdir())
    before = {file: file.read_bytes() for file in files}
    rng = random.Random(hurt.__name__)
    done = 0
    while done < count("MUTATIONS", 500) / len(HURTS):
        # Flips go into the whole folder evenly, so mostly into the large files; the others into each file alike.
        weights = [len(content) for content in before.values()] if hurt is flip_a_bit and done % 2 else None
        hurt(rng, rng.choices(files, weights)[0], older)
        if {file: file.read_bytes() for file in files if file.exists()} == before:
            continue  # the page was zeros already, or the older file is the same
        done += 1
        said: list[str] = []
        found = checkpoint.load_latest(saved, said.append)
        assert found and found.path == older and found.step == 5
        assert len(said) == 1 and "step-00000010 is damaged: " in said[0]
        (saved / "step-00000010.corrupt").rename(newest)
        for file, content in before.items():
            file.write_bytes(content)
    assert checkpoint.verify(newest).step == 10
