"""The shape of the repository that `docs/architecture.md` promises."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src/fischgpt").rglob("*.py"))


def test_imports_point_up_the_house() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_nothing_pickled_is_read_or_written() -> None:
    for file in SOURCES:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names.append(node.module or "")
            assert not {"pickle", "joblib", "dill", "shelve"} & set(names), file
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"torch.load", "torch.save"}, f"{file}:{node.lineno}"
                assert not any(keyword.arg == "allow_pickle" for keyword in node.keywords), f"{file}:{node.lineno}"


def test_architecture_page_names_every_room() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    rooms = {path.name for path in (ROOT / "src/fischgpt").iterdir() if not path.name.startswith("_")} - {"assets"}
    for room in rooms:
        assert re.search(rf"`{re.escape(room)}/?`", page), f"{room} is not in docs/architecture.md"


def test_readme_names_the_two_commands_and_no_dead_link() -> None:
    readme = (ROOT / "README.md").read_text()
    assert "make up" in readme and "make test" in readme
    for target in re.findall(r"\]\(([^)#:]+)\)", readme):
        assert (ROOT / target).exists(), target


def test_nothing_in_the_repository_is_heavy() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    for name in filter(None, listed.stdout.split("\0")):
        assert not (ROOT / name).exists() or (ROOT / name).stat().st_size <= 45_000_000, name
