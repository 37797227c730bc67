"""A model's card: what it was trained on and for how long, how it was measured, what it cannot do, how to use it.

Everything in it comes from the run's own record. What the run does not know, the card says is not known.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

import tomli_w

from fischgpt.assistant.model import ModelInfo
from fischgpt.config import Recipe, without_none
from fischgpt.data import hub
from fischgpt.evals.condense import total_cost
from fischgpt.evals.curves import smooth, thin
from fischgpt.evals.page import Block, Heading, Table, Text, to_markdown
from fischgpt.evals.record import TITLES, PhaseRecord, RunRecord
from fischgpt.evals.report import public_recipe, public_source, source_facts, source_name
from fischgpt.evals.results import eval_blocks
from fischgpt.evals.words import duration, number
from fischgpt.publish.scores import scores
from fischgpt.publish.usage import usage

FREE = ("MIT", "public domain", "CC0")
"""Licences (or how they begin) that let the weights be given away under MIT."""
ROWS = 10
"""Of each phase's log in the card: enough to see the curve bend."""


@dataclass(frozen=True)
class Place:
    """Where a card will stand, and with what."""

    repo: str
    """`owner/name`"""
    which: str
    """Which of a run's weights these are: a sentence."""
    picture: str | None = None
    """The file with the curves."""
    gguf: str | None = None
    """Kind of the GGUF file, as `Q8_0`."""


def model_card(info: ModelInfo, record: RunRecord | None, place: Place | None = None) -> str:
    """The README.md of a model's repository, Hugging Face's metadata in front."""
    blocks: list[Block] = [Text(f"{_about(info, record)} {place.which if place else ''}".strip())]
    if record is not None:
        blocks += [Heading("Trained on"), Table(("phase", "source", "what it is", "licence"), _sources(record))]
        begun = [TITLES[phase.name] for phase in record.phases if phase.rows]
        blocks += [Heading("How"), Table(("", *begun), _training(record))]
        blocks += [Text(_machine(record)), *_curves(record, place.picture if place else None)]
        blocks += [Heading("Measured"), *_measured(record)]
    chats = record is None or bool(record.phase("sft").rows)
    blocks += [Heading("Limits"), Text(_limits(info, chats))]
    parts = [_metadata(info, record), to_markdown(info.name, blocks)]
    parts.append(usage(place.repo, place.gguf, chats) if place else usage(None, None, chats))
    return "\n".join([*parts, _recipes(record)] if record is not None else parts)


def is_free(record: RunRecord) -> bool:
    """Whether every source is one whose licence lets the weights be given away under MIT."""
    licences = [source_facts(spec)[1] for phase in record.phases if phase.rows for spec in phase.recipe.data.sources]
    return bool(licences) and all(licence.startswith(FREE) for licence in licences)


def _metadata(info: ModelInfo, record: RunRecord | None) -> str:
    head: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation", "language": "en"}
    head["license"] = "mit" if record is not None and is_free(record) else "other"
    head["tags"] = ["gpt2", "fischgpt"]
    if record is not None:
        sets = [hub.parse_name(name)[0] for name in _names(record) if hub.is_hub(name)]
        results = [one.as_dict() for one in scores(info, record)]
        head |= {"datasets": list(dict.fromkeys(sets))} if sets else {}
        head |= {"model-index": [{"name": info.name, "results": results}]} if results else {}
    # Each value as JSON, which is YAML too: no name of anybody's can break out of it.
    lines = [f"{key}: {value if isinstance(value, str) else json.dumps(value)}" for key, value in head.items()]
    return "\n".join(["---", *lines, "---", ""])


def _names(record: RunRecord) -> list[str]:
    """Of all sources, without their limits."""
    specs = [spec for phase in record.phases if phase.rows for spec in phase.recipe.data.sources]
    return [source_name(spec) for spec in specs]


def _about(info: ModelInfo, record: RunRecord | None) -> str:
    c = info.config
    shape = (
        f"A GPT-2 of {number(info.n_params)} parameters ({c.n_layer} layers, {c.n_head} heads, {c.n_embd} wide, "
        f"context {c.block_size} tokens, vocabulary {c.vocab_size}), trained from scratch with FischGPT."
    )
    if record is None:
        return f"{shape} How it was trained is not recorded with it."
    tuned = record.phase("sft").rows
    chats = " and then taught to chat and to answer from passages it is given" if tuned else ""
    return f"{shape} It was pretrained on text{chats}."


def _sources(record: RunRecord) -> list[tuple[str, ...]]:
    return [
        (TITLES[phase.name], public_source(spec), *source_facts(spec))
        for phase in record.phases
        if phase.rows
        for spec in phase.recipe.data.sources
    ]


def _training(record: RunRecord) -> list[tuple[str, ...]]:
    def row(label: str, value) -> tuple[str, ...]:
        return (label, *(value(phase) for phase in record.phases if phase.rows))

    def rate(recipe: Recipe) -> str:
        return f"{recipe.optim.lr:g}, {recipe.optim.schedule}, {recipe.optim.warmup_steps} steps of warm-up"

    def end_loss(phase: PhaseRecord) -> str:
        last = phase.last("val_loss")
        return "" if last is None else f"{last:.4f}"

    return [
        row("steps", lambda p: f"{p.steps:,}"),
        row("tokens", lambda p: number(p.last("tokens") or 0)),
        row("tokens a step", lambda p: f"{p.recipe.train.tokens_per_step:,}"),
        row("learning rate", lambda p: rate(p.recipe)),
        row("validation loss (nats per token)", end_loss),
        row("time", lambda p: duration(p.last("seconds")) or ""),
    ]


def _machine(record: RunRecord) -> str:
    if not record.environment:
        return "The run did not record its machine."
    cost = total_cost(record)
    priced = "" if cost is None else f" Cost of that time: ${cost.usd:,.2f}, at ${cost.usd_per_hour:.2f} an hour each."
    facts = (f"{key.replace('_', ' ')} {value}" for key, value in record.environment.items())
    return f"On: {', '.join(facts)}.{priced}"


def _curves(record: RunRecord, picture: str | None) -> list[Block]:
    """A few rows of each phase's log, and the curves where they are drawn."""
    rows = []
    for phase in record.phases:
        training, tokens = dict(smooth(phase.curve("loss"))), dict(phase.curve("tokens"))
        for row in thin([row for row in phase.rows if "val_loss" in row], ROWS):
            step, scored = row["step"], row.get("hellaswag_acc_norm_token")
            cells = (
                number(tokens[step]) if step in tokens else "",
                f"{training[step]:.4f}" if step in training else "",
            )
            share = "" if scored is None else f"{100 * scored:.2f} %"
            rows.append((TITLES[phase.name], f"{step:,}", *cells, f"{row['val_loss']:.4f}", share))
    if not rows:
        return []
    shown = [] if picture is None else [Text(f"![The loss of each step, smoothed, and on held-out text]({picture})")]
    head = ("phase", "step", "tokens", "training loss, smoothed", "validation loss", "HellaSwag")
    return [Heading("Curves"), *shown, Table(head, rows)]


def _measured(record: RunRecord) -> list[Block]:
    """What was measured of these very weights: while the run went on, and since."""
    phase = [phase for phase in record.phases if phase.rows][-1:]
    row = phase[0].rows[-1] if phase else {}
    said = []
    if "val_loss" in row:
        said.append(f"validation loss {row['val_loss']:.4f} nats per token on held-out text")
    if "hellaswag_acc_norm_token" in row:
        share, error = 100 * row["hellaswag_acc_norm_token"], 100 * row.get("hellaswag_acc_norm_token_stderr", 0)
        said.append(f"HellaSwag {share:.2f} % ± {error:.2f} (acc_norm_token, {row['hellaswag_items']:,} items)")
    own: list[Block] = [Text(f"At step {row['step']:,}, while it was trained: {'; '.join(said)}.")] if said else []
    return own if own and not record.evals else [*own, *eval_blocks(record.evals)]


def _recipes(record: RunRecord) -> str:
    """The resolved recipes, folded away, without the paths of whoever trained it."""
    parts = ["## Recipe"]
    for phase in record.phases:
        if not phase.rows:
            continue
        toml = tomli_w.dumps(without_none(asdict(public_recipe(phase.recipe)))).replace("```", "")
        again = f"`fischgpt {phase.name} recipe.toml` does it again where the sources are to be had."
        head = f"<details><summary>{TITLES[phase.name]}, every setting</summary>"
        parts.append(f"{head}\n\n{again}\n\n```toml\n{toml}```\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _limits(info: ModelInfo, chats: bool) -> str:
    if not chats:
        return (
            "It continues text, and was not taught to answer, to chat or to follow instructions. It is a small model: "
            "what it says is fluent at best and often untrue, and it repeats what stands in its training text, bias "
            f"included. It knows English alone. It reads {info.config.block_size} tokens at most, its own included."
        )
    return (
        "It is a small model: it knows next to nothing of the world, and what it says without passages to copy from "
        "is fluent at best. Text in its passages can mislead it. Show its answers only with a check that they stand in "
        "their sources, as `fischgpt up` does. It was not trained to refuse, to keep secrets, or in any language but "
        f"English. It reads {info.config.block_size} tokens at most, its answer included."
    )
