"""The build hook: when it runs, which Node it takes, and what it says when it cannot."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the site's sources, with nothing built."""
    shutil.copytree(ROOT / "web", tmp_path / "web", ignore=shutil.ignore_patterns("node_modules"))
    return tmp_path


def mark_built(hook: ModuleType, root: Path) -> None:
    hook.bundle_dir(root).mkdir(parents=True)
    (hook.bundle_dir(root) / hook.STAMP).write_text(hook.stamp_of(root / "web"))


def put_node(folder: Path, version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `version` the only Node on PATH."""
    for name, says in (("node", version), ("npm", "11.0.0")):
        (folder / name).write_text(f"#!/bin/sh\necho {says}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_a_fresh_bundle_is_not_built_again_and_a_changed_source_is(hook: ModuleType, tree: Path) -> None:
    assert hook.needs_build(tree)
    mark_built(hook, tree)
    assert not hook.needs_build(tree)
    (tree / "web" / "notes.txt").write_text("stray")
    (tree / "web" / "src" / ".main.tsx.swp").write_text("stray")
    assert not hook.needs_build(tree)
    with (tree / "web" / "src" / "main.tsx").open("a") as source:
        source.write("// changed\n")
    assert hook.needs_build(tree)


def test_the_site_can_be_left_out(hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISCHGPT_SKIP_WEB", "1")
    assert not hook.needs_build(tree)
    monkeypatch.setenv("FISCHGPT_SKIP_WEB", "0")
    assert hook.needs_build(tree)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in Node is a shell script")
@pytest.mark.parametrize(
    ("version", "asks_for_wheel"), [("v20.20.2", True), ("v22.11.9", True), ("v22.12.0", False), ("nonsense", True)]
)
def test_node_of_pypi_is_asked_for_only_when_the_system_has_none(
    hook: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch, version: str, asks_for_wheel: bool
) -> None:
    put_node(tree, version, monkeypatch)
    asks = hook.WebBuildHook(str(tree), {}, None, None, str(tree), "wheel").dependencies
    assert asks() == ([hook.NODE_WHEEL] if asks_for_wheel else [])
    mark_built(hook, tree)
    assert asks() == []


def test_without_npm_packages_there_is_one_clear_line(tree: Path) -> None:
    """npm points at a port where nobody listens, with an empty cache: as on a machine without network."""
    code = f"import hatch_build; hatch_build.build(__import__('pathlib').Path({str(tree)!r}))"
    offline = {
        "npm_config_registry": "http://127.0.0.1:9",
        "npm_config_cache": str(tree / "cache"),
        "npm_config_fetch_retries": "0",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=os.environ | offline, capture_output=True, text=True
    )
    assert done.returncode == 1
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("error: the site's npm packages cannot be had (npm error")
    assert lines[0].endswith("FISCHGPT_SKIP_WEB=1 installs without the site")


def native_tree(folder: Path) -> Path:
    sources = Path("src/fischgpt/engine/native")
    shutil.copytree(ROOT / sources, folder / sources, ignore=shutil.ignore_patterns("*.so"))
    return folder


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_the_engine_is_compiled_and_its_wheel_is_for_this_platform(hook: ModuleType, tmp_path: Path) -> None:
    root = native_tree(tmp_path)
    built: dict = {"artifacts": []}
    hook.WebBuildHook(str(root), {}, None, None, str(root), "wheel").initialize("standard", built)
    assert built["artifacts"] == ["/src/fischgpt/engine/native/decode.so"]
    assert not built["pure_python"] and built["tag"].startswith("py3-none-") and not built["tag"].endswith("any")
    assert [path.name for path in (root / hook.NATIVE).glob("*.so")] == ["decode.so"]


@pytest.mark.parametrize("compiler", ["", "/none/cc", "/bin/false"])
def test_without_a_working_compiler_the_package_installs_and_says_what_that_means(
    hook: ModuleType, tmp_path: Path, compiler: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = native_tree(tmp_path)
    monkeypatch.setenv("CC", compiler)
    if not compiler:
        monkeypatch.setenv("PATH", str(tmp_path))
    built: dict = {"artifacts": []}
    hook.WebBuildHook(str(root), {}, None, None, str(root), "wheel").initialize("standard", built)
    assert built == {"artifacts": []}
    assert "the engine will compute in PyTorch" in capsys.readouterr().err
    assert not list((root / hook.NATIVE).glob("*.so"))
