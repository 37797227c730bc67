"""A run's record made small for a program to read: `card.json` (results) and `run.json` (how it came to them)."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fischgpt.assistant.model import ModelInfo
from fischgpt.evals.costs import cost_of
from fischgpt.evals.curves import thin
from fischgpt.evals.learned import (
    FILE,
    MAX_BYTES,
    MAX_MOMENTS,
    MAX_POINTS,
    MAX_PROMPTS,
    MAX_TEXT,
    Cost,
    HellaSwag,
    Learned,
    Moment,
    PhaseLearned,
    Source,
    Training,
    Validation,
    read_learned,
)
from fischgpt.evals.record import PhaseRecord, RunRecord, record_of
from fischgpt.evals.report import public_source, source_facts


def summary(info: ModelInfo, record: RunRecord) -> dict[str, Any]:
    """What a program reads of the card: card.json."""
    phases = [phase for phase in record.phases if phase.rows]
    cost = total_cost(record)
    return {
        "name": info.name,
        "n_params": info.n_params,
        "trained_tokens": sum(int(phase.last("tokens") or 0) for phase in phases),
        "sources": {phase.name: [public_source(spec) for spec in phase.recipe.data.sources] for phase in phases},
        "val_loss": {phase.name: phase.last("val_loss") for phase in phases},
        "seconds": {phase.name: phase.last("seconds") for phase in phases},
        "machine": record.environment,
        "cost_usd": None if cost is None else cost.usd,
        "evals": record.evals,
    }


def learned(info: ModelInfo, record: RunRecord) -> Learned:
    """The record that ships with the model as run.json; fewer moments where their texts would make it too large."""
    machine = {key: value for key, value in record.environment.items() if isinstance(value, str | int)}
    most = MAX_MOMENTS
    while True:
        phases = [_phase(phase, most) for phase in record.phases if phase.rows]
        found = Learned(n_params=info.n_params, machine=machine, cost=total_cost(record), phases=phases)
        if len(_text(found).encode()) <= MAX_BYTES:
            return found
        most //= 2  # without any moment it is 50 KB


def learned_of(info: ModelInfo) -> Learned | None:
    """How a model learned: from the run it belongs to, or from the record beside it; None if there is neither.

    Raises UserError for a record that cannot be read.
    """
    record = record_of(info.folder)
    return read_learned(info.folder) if record is None else learned(info, record)


def card_of(info: ModelInfo) -> dict[str, Any]:
    """The card of a model: from the run it belongs to, or the one beside it (empty if there is none)."""
    record = record_of(info.folder)
    return info.card if record is None else summary(info, record)


def write_learned(info: ModelInfo, record: RunRecord, folder: Path) -> None:
    """Write run.json."""
    (folder / FILE).write_text(_text(learned(info, record)), encoding="utf-8")


def _text(found: Learned) -> str:
    return found.model_dump_json() + "\n"


def total_cost(record: RunRecord) -> Cost | None:
    """Of all phases together, None where the price of the machine is not known."""
    seconds = [phase.last("seconds") for phase in record.phases if phase.rows]
    return None if None in seconds else cost_of(record.environment, sum(filter(None, seconds)))


def _phase(phase: PhaseRecord, most: int) -> PhaseLearned:
    seen = {int(step): int(tokens) for step, tokens in phase.curve("tokens")}
    moments, prompts = _samples(phase, seen, most)
    state = phase.state
    assert state != "not started"
    return PhaseLearned(
        name=phase.name,
        state=state,  # type: ignore[arg-type]
        steps=phase.steps,
        planned_steps=phase.recipe.train.steps,
        tokens=max(seen.values(), default=0),
        tokens_per_step=phase.recipe.train.tokens_per_step,
        seconds=phase.last("seconds"),
        ended=None if phase.last_logged is None else _day(phase.last_logged),
        optimizer=phase.recipe.optim.kind,
        lr=max((lr for _, lr in phase.curve("lr")), default=phase.recipe.optim.lr),
        sources=[_source(spec) for spec in phase.recipe.data.sources[:32]],
        training=_training(phase, seen),
        validation=_validation(phase, seen),
        hellaswag=_hellaswag(phase, seen),
        prompts=prompts,
        moments=moments,
    )


def _source(spec: str) -> Source:
    what, licence = source_facts(spec)
    return Source(spec=public_source(spec)[:200], what=what[:200], licence=licence[:200])


def _training(phase: PhaseRecord, seen: dict[int, int]) -> Training:
    keys = ("loss", "lr", "tokens_per_second")
    columns: dict[str, list[Any]] = {key: [] for key in ("step", "tokens", *keys)}
    rows = [row for row in phase.rows if row["step"] in seen and all(_is_number(row.get(key)) for key in keys)]
    size = math.ceil(len(rows) / MAX_POINTS) or 1
    # From the end, so that the last stretch is a whole one: it is what the curve is read for.
    for end in sorted(range(len(rows), 0, -size)):
        stretch = rows[max(0, end - size) : end]
        columns["step"].append(stretch[-1]["step"])
        columns["tokens"].append(seen[stretch[-1]["step"]])
        columns["loss"].append(round(_mean([row["loss"] for row in stretch]), 4))
        columns["lr"].append(float(f"{stretch[-1]['lr']:.4g}"))
        columns["tokens_per_second"].append(float(f"{_mean([row['tokens_per_second'] for row in stretch]):.5g}"))
    return Training(**columns)


def _validation(phase: PhaseRecord, seen: dict[int, int]) -> Validation:
    rows = thin([row for row in phase.rows if _is_number(row.get("val_loss"))], MAX_POINTS)
    return Validation(
        step=[row["step"] for row in rows],
        tokens=[_tokens_at(phase, row["step"], seen) for row in rows],
        loss=[round(float(row["val_loss"]), 4) for row in rows],
        bits_per_byte=[
            round(float(row["bits_per_byte"]), 4) if _is_number(row.get("bits_per_byte")) else None for row in rows
        ],
    )


def _hellaswag(phase: PhaseRecord, seen: dict[int, int]) -> HellaSwag | None:
    keys = ("hellaswag_acc_norm_token", "hellaswag_acc_norm_token_stderr", "hellaswag_items")
    rows = [row for row in phase.rows if all(_is_number(row.get(key)) for key in keys)]
    rows = thin([row for row in rows if row[keys[2]] == rows[-1][keys[2]]], MAX_POINTS)
    if not rows:
        return None
    return HellaSwag(
        step=[row["step"] for row in rows],
        tokens=[_tokens_at(phase, row["step"], seen) for row in rows],
        items=int(rows[-1][keys[2]]),
        acc_norm_token=[round(float(row[keys[0]]), 4) for row in rows],
        stderr=[round(float(row[keys[1]]), 4) for row in rows],
    )


def _samples(phase: PhaseRecord, seen: dict[int, int], most: int) -> tuple[list[Moment], list[str]]:
    """The same prompts at every moment; a moment that lacks one of the last moment's is left out."""
    samples = phase.samples
    if not samples:
        return [], []
    prompts = list(dict.fromkeys(prompt for prompt, _ in samples[-1][1]))[:MAX_PROMPTS]
    whole = [(step, dict(pairs)) for step, pairs in samples]
    whole = thin([(step, said) for step, said in whole if all(prompt in said for prompt in prompts)], most)
    moments = [
        Moment(step=step, tokens=_tokens_at(phase, step, seen), texts=[_short(said[prompt]) for prompt in prompts])
        for step, said in whole
    ]
    return moments, [_short(prompt) for prompt in prompts]


def _tokens_at(phase: PhaseRecord, step: int, seen: dict[int, int]) -> int:
    return seen.get(step, step * phase.recipe.train.tokens_per_step)


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
