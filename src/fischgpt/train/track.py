"""What a run says about itself: metrics.jsonl always, a live line in a terminal, plain lines elsewhere."""

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fischgpt.config import Recipe
from fischgpt.errors import UserError
from fischgpt.train.trackers import Guarded, open_sink


class Tracker:
    """One JSON object a line, each with `event` and `step`. Lines after `offset` are cut off when a run is resumed.

    So no step occurs twice: `offset()` is saved with every checkpoint.
    """

    def __init__(self, folder: Path | None, recipe: Recipe, offset: int = 0, quiet: bool = False) -> None:
        """folder: the phase's, or None on the ranks that keep silent."""
        self._log_every = recipe.train.log_every
        self._file: IO[bytes] | None = None
        if folder:
            path = folder / "metrics.jsonl"
            path.touch()
            self._file = path.open("r+b")
            self.cut(offset)
        quiet = quiet or folder is None
        self._console = Console(file=sys.stderr, highlight=False, quiet=quiet)
        self._progress: Progress | None = None
        if self._console.is_terminal and not quiet:
            self._progress = Progress(
                TextColumn("step"),
                MofNCompleteColumn(),
                BarColumn(),
                TextColumn("loss {task.fields[loss]}  lr {task.fields[lr]}  {task.fields[speed]} tokens/s  left"),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._progress.add_task("train", total=recipe.train.steps, loss="-", lr="-", speed="-")
        self._steps = recipe.train.steps
        self._sinks: list[Guarded] = []
        if folder:
            config = {
                f"{name}.{key}": value
                for name, part in asdict(recipe).items()
                if isinstance(part, dict)
                for key, value in part.items()
            }
            names = recipe.train.trackers
            self._sinks = [Guarded(name, open_sink(name, folder, config), self.say) for name in names]
        self._first: tuple[int, float] | None = None

    def __enter__(self) -> "Tracker":
        if self._progress:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress:
            self._progress.stop()
        for sink in self._sinks:
            sink.close()
        if self._file:
            with suppress(OSError):  # an error of the last write, said already
                self._file.close()

    def say(self, message: str) -> None:
        """A line for the person watching; not a metric."""
        self._console.print(message, markup=False, soft_wrap=True)

    def step(
        self,
        step: int,
        loss: float,
        lr: float,
        grad_norm: float,
        tokens: int,
        seconds: float,
        speed: float,
        mfu: float | None,
    ) -> None:
        """After step `step` (from 1): loss in nats per supervised token, tokens in all so far, speed in tokens/s.

        mfu: the share of the GPUs' peak that is, None where the peak is unknown.
        """
        self.event(
            "step",
            step,
            loss=loss,
            lr=lr,
            grad_norm=grad_norm,
            tokens=tokens,
            seconds=round(seconds, 3),
            tokens_per_second=round(speed, 1),
            mfu=mfu,
        )
        now = time.perf_counter()
        self._first = self._first or (step, now)
        if self._progress:
            shown = {"loss": f"{loss:.4f}", "lr": f"{lr:.2e}", "speed": f"{speed:,.0f}"}
            self._progress.update(self._task, completed=step, **shown)
        elif step % self._log_every == 0 or step == self._steps:
            passed = step - self._first[0]
            left = (now - self._first[1]) / passed * (self._steps - step) if passed else 0.0
            self.say(
                f"step {step}/{self._steps}  loss {loss:.4f}  lr {lr:.2e}  norm {grad_norm:.2f}  "
                f"{speed:,.0f} tokens/s  {left / 60:.1f} min left"
            )

    def event(self, event: str, step: int, **values: Any) -> None:
        """A line of metrics.jsonl. Raises UserError when it cannot be written: a run that is not recorded is no use."""
        if self._file:
            line = json.dumps({"event": event, "step": step} | values, ensure_ascii=False).encode() + b"\n"
            try:
                self._file.write(line)
                self._file.flush()
            except OSError as error:
                raise UserError(
                    f"{self._file.name} cannot be written: {error.strerror}; "
                    "make room, then the same command goes on from the last checkpoint"
                ) from None
        numbers = {f"{event}/{key}": value for key, value in values.items() if isinstance(value, int | float)}
        for sink in self._sinks:
            if numbers:
                sink.log(numbers, step)

    def cut(self, offset: int) -> None:
        """Forget what was written after `offset` bytes."""
        if self._file:
            self._file.truncate(offset)
            self._file.seek(0, os.SEEK_END)

    def offset(self) -> int:
        """Bytes written so far, safely on disk."""
        if not self._file:
            return 0
        os.fsync(self._file.fileno())
        return self._file.tell()


def read_metrics(folder: Path, event: str | None = None) -> list[dict[str, Any]]:
    """The events of a phase's metrics.jsonl, all or of one kind; a last line cut by a kill is left out."""
    path = folder / "metrics.jsonl"
    if not path.exists():
        return []
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        record = json.loads(line)
        if event is None or record["event"] == event:
            found.append(record)
    return found
