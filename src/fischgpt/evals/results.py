"""What was measured of a model (RUN/evals.json), as tables."""

from typing import Any

from fischgpt.evals import profile_score, profile_table
from fischgpt.evals.page import Block, Table, Text


def eval_blocks(evals: dict[str, Any]) -> list[Block]:
    """Tables of what was measured (the content of RUN/evals.json)."""
    plain = {task: result for task, result in evals.items() if task != "profile"}
    rows = [(task, name, value) for task, result in plain.items() for name, value in eval_rows(task, result)]
    blocks: list[Block] = [Table(("", "measure", "value"), rows)] if rows else []
    if "profile" in evals:
        blocks += _profile_blocks(evals["profile"])
    return blocks or [Text("Nothing yet beyond the validation loss.")]


def _profile_blocks(result: dict[str, Any]) -> list[Block]:
    """The readers side by side, a table for each half: no model, the model alone, and the two as they are served."""
    parts = result.get("halves") or {"": result}  # a result of before there were halves
    blocks = [block for half, part in parts.items() for block in _profile_table(half, part)]
    if "halves" not in result or not any(not one["swapped"] for one in result["failures"]):
        return blocks
    about = (
        "What went wrong as served, and of each kind one to read, never of the test half. What was tried against it, "
        "and what these have in common: `docs/grounding.md` of FischGPT."
    )
    head = ("", *(f"{half} half" for half in result["halves"]), "asked", "told", "wanted")
    return [*blocks, Text(about), Table(head, profile_table.causes(result), prose=True)]


def _profile_table(half: str, result: dict[str, Any]) -> list[Block]:
    readers = result["readers"]
    names = {
        "quote": "best passage, no model",
        "model": "model alone, unchecked",
        "pointer": "passage the model points to",
        "served": "as served, checked",
    }

    def cell(values: list[float] | None) -> str:
        return "" if values is None else f"{100 * values[0]:.0f} % ({100 * values[1]:.0f} to {100 * values[2]:.0f})"

    rows = []
    for metric, title in profile_score.NAMES.items():
        cells = [reader["scores"].get(metric) for reader in readers.values()]
        if any(cells):
            rows.append((title, *map(cell, cells), profile_table.BARS.get(metric, "")))
    asked = f"{result['questions']} questions about {', '.join(result['sets'])}, none of whom it was trained on"
    title = f"Questions about profiles, {profile_table.HALVES[half]}" if half else "Questions about profiles"
    about = f"{title}: {asked}. In brackets 95 % intervals."
    return [Text(about), Table(("", *(names.get(name, name) for name in readers), "bar, %"), rows)]


def eval_rows(task: str, result: dict[str, Any]) -> list[tuple[str, str]]:
    """(measure, value) of one result, readable: accuracies in percent with their standard error, the rest as it is."""
    rows = []
    if task == "profile":
        return profile_table.rows(result)
    if task == "hellaswag":
        names = {
            "acc_norm_token": "mean per token (build-nanogpt's protocol)",
            "acc_norm": "per character (lm-evaluation-harness)",
            "acc": "sum (lm-evaluation-harness)",
        }
        for key, name in names.items():
            error = result[f"{key}_stderr"]
            rows.append((f"{key}: {name}", f"{100 * result[key]:.2f} % ± {100 * error:.2f}"))
        rows.append(("items", f"{result['items']:,} of {result['items_in_set']:,}; guessing gets 25 %"))
        if twice := result.get("scored_twice"):
            rows.append(("scored twice", f"{twice:,} questions, close calls: in bfloat16 first, decided in float32"))
        return rows
    for key, value in _leaves(result):
        if key in ("task", "model", "seconds"):
            continue
        if isinstance(value, float):
            shown = f"{value:.4f}"
        elif isinstance(value, int) and not isinstance(value, bool):
            shown = f"{value:,}"
        else:
            shown = str(value)
        rows.append((key.replace("_", " "), shown))
    return rows


def _leaves(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Scalars of nested tables as (path, value); lists (single items) are left to evals.json."""
    out: list[tuple[str, Any]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            out += _leaves(value, f"{name}: ")
        elif not isinstance(value, list):
            out.append((name, value))
    return out
