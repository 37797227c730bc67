"""The report card of a run: one HTML page that needs nothing else, and the same facts as Markdown.

Both come from one list of blocks, so they cannot disagree. A run that still goes on or has crashed gets its report too.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fischgpt.config import Recipe
from fischgpt.data.hub import ALIASES
from fischgpt.data.packages import PACKAGES
from fischgpt.data.sources import parse
from fischgpt.errors import UserError
from fischgpt.evals.advice import next_steps
from fischgpt.evals.costs import cost_of
from fischgpt.evals.curve_blocks import curves
from fischgpt.evals.curves import smooth
from fischgpt.evals.page import Block, Commands, Heading, Table, Text, to_html, to_markdown
from fischgpt.evals.record import TITLES, PhaseRecord, RunRecord, n_params, read_run
from fischgpt.evals.results import eval_blocks
from fischgpt.evals.words import duration, median, number
from fischgpt.train.checkpoint import best_path

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
        *_best(record),
        *(block for phase in record.phases for block in curves(TITLES[phase.name], phase)),
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
    row("Last bits per byte", lambda p: _maybe(p.last("bits_per_byte")))
    row("Tokens per second, median", lambda p: _maybe(median([y for _, y in p.curve("tokens_per_second")])))
    row("MFU, median", lambda p: _percent(median([y for _, y in p.curve("mfu")])))
    row("Time training", lambda p: duration(p.last("seconds")))
    row("Cost of that time", lambda p: _cost(record, p))
    return [Table(("", *(TITLES[phase.name] for phase in record.phases)), rows)]


def _cost(record: RunRecord, phase: PhaseRecord) -> str | None:
    cost = cost_of(record.environment, phase.last("seconds"))
    if cost is None:
        return None
    return f"${cost.usd:,.2f} ({cost.devices} x {cost.device} at ${cost.usd_per_hour:.2f} an hour)"


def _best(record: RunRecord) -> list[Block]:
    """The weights that were kept as the best so far, and where."""
    rows = []
    for phase in record.phases:
        for name, (step, value) in phase.best.items():
            kept = best_path(record.path / phase.name / "checkpoints", name)
            shown = f"{100 * value:.2f} %" if name == "hellaswag" else f"{value:.4f}"
            rows.append((TITLES[phase.name], name, f"{step:,}", shown, str(kept) if kept else "not kept"))
    if not rows:
        return []
    return [Heading("Best checkpoints"), Table(("", "by", "step", "value", "weights"), rows)]


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


def _data(record: RunRecord) -> list[Block]:
    # A phase that has not begun has learned from nothing; only where none has, what the recipe plans is shown.
    phases = [phase for phase in record.phases if phase.state != "not started"] or record.phases
    rows = [(TITLES[phase.name], spec, *source_facts(spec)) for phase in phases for spec in phase.recipe.data.sources]
    return [Table(("", "source", "what it is", "licence"), rows)] if rows else [Text("The recipe names no source.")]


OWN_FILES = "your own files"


def source_facts(spec: str) -> tuple[str, str]:
    """(what it is, licence) of an entry of `data.sources`; a path that is gone since is still described."""
    name = source_name(spec)
    if name in PACKAGES:
        package = PACKAGES[name]
        return f"{package.good_for} ({package.kind} {package.project} {package.version})", package.licence
    if name in ALIASES:
        return f"{ALIASES[name].good_for} ({ALIASES[name].spec})", ALIASES[name].licence
    if name == "grounded":
        return "made-up people, their resumes, and questions about them, written by this package", "MIT"
    return OWN_FILES, "yours to know"


def public_source(spec: str) -> str:
    """An entry of `data.sources` as others may see it: where somebody's files lie is nobody's business, so of a path
    the last part alone."""
    if source_facts(spec)[0] != OWN_FILES:
        return spec
    return Path(spec).name.strip(".") or "own files"


def public_recipe(recipe: Recipe) -> Recipe:
    """The recipe as others may see it: of every path the last part alone."""
    data = replace(recipe.data, sources=[public_source(spec) for spec in recipe.data.sources], folder=None)
    init = None if recipe.train.init is None else Path(recipe.train.init).name
    return replace(recipe, run=Path(recipe.run).name, data=data, train=replace(recipe.train, init=init))


def source_name(spec: str) -> str:
    """The entry without its limit and repetitions."""
    try:
        return parse(spec).name
    except UserError:
        return spec


def _environment(record: RunRecord) -> list[Block]:
    rows = [(key.replace("_", " "), str(value)) for key, value in record.environment.items()]
    rows += [(f"stage {stage['stage']}", duration(stage["seconds"]) or "") for stage in record.stages]
    if not rows:
        return [Text("The run did not record its machine.")]
    return [Table(("", ""), rows)]


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{100 * share:.1f} %"


def _maybe(value: float | None) -> str | None:
    return None if value is None else number(value)


def _smoothed_end(phase: PhaseRecord) -> float | None:
    curve = smooth(phase.curve("loss"))
    return curve[-1][1] if curve else None
