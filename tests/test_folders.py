"""A new folder is whole or not there, and no more open than its owner wants it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fischgpt.errors import UserError
from fischgpt.folders import new_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o022, 0o027, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_a_folder_is_as_private_as_the_umask(tmp_path: Path, umask: int) -> None:
    with new_folder(tmp_path / "a/out") as folder:
        (folder / "file").write_text("x")
        assert mode(folder.parent) == 0o700, "nobody looks in while it is filled"
    assert mode(tmp_path / "a/out") == 0o777 & ~umask
    assert mode(tmp_path / "a/out/file") == 0o666 & ~umask
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]


@pytest.mark.parametrize("chosen", [0o700, 0o750, 0o775])
def test_an_empty_folder_that_stands_there_keeps_its_permissions(tmp_path: Path, chosen: int, umask: int) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(chosen)
    with new_folder(tmp_path / "out") as folder:
        (folder / "file").touch()
    assert mode(tmp_path / "out") == chosen and (tmp_path / "out/file").is_file()


def test_a_failure_leaves_nothing_and_an_empty_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("out", "new"):
        with pytest.raises(ZeroDivisionError), new_folder(tmp_path / name) as folder:
            (folder / "half").touch()
            raise ZeroDivisionError
    assert list(tmp_path.rglob("*")) == [tmp_path / "out"]


def test_what_stands_there_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to("empty")
    (tmp_path / "dangling").symlink_to("nowhere")
    there = sorted(tmp_path.rglob("*"))
    refused = {name: "exists already and is not empty" for name in ("full", "file")}
    refused |= {name: "is a link" for name in ("link", "dangling")}
    for name, message in refused.items():
        with pytest.raises(UserError, match=f"{name} {message}"), new_folder(tmp_path / name):
            pytest.fail("it was begun")
    for name in ("file/new", "file/a/new", "n" * 300):  # as one line too where nothing can ever stand
        with pytest.raises(UserError, match=f"{name} cannot be written: "), new_folder(tmp_path / name):
            pytest.fail("it was begun")
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(UserError, match="is the folder you are in"), new_folder("."):
        pytest.fail("it was begun")
    assert sorted(tmp_path.rglob("*")) == there
