"""Blocks of a document, written as one self-contained HTML page or as Markdown. Both say the same."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from fischgpt.evals.curves import SCRIPT, STYLE


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    prose: bool = False
    """Cells hold text to read (samples), not figures."""


@dataclass(frozen=True)
class Commands:
    lines: Sequence[tuple[str, str]]
    """(command, why)"""


@dataclass(frozen=True)
class Figure:
    """A chart, for the page only: the Markdown has its end values in a table."""

    html: str


Block = Heading | Text | Table | Commands | Figure


def to_html(title: str, blocks: Sequence[Block]) -> str:
    heading, body = title, []
    for number, block in enumerate(blocks, 1):
        heading = block.text if isinstance(block, Heading) else heading
        body.append(_html(block, f"{heading}, part {number}"))  # a name of its own for everything that scrolls
    text = "\n".join(body)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_PAGE_STYLE}{STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{text}
</main>
<script>{SCRIPT}</script>
</body>
</html>
"""


def to_markdown(title: str, blocks: Sequence[Block]) -> str:
    shown = [
        block
        for block, following in zip(blocks, [*blocks[1:], None], strict=True)
        if not isinstance(block, Figure) and not (isinstance(block, Heading) and isinstance(following, Figure))
    ]
    return "\n\n".join([f"# {title}", *map(_markdown, shown)]) + "\n"


def _html(block: Block, name: str) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Figure(html):
            return html
        case Commands(lines):
            items = "".join(f"<li><code>{escape(command)}</code> {escape(why)}</li>" for command, why in lines)
            return f"<ol>{items}</ol>"
        case Table(head, rows, prose):
            top = "".join(f'<th scope="col">{escape(cell)}</th>' if cell else "<td></td>" for cell in head)
            body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
            kind = ' class="prose"' if prose else ""
            scroll = f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}">'
            heading = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
            return f"{scroll}<table{kind}>{heading}<tbody>{body}</tbody></table></div>"


def _markdown(block: Block) -> str:
    match block:
        case Heading(text):
            return f"## {text}"
        case Text(text):
            return text
        case Figure():
            raise AssertionError("figures have no Markdown")
        case Commands(lines):
            return "\n".join(f"{n}. `{command}`: {why}" for n, (command, why) in enumerate(lines, 1))
        case Table(head, rows):
            lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
            return "\n".join(lines)


_MARKUP = re.compile(r"[\\`*<>|#\[\]]|(?<!\w)_|_(?!\w)")


def _line(cells: Sequence[str]) -> str:
    """One row. A model writes anything: what would end a cell, start markup or break the line is made harmless."""
    safe = (re.sub(r"\s+", " ", _MARKUP.sub(r"\\\g<0>", cell)) for cell in cells)
    return f"| {' | '.join(safe)} |"


_PAGE_STYLE = """
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2024;--dim:#5b6470;--line:#e3e6ea;--code:#f3f4f6;
--c0:#c3ccd8;--c1:#0b63ce;--c2:#b4430b;--c3:#15803d;--bad:#c21a2b}
@media (prefers-color-scheme:dark){:root{--bg:#14171a;--fg:#e7eaee;--dim:#9aa5b1;--line:#2b3138;--code:#1f242a;
--c0:#46505c;--c1:#6db0ff;--c2:#ff9b63;--c3:#5fd38d;--bad:#ff7a85}}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.55 system-ui,sans-serif}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.7rem;line-height:1.2}h2{font-size:1.2rem;margin:2.4rem 0 .6rem}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{text-align:left;vertical-align:top;padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:600}.prose td{min-width:13rem;white-space:pre-wrap}.prose td:first-child{min-width:3rem}
code{background:var(--code);padding:.1em .35em;border-radius:4px;font-size:.9em;overflow-wrap:anywhere}
li{margin:.4rem 0}
"""
