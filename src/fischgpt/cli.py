"""The commands: each parses, calls one function of its room, and prints.

What a user got wrong ends in one clear line and exit status 2. Rooms are imported inside the commands, so that
`--help` and a mistyped option answer at once instead of after torch has loaded.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fischgpt import __version__
from fischgpt.errors import UserError

app = typer.Typer(
    name="fischgpt",
    help="Train your own GPT-2, teach it to answer about its owner, and serve it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
profile_app = typer.Typer(no_args_is_help=True, help="The owner: start one, check it, index it, search it.")
app.add_typer(profile_app, name="profile")
feedback_app = typer.Typer(no_args_is_help=True, help="What visitors thought of the answers.")
app.add_typer(feedback_app, name="feedback")
bench_app = typer.Typer(no_args_is_help=True, help="How fast this machine is.")
app.add_typer(bench_app, name="bench")

ProfileOption = Annotated[
    str | None,
    typer.Option("--profile", metavar="PATH", help="A profile folder or a resume file (.json .md .pdf .docx)."),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="mini, a run, a checkpoint, a folder, hf://owner/name[@revision], or openai+http://host/v1.",
    ),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="mini, a run, a checkpoint, a Hugging Face folder, or hf://owner/name[@revision]."
    ),
]
BitsOption = Annotated[
    int,
    typer.Option(
        "--bits", metavar="8|4", help="Bits a weight, where compiled code reads them: 4 are faster, 8 closer to exact."
    ),
]
RecipeArgument = Annotated[str, typer.Argument(metavar="RECIPE", help="A shipped recipe's name or a .toml file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(metavar="[a.b=value ...]", help="Keys of the recipe to change for this run."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]


def main() -> None:
    """Run a command; a UserError becomes one line on stderr and exit status 2, Ctrl-C exit status 130."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `fischgpt ... | head`
        sys.stderr.close()
        sys.exit(141)


def _bits(value: int) -> Literal[8, 4]:
    if value not in (8, 4):
        raise UserError(f"--bits is 8 or 4, not {value}")
    return 8 if value == 8 else 4


def _example(text: str) -> str:
    return f"Example: {text}"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None: ...


@app.command(epilog=_example("fischgpt up --profile resume.pdf --port 9000"))
def up(
    profile: ProfileOption = None,
    model: ModelOption = "mini",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the site in the browser.")] = False,
    bits: BitsOption = 8,
) -> None:
    """Index the profile, load the model, serve the site and the API."""
    from fischgpt.server.run import serve

    serve(profile, model, host, port, open_browser, _bits(bits))


@app.command(epilog=_example('fischgpt chat "How much did the training cost?"'))
def chat(
    question: Annotated[str | None, typer.Argument(help="Answer this and exit; without it: a conversation.")] = None,
    profile: ProfileOption = None,
    model: ModelOption = "mini",
    bits: BitsOption = 8,
    as_json: JsonOption = False,
) -> None:
    """The site's conversation in a terminal, streamed, with the passages it used."""
    from fischgpt.assistant.terminal import ask, converse

    if question is None:
        converse(profile, model, _bits(bits))
    else:
        ask(question, profile, model, as_json, _bits(bits))


@app.command(epilog=_example("fischgpt speedrun nano run=runs/first"))
def speedrun(recipe: RecipeArgument = "nano", overrides: Overrides = None) -> None:
    """The whole path on this machine: corpus, tokenizer, pretrain, SFT, evals, export, report."""
    _fast_allocator()
    from fischgpt.speedrun import speedrun as run

    run(recipe, overrides or [])


@app.command(epilog=_example("fischgpt plan gpt2-124m --gpu H100 --count 8"))
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


@app.command(epilog=_example("fischgpt launch gpt2-124m --on slurm --nodes 2 --gpus 8 > job.sh"))
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


@app.command(epilog=_example("fischgpt data mini"))
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


@app.command(epilog=_example("fischgpt pretrain nano train.steps=200 optim.lr=1e-3"))
def pretrain(recipe: RecipeArgument, overrides: Overrides = None) -> None:
    """Train on the recipe's corpus; started again on an existing run, it continues it."""
    _train(recipe, overrides, "pretrain")


@app.command(epilog=_example("fischgpt sft mini"))
def sft(recipe: RecipeArgument, overrides: Overrides = None) -> None:
    """Fine-tune on conversations, from the run's own pretraining or from train.init."""
    _train(recipe, overrides, "sft")


@app.command("eval", epilog=_example("fischgpt eval mini --task profile"))
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
    failures: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="profile: write what went wrong to this file (Markdown)."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model: loss and bits per byte, HellaSwag, or questions about profiles."""
    from fischgpt.evals.run import evaluate as run
    from fischgpt.evals.run import format_result, profile_options

    result = run(model, task, data_path, limit, profile_options(reader or (), half, swapped), failures)
    print(json.dumps(result, indent=2) if as_json else format_result(task, result))


@app.command(epilog=_example("fischgpt report runs/nano"))
def report(run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")]) -> None:
    """The report card of a run, as HTML and Markdown."""
    from fischgpt.evals.report import write_report

    print(write_report(run))


@app.command(epilog=_example("fischgpt export hf runs/nano my-gpt2"))
def export(
    form: Annotated[
        Literal["hf", "gguf", "onnx", "site"],
        typer.Argument(
            metavar="hf|gguf|onnx|site",
            help="A Hugging Face folder; a file for llama.cpp and Ollama; for onnxruntime; a site for any static host.",
        ),
    ],
    model: ModelArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; must be new or empty.")],
    dtype: Annotated[
        Literal["float32", "bfloat16", "int8"],
        typer.Option(help="How the weights are stored; bfloat16 (hf) halves the file, int8 (onnx) quarters it."),
    ] = "float32",
    kind: Annotated[
        Literal["f16", "q8_0", "q4_0"], typer.Option("--type", help="gguf: 16, 8 or 4 bits a weight.")
    ] = "q8_0",
    name: Annotated[str | None, typer.Option(help="What the model card calls it.")] = None,
    profile: ProfileOption = None,
) -> None:
    """Write a model in a format other tools load, or with a profile as a site, verified before it is written."""
    if form == "gguf":
        from fischgpt.publish.gguf import export_gguf

        print(export_gguf(model, out, kind, name))
    elif form == "onnx":
        from fischgpt.publish.onnx import export_onnx

        print(export_onnx(model, out, dtype))
    elif form == "site":
        from fischgpt.server.static import export_site

        print(export_site(model, out, profile))
    else:
        from fischgpt.publish.hf import export_hf

        print(export_hf(model, out, dtype, name))


@app.command(epilog=_example("fischgpt publish runs/nano --owner ada --dry-run"))
def publish(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")],
    owner: Annotated[str, typer.Option(metavar="NAME", help="The account or organisation on the Hugging Face Hub.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="How the repositories' names begin; default fischgpt-RUN.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="The version; default v1, and v2 once something has changed.")] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16"], typer.Option(help="How the weights are stored; bfloat16 halves the file.")
    ] = "float32",
    private: Annotated[bool, typer.Option("--private", help="New repositories are seen by nobody else.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the files, sums and cards; no network, no token.")
    ] = False,
) -> None:
    """A run's best and chat weights as model repositories with cards, tags, a collection; goes on where it stopped."""
    from fischgpt.publish.publish import publish as run_publish

    run_publish(run, owner, name, tag, dtype, private, dry_run)


@app.command(epilog=_example("fischgpt deploy container site --profile my-profile"))
def deploy(
    target: Annotated[
        Literal["container", "space", "server", "compose", "kubernetes"],
        typer.Argument(metavar="TARGET", help="container, space, server, compose or kubernetes."),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; must be new or empty.")],
    profile: ProfileOption = None,
    model: ModelOption = "mini",
    domain: Annotated[str, typer.Option(help="The name visitors type.")] = "localhost",
    image: Annotated[str | None, typer.Option(help="The container image's name.")] = None,
    replicas: Annotated[int, typer.Option(min=1, max=1000, help="compose, kubernetes: copies of the API.")] = 2,
    engine: Annotated[
        Literal["here", "llama.cpp", "vllm"], typer.Option(help="compose, kubernetes: who reads the model.")
    ] = "here",
) -> None:
    """Write everything that a place needs to serve the site: a container, a Space, a server, a cluster."""
    from fischgpt.deploy.site import describe_site
    from fischgpt.deploy.targets import deploy as run

    print(run(describe_site(profile, model, domain, image, replicas, engine), target, out))


@bench_app.command("train", epilog=_example("fischgpt bench train gpt2-124m train.micro_batch=4 data.row_tokens=256"))
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

    _show(run(load_recipe(recipe, overrides), seconds), as_json)


@bench_app.command("infer", epilog=_example("fischgpt bench infer mini --bits 4 --json"))
def bench_infer(
    model: ModelArgument = "mini",
    bits: BitsOption = 8,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds to take the median of.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """How fast this machine answers with a model: prompt, first token, further tokens, eight answers at once."""
    from fischgpt.assistant.model import describe_model, load_model
    from fischgpt.engine.bench import bench_infer as run

    info = describe_model(model, _bits(bits))
    _show(run(lambda: load_model(info).engine, rounds), as_json)


@profile_app.command(epilog=_example("fischgpt profile init --resume my.pdf"))
def init(
    folder: Annotated[Path | None, typer.Argument(help="The folder to create; without it: the owner's name.")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start from a resume (.json .md .pdf .docx).")
    ] = None,
    name: Annotated[str, typer.Option(help="The owner's full name, if not the resume's.")] = "",
    pronouns: Annotated[str, typer.Option(help="For example she/her.")] = "",
    headline: Annotated[str, typer.Option(help="What the owner is, in a few words.")] = "",
    public: Annotated[
        list[str] | None,
        typer.Option(metavar="[email|phone|url|location|profiles]", help="What visitors may see; repeat it."),
    ] = None,
    model: ModelOption = "mini",
    as_json: JsonOption = False,
) -> None:
    """Start a new profile: read the resume, check it, index it, find questions to offer. In a terminal it asks."""
    from fischgpt.assistant.begin import Wishes, terminal_questions
    from fischgpt.assistant.begin import init as run

    wishes = Wishes(name=name, pronouns=pronouns, headline=headline, public=public or ())
    _show(run(folder, resume, wishes, model, None if as_json else terminal_questions()), as_json)


@profile_app.command(epilog=_example("fischgpt profile check resume.pdf"))
def check(path: Annotated[str | None, typer.Argument(metavar="PATH")] = None, as_json: JsonOption = False) -> None:
    """Read a profile, show the passages found in it, and name what is missing."""
    from fischgpt.profile.manage import check as run

    _show(run(path), as_json)


@profile_app.command(epilog=_example("fischgpt profile index my-profile"))
def index(path: Annotated[str | None, typer.Argument(metavar="PATH")] = None, as_json: JsonOption = False) -> None:
    """Build the search index now, so that the first visitor does not wait for it."""
    from fischgpt.profile.manage import index as run

    _show(run(path), as_json)


@profile_app.command(epilog=_example('fischgpt profile search "Where did he study?" --profile my-profile'))
def search(
    question: str,
    profile: ProfileOption = None,
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Show what a question retrieves, with scores, and whether it passes the gate."""
    from fischgpt.profile.manage import search as run

    _show(run(question, profile, k), as_json)


@feedback_app.command("export", epilog=_example("fischgpt feedback export liked.jsonl"))
def export_feedback(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The .jsonl file to write; must be new.")],
    profile: ProfileOption = None,
    rating: Annotated[Literal["up", "down", "all"], typer.Option(help="Which thumbs.")] = "up",
    as_json: JsonOption = False,
) -> None:
    """Write the rated conversations as fine-tuning data, where the site kept their text."""
    from fischgpt.server.feedback import export as run

    _show(run(out, profile, rating), as_json)


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


def _show(result: Any, as_json: bool) -> None:
    print(json.dumps(result.as_dict(), indent=2, ensure_ascii=False) if as_json else result)
