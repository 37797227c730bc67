"""The curves of one phase of a run, and what went wrong on the way."""

from fischgpt.evals.curves import Series, chart, smooth
from fischgpt.evals.page import Block, Figure, Heading, Table, Text
from fischgpt.evals.record import PhaseRecord
from fischgpt.evals.reference import GPT2_VAL_LOSS, HELLASWAG, VAL_LOSS, is_gpt2_small

SHOWN = 20
"""Troubles listed, the last ones."""


def curves(title: str, phase: PhaseRecord) -> list[Block]:
    """Loss, HellaSwag, rate, speed, gradient; and beside the figures of others where the shape is theirs."""
    if not phase.rows:
        return []
    figures = [_loss(phase), *_hellaswag(phase)]
    if phase.name == "pretrain" and is_gpt2_small(phase.recipe.model):
        figures.append(_beside_others(phase))
    small = [
        ("Learning rate", Series("rate", phase.curve("lr"), 3)),
        ("Speed (tokens per second)", Series("tokens/s", phase.curve("tokens_per_second"), 1)),
        ("MFU (% of the processor's peak)", Series("MFU", [(step, 100 * y) for step, y in phase.curve("mfu")], 2)),
        ("Size of the gradient, before clipping", Series("norm", phase.curve("grad_norm"), 1)),
    ]
    figures += [chart(name, [line], half=True) for name, line in small if line.points]
    return [Heading(f"{title}: curves"), *map(Figure, figures), *_troubles(phase)]


def _loss(phase: PhaseRecord) -> str:
    title, lines = loss_lines(phase)
    return chart(title, lines, marks=[(event["step"], _said(event)) for event in phase.troubles])


def loss_lines(phase: PhaseRecord) -> tuple[str, list[Series]]:
    """Title and lines of the chart of losses."""
    loss, title = phase.curve("loss"), "Loss (nats per token)"
    first = phase.steps // 50 if phase.steps >= 200 else 0
    if first:  # the fall from ln(vocabulary) would take most of the height
        title += f" from step {first:,} on"
    loss, val = ([point for point in line if point[0] >= first] for line in (loss, phase.curve("val_loss")))
    return title, [
        Series("each step", loss, 0),
        Series("training, smoothed", smooth(loss), 1),
        Series("validation", val, 2, dots=True),
    ]


def _hellaswag(phase: PhaseRecord) -> list[str]:
    names = {"per token": "acc_norm_token", "per character (lm-evaluation-harness)": "acc_norm"}
    lines = [
        Series(name, [(step, 100 * y) for step, y in phase.curve(f"hellaswag_{key}")], colour, dots=True)
        for colour, (name, key) in enumerate(names.items(), 1)
    ]
    if not lines[0].points:
        return []
    items, error = phase.last("hellaswag_items") or 0, phase.last("hellaswag_acc_norm_token_stderr") or 0
    title = f"HellaSwag (% right of {items:,.0f} items, one standard error {100 * error:.2f})"
    return [chart(title, lines, levels=HELLASWAG)]


def _beside_others(phase: PhaseRecord) -> str:
    tokens = dict(phase.curve("tokens"))
    own = [(tokens[step], loss) for step, loss in phase.curve("val_loss") if step in tokens]
    own = [point for point in own if point[1] < 4] or own  # the figures of others are about 3
    others = [Series(whose, [(seen, loss)], 3, dots=True, label=whose) for seen, loss, whose in VAL_LOSS]
    lines = [Series("validation, this run", own, 2, dots=True), *others]
    title = "Validation loss by training tokens, beside others of this shape"
    return chart(title, lines, x_label="tokens", levels=[GPT2_VAL_LOSS], log_x=True)


def _troubles(phase: PhaseRecord) -> list[Block]:
    """Skipped batches and rollbacks, which the loss curve marks."""
    found = phase.troubles
    if not found:
        return []
    skipped = sum(event["event"] == "skipped" for event in found)
    said = f"{skipped} batch(es) skipped, {len(found) - skipped} return(s) to an earlier checkpoint."
    if len(found) > SHOWN:
        said += f" The last {SHOWN}:"
    return [Text(said), Table(("step", "what happened"), [(f"{e['step']:,}", _said(e)) for e in found[-SHOWN:]])]


def _said(event: dict) -> str:
    if event["event"] == "rollback":
        return f"went back to step {event.get('to')}, past {event.get('batches', 'the')} batches"
    return f"skipped ({event.get('position', 'position not kept')}): {event.get('reason', 'no reason kept')}"
