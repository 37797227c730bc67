"""The report card of a run: one HTML page that needs nothing else, and the same facts as Markdown.

Both come from one list of blocks, so they cannot disagree. A run that still goes on or has crashed gets its report too.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fischgpt.data.hub import ALIASES
from fischgpt.data.packages import PACKAGES
from fischgpt.data.sources import parse
from fischgpt.errors import UserError
from fischgpt.evals import profile_score
from fischgpt.evals.curves import Series, chart, number, smooth
from fischgpt.evals.page import Block, Commands, Figure, Heading, Table, Text, to_html, to_markdown
from fischgpt.evals.record import PhaseRecord, RunRecord, read_run

TITLES = {"pretrain": "Pretraining", "sft": "Fine-tuning"}
SAMPLES_SHOWN = 6
"""Moments of the training whose samples stand side by side: first, last, and evenly between."""


def write_report(run: Path) -> Path:
    """Write RUN/report.html and RUN/report.md, return the page's path. Raises UserError if RUN is no run."""
    record = read_run(Path(run))
    title = f"{record.path.resolve().name}: report card"
    blocks = report_blocks(record)
    page = record.path / "report.html"
    (record.path / "report.md").write_text(to_markdown(title, blocks), encoding="utf-8")
    page.write_text(to_html(title, blocks), encoding="utf-8")
    return page


def report_blocks(record: RunRecord) -> list[Block]:
    """Everything the report says, in order."""
    return [
        Text(_summary(record)),
        Heading("Figures"),
        *_figures(record),
        *(block for phase in record.phases for block in _curves(phase)),
        *(block for phase in record.phases for block in _samples(phase)),
        Heading("Measured"),
        *eval_blocks(record.evals),
        Heading("Trained on"),
        *_data(record),
        Heading("Where and how long"),
        *_environment(record),
        Heading("What to do next"),
        Commands(next_steps(record)),
    ]


def _summary(record: RunRecord) -> str:
    model = record.recipe.model
    said = []
    for phase in record.phases:
        planned, title = phase.recipe.train.steps, TITLES[phase.name]
        said.append(
            {
                "done": f"{title} is done ({phase.steps:,} steps).",
                "running": f"{title} is going on: step {phase.steps:,} of {planned:,}.",
                "stopped": f"{title} stopped at step {phase.steps:,} of {planned:,}.",
                "not started": f"{title} has not started.",
            }[phase.state]
        )
        if phase.torn:
            said.append(f"{phase.torn} line(s) of {phase.name}/metrics.jsonl could not be read and are left out.")
    shape = f"{model.n_layer} layers, {model.n_head} heads, {model.n_embd} wide, context {model.block_size}"
    return f"A GPT-2 with {number(n_params(record))} parameters ({shape}). {' '.join(said)}"


def n_params(record: RunRecord) -> int:
    """Parameters of the run's model; the tied head counts once. 12 n_embd^2 + 13 n_embd a layer, as GPT-2 has them."""
    m = record.recipe.model
    block = 12 * m.n_embd**2 + 13 * m.n_embd
    return (m.vocab_size + m.block_size) * m.n_embd + m.n_layer * block + 2 * m.n_embd


def _figures(record: RunRecord) -> list[Block]:
    rows = []

    def row(label: str, value: Callable[[PhaseRecord], str | None]) -> None:
        values = [value(phase) or "" for phase in record.phases]
        if any(values):
            rows.append((label, *values))

    row("State", lambda p: p.state)
    row("Steps", lambda p: f"{p.steps:,} of {p.recipe.train.steps:,}" if p.rows else None)
    row("Tokens", lambda p: _maybe(p.last("tokens")))
    row("Training loss, smoothed, at the end", lambda p: _maybe(_smoothed_end(p)))
    row("Lowest validation loss", lambda p: f"{p.best_val[1]:.4f} at step {p.best_val[0]:,}" if p.best_val else None)
    row("Last validation loss", lambda p: _maybe(p.last("val_loss")))
    row("Tokens per second, median", lambda p: _maybe(median([y for _, y in p.curve("tokens_per_second")])))
    row("Time", lambda p: duration(p.last("seconds")))
    return [Table(("", *(TITLES[phase.name] for phase in record.phases)), rows)]


def _curves(phase: PhaseRecord) -> list[Block]:
    if not phase.rows:
        return []
    loss, title = phase.curve("loss"), TITLES[phase.name]
    lines = [
        Series("each step", loss, 0),
        Series("training, smoothed", smooth(loss), 1),
        Series("validation", phase.curve("val_loss"), 2, dots=True),
    ]
    speed = phase.curve("tokens_per_second")
    return [
        Heading(f"{title}: curves"),
        Figure(chart("Loss (nats per token)", lines)),
        Figure(chart("Learning rate", [Series("rate", phase.curve("lr"), 3)], half=True)),
        Figure(chart("Speed (tokens per second)", [Series("tokens/s", speed, 1)], half=True)),
    ]


def _samples(phase: PhaseRecord) -> list[Block]:
    """A column a prompt, a row a moment: read down a column to see it learn."""
    moments = phase.samples
    if not moments:
        return []
    if len(moments) > SAMPLES_SHOWN:
        last = len(moments) - 1
        moments = [moments[round(i * last / (SAMPLES_SHOWN - 1))] for i in range(SAMPLES_SHOWN)]
    prompts = list(dict.fromkeys(prompt for _, pairs in moments for prompt, _ in pairs))
    rows = [(f"{step:,}", *(dict(pairs).get(prompt, "") for prompt in prompts)) for step, pairs in moments]
    return [Heading(f"{TITLES[phase.name]}: what it writes"), Table(("step", *prompts), rows, prose=True)]


def eval_blocks(evals: dict[str, Any]) -> list[Block]:
    """Tables of what was measured (the content of RUN/evals.json)."""
    plain = {task: result for task, result in evals.items() if task != "profile"}
    rows = [(task, name, value) for task, result in plain.items() for name, value in eval_rows(task, result)]
    blocks: list[Block] = [Table(("", "measure", "value"), rows)] if rows else []
    if "profile" in evals:
        blocks += _profile_blocks(evals["profile"])
    return blocks or [Text("Nothing yet beyond the validation loss.")]


def _profile_blocks(result: dict[str, Any]) -> list[Block]:
    """The three readers side by side: no model, the model alone, and the two as they are served."""
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
            rows.append((title, *map(cell, cells)))
    asked = f"{result['questions']} questions about {', '.join(result['sets'])}, none of whom it was trained on"
    about = f"Questions about profiles: {asked}. In brackets 95 % intervals."
    return [Text(about), Table(("", *(names.get(name, name) for name in readers)), rows)]


def eval_rows(task: str, result: dict[str, Any]) -> list[tuple[str, str]]:
    """(measure, value) of one result, readable: accuracies in percent with their standard error, the rest as it is."""
    rows = []
    if task == "profile":
        return profile_score.rows(result)
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


def _data(record: RunRecord) -> list[Block]:
    rows = [
        (TITLES[phase.name], spec, *source_facts(spec)) for phase in record.phases for spec in phase.recipe.data.sources
    ]
    return [Table(("", "source", "what it is", "licence"), rows)] if rows else [Text("The recipe names no source.")]


def source_facts(spec: str) -> tuple[str, str]:
    """(what it is, licence) of an entry of `data.sources`; a path that is gone since is still described."""
    try:
        name = parse(spec).name
    except UserError:
        name = spec
    if name in PACKAGES:
        package = PACKAGES[name]
        return f"{package.good_for} ({package.kind} {package.project} {package.version})", package.licence
    if name in ALIASES:
        return f"{ALIASES[name].good_for} ({ALIASES[name].spec})", ALIASES[name].licence
    if name == "grounded":
        return "made-up people, their resumes, and questions about them, written by this package", "MIT"
    return "your own files", "yours to know"


def _environment(record: RunRecord) -> list[Block]:
    rows = [(key.replace("_", " "), str(value)) for key, value in record.environment.items()]
    rows += [(f"stage {stage['stage']}", duration(stage["seconds"]) or "") for stage in record.stages]
    if not rows:
        return [Text("The run did not record its machine.")]
    return [Table(("", ""), rows)]


def next_steps(record: RunRecord) -> list[tuple[str, str]]:
    """(command, why) by what the run shows."""
    run = record.path
    steps = []
    for phase in record.phases:
        name = TITLES[phase.name].lower()
        if phase.state == "running":
            return [(f"fischgpt report {run}", f"{name} is still going on; write this page again later")]
        if phase.state == "stopped":
            why = f"{name} stopped at step {phase.steps:,}; this continues it"
            return [(f"fischgpt {phase.name} {run / phase.name / 'recipe.toml'}", why)]
        if phase.state == "not started":
            steps.append((f"fischgpt {phase.name} RECIPE run={run}", f"{name} comes next; RECIPE is the run's own"))
            break
    for task in ("loss", "hellaswag", "profile"):
        if task not in record.evals:
            steps.append((f"fischgpt eval {run} --task {task}", "not measured yet"))
    verdict = diagnosis(record.phases[0])
    if verdict:
        steps.append((f"fischgpt pretrain {run / 'pretrain' / 'recipe.toml'} run={run}-next {verdict[0]}", verdict[1]))
    steps.append((f"fischgpt up --model {run}", "chat with it"))
    return steps


def diagnosis(phase: PhaseRecord) -> tuple[str, str] | None:
    """(override, why) of what the validation curve asks for: fewer steps when it rises, more when it still falls."""
    curve = [loss for _, loss in phase.curve("val_loss")]
    if len(curve) < 4:
        return None
    lowest = min(curve)
    if curve[-1] > lowest * 1.01:
        return f"train.steps={phase.best_val[0] if phase.best_val else phase.steps}", (
            f"validation loss rose from {lowest:.3f} to {curve[-1]:.3f} at the end: it learns the text by heart; "
            "stop earlier, or add sources"
        )
    before = curve[-1 - max(1, len(curve) // 4)]
    if before - curve[-1] > 0.01 * before:
        return f"train.steps={2 * phase.recipe.train.steps}", (
            f"validation loss still fell from {before:.3f} to {curve[-1]:.3f} over the last quarter: train longer"
        )
    return None


# --- figures as text -------------------------------------------------------------------------------------------------


def median(values: Sequence[float]) -> float | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


def duration(seconds: float | None) -> str | None:
    """1 h 02 min, 3 min 05 s, 4.2 s."""
    if seconds is None:
        return None
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _maybe(value: float | None) -> str | None:
    return None if value is None else number(value)


def _smoothed_end(phase: PhaseRecord) -> float | None:
    curve = smooth(phase.curve("loss"))
    return curve[-1][1] if curve else None
