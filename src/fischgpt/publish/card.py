"""A model's card: what it was trained on and for how long, how it was measured, what it cannot do, how to use it.

Everything in it comes from the run's own record. What the run does not know, the card says is not known.
"""

import json

from fischgpt.assistant.model import ModelInfo
from fischgpt.config import Recipe
from fischgpt.evals.page import Heading, Table, Text, to_markdown
from fischgpt.evals.record import TITLES, PhaseRecord, RunRecord
from fischgpt.evals.report import public_source, source_facts
from fischgpt.evals.results import eval_blocks
from fischgpt.evals.words import duration, number

FREE = ("MIT", "public domain", "CC0")
"""Licences (or how they begin) that let the weights be given away under MIT."""


def model_card(info: ModelInfo, record: RunRecord | None) -> str:
    """The README.md of a model's repository, Hugging Face's metadata in front."""
    blocks = [Text(_about(info, record))]
    if record is not None:
        blocks += [Heading("Trained on"), Table(("phase", "source", "what it is", "licence"), _sources(record))]
        blocks += [Heading("How"), Table(("", *(TITLES[p.name] for p in record.phases)), _training(record))]
        blocks += [Text(_machine(record))]
        blocks += [Heading("Measured"), *eval_blocks(record.evals)]
    blocks += [Heading("Limits"), Text(_limits(info))]
    return "\n".join([_metadata(info, record), to_markdown(info.name, blocks), USAGE])


def is_free(record: RunRecord) -> bool:
    """Whether every source is one whose licence lets the weights be given away under MIT."""
    licences = [source_facts(spec)[1] for phase in record.phases if phase.rows for spec in phase.recipe.data.sources]
    return bool(licences) and all(licence.startswith(FREE) for licence in licences)


def _metadata(info: ModelInfo, record: RunRecord | None) -> str:
    lines = ["---", "library_name: transformers", "pipeline_tag: text-generation", "language: en"]
    lines.append("license: mit" if record is not None and is_free(record) else "license: other")
    lines.append("tags: [gpt2, fischgpt]")
    results = (record.evals.get("hellaswag") if record is not None else None) or None
    if results is not None:
        lines += ["model-index:", f"- name: {json.dumps(info.name)}", "  results:"]
        lines += [
            "  - task: {type: text-generation}",
            "    dataset: {name: HellaSwag, type: hellaswag, split: validation}",
        ]
        lines += ["    metrics:"]
        for key in ("acc_norm_token", "acc_norm"):
            lines.append(
                f"    - {{type: {key}, value: {100 * results[key]:.2f}, name: {key} on {results['items']} items}}"
            )
    return "\n".join([*lines, "---", ""])


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
        return (label, *(value(phase) if phase.rows else "" for phase in record.phases))

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
    return "On: " + ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in record.environment.items()) + "."


def _limits(info: ModelInfo) -> str:
    return (
        "It is a small model: it knows next to nothing of the world, and what it says without passages to copy from "
        "is fluent at best. Text in its passages can mislead it. Show its answers only with a check that they stand in "
        "their sources, as `fischgpt up` does. It was not trained to refuse, to keep secrets, or in any language but "
        f"English. It reads {info.config.block_size} tokens at most, its answer included."
    )


USAGE = """## Use it

With FischGPT, the whole site on your own resume:

```sh
fischgpt up --model PATH --profile resume.pdf
```

With transformers:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("PATH")
model = AutoModelForCausalLM.from_pretrained("PATH")
turns = [
    {"role": "system", "content": "[1] Work, Acme, Engineer (2019-2021): Built the billing system."},
    {"role": "user", "content": "What was built at Acme?"},
]
ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=False)
reply = model.generate(ids, max_new_tokens=48)[0, ids.shape[1] :]
print(tokenizer.decode(reply, skip_special_tokens=True))
```

PATH is this folder. Roles are control tokens of their own; encode text that a stranger typed with special tokens off.
"""
