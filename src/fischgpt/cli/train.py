"""From a recipe to a measured model: the whole path in one call, and each step of it."""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from fischgpt.cli.options import JsonOption, ModelArgument, Overrides, RecipeArgument, RunArgument, example, show

app = typer.Typer()
bench_app = typer.Typer()


@app.command(epilog=example("fischgpt speedrun nano run=runs/first"))
def speedrun(recipe: RecipeArgument = "nano", overrides: Overrides = None) -> None:
    """The whole path on this machine: corpus, tokenizer, pretrain, SFT, evals, export, report."""
    _fast_allocator()
    from fischgpt.speedrun import speedrun as run

    run(recipe, overrides or [])


@app.command(epilog=example("fischgpt plan gpt2-124m --gpu H100 --count 8"))
def plan(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    gpu: Annotated[
        str | None, typer.Option(metavar="NAME", help="A100-80, H100, H200, RTX-4090, M4-Max, ...; or `here`.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="How many of it.")] = None,
    price: Annotated[float | None, typer.Option(min=0, help="USD an hour for one.")] = None,
    measure: Annotated[bool, typer.Option(help="Time a few of the recipe's steps on this machine.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Memory, hours and dollars before anything is paid."""
    if measure and gpu in (None, "here"):
        _fast_allocator()
        typer.echo("timing some steps on this machine (--no-measure leaves it out)", err=True)
    from fischgpt.plan.cost import make_plan
    from fischgpt.plan.text import format_plan

    made = make_plan(recipe, overrides or [], gpu, count, price, measure)
    print(json.dumps(made.as_dict(), indent=2) if as_json else format_plan(made))


@app.command(epilog=example("fischgpt launch gpt2-124m --on slurm --nodes 2 --gpus 8 > job.sh"))
def launch(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    on: Annotated[
        Literal["bare", "torchrun", "slurm", "skypilot", "kubeflow"], typer.Option(help="What starts it.")
    ] = "bare",
    nodes: Annotated[int, typer.Option(min=1, help="Machines.")] = 1,
    gpus: Annotated[int, typer.Option(min=1, help="GPUs in each.")] = 8,
    gpu: Annotated[str, typer.Option(metavar="NAME", help="Which, as `fischgpt plan` names them.")] = "H100",
    price: Annotated[float | None, typer.Option(min=0, help="USD an hour for one.")] = None,
    image: Annotated[str | None, typer.Option(help="kubeflow: the container image.")] = None,
) -> None:
    """Print the script or YAML that runs a recipe: data, pretraining, fine-tuning, evaluation, report."""
    from fischgpt.plan.launch import launch as run

    extra = {} if image is None else {"image": image}
    print(run(recipe, on, overrides or [], nodes, gpus, gpu, price, **extra), end="")


@app.command(epilog=example("fischgpt data mini"))
def data(
    recipe: RecipeArgument,
    overrides: Overrides = None,
    check_hellaswag: Annotated[
        bool, typer.Option("--check-hellaswag", help="Then count HellaSwag's items that stand in the training text.")
    ] = False,
) -> None:
    """Download, tokenize and shard what the recipe names; restartable."""
    from fischgpt.config import load_recipe
    from fischgpt.data.prepare import prepare

    folder = prepare(load_recipe(recipe, overrides))
    if check_hellaswag:
        from fischgpt.evals.contamination import check_hellaswag as check

        print(check(folder))
    print(folder)


@app.command(epilog=example("fischgpt pretrain nano train.steps=200 optim.lr=1e-3"))
def pretrain(recipe: RecipeArgument, overrides: Overrides = None) -> None:
    """Train on the recipe's corpus; started again on an existing run, it continues it."""
    _train(recipe, overrides, "pretrain")


@app.command(epilog=example("fischgpt sft mini"))
def sft(recipe: RecipeArgument, overrides: Overrides = None) -> None:
    """Fine-tune on conversations, from the run's own pretraining or from train.init."""
    _train(recipe, overrides, "sft")


@app.command("eval", epilog=example("fischgpt eval mini --task profile"))
def evaluate(
    model: ModelArgument,
    task: Annotated[Literal["loss", "hellaswag", "profile"], typer.Option(help="What to measure.")],
    data_path: Annotated[
        Path | None,
        typer.Option("--data", metavar="PATH", help="Measure on this instead of the built-in set."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Items (for loss: tokens; for profile: questions an owner) at most.")
    ] = None,
    reader: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[quote|pointer|model|served]",
            help="profile: who answers. Repeat it to compare; default quote, pointer, served.",
        ),
    ] = None,
    half: Annotated[
        Literal["dev", "test"] | None,
        typer.Option(help="profile: only the sets that thresholds were fitted on (dev), or the others (test)."),
    ] = None,
    swapped: Annotated[
        bool, typer.Option("--swapped", help="profile: ask once more with every name and year invented.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="profile: without the second reading, as the site without a server begins.")
    ] = False,
    failures: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="profile: write what went wrong to this file (Markdown)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model: loss and bits per byte, HellaSwag, or questions about profiles."""
    from fischgpt.evals.run import evaluate as run
    from fischgpt.evals.run import format_result, profile_options

    result = run(model, task, data_path, limit, profile_options(reader or (), half, swapped, once), failures)
    print(json.dumps(result, indent=2) if as_json else format_result(task, result))


@app.command(epilog=example("fischgpt report runs/nano"))
def report(run: RunArgument) -> None:
    """The report card of a run, as HTML and Markdown."""
    from fischgpt.evals.report import write_report

    print(write_report(run))


@bench_app.command("train", epilog=example("fischgpt bench train gpt2-124m train.micro_batch=4 data.row_tokens=256"))
def bench_train(
    recipe: RecipeArgument = "gpt2-124m",
    overrides: Overrides = None,
    seconds: Annotated[float, typer.Option(min=0, help="How long to measure, after warming up.")] = 20.0,
    as_json: JsonOption = False,
) -> None:
    """Tokens a second of the recipe's training step here, and the share of the peak that is."""
    _fast_allocator()
    from fischgpt.config import load_recipe
    from fischgpt.train.bench import bench_train as run

    show(run(load_recipe(recipe, overrides), seconds), as_json)


def _train(recipe: str, overrides: list[str] | None, phase: Literal["pretrain", "sft"]) -> None:
    _fast_allocator()
    from fischgpt.config import load_recipe
    from fischgpt.evals.run import while_training
    from fischgpt.train.loop import run

    resolved = load_recipe(recipe, overrides, phase)
    last = run(resolved, phase, benchmarks=while_training(resolved))
    if os.environ.get("RANK", "0") == "0":  # torchrun starts one of us for each GPU
        print(last)


def _fast_allocator() -> None:
    from fischgpt.train.launch import reexec_with_allocator

    reexec_with_allocator()
