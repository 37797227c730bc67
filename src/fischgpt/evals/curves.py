"""Line charts as inline SVG: no library, no network, readable in light and dark, values under the pointer.

A chart is a `<figure class="chart">`; `STYLE` and `SCRIPT` go into the page once. Without JavaScript the curves, axes
and legend are still there; the script only adds the crosshair and the values at it.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any, TypeVar

from fischgpt.evals.words import number

Item = TypeVar("Item")
WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 26, 12, 34
MAX_POINTS = 500
"""Points drawn of one series: two pixels each at the page's full width."""
MAX_DOTS = 60
_HEAD = 44
"""Height of a picture's title and legend."""


@dataclass(frozen=True)
class Series:
    """One line: its name in the legend, its (x, y) points in order of x, and its colour (1 to 3; 0 is faint)."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 1
    dots: bool = False
    label: str = ""
    """Written beside the last point: for figures of others, which stand alone."""


def chart(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str = "step",
    half: bool = False,
    levels: Sequence[tuple[float, str]] = (),
    marks: Sequence[tuple[float, str]] = (),
    log_x: bool = False,
) -> str:
    """The chart as HTML; `half` ones stand in pairs. Points that are not finite are left out; with none it says so.

    levels: (y, what stands there), drawn across; marks: (x, what happened there), drawn from top to bottom.
    """
    kind = "chart half" if half else "chart"
    drawn = _draw(series, levels, marks, log_x)
    if drawn is None:
        return f'<figure class="{kind}"><figcaption>{escape(title)}</figcaption><p>Nothing measured yet.</p></figure>'
    ends = ", ".join(f"{s.name} ends at {number(s.points[-1][1])}" for s in drawn.own)
    legend = "".join(f'<span class="key s{s.colour}">{escape(s.name)}</span>' for s in drawn.own)
    data = escape(json.dumps({"x": x_label, "series": drawn.hover}), quote=True)
    return (
        f'<figure class="{kind}" data-chart="{data}"><figcaption>{escape(title)} {legend}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)} by {escape(x_label)}: '
        f'{escape(ends)}">{drawn.parts}<line class="cross" y1="{TOP}" y2="{HEIGHT - BOTTOM}" hidden="hidden"/>'
        f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">{escape(x_label)}</text></svg>'
        '<output class="values"></output></figure>'
    )


def picture(charts: Sequence[tuple[str, Sequence[Series]]]) -> str:
    """Charts as (title, series), one below the other, as an SVG file that stands alone; those with no point are left
    out, and with none it is empty. Readable in light and dark, where what shows it knows which."""
    bodies = []
    for title, series in charts:
        drawn = _draw(series, (), (), False)
        if drawn is None:
            continue
        left, keys = LEFT, ""
        for line in drawn.own:
            keys += f'<text class="key s{line.colour}" x="{left}" y="38">{escape(line.name)}</text>'
            left += 24 + 7 * len(line.name)
        axis = f'<text class="axis" x="{WIDTH - RIGHT}" y="{HEIGHT - 4}" text-anchor="end">step</text>'
        head = f'<text class="title" x="{LEFT}" y="18">{escape(title)}</text>{keys}'
        bodies.append(f'{head}<g transform="translate(0 {_HEAD})">{drawn.parts}{axis}</g>')
    if not bodies:
        return ""
    each = HEIGHT + _HEAD
    placed = "".join(
        f'<g class="chart" transform="translate(0 {at * each})">{body}</g>' for at, body in enumerate(bodies)
    )
    size = f'width="{WIDTH}" height="{each * len(bodies)}" viewBox="0 0 {WIDTH} {each * len(bodies)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_PICTURE_STYLE}{STYLE}</style>{placed}</svg>\n'


@dataclass(frozen=True)
class _Drawing:
    parts: str
    """SVG elements."""
    own: list[Series]
    """The lines that the legend names."""
    hover: list[dict[str, Any]]


def _draw(
    series: Sequence[Series], levels: Sequence[tuple[float, str]], marks: Sequence[tuple[float, str]], log_x: bool
) -> _Drawing | None:
    """Grid, marks, lines, levels and notes; None if there is nothing to draw."""
    series = [replace(s, points=[(x, y) for x, y in _finite(s.points) if x > 0 or not log_x]) for s in series]
    series = [s for s in series if s.points]
    if not any(s.label == "" for s in series):
        return None
    scale = math.log10 if log_x else float
    x_low, x_high = _bounds([scale(x) for s in series for x, _ in s.points], pad=0)
    y_low, y_high = _bounds([y for s in series for _, y in s.points] + [y for y, _ in levels], pad=0.04)

    def place(x: float, y: float) -> tuple[float, float]:
        left = LEFT + (scale(x) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        top = HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)
        return round(left, 1), round(top, 1)

    powers = [10.0**n for n in range(math.ceil(x_low), math.floor(x_high) + 1)] if log_x else None
    parts = _grid(powers or _ticks(x_low, x_high, 8), _ticks(y_low, y_high, 5), place)
    for x, what in marks:
        left, _ = place(x, y_low)
        parts.append(f'<line class="mark" x1="{left}" x2="{left}" y1="{TOP}" y2="{HEIGHT - BOTTOM}">')
        parts.append(f"<title>{escape(what)}</title></line>")
    hover, notes = [], []
    for line in series:
        points = thin(line.points)
        placed = [place(x, y) for x, y in points]
        path = " ".join(f"{a},{b}" for a, b in placed)
        parts.append(f'<polyline class="s{line.colour}" points="{path}"/>')
        if (line.dots and len(points) <= MAX_DOTS) or len(points) == 1:
            parts += [f'<circle class="s{line.colour}" cx="{a}" cy="{b}" r="3"/>' for a, b in placed]
        if line.label:
            a, b = placed[-1]
            anchor = "end" if a > WIDTH / 2 else "start"
            low = b > HEIGHT - BOTTOM - 22  # below it the axis is written
            notes.append((a + (4 if anchor == "end" else -4), b - 8 if low else b + 17, anchor, line.label))
        hover.append(
            {
                "name": line.name,
                "colour": line.colour,
                "px": [a for a, _ in placed],
                "x": [x for x, _ in points],
                "y": [y for _, y in points],
            }
        )
    own = [s for s in series if not s.label]
    for y, what in levels:  # said at the end that the first curve is further away from
        _, top = place(own[0].points[0][0], y)
        parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top}" y2="{top}"/>')
        first, last = (abs(own[0].points[end][1] - y) for end in (0, -1))
        notes.append((LEFT + 6, top - 4, "start", what) if first > last else (WIDTH - RIGHT - 6, top - 4, "end", what))
    parts += [f'<text class="note" x="{x}" y="{y}" text-anchor="{a}">{escape(what)}</text>' for x, y, a, what in notes]
    return _Drawing("".join(parts), own, hover)


def smooth(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """An exponential moving average over about a twentieth of the curve (50 points at most), unbiased at its start."""
    weight = 1 - 1 / min(50, max(1, len(points) / 20))
    total, mass, out = 0.0, 0.0, []
    for x, y in _finite(points):
        total = weight * total + (1 - weight) * y
        mass = weight * mass + (1 - weight)
        out.append((x, total / mass))
    return out


def _finite(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def thin(items: Sequence[Item], most: int = MAX_POINTS) -> list[Item]:
    """At most `most`, evenly picked, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(at * (len(items) - 1) / (most - 1))] for at in range(most)]


def _bounds(values: Sequence[float], pad: float) -> tuple[float, float]:
    low, high = min(values), max(values)
    if low == high:  # one point or a flat line: a window around it
        half = abs(low) * 0.1 or 0.5
        return low - half, high + half
    extra = (high - low) * pad
    return low - extra, high + extra


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round values (1, 2 or 5 times a power of ten) between low and high."""
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw)
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step) + 1)]


def _grid(xs: Sequence[float], ys: Sequence[float], place: Callable[[float, float], tuple[float, float]]) -> list[str]:
    parts = []
    for y in ys:
        _, top = place(xs[0] if xs else 1, y)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{top}" y2="{top}"/>')
        parts.append(f'<text class="axis" x="{LEFT - 6}" y="{top + 4}" text-anchor="end">{number(round(y, 10))}</text>')
    for x in xs:
        left, _ = place(x, 0)
        at = f'x="{left}" y="{HEIGHT - BOTTOM + 15}"'
        parts.append(f'<text class="axis" {at} text-anchor="middle">{number(round(x, 10))}</text>')
    return parts


_PICTURE_STYLE = """
svg{--bg:#fff;--fg:#1c2024;--dim:#5b6470;--line:#e3e6ea;--c0:#c3ccd8;--c1:#0b63ce;--c2:#b4430b;--c3:#15803d}
@media (prefers-color-scheme:dark){svg{--bg:#14171a;--fg:#e7eaee;--dim:#9aa5b1;--line:#2b3138;
--c0:#46505c;--c1:#6db0ff;--c2:#ff9b63;--c3:#5fd38d}}
svg{background:var(--bg);font-family:system-ui,sans-serif}.title{fill:var(--fg);font-weight:600}
text.key{font-size:13px}text.s0{fill:var(--dim)}text.s1{fill:var(--c1)}text.s2{fill:var(--c2)}text.s3{fill:var(--c3)}
"""
STYLE = """
.chart{margin:1.2rem 0}.chart figcaption{font-weight:600;display:flex;gap:.9rem;flex-wrap:wrap;align-items:baseline}
.chart svg{width:100%;height:auto;display:block;overflow:visible}
.chart .grid{stroke:var(--line);stroke-width:1}.chart .axis{fill:var(--dim);font-size:12px}
.chart .level{stroke:var(--dim);stroke-dasharray:6 4}.chart .mark{stroke:var(--bad);stroke-width:1.5;opacity:.7}
.chart .note{fill:var(--dim);font-size:12px;paint-order:stroke;stroke:var(--bg);stroke-width:3px}
.chart polyline{fill:none;stroke-width:1.8;stroke-linejoin:round}
.chart .cross{stroke:var(--dim);stroke-dasharray:3 3}.chart .cross[hidden]{display:none}
.chart polyline.s0{stroke:var(--c0);stroke-width:1}.chart polyline.s1{stroke:var(--c1)}
.chart polyline.s2{stroke:var(--c2)}.chart polyline.s3{stroke:var(--c3)}
.chart circle.s1{fill:var(--c1)}.chart circle.s2{fill:var(--c2)}.chart circle.s3{fill:var(--c3)}
.chart circle.s0{fill:var(--c0)}
.key{font-weight:400;font-size:.85rem;color:var(--dim)}.key::before{content:"";display:inline-block;width:.9em;
height:3px;margin-right:.35em;vertical-align:middle;background:var(--c1)}
.key.s0::before{background:var(--c0)}.key.s2::before{background:var(--c2)}.key.s3::before{background:var(--c3)}
.values{display:block;min-height:1.4em;font-size:.85rem;color:var(--dim);font-variant-numeric:tabular-nums}
@media (min-width:700px){.chart.half{display:inline-block;width:calc(50% - .8rem);margin-right:.5rem}
.chart.half :is(.axis,.note){font-size:15px}}
@media (max-width:699px){.chart :is(.axis,.note){font-size:18px}}
"""

SCRIPT = """
for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const data = JSON.parse(figure.dataset.chart), svg = figure.querySelector("svg");
  const cross = figure.querySelector(".cross"), values = figure.querySelector(".values");
  const show = (v) => Math.abs(v) >= 100 ? Math.round(v).toLocaleString("en") : String(+v.toPrecision(4));
  const at = (clientX) => {
    const box = svg.getBoundingClientRect(), px = (clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const near = data.series.map((s) => {
      let best = 0;
      s.px.forEach((p, i) => { if (Math.abs(p - px) < Math.abs(s.px[best] - px)) best = i; });
      return [s, best];
    });
    const [first, index] = near.reduce((a, b) => Math.abs(a[0].px[a[1]] - px) <= Math.abs(b[0].px[b[1]] - px) ? a : b);
    cross.setAttribute("x1", first.px[index]); cross.setAttribute("x2", first.px[index]);
    cross.removeAttribute("hidden");
    values.textContent = data.x + " " + show(first.x[index]) + ": " +
      near.map(([s, i]) => s.name + " " + show(s.y[i]) +
        (s.x[i] === first.x[index] ? "" : " (at " + show(s.x[i]) + ")")).join(", ");
  };
  svg.addEventListener("pointermove", (event) => at(event.clientX));
  svg.addEventListener("pointerleave", () => { cross.setAttribute("hidden", "hidden"); values.textContent = ""; });
}
"""
