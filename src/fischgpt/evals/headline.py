"""The few figures of a model that a visitor is told, from its card and its record; nothing where they say nothing.

A card may come from anywhere with a model folder: what is not of the expected kind counts as not said.
"""

import math
from collections.abc import Mapping
from typing import Any

from fischgpt.evals.learned import Learned

_TOLD = {"right": "right", "unanswerable_ok": "declined", "injection_ok": "resisted"}


def headline(card: Mapping[str, Any], learned: Learned | None) -> dict[str, Any]:
    """`val_loss` and `seconds` by phase, `cost_usd`, `machine`, `hellaswag`, `profile`: each None where unknown.

    `hellaswag` is {percent, stderr, items, after}: of the finished model, else the last of those made while it was
    pretrained. `profile` has the questions about profiles as they are served, the half that nothing was fitted on:
    {questions, right, declined, resisted}, each of the three [percent, low, high] with its 95 % interval.
    """
    evals = _table(card.get("evals"))
    return {
        "val_loss": _by_phase(card.get("val_loss")),
        "seconds": _by_phase(card.get("seconds")),
        "cost_usd": _number(card.get("cost_usd")),
        "machine": _machine(_table(card.get("machine"))),
        "hellaswag": _final(_table(evals.get("hellaswag"))) or _while_training(learned),
        "profile": _profile(_table(evals.get("profile"))),
    }


def _by_phase(value: Any) -> dict[str, float] | None:
    found = {name: _number(_table(value).get(name)) for name in ("pretrain", "sft")}
    return {name: number for name, number in found.items() if number is not None} or None


def _machine(environment: Mapping[str, Any]) -> str | None:
    """`2 threads of AMD EPYC`, `8 x NVIDIA H100`."""
    machine, threads = environment.get("machine"), environment.get("threads")
    if not isinstance(machine, str) or not machine:
        return None
    on_gpus = machine.partition(" x ")[0].isdigit()
    return machine[:100] if on_gpus or not isinstance(threads, int) else f"{threads} threads of {machine[:100]}"


def _final(result: Mapping[str, Any]) -> dict[str, Any] | None:
    share, error, items = (_number(result.get(key)) for key in ("acc_norm_token", "acc_norm_token_stderr", "items"))
    if share is None or error is None or items is None:
        return None
    return {"percent": round(100 * share, 2), "stderr": round(100 * error, 2), "items": int(items), "after": "training"}


def _while_training(learned: Learned | None) -> dict[str, Any] | None:
    for phase in learned.phases if learned else ():
        scores = phase.hellaswag
        if scores is not None and scores.step:
            last = {"percent": round(100 * scores.acc_norm_token[-1], 2), "stderr": round(100 * scores.stderr[-1], 2)}
            return {**last, "items": scores.items, "after": "pretraining"}
    return None


def _profile(result: Mapping[str, Any]) -> dict[str, Any] | None:
    part = _table(_table(result.get("halves")).get("test")) or result
    scores = _table(_table(_table(part.get("readers")).get("served")).get("scores"))
    questions = _number(part.get("questions"))
    told = {name: _interval(scores.get(key)) for key, name in _TOLD.items()}
    if questions is None or not any(told.values()):
        return None
    return {"questions": int(questions), **told}


def _interval(value: Any) -> list[float] | None:
    if not isinstance(value, list) or len(value) < 3 or any(_number(part) is None for part in value[:3]):
        return None
    return [round(100 * float(part), 1) for part in value[:3]]


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
