"""Build the book: `python docs/build.py [OUT]`, or `make docs`. Stops at a link that leads nowhere.

The pages of docs/ link to code and measurements by their paths in the repository, so they read well there too. Here
they are laid out for zensical in build/book, and such a link becomes one within the book: of a name in a Python file to
its entry in the reference, which is made from docstrings; of any other file to a page that shows it.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PACKAGE = ROOT / "src" / "fischgpt"
LINK = re.compile(r"(?<!!)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]*)(?P<anchor>#[^)\s]*)?\)")
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
"""Where a link is none: in fenced blocks, and in code within a line."""


def build(out: Path) -> Path:
    """Lay the book out in `out` and build it; the folder of its index.html. Raises SystemExit where a link is dead."""
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(DOCS / "figures", out / "docs" / "figures")
    shutil.copy(DOCS / "book.css", out / "docs")
    outline = (DOCS / "zensical.toml").read_text("utf-8").replace("../../src", str(ROOT / "src"))
    (out / "zensical.toml").write_text(outline, "utf-8")
    for page, text in pages().items():
        (out / "docs" / page).parent.mkdir(parents=True, exist_ok=True)
        (out / "docs" / page).write_text(text, "utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(out / "zensical.toml")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=out)
    if done.returncode:
        told = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).split("Traceback")[0]
        raise SystemExit(f"error: the book does not build\n{told}")
    return out / "site"


def pages() -> dict[str, str]:
    """Every page of the book by its path: the chapters, what they link to, and the reference."""
    made: dict[str, str] = {}
    waiting = sorted(DOCS.glob("*.md")) + sorted((ROOT / "benchmarks").glob("*.md"))
    while waiting:
        file = waiting.pop()
        if page_of(file) not in made:
            made[page_of(file)] = _shown(file, waiting)
    return made | {f"reference/{room}.md": _reference(room) for room in rooms()}


def rooms() -> dict[str, list[str]]:
    """The modules of each room, public ones alone."""
    found: dict[str, list[str]] = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        parts = file.relative_to(PACKAGE).with_suffix("").parts
        if not any(part.startswith("_") for part in parts):
            found.setdefault(parts[0], []).append(".".join(("fischgpt", *parts)))
    return found


def page_of(file: Path) -> str:
    """Where in the book a file of the repository stands."""
    if file.parent == DOCS:
        return file.name
    path = file.relative_to(ROOT).as_posix()
    return f"repository/{path}" if path.endswith(".md") else f"repository/{path}.md"


def _reference(room: str) -> str:
    return f"# {room}\n\n" + "\n".join(f"::: {module}\n" for module in rooms()[room])


def _shown(file: Path, waiting: list[Path]) -> str:
    """The file as a page of the book; files that it links to are added to `waiting`."""
    text = file.read_text("utf-8")
    if file.suffix != ".md":
        name, kind = file.relative_to(ROOT).as_posix(), {".h": "c"}.get(file.suffix, file.suffix[1:])
        return f"# {name}\n\n````{kind}\n{text}````\n"
    up = "../" * page_of(file).count("/")

    def within(link: re.Match[str]) -> str:
        label, target, anchor = link["text"], link["target"], link["anchor"] or ""
        if not target or re.match(r"[a-z]+:", target):
            return link[0]
        found = (file.parent / target).resolve()
        if not found.is_file():
            raise SystemExit(f"error: {file.relative_to(ROOT)} links to {target}, which is no file")
        if found.suffix == ".py" and PACKAGE in found.parents:
            parts = found.relative_to(PACKAGE).with_suffix("").parts
            named = re.fullmatch(r"`([A-Za-z_][\w.]*)`", label)
            name = named[1].removeprefix(f"{parts[-1]}.") if named and not named[1].endswith(".py") else ""
            entry = ".".join(("fischgpt", *parts, *filter(None, [name])))
            return f"[{label}]({up}reference/{parts[0]}.md#{entry})"
        waiting.append(found)
        return f"[{label}]({up}{page_of(found)}{anchor})"

    kept = [(match.start(), match.end()) for match in CODE.finditer(text)]
    return LINK.sub(lambda link: link[0] if any(a < link.start() < b for a, b in kept) else within(link), text)


if __name__ == "__main__":
    print(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "book") / "index.html")
