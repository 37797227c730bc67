"""A checkpoint is whole or it is not there; one changed bit is noticed."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import fischgpt
from fischgpt.config import Recipe
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


def test_a_failed_save_raises_and_cleans_up(tmp_path: Path) -> None:
    save(tmp_path, 1)

    def full(path: Path) -> None:
        (path / "half").write_bytes(b"x")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        checkpoint.save(tmp_path, 2, full, {}, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_an_old_one_that_cannot_be_removed_now_goes_with_the_next_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(point: str) -> None:
        if point == "old half removed":
            raise OSError(5, "Input/output error")

    save(tmp_path, 1, keep_last=2)
    save(tmp_path, 2, keep_last=2)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "fault", fails)
        assert save(tmp_path, 3, keep_last=2).name == "step-00000003"  # it stands, so it is no failed save
    assert list(tmp_path.glob(".del-*"))
    save(tmp_path, 4, keep_last=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000003", "step-00000004"]


def test_there_is_one_best_of_a_name_and_resuming_ignores_it(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        (path / "model.safetensors").write_bytes(b"weights")

    save(tmp_path, 1)
    for step in (5, 9, 7):  # 9 was of a future that a resumed run then had otherwise
        assert checkpoint.save_best(tmp_path, "loss", step, write, {"value": 2.5}).name == f"best-loss-{step:08d}"
        checkpoint.save_best(tmp_path, "hellaswag", 3, write, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "best-hellaswag-00000003",
        "best-loss-00000007",
        "step-00000001",
    ]
    best = checkpoint.best_path(tmp_path, "loss")
    assert best and best.name == "best-loss-00000007" and checkpoint.verify(best).state == {"value": 2.5}
    assert checkpoint.best_path(tmp_path, "other") is None
    found = checkpoint.load_latest(tmp_path, print)
    assert found and found.step == 1


def test_no_room_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = sum(file.stat().st_size for file in save(tmp_path, 4).iterdir())
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=int(size * 1.2) - 1))
    with pytest.raises(OSError, match="GB free"):
        save(tmp_path, 5)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000004"]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=int(size * 1.2) + 1))
    save(tmp_path, 5)
    with pytest.raises(OSError, match="GB free"):
        checkpoint.save(tmp_path / "first", 1, lambda path: None, {}, 2, expect=10 * size)


def test_the_manifest_says_what_made_it(tmp_path: Path) -> None:
    manifest = json.loads((save(tmp_path, 3) / "manifest.json").read_text())
    assert manifest["tokens"] == 30 and manifest["world_size"] == 1 and manifest["torch"] == torch.__version__
    assert manifest["code"].startswith(fischgpt.__version__) or len(manifest["code"].removesuffix("-dirty")) == 40


def test_a_checkpoint_of_another_version_is_refused_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "SCHEMA", "fischgpt.checkpoint/9")
        save(tmp_path, 2)
    with pytest.raises(UserError, match="checkpoint/9"):
        checkpoint.load_latest(tmp_path, print)
    assert (tmp_path / "step-00000002").is_dir()


def test_keeping_only_one_is_refused(recipe: Callable[..., Recipe]) -> None:
    with pytest.raises(UserError, match=r"train\.keep_last"):
        recipe("pretrain", "train.keep_last=1")
