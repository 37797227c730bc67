"""What a run left behind, read back: recipe, curves, samples, evaluations.

Reads a run that is still going on, finished or crashed: a torn last line of `metrics.jsonl` is no error.
"""

import json
import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fischgpt.assistant.model import describe_model
from fischgpt.config import Phase, Recipe, load_recipe
from fischgpt.errors import UserError

PHASES: tuple[Phase, ...] = ("pretrain", "sft")
TITLES = {"pretrain": "Pretraining", "sft": "Fine-tuning"}
HAPPENED = ("skipped", "rollback", "best", "resumed")
FRESH_SECONDS = 120
"""A run whose last line is younger than this is taken to be going on: the loop logs every few seconds."""


@dataclass(frozen=True)
class PhaseRecord:
    """One phase's log. Rows are in order of step; `torn` counts lines that could not be read."""

    name: Phase
    recipe: Recipe
    rows: list[dict[str, Any]]
    happened: list[dict[str, Any]] = field(default_factory=list)
    """Events that are no measurement (HAPPENED), as they were written."""
    torn: int = 0
    last_logged: float | None = None
    """When the last line was written, in seconds since 1970: the file's own time."""

    @property
    def age(self) -> float:
        """Seconds since then."""
        return math.inf if self.last_logged is None else time.time() - self.last_logged

    @property
    def steps(self) -> int:
        return max((int(row["step"]) for row in self.rows), default=0)

    @property
    def state(self) -> str:
        """`done`, `running`, `stopped` or `not started`."""
        if not self.rows:
            return "not started"
        if self.steps >= self.recipe.train.steps:
            return "done"
        return "running" if self.age < FRESH_SECONDS else "stopped"

    def curve(self, key: str) -> list[tuple[float, float]]:
        """(step, value) wherever a row has a number under `key`."""
        return [(row["step"], float(row[key])) for row in self.rows if isinstance(row.get(key), int | float)]

    def last(self, key: str) -> float | None:
        curve = self.curve(key)
        return curve[-1][1] if curve else None

    @property
    def best_val(self) -> tuple[int, float] | None:
        """(step, loss) of the lowest validation loss."""
        curve = [point for point in self.curve("val_loss") if math.isfinite(point[1])]
        if not curve:
            return None
        step, loss = min(curve, key=lambda point: point[1])
        return int(step), loss

    @property
    def troubles(self) -> list[dict[str, Any]]:
        """Batches that were skipped, and returns to an earlier checkpoint."""
        return [event for event in self.happened if event["event"] in ("skipped", "rollback")]

    @property
    def best(self) -> dict[str, tuple[int, float]]:
        """(step, value) by measure, of the weights that were kept as the best so far."""
        found = [event for event in self.happened if event["event"] == "best"]
        return {event["name"]: (event["step"], event["value"]) for event in found}

    @property
    def samples(self) -> list[tuple[int, list[tuple[str, str]]]]:
        """(step, [(prompt, continuation), ...]) in order of step."""
        return [(row["step"], row["samples"]) for row in self.rows if row.get("samples")]


@dataclass(frozen=True)
class RunRecord:
    """A run's folder, read once."""

    path: Path
    phases: list[PhaseRecord]
    evals: dict[str, Any] = field(default_factory=dict)
    stages: list[dict[str, Any]] = field(default_factory=list)
    """The stages of a speedrun with their seconds, if the run was made by one."""
    environment: dict[str, Any] = field(default_factory=dict)
    """The machine it was trained on and the versions of what trained it."""

    @property
    def recipe(self) -> Recipe:
        return self.phases[0].recipe

    def phase(self, name: Phase) -> PhaseRecord:
        return next(phase for phase in self.phases if phase.name == name)


def n_params(record: RunRecord) -> int:
    """Parameters of the run's model; the tied head counts once. 12 n_embd^2 + 13 n_embd a layer, as GPT-2 has them."""
    m = record.recipe.model
    block = 12 * m.n_embd**2 + 13 * m.n_embd
    return (m.vocab_size + m.block_size) * m.n_embd + m.n_layer * block + 2 * m.n_embd


def read_run(run: Path) -> RunRecord:
    """Read RUN. Raises UserError if it is no run's folder or its recipe cannot be read."""
    if not (run / "recipe.toml").is_file():
        raise UserError(f"{run} is not a run: it has no recipe.toml (runs are made by fischgpt pretrain or speedrun)")
    phases = [_phase(run, name) for name in PHASES]
    evals, environment = read_json(run / "evals.json", dict), read_json(run / "environment.json", dict)
    return RunRecord(run, phases, evals, read_json(run / "speedrun.json", list), environment)


def record_of(folder: Path) -> RunRecord | None:
    """What led to the weights in `folder`, None if they belong to no run. Raises UserError as `read_run`.

    A best checkpoint saw none of the later steps, one of pretraining no fine-tuning; and evals.json is about the run's
    last weights alone (or the export of them).
    """
    run = find_run(folder)
    if run is None:
        return None
    record, folder = read_run(run), folder.resolve()
    if folder.parent.name != "checkpoints":
        return record
    phase, step = folder.parents[1].name, int(folder.name.rpartition("-")[2])
    known = [_until(one, step if one.name == phase else 0) for one in record.phases]
    if phase == PHASES[-1]:
        known[0] = record.phases[0]
    return replace(record, phases=known, evals=record.evals if is_last(folder, run) else {})


def is_last(folder: Path, run: Path) -> bool:
    """Whether `folder` is what the run itself means as a MODEL, its newest weights, or the export of them."""
    return folder.resolve() in (describe_model(run).folder, (run / "export").resolve())


def _until(phase: PhaseRecord, step: int) -> PhaseRecord:
    rows = [row for row in phase.rows if row["step"] <= step] if step else []
    happened = [event for event in phase.happened if event["step"] <= step]
    return replace(phase, rows=rows, happened=happened)


@dataclass(frozen=True)
class Log:
    """A metrics.jsonl: one row a step, what else happened, and how many lines could not be read.

    A row has what was measured at that step: `loss`, `lr`, `tokens`, `seconds`, `tokens_per_second`, perhaps `mfu` of
    training, `val_loss` and `bits_per_byte`, `hellaswag_acc_norm_token` and so on of a benchmark, and `samples` as
    [(prompt, continuation), ...].
    """

    rows: list[dict[str, Any]]
    happened: list[dict[str, Any]]
    torn: int


def read_log(path: Path) -> Log:
    """Read a metrics.jsonl, whole or torn; empty if it is not there."""
    rows: dict[int, dict[str, Any]] = {}
    happened: list[dict[str, Any]] = []
    torn = 0
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            event = json.loads(line)
            step, kind = int(event["step"]), event["event"]
            if kind in HAPPENED:
                happened.append(event)
                continue
            values = _values(kind, event)
        except (ValueError, KeyError, TypeError):  # a UnicodeDecodeError is a ValueError
            torn += bool(line.strip())
            continue
        rows.setdefault(step, {"step": step}).update(values)
    return Log([rows[step] for step in sorted(rows)], happened, torn)


def _values(kind: str, event: dict[str, Any]) -> dict[str, Any]:
    values = {key: value for key, value in event.items() if key not in ("event", "step")}
    if kind == "val":
        return {"val_loss": event["loss"], "bits_per_byte": event.get("bits_per_byte")}
    if kind == "samples":
        return {"samples": [(sample["prompt"], sample["text"]) for sample in event["samples"]]}
    return values if kind == "step" else {f"{kind}_{key}": value for key, value in values.items()}


def _phase(run: Path, name: Phase) -> PhaseRecord:
    own = run / name / "recipe.toml"
    recipe = load_recipe(own if own.is_file() else run / "recipe.toml", phase=name)
    log = run / name / "metrics.jsonl"
    read = read_log(log)
    last_logged = log.stat().st_mtime if log.is_file() else None
    return PhaseRecord(name, recipe, read.rows, read.happened, read.torn, last_logged)


def read_json(path: Path, kind: type) -> Any:
    """The content of an optional file, empty if it is not there. Raises UserError if it holds something else."""
    if not path.is_file():
        return kind()
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise UserError(f"{path}: not valid JSON; delete it and run the evaluation again") from None
    if not isinstance(value, kind):
        raise UserError(f"{path}: not what fischgpt eval writes; delete it and run the evaluation again")
    return value


def find_run(path: Path) -> Path | None:
    """The run that `path` belongs to: the run itself, one of its phases or checkpoints, or its export."""
    path = path.resolve()
    if path.parent.name == "checkpoints":
        path = path.parents[1]
    if path.name in (*PHASES, "export"):
        path = path.parent
    return path if (path / "recipe.toml").is_file() else None
