"""Figures as a person reads them."""

import math
from collections.abc import Sequence


def number(value: float) -> str:
    """A figure as a person reads it: 3.142, 0.0006, 12,345, 1.2M."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    for limit, divisor, unit in ((1e9, 1e9, "B"), (1e6, 1e6, "M")):
        if size >= limit:
            return f"{value / divisor:.3g}{unit}"
    if size >= 100 or (size >= 1 and value == int(value)):
        return f"{value:,.0f}"
    return f"{value:.4g}"


def median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


def duration(seconds: float | None) -> str | None:
    """1 h 02 min, 3 min 05 s, 4.2 s."""
    if seconds is None:
        return None
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
