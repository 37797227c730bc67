"""A plan as a person reads it."""

from dataclasses import fields

from fischgpt.plan.kinds import Option, Plan

GB = 1e9
_PARTS = {
    "weights": "weights, fp32",
    "gradients": "gradients, fp32",
    "optimizer": "optimizer state",
    "low_precision": "bf16 copies of the matrices",
    "activations": "activations",
    "backward": "one layer on its way back",
    "head": "loss and output head",
    "overhead": "CUDA, libraries, fragments",
}


def format_plan(plan: Plan) -> str:
    """The recipe, then a table of all options, or one option in full."""
    lines = [
        f"{plan.recipe}: {plan.parameters / 1e6:.1f}M parameters, {plan.flops_per_token / 1e6:,.0f} MFLOP per token "
        f"in rows of {plan.row_tokens:,}",
    ]
    for cost in plan.options[0].phases if plan.options else []:
        lines.append(f"{cost.phase}: {cost.steps:,} steps, {count(cost.tokens)} tokens")
    if plan.corpus_tokens:
        epochs = plan.options[0].phases[0].tokens / plan.corpus_tokens if plan.options else 0
        lines.append(f"corpus: {count(plan.corpus_tokens)} tokens, read {epochs:.1f} times")
    else:
        lines.append("corpus: size not known before `fischgpt data`")
    disk = ", ".join(f"{what} {size / GB:,.1f}" for what, size in plan.disk.items())
    lines.append(f"disk, GB: {disk}; in all {sum(plan.disk.values()) / GB:,.0f}")
    lines.append("")
    lines += _one(plan.options[0]) if len(plan.options) == 1 else _table(plan.options)
    notes = [*plan.warnings]
    for option in plan.options:
        mark = "" if len(plan.options) == 1 else f"{option.count} x {option.device}: "
        notes += [f"{mark}{warning}" for warning in option.warnings]
    if notes:
        lines += ["", "mind:", *(f"  - {note}" for note in _together(notes))]
    return "\n".join(lines)


def _table(options: list[Option]) -> list[str]:
    rows = [("", "tokens/s", "MFU", "rows fit", "pretrain", "sft", "stops", "hours", "USD", "figure")]
    for option in options:
        first, rest = option.phases[0], option.phases[1:]
        rows.append(
            (
                f"{option.count} x {option.device}",
                count(option.tokens_per_second),
                f"{100 * option.mfu:.0f} %",
                str(option.largest_micro_batch),
                f"{first.training / 3600:,.1f}",
                f"{sum(cost.seconds for cost in rest) / 3600:,.1f}" if rest else "-",
                f"{(first.stops + first.start) / 3600:,.1f}",
                f"{option.hours:,.1f}",
                "-" if option.usd is None else f"{option.usd:,.2f}",
                option.seen,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:-1], widths[1:-1], strict=True)), row[-1]]
        lines.append("  ".join(cells).rstrip())
    sources = {option.device: f"  {option.device}: {option.source}; {option.price_source}" for option in options}
    return [*lines, "", "hours are of pretraining and fine-tuning, with evaluation stops; from:", *sources.values()]


def _one(option: Option) -> list[str]:
    memory = option.memory
    lines = [
        f"{option.count} x {option.device}: {count(option.tokens_per_second)} tokens/s, MFU {100 * option.mfu:.0f} %, "
        f"{option.seen}: {option.source}",
        "",
        f"memory of one, GB, with {option.micro_batch} rows at once ({option.largest_micro_batch} fit):",
    ]
    for field in fields(memory):
        lines.append(f"  {_PARTS[field.name]:<28} {getattr(memory, field.name) / GB:6.2f}")
    lines.append(f"  {'in all':<28} {memory.total / GB:6.2f} of {option.memory_bytes / GB:.0f}")
    lines += ["", f"hours{'':<13}" + "".join(f"{cost.phase:>10}" for cost in option.phases)]
    for part in ("training", "validation", "hellaswag", "samples", "checkpoints", "start", "seconds"):
        name = "in all" if part == "seconds" else part
        lines.append(f"  {name:<16}" + "".join(f"{getattr(cost, part) / 3600:10.2f}" for cost in option.phases))
    if option.usd is None or option.usd_per_hour is None:
        lines += ["", f"{option.hours:.1f} hours; {option.price_source}"]
    else:
        lines += [
            "",
            f"{option.hours:.1f} hours x ${option.usd_per_hour:.2f} = ${option.usd:,.2f} ({option.price_source})",
        ]
    return lines


def count(number: float) -> str:
    """41.9B, 524k, 820."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.3g}"


def _together(notes: list[str]) -> list[str]:
    """What is said of several options, once, with all their names."""
    said: dict[str, list[str]] = {}
    for note in notes:
        name, colon, text = note.partition(": ")
        is_option = colon and " x " in name
        said.setdefault(text if is_option else note, []).append(name if is_option else "")
    return [f"{', '.join(names)}: {text}" if names[0] else text for text, names in said.items()]
