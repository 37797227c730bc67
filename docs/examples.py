"""The book's examples: run them as they stand, compare what they print, or write it anew.

    python docs/examples.py            writes what each prints today into the pages
    pytest tests/docs                  fails where a page says otherwise

A `console` block holds commands behind `$ ` and what each printed. A `python` block followed by a `text` block is run
too. A block with `title="NAME"` is a file of that name, there before anything is run. In what is printed, `...` stands
for anything, and decimal fractions may differ by 3 % or .02: the last digits hang on the processor. Blocks of `sh` are
not run (they take long, or need a network, a GPU or a file of yours).
"""

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).resolve().parent
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```\n(?:\n?```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
FILE = re.compile(r'^```\w+ title="([\w.-]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
FRACTION = re.compile(r"\d[\d,]*\.\d+")


@dataclass(frozen=True)
class Example:
    """Something that is run, and what the page says that it prints: characters `start` to `end` of the page."""

    page: Path
    line: int
    source: str
    is_command: bool
    expected: str
    start: int
    end: int


def examples(page: Path) -> list[Example]:
    """What a page runs, in order."""
    text, found = page.read_text("utf-8"), []

    def example(source: str, is_command: bool, at: int, start: int, end: int) -> Example:
        return Example(page, text.count("\n", 0, at) + 1, source, is_command, text[start:end], start, end)

    for block in BLOCK.finditer(text):
        if block[1] == "console":
            for command in COMMAND.finditer(text, block.start(2), block.end(2)):
                found.append(example(command[1], True, command.start(), command.start(2), command.end(2)))
        elif block[3] is not None:
            found.append(example(block[2], False, block.start(2), block.start(3), block.end(3)))
    return found


def run(page: Sequence[Example], folder: Path) -> Iterator[tuple[Example, str]]:
    """Each example of a page with what it printed, all of them in `folder`, Python in one namespace.

    Commands run in this process, because importing torch anew for each takes seconds.
    """
    from fischgpt.cli import main

    os.environ["FISCHGPT_ALLOCATOR_SET"] = "1"  # a command that trains would start this very process again
    names: dict[str, object] = {"__name__": "__main__"}
    for name, content in FILE.findall(page[0].page.read_text("utf-8")) if page else ():
        (folder / name).write_text(content, "utf-8")
    for example in page:
        printed = io.StringIO()
        with contextlib.chdir(folder), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            if example.is_command:
                program, *arguments = shlex.split(example.source.replace("\\\n", " "))
                if program != "fischgpt":
                    raise ValueError(f"{example.page.name}:{example.line}: only fischgpt is run, not {program}")
                with _shell(["fischgpt", *arguments]), contextlib.suppress(SystemExit):
                    main()
            else:
                exec(compile(example.source, f"{example.page.name}:{example.line}", "exec"), names)
        yield example, "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


@contextlib.contextmanager
def _shell(argv: list[str]) -> Iterator[None]:
    """These arguments, and nobody who answers questions."""
    before = sys.argv, sys.stdin
    sys.argv, sys.stdin = argv, io.StringIO()
    try:
        yield
    finally:
        sys.argv, sys.stdin = before


def agrees(expected: str, printed: str) -> bool:
    """Whether it printed what the page says."""
    parts = [_pattern(part) for part in expected.strip().split("...")]
    match = re.fullmatch(".*?".join(parts), printed.strip(), re.DOTALL)
    return bool(match) and all(
        abs(float(said.replace(",", "")) - float(seen.replace(",", "")))
        <= 0.02 + 0.03 * abs(float(seen.replace(",", "")))
        for said, seen in zip(FRACTION.findall(expected), match.groups(), strict=True)
    )


def _pattern(text: str) -> str:
    pieces = FRACTION.split(text)
    return rf"({FRACTION.pattern})".join(re.escape(piece) for piece in pieces)


def rewrite(page: Path) -> bool:
    """Write what the page's examples print today where it says otherwise; whether anything changed."""
    text, changed = page.read_text("utf-8"), False
    with tempfile.TemporaryDirectory() as folder:
        for example, printed in reversed(list(run(examples(page), Path(folder)))):
            if example.expected != printed and ("..." not in example.expected or not agrees(example.expected, printed)):
                text, changed = text[: example.start] + printed + text[example.end :], True
    if changed:
        page.write_text(text, "utf-8")
    return changed


if __name__ == "__main__":
    wanted = [DOCS / name for name in sys.argv[1:]] or sorted(DOCS.glob("*.md"))
    for one in wanted:
        print(f"{one.name}: {'written anew' if rewrite(one) else 'as it says'}")
