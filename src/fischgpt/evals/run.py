"""`fischgpt eval MODEL --task ...`: resolve the model, measure it, say the result in a few lines.

What is measured on the built-in sets of a run's last weights is kept in RUN/evals.json, for the report and the model
card; what is measured of its other checkpoints is said and not kept.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fischgpt.assistant.model import TextModel, describe_model, load_model
from fischgpt.config import Recipe, load_recipe
from fischgpt.data.files import write_json
from fischgpt.data.prepare import data_folder
from fischgpt.errors import UserError
from fischgpt.evals import profile_table
from fischgpt.evals.hellaswag import HellaSwag, load_items
from fischgpt.evals.record import find_run, is_last, read_json
from fischgpt.evals.results import eval_rows
from fischgpt.train.watch import Benchmark

if TYPE_CHECKING:  # the search brings Chroma along, which measuring a loss does not need
    from fischgpt.evals.profile import Options

Task = Literal["loss", "hellaswag", "profile"]


def evaluate(
    model: str | Path,
    task: Task,
    data: Path | None = None,
    limit: int | None = None,
    profile: "Options | None" = None,
    failures: Path | None = None,
) -> dict[str, Any]:
    """Measure `model` (any MODEL spec) on `task`; `limit` counts items, or tokens for the loss.

    profile: whom to ask what, for profile questions; failures: where to write what they got wrong, as Markdown.
    Raises UserError for a model or data that cannot be read.
    """
    if data is not None and not data.exists():
        raise UserError(f"no such file or folder: {data}")
    if task != "profile" and (profile or failures):
        raise UserError("--reader, --half, --swapped, --once and --failures are for --task profile")
    if failures is not None and not failures.parent.is_dir():
        raise UserError(f"no such folder: {failures.parent}")
    info = describe_model(model)
    run = find_run(info.folder)
    result = _measure(load_model(info), task, data, limit, run, profile)
    if run is not None and data is None and profile is None and is_last(info.folder, run):
        _keep(run, task, result)
    if failures is not None:
        failures.write_text(profile_table.failures(result), encoding="utf-8")
    return result


def profile_options(
    readers: Sequence[str], half: Literal["dev", "test"] | None, swapped: bool, once: bool = False
) -> "Options | None":
    """What the command line asks of profile questions; None if nothing was said. Raises UserError for no reader."""
    if not (readers or half or swapped or once):
        return None
    from fischgpt.evals.profile import Options
    from fischgpt.evals.profile_readers import READERS

    if unknown := set(readers) - set(READERS):
        raise UserError(f"no reader {', '.join(sorted(unknown))}: choose among {', '.join(READERS)}")
    chosen = tuple(reader for reader in READERS if reader in readers)
    return Options(chosen or Options.readers, half, swapped, once)


def format_result(task: Task, result: dict[str, Any]) -> str:
    """The result as aligned lines."""
    rows = eval_rows(task, result)
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _measure(
    model: TextModel, task: Task, data: Path | None, limit: int | None, run: Path | None, options: "Options | None"
) -> dict[str, Any]:
    if task == "loss":
        from fischgpt.evals import loss

        if data is None and run is not None:
            data = _shards_of(run)
        if data is None:
            raise UserError("--task loss needs --data PATH: a text, JSONL or parquet file, or a folder of shards")
        return loss.evaluate(model.engine.model, model.tokenizer, data, limit)
    if task == "hellaswag":
        measure = HellaSwag(load_items(data))
        with progress("HellaSwag") as report:
            return measure(model.engine.model, model.tokenizer, limit, on_progress=report)
    from fischgpt.evals import profile

    with progress("profile questions") as report:
        return profile.evaluate(model, data, replace(options or profile.Options(), limit=limit), report)


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr where that is a terminal; call it with what is done and what there is in all."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _shards_of(run: Path) -> Path:
    """The run's own validation shards, wherever its recipe keeps them; moved with the run they are beside it."""
    own = run / "data"
    return own if own.is_dir() else data_folder(load_recipe(run / "recipe.toml"))


def _keep(run: Path, task: Task, result: dict[str, Any]) -> None:
    file = run / "evals.json"
    write_json(file, read_json(file, dict) | {task: result})


def while_training(recipe: Recipe) -> dict[str, Benchmark]:
    """What the loop is to measure every `eval.hellaswag_every` steps. Raises UserError if the set cannot be had."""
    return {"hellaswag": HellaSwag()} if recipe.eval.hellaswag_every else {}
