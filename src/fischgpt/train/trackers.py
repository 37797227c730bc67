"""Where numbers go besides metrics.jsonl, if the recipe asks for it: TensorBoard, Weights & Biases, trackio.

Each is imported only when it is asked for. None may end a run: what it raises while logging is said once, and then it
is left alone.
"""

import importlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from fischgpt.config import TrackerName
from fischgpt.errors import UserError


class Sink(Protocol):
    """One place that numbers go to."""

    def log(self, numbers: Mapping[str, float], step: int) -> None: ...
    def close(self) -> None: ...


def open_sink(name: TrackerName, folder: Path, config: dict[str, Any]) -> Sink:
    """`folder` is the phase's, and names the run there. Raises UserError if the package is not installed."""
    try:
        return {"tensorboard": _TensorBoard, "wandb": _Wandb, "trackio": _Trackio}[name](folder, config)
    except ImportError:
        raise UserError(
            f"train.trackers: {name} is not installed; pip install 'fischgpt[trackers]', or take it off the list"
        ) from None


class Guarded:
    """A sink whose failures are said once and end it, not the run."""

    def __init__(self, name: str, sink: Sink, say: Callable[[str], None]) -> None:
        self._name, self._say = name, say
        self._sink: Sink | None = sink

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._try(lambda sink: sink.log(numbers, step))

    def close(self) -> None:
        self._try(lambda sink: sink.close())

    def _try(self, act: Callable[[Sink], None]) -> None:
        if self._sink is None:
            return
        try:
            act(self._sink)
        except Exception as error:  # whatever a tracker raises, the run is worth more
            self._sink = None
            self._say(f"{self._name} failed and is left out from here on ({error}); metrics.jsonl has everything")


class _TensorBoard:
    """Event files under the phase's `tensorboard/`: `tensorboard --logdir RUN`."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"))
        self._writer.add_text("recipe", "\n".join(f"    {key} = {value}" for key, value in config.items()))

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _Wandb:
    """Project `fischgpt`, one run a phase, gone on with when the phase is; WANDB_MODE=offline needs no account."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        wandb = importlib.import_module("wandb")
        name = _name(folder)
        self._run = wandb.init(
            project="fischgpt", id=name, name=name, dir=str(folder), config=config, resume="allow", save_code=False
        )

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        self._run.finish()


class _Trackio:
    """Project `fischgpt` in trackio's own database (TRACKIO_DIR): `trackio show --project fischgpt`."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        os.environ.setdefault("TRACKIO_DIR", str(folder.resolve() / "trackio"))  # read when it is imported
        trackio = importlib.import_module("trackio")
        self._run = trackio.init(
            project="fischgpt", name=_name(folder), config=config, resume="allow", embed=False, auto_log_gpu=False
        )

    def log(self, numbers: Mapping[str, float], step: int) -> None:
        self._run.log(dict(numbers), step=step)

    def close(self) -> None:
        self._run.finish()


def _name(folder: Path) -> str:
    return f"{folder.resolve().parent.name}-{folder.name}"
