"""A model for other tools and for the Hub, a site for any place."""

from typing import Annotated, Literal

import typer

from fischgpt.cli.options import ModelArgument, ModelOption, OutArgument, ProfileOption, RunArgument, example

app = typer.Typer()
export_app = typer.Typer(
    no_args_is_help=True, help="Write a model in a format other tools load, verified before it is written."
)
app.add_typer(export_app, name="export")

NameOption = Annotated[str | None, typer.Option(help="What the model card calls it.")]
StoredOption = Annotated[
    Literal["float32", "bfloat16"],
    typer.Option("--dtype", help="How the weights are stored; bfloat16 halves the file."),
]


@export_app.command(epilog=example("fischgpt export hf runs/nano my-gpt2 --dtype bfloat16"))
def hf(
    model: ModelArgument,
    out: OutArgument,
    dtype: StoredOption = "float32",
    name: NameOption = None,
) -> None:
    """A folder that any tool takes as GPT-2."""
    from fischgpt.publish.hf import export_hf

    print(export_hf(model, out, dtype, name))


@export_app.command(epilog=example("fischgpt export gguf runs/nano my-gguf --type q4_0"))
def gguf(
    model: ModelArgument,
    out: OutArgument,
    kind: Annotated[Literal["f16", "q8_0", "q4_0"], typer.Option("--type", help="16, 8 or 4 bits a weight.")] = "q8_0",
    name: NameOption = None,
) -> None:
    """One file for llama.cpp and Ollama."""
    from fischgpt.publish.gguf import export_gguf

    print(export_gguf(model, out, kind, name))


@export_app.command(epilog=example("fischgpt export onnx mini my-onnx --dtype int8"))
def onnx(
    model: ModelArgument,
    out: OutArgument,
    dtype: Annotated[
        Literal["float32", "int8"], typer.Option(help="How the weights are stored; int8 quarters the file.")
    ] = "float32",
) -> None:
    """A decoder with its cache for onnxruntime, in Python and in the browser."""
    from fischgpt.publish.onnx import export_onnx

    print(export_onnx(model, out, dtype))


@export_app.command(epilog=example("fischgpt export site mini my-site --profile ada-example"))
def site(model: ModelArgument, out: OutArgument, profile: ProfileOption = None) -> None:
    """The site with its model in the visitor's browser, for any static host."""
    from fischgpt.server.static import export_site

    print(export_site(model, out, profile))


@app.command(epilog=example("fischgpt publish runs/nano --owner ada --dry-run"))
def publish(
    run: RunArgument,
    owner: Annotated[str, typer.Option(metavar="NAME", help="The account or organisation on the Hugging Face Hub.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="How the repositories' names begin; default fischgpt-RUN.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="The version; default v1, and v2 once something has changed.")] = None,
    dtype: StoredOption = "float32",
    private: Annotated[bool, typer.Option("--private", help="New repositories are seen by nobody else.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the files, sums and cards; no network, no token.")
    ] = False,
) -> None:
    """A run's best and chat weights as model repositories with cards, tags, a collection; goes on where it stopped."""
    from fischgpt.publish.publish import publish as run_publish

    run_publish(run, owner, name, tag, dtype, private, dry_run)


@app.command(epilog=example("fischgpt deploy container site --profile my-profile"))
def deploy(
    target: Annotated[
        Literal["container", "space", "server", "compose", "kubernetes"],
        typer.Argument(metavar="TARGET", help="container, space, server, compose or kubernetes."),
    ],
    out: OutArgument,
    profile: ProfileOption = None,
    model: ModelOption = "mini",
    domain: Annotated[str, typer.Option(help="The name visitors type.")] = "localhost",
    image: Annotated[
        str | None, typer.Option(help="The container image's name; a tag is added where it has none.")
    ] = None,
    replicas: Annotated[int, typer.Option(min=1, max=1000, help="compose, kubernetes: copies of the API.")] = 2,
    engine: Annotated[
        Literal["here", "llama.cpp", "vllm"], typer.Option(help="compose, kubernetes: who reads the model.")
    ] = "here",
    index: Annotated[
        Literal["here", "chroma"],
        typer.Option(help="compose, kubernetes: who has the index; a server for many passages."),
    ] = "here",
) -> None:
    """Write everything that a place needs to serve the site: a container, a Space, a server, a cluster."""
    from fischgpt.deploy.site import describe_site
    from fischgpt.deploy.targets import deploy as run

    print(run(describe_site(profile, model, domain, image, replicas, engine, index), target, out))
