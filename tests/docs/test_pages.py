"""The book: what it runs prints what it says, what it names exists, its links lead somewhere, it builds."""

import ast
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
import typer

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import build  # noqa: E402
import examples  # noqa: E402
import figures  # noqa: E402

from fischgpt.assistant.model import describe_model  # noqa: E402
from fischgpt.cli import app  # noqa: E402

PAGES = sorted(DOCS.glob("*.md"))
FENCED = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "chapter", [chapter for chapter in PAGES if examples.examples(chapter)], ids=lambda chapter: chapter.stem
)
def test_a_page_prints_what_it_says(chapter: Path, tmp_path: Path) -> None:
    for example, printed in examples.run(examples.examples(chapter), tmp_path):
        where = f"{chapter.name}:{example.line}\n{example.source}\n"
        assert examples.agrees(example.expected, printed), f"{where}says\n{example.expected}and prints\n{printed}"


@pytest.mark.parametrize(
    ("expected", "printed", "agree"),
    [
        ("loss 4.24, 60 steps\n", "loss 4.25, 60 steps\n", True),
        ("loss 4.24\n", "loss 4.74\n", False),
        ("60 steps\n", "61 steps\n", False),
        ("first\n...\nlast 1,024.5\n", "first\nmuch\nmore 7.5\nlast 1,024.5\n", True),
        ("first\n", "first\nand a warning\n", False),
    ],
)
def test_what_is_taken_for_the_same_output(expected: str, printed: str, agree: bool) -> None:
    assert examples.agrees(expected, printed) == agree


def _commands(text: str) -> list[list[str]]:
    """The fischgpt commands in a page's blocks of sh, without comments and redirections."""
    found = []
    for kind, block in FENCED.findall(text):
        for line in block.replace("\\\n", " ").splitlines() if kind == "sh" else ():
            words = shlex.split(line, comments=True)
            for sign in ("fischgpt", ".venv/bin/fischgpt"):
                if sign in words and words[words.index(sign) - 1] != "clone":
                    arguments = words[words.index(sign) + 1 :]
                    found.append(arguments[: arguments.index(">")] if ">" in arguments else arguments)
    return found


@pytest.mark.parametrize("chapter", [*PAGES, ROOT / "README.md"], ids=lambda chapter: chapter.stem)
def test_commands_that_are_not_run_exist_with_these_options(chapter: Path) -> None:
    group = typer.main.get_command(app)
    for arguments in _commands(chapter.read_text("utf-8")):
        command, rest = group, arguments
        while commands := getattr(command, "commands", None):
            assert rest and rest[0] in commands, f"{chapter.name}: fischgpt {' '.join(arguments)}"
            command, rest = commands[rest[0]], rest[1:]
        try:
            command.make_context("fischgpt", list(rest))
        except Exception as error:  # typer keeps a click of its own, whose errors are its private classes
            pytest.fail(f"{chapter.name}: fischgpt {' '.join(arguments)}: {error}")


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "api.md"], ids=lambda page: page.stem)
def test_a_client_asks_for_the_model_that_is_served(page: Path) -> None:
    clients = [
        block for kind, block in FENCED.findall(page.read_text("utf-8")) if kind == "python" and "OpenAI(" in block
    ]
    asked = re.findall(r'model="([^"]*)"', "".join(clients))
    assert asked and set(asked) == {describe_model().name}  # any other id is answered with 404


@pytest.mark.parametrize("chapter", PAGES, ids=lambda chapter: chapter.stem)
def test_named_code_stands_in_the_named_file(chapter: Path) -> None:
    text = FENCED.sub("", chapter.read_text("utf-8"))
    for label, target in re.findall(r"\[`([\w.]+)`\]\((\.\./[^)#]+\.(?:py|c|h))\)", text):
        file = (DOCS / target).resolve()
        assert file.is_file(), f"{chapter.name}: {target}"
        if label.endswith((".py", ".c", ".h")):
            assert target.endswith(label), f"{chapter.name}: {label} is not {target}"
        else:
            assert _defines(file, label), f"{chapter.name}: {target} has no {label}"


def _defines(file: Path, name: str) -> bool:
    """Whether a Python file defines `Class.method` or `function`, or module.function; or a C file that name."""
    if file.suffix != ".py":
        return (
            re.search(rf"^\S.*\b{re.escape(name)}\(|^}} {re.escape(name)};", file.read_text("utf-8"), re.MULTILINE)
            is not None
        )
    body: list[ast.stmt] = ast.parse(file.read_text("utf-8")).body
    parts = name.split(".")
    if parts[0] == file.stem and not any(getattr(node, "name", None) == parts[0] for node in body):
        parts = parts[1:]
    for part in parts:
        named = [node for node in body if part in _names(node)]
        if not named:
            return False
        body = getattr(named[0], "body", [])
    return True


def _names(node: ast.stmt) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {getattr(node, "name", "")} | {target.id for target in targets if isinstance(target, ast.Name)}


@pytest.mark.parametrize("chapter", PAGES, ids=lambda chapter: chapter.stem)
def test_files_named_in_passing_exist(chapter: Path) -> None:
    text = FENCED.sub("", chapter.read_text("utf-8"))
    for path in re.findall(r"`((?:src|tests|benchmarks|recipes|profiles|web|docs)/[\w./-]+\w/?)(?:::\w+)?`", text):
        assert (ROOT / path).exists(), f"{chapter.name}: {path}"


def test_every_page_and_figure_has_its_place() -> None:
    outline = tomllib.loads((DOCS / "zensical.toml").read_text("utf-8"))["project"]["nav"]
    listed: set[str] = set()

    def collect(entries: list[dict]) -> None:
        for entry in entries:
            for target in entry.values():
                collect(target) if isinstance(target, list) else listed.add(target)

    collect(outline)
    assert {chapter.name for chapter in PAGES} <= listed, "a page is not in the outline of docs/zensical.toml"
    reference = {f"reference/{room}.md" for room in build.rooms()} - {"reference/cli.md"}
    assert reference <= listed, "a room is not in the outline of docs/zensical.toml"
    assert listed <= set(build.pages()), "the outline names a page that there is not"
    shown = set(re.findall(r"\(figures/(\w+)\.svg\)", "".join(chapter.read_text("utf-8") for chapter in PAGES)))
    assert shown == {figure.__name__ for figure in figures.DRAWN}
    for file in (DOCS / "figures").glob("*.svg"):
        assert file.stat().st_size < 40_000, f"{file.name} is heavy"


@pytest.mark.parametrize("figure", [figures.tokens, figures.mask, figures.loss, figures.answers, figures.speed])
def test_a_figure_says_what_its_data_say_today(figure) -> None:
    drawn = (DOCS / "figures" / f"{figure.__name__}.svg").read_text("utf-8")
    assert figure().svg == drawn, f"draw it anew: python docs/figures.py {figure.__name__}"


def test_the_book_builds_and_links_within_itself(tmp_path: Path) -> None:
    site = build.build(tmp_path / "book")
    tokens = (site / "tokens" / "index.html").read_text("utf-8")
    assert 'href="../reference/tokenizer/#fischgpt.tokenizer.Tokenizer.encode"' in tokens
    reference = (site / "reference" / "tokenizer" / "index.html").read_text("utf-8")
    assert 'id="fischgpt.tokenizer.Tokenizer.encode"' in reference and "no control token ever" in reference


def test_a_dead_link_stops_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = build.pages() | {"index.md": "# Quick start\n\n[gone](nowhere.md)\n"}
    monkeypatch.setattr(build, "pages", lambda: shown)
    with pytest.raises(SystemExit, match="page does not exist"):
        build.build(tmp_path / "book")
