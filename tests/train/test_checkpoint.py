"""A checkpoint is whole or it is not there; one changed bit is noticed."""

import os
import shutil
from pathlib import Path

import pytest

from fischgpt.errors import UserError
from fischgpt.train import checkpoint


def save(folder: Path, step: int, keep_last: int = 3) -> Path:
    def write(path: Path) -> None:
        (path / "model.safetensors").write_bytes(bytes(range(256)) * step)
        (path / "config.json").write_text("{}")

    return checkpoint.save(folder, step, write, {"tokens": step * 10}, keep_last)


def test_what_was_saved_comes_back_and_the_oldest_go(tmp_path: Path) -> None:
    for step in (1, 2, 3, 4):
        save(tmp_path, step)
    found = checkpoint.load_latest(tmp_path, print)
    assert found is not None and found.step == 4 and found.state == {"tokens": 40}
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"step-0000000{step}" for step in (2, 3, 4)]


def test_nothing_saved_is_no_error(tmp_path: Path) -> None:
    assert checkpoint.load_latest(tmp_path / "none", print) is None


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flip", "zero", "truncate", "delete"])
def test_damage_is_named_set_aside_and_the_one_before_is_taken(tmp_path: Path, file: str, damage: str) -> None:
    save(tmp_path, 1)
    hurt = save(tmp_path, 2) / file
    content = bytearray(hurt.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    elif damage == "zero":
        content[: len(content) // 2] = bytes(len(content) // 2)
    elif damage == "truncate":
        content = content[:-1]
    hurt.unlink() if damage == "delete" else hurt.write_bytes(content)
    warnings: list[str] = []
    found = checkpoint.load_latest(tmp_path, warnings.append)
    assert found is not None and found.step == 1
    assert file in warnings[0] and (tmp_path / "step-00000002.corrupt").is_dir()


def test_every_bit_of_every_file_counts(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    for file in path.iterdir():
        content = file.read_bytes()
        for place in range(0, len(content), max(1, len(content) // 60)):
            file.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
            with pytest.raises(UserError, match=file.name):
                checkpoint.verify(path)
        file.write_bytes(content)
    checkpoint.verify(path)


def test_reading_another_runs_checkpoints_touches_nothing(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (save(tmp_path, 2) / "config.json").write_text("x")
    (tmp_path / ".tmp-3-1").mkdir()
    before = sorted(tmp_path.rglob("*"))
    found = checkpoint.load_latest(tmp_path, lambda message: None, mine=False)
    assert found is not None and found.step == 1 and sorted(tmp_path.rglob("*")) == before


def test_only_damaged_ones_is_an_error_not_a_new_start(tmp_path: Path) -> None:
    (save(tmp_path, 1) / "config.json").write_text("x")
    for _ in range(2):
        with pytest.raises(UserError, match="step-00000001"):
            checkpoint.load_latest(tmp_path, lambda message: None)


@pytest.mark.parametrize("moment", ["write", "fsync", "replace", "after"])
def test_a_writer_that_dies_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """Dies as by kill -9: nothing of Python's clean-up runs."""
    save(tmp_path, 1)
    child = os.fork()
    if child == 0:
        die = lambda *args, **more: os._exit(9)  # noqa: E731
        if moment == "fsync":
            monkeypatch.setattr(os, "fsync", die)
        elif moment == "replace":
            monkeypatch.setattr(Path, "replace", die)
        elif moment == "after":
            monkeypatch.setattr(checkpoint, "_remove", die)
        checkpoint.save(tmp_path, 2, die if moment == "write" else lambda path: _one(path), {}, 1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    found = checkpoint.load_latest(tmp_path, print)
    assert found is not None and found.step == (2 if moment == "after" else 1)
    assert not list(tmp_path.glob(".tmp-*"))


def _one(path: Path) -> None:
    (path / "model.safetensors").write_bytes(b"weights")


def test_a_failed_save_raises_and_cleans_up(tmp_path: Path) -> None:
    save(tmp_path, 1)

    def full(path: Path) -> None:
        (path / "half").write_bytes(b"x")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, 2, full, {}, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
    shutil.rmtree(tmp_path / "step-00000001")
