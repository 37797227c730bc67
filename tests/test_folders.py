"""A new folder is whole or not there, and no more open than its owner wants it."""

import os
import stat
import subprocess
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


@pytest.fixture(params=["tmpfs", "bind"])
def mount(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """An empty mount point: of another file system, or of a folder of this one, which os.path.ismount does not see."""
    (tmp_path / "other").mkdir()
    (tmp_path / "out").mkdir()
    how = {"tmpfs": ["-t", "tmpfs", "none"], "bind": ["--bind", str(tmp_path / "other")]}[request.param]
    if subprocess.run(["mount", *how, tmp_path / "out"], capture_output=True).returncode:
        pytest.skip("this user may not mount")
    yield tmp_path / "out"
    subprocess.run(["umount", tmp_path / "out"], check=True)


def test_a_mount_point_is_filled_where_it_is(mount: Path) -> None:
    mount.chmod(0o750)
    with new_folder(mount) as folder:
        (folder / "file").write_text("x")
        (folder / "inner").mkdir()
        (folder / "inner/file").touch()
        assert mode(folder.parent) == 0o700
    assert sorted(path.name for path in mount.rglob("*")) == ["file", "file", "inner"]
    assert mode(mount) == 0o750 and sorted(path.name for path in mount.parent.iterdir()) == ["other", "out"]
    with pytest.raises(UserError, match="is not empty"), new_folder(mount):
        pytest.fail("it was begun")


def test_a_mount_point_stays_empty_where_work_fails_and_keeps_what_came_meanwhile(mount: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(mount) as folder:
        (folder / "half").touch()
        raise ZeroDivisionError
    assert not list(mount.iterdir())
    with pytest.raises(UserError, match="not empty any more"), new_folder(mount) as folder:
        (folder / "file").write_text("ours")
        (mount / "file").write_text("theirs")
    assert [path.read_text() for path in mount.iterdir()] == ["theirs"]


def test_an_empty_folder_in_one_that_is_not_ours_is_filled_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    tmp_path.chmod(0o500)
    if os.access(tmp_path, os.W_OK):
        pytest.skip("this user may write anywhere")
    try:
        with new_folder(tmp_path / "out") as folder:
            (folder / "file").touch()
    finally:
        tmp_path.chmod(0o700)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["file"]
