"""How far preparing is: a bar in a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

EVERY = 10.0
"""Seconds between lines where there is no terminal."""


@dataclass(frozen=True)
class Progress:
    """One report."""

    step: str
    documents: int = 0
    tokens: int = 0
    text_bytes: int = 0
    done: int = 0
    """Bytes of the sources' files, of `total`."""
    total: int | None = None


OnProgress = Callable[[Progress], None]


class Display:
    """Shows reports on stderr. Rates and the time left count what was done since this process began."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._first: dict[str, tuple[float, Progress]] = {}
        self._last = 0.0
        self._bar: Bar | None = None
        if self._console.is_terminal:
            columns = (TextColumn("{task.description}", markup=False), BarColumn())
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("", total=None)

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        new = progress.step not in self._first
        since, first = self._first.setdefault(progress.step, (now, progress))
        text = describe(progress, first, now - since)
        if self._bar:
            self._bar.start()
            self._bar.update(self._task, description=text, total=progress.total, completed=progress.done)
        elif new or now - self._last >= EVERY:
            self._last = now
            self._console.print(text, markup=False, soft_wrap=True)

    def close(self) -> None:
        if self._bar:
            self._bar.stop()


def describe(now: Progress, first: Progress, seconds: float) -> str:
    """`tokenizing: 12,000 documents, 12.6M tokens, 1.3M tokens/s, 6.2 MB/s, 4 %, 2 h 10 min left`."""
    parts = []
    if now.documents:
        parts += [f"{now.documents:,} documents", f"{now.tokens / 1e6:,.1f}M tokens"]
    if seconds > 0 and now.tokens > first.tokens:
        parts.append(f"{(now.tokens - first.tokens) / seconds / 1e6:.2f}M tokens/s")
    if seconds > 0 and now.text_bytes > first.text_bytes:
        parts.append(f"{(now.text_bytes - first.text_bytes) / seconds / 1e6:.1f} MB/s")
    if now.total:
        parts.append(f"{100 * now.done / now.total:.0f} %")
        if seconds > 0 and now.done > first.done:
            parts.append(f"{_duration((now.total - now.done) * seconds / (now.done - first.done))} left")
    return f"{now.step}: {', '.join(parts)}" if parts else now.step


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
