"""A document as an outline: its lines, each with what it looks like. Markdown, DOCX and PDF all become this."""

import re
from dataclasses import dataclass
from typing import Literal

from fischgpt.profile.dates import MONTH

Kind = Literal["heading", "entry", "bullet", "text"]


@dataclass(frozen=True)
class Line:
    """One line. `entry`: looks like the head of an entry (bold, a sub-heading); `parts`: its pieces set far apart."""

    kind: Kind
    text: str
    parts: tuple[str, ...] = ()


_GLYPHS = "•◦▪▫▸▹►▻‣⁃∙●○■□◆◇➢➤❖✓✔★\uf0b7\uf0a7\uf0d8\uf076\uf0fc\x7f"
_NUMBER = rf"(?:\[\d{{1,2}}\]|\d{{1,2}}[.)])(?=\s+(?!{MONTH})[^\W\d_])"
BULLET = re.compile(rf"^\s*(?:[{_GLYPHS}]|[*·–—-](?=\s)|o(?=\s+(?-i:[A-Z]))|{_NUMBER})\s*", re.IGNORECASE)
"""The mark that opens a bullet, whichever of the usual glyphs a program writes; or its number."""
BULLET_ALONE = re.compile(rf"^\s*[{_GLYPHS}*·–—-]\s*$")
EDGES = " \t,;:|•·∙–—-()"


def trimmed(text: str) -> str:
    """Without separators at its ends; a closing bracket stays where it was opened."""
    left = text.strip(EDGES)
    return f"{left})" if left.count("(") > left.count(")") else left


def names_columns(text: str) -> bool:
    """Whether a table's row is its head and says nothing of the owner: `When | What`."""
    words = text.replace("*", "").replace(":", "").casefold().split()
    return len(words) > 1 and all(word in _COLUMNS for word in words)


_COLUMNS = frozenset(
    """when what where date dates year years period time role position title job company employer organisation
    organization place location skill skills level language fluency degree school institution institute university
    board course score grade percentage marks cgpa description details notes topic name""".split()  # noqa: SIM905
)
