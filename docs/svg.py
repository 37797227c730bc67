"""What the book's figures are drawn with: text, bars, lines and dots as SVG, in the site's colours, light and dark."""

from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape

STYLE = """text{font:13px ui-sans-serif,system-ui,sans-serif;fill:#10242b}
.s{font-size:11px}.q{fill:#4a6068}.e{text-anchor:end}.m{text-anchor:middle}.b{font-weight:600}
.ink{fill:#10242b}.fish{fill:#b83a08}.glow{fill:#fbe8dc}.sunk{fill:#e4ebea}.edge{fill:#84979b}
text.onfish{fill:#fff}.line{stroke:#d3dddc;fill:none}.dash{stroke-dasharray:4 4}
.pen{stroke:#10242b;fill:none;stroke-width:1.5}.redpen{stroke:#b83a08;fill:none;stroke-width:2}
@media(prefers-color-scheme:dark){text,.ink{fill:#e7efed}.q{fill:#97adb3}.fish{fill:#ff9a63}.glow{fill:#37241a}
.sunk{fill:#1a2b32}.edge{fill:#56707a}text.onfish{fill:#23120a}.line{stroke:#24383f}.pen{stroke:#e7efed}
.redpen{stroke:#ff9a63}}"""


class Drawing:
    """Elements on a sheet of so many pixels; `svg` is the file's text. Lengths are rounded to tenths of a pixel."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self._parts: list[str] = []

    def text(self, x: float, y: float, words: str, css: str = "") -> None:
        """Words with their baseline at y."""
        self._parts.append(f'<text x="{_n(x)}" y="{_n(y)}"{_css(css)}>{escape(words)}</text>')

    def box(
        self, x: float, y: float, width: float, height: float, css: str, radius: float = 0, opacity: float = 1
    ) -> None:
        round_ = f' rx="{_n(radius)}"' if radius else ""
        seen = f' opacity="{opacity:.2f}"' if opacity < 1 else ""
        size = f'width="{_n(width)}" height="{_n(height)}"'
        self._parts.append(f'<rect x="{_n(x)}" y="{_n(y)}" {size}{round_}{seen}{_css(css)}/>')

    def dot(self, x: float, y: float, css: str, radius: float = 3, opacity: float = 1) -> None:
        seen = f' opacity="{opacity:.2f}"' if opacity < 1 else ""
        self._parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"{seen}{_css(css)}/>')

    def line(self, points: Iterable[Sequence[float]], css: str) -> None:
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self._parts.append(f'<polyline points="{path}"{_css(css)}/>')

    @property
    def svg(self) -> str:
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
        return "\n".join(
            [head, f"<title>{escape(self.title)}</title>", f"<style>{STYLE}</style>", *self._parts, "</svg>", ""]
        )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _css(css: str) -> str:
    return f' class="{css}"' if css else ""
