"""Errors that the system itself raises: full files and folders, no permission, odd paths."""

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from faults_samples import Runs, checkpoints, fork, nothing_torn, outcome, train
from fischgpt.config import Recipe
from fischgpt.errors import UserError
from fischgpt.train import checkpoint, loop

STEPS = ("train.steps=8", "train.checkpoint_every=2", "train.eval_every=4")


@pytest.fixture(scope="module")
def whole(runs: Runs) -> dict[str, Any]:
    recipe = runs.recipe("whole", *STEPS)
    train(recipe)
    return outcome(recipe)


@pytest.fixture
def file_limit() -> Iterator[Any]:
    """file_limit(n): no file of this process grows beyond n bytes (EFBIG; the signal is ignored). None: no limit."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size: int | None) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before[0] if size is None else size, before[1]))

    yield limit
    limit(None)


def test_a_file_that_cannot_grow_costs_one_checkpoint(
    runs: Runs,
    whole: dict[str, Any],
    file_limit: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """safetensors reports it as an error of its own, no OSError."""
    saves = 0

    def fault(point: str) -> None:
        nonlocal saves
        saves += point == "folder made"  # step 2, best 4, step 4, step 6
        file_limit(20_000 if saves == 4 else None)  # the weights take 39,000

    monkeypatch.setattr(checkpoint, "fault", fault)
    recipe = runs.recipe("limited", *STEPS)
    loop.run(recipe, "pretrain")
    assert "could not save step 6: " in capsys.readouterr().err
    assert sorted(path.name for path in checkpoints(recipe).glob("step-*")) == ["step-00000004", "step-00000008"]
    assert outcome(recipe) == whole


def test_a_disk_that_stays_full_ends_with_one_line_and_the_old_checkpoint(
    runs: Runs, whole: dict[str, Any], file_limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = runs.recipe("full", *STEPS)
    monkeypatch.setattr(checkpoint, "fault", lambda point: file_limit(20_000) if point == "old set aside" else None)
    with pytest.raises(UserError, match="could not save step 8"):
        train(recipe)
    file_limit(None)
    nothing_torn(recipe)
    monkeypatch.undo()
    train(recipe)
    assert outcome(recipe) == whole


def test_metrics_that_cannot_be_written_are_one_line_and_the_run_goes_on_later(
    runs: Runs, whole: dict[str, Any], file_limit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = runs.recipe("no-metrics", *STEPS)
    monkeypatch.setattr(checkpoint, "fault", lambda point: file_limit(300) if point == "parent synced" else None)
    with pytest.raises(UserError, match=r"metrics\.jsonl cannot be written: File too large; make room"):
        train(recipe)
    file_limit(None)
    monkeypatch.undo()
    train(recipe)
    assert outcome(recipe) == whole


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_dev_full(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        save_file({"weights": torch.zeros(1000)}, path / "model.safetensors")
        (path / "config.json").symlink_to("/dev/full")
        (path / "config.json").write_text("{}")

    checkpoint.save(tmp_path, 1, lambda path: None, {}, 2)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save(tmp_path, 2, write, {}, 2)
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def as_nobody(recipe: Recipe) -> None:
    """In a child: what a user without rights sees, also when the tests run as root."""
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        train(recipe)
    except UserError as error:
        print(error, flush=True)
        os._exit(2)


@pytest.mark.parametrize("place", ["run", "parent"])
def test_a_folder_that_cannot_be_written_is_one_clear_line(
    runs: Runs, place: str, capfd: pytest.CaptureFixture[str]
) -> None:
    runs.folder.parent.chmod(0o755)
    recipe = runs.recipe(f"read-only-{place}/run", *STEPS)
    closed = Path(recipe.run) if place == "run" else Path(recipe.run).parent
    closed.mkdir(parents=True)
    closed.chmod(0o555)
    child = fork.Process(target=as_nobody, args=(recipe,))
    child.start()
    child.join(60)
    said = capfd.readouterr().out
    assert child.exitcode == 2 and f"{recipe.run}/pretrain cannot be written" in said and said.count("\n") == 1


@pytest.mark.parametrize("name", ["with spaces and 'quotes'", "übung-日本-🐟", "-dash", "percent%20#hash"])
def test_odd_names_of_a_run_work(runs: Runs, whole: dict[str, Any], name: str) -> None:
    train(runs.recipe(name, *STEPS, "train.steps=4"))
    recipe = runs.recipe(name, *STEPS)
    train(recipe)
    assert outcome(recipe)["hashes"] == whole["hashes"]


def test_a_run_behind_a_symlink_works(runs: Runs, whole: dict[str, Any]) -> None:
    (runs.folder / "real place").mkdir()
    (runs.folder / "link").symlink_to(runs.folder / "real place")
    recipe = runs.recipe("link", *STEPS)
    train(recipe)
    assert outcome(recipe) == whole and (runs.folder / "link").is_symlink()


def test_a_checkpoint_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path, 1, lambda path: None, {}, 2)

    def refuse(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checkpoint, "read_sealed", refuse)
    with pytest.raises(UserError, match="Permission denied"):
        checkpoint.load_latest(tmp_path, print)
    assert (tmp_path / "step-00000001").is_dir()


def test_ctrl_c_while_saving_leaves_no_half(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one waits for the step's end; the second acts at once, wherever it falls."""
    recipe = runs.recipe("interrupted", *STEPS)

    def interrupted() -> None:
        def fault(point: str) -> None:
            if point == "files written":
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)

        checkpoint.fault = fault
        train(recipe)

    child = fork.Process(target=interrupted)
    child.start()
    child.join(60)
    assert child.exitcode != 0
    assert checkpoint.latest_path(checkpoints(recipe)) is None
    train(recipe)
    nothing_torn(recipe)
