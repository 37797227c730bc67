"""Answers: the site, the terminal, the owner's profile, what visitors thought."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from fischgpt.cli.options import (
    BitsOption,
    JsonOption,
    ModelArgument,
    ModelOption,
    ProfileOption,
    bits_of,
    example,
    show,
)

app = typer.Typer()
bench_app = typer.Typer()
profile_app = typer.Typer(no_args_is_help=True, help="The owner: start one, check it, index it, search it.")
app.add_typer(profile_app, name="profile")
feedback_app = typer.Typer(no_args_is_help=True, help="What visitors thought of the answers.")
app.add_typer(feedback_app, name="feedback")


@app.command(epilog=example("fischgpt up --profile resume.pdf --port 9000"))
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

    serve(profile, model, host, port, open_browser, bits_of(bits))


@app.command(epilog=example('fischgpt chat "How much did the training cost?"'))
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
        converse(profile, model, bits_of(bits))
    else:
        ask(question, profile, model, as_json, bits_of(bits))


@bench_app.command("infer", epilog=example("fischgpt bench infer mini --bits 4 --json"))
def bench_infer(
    model: ModelArgument = "mini",
    bits: BitsOption = 8,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds to take the median of.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """How fast this machine answers with a model: prompt, first token, further tokens, eight answers at once."""
    from fischgpt.assistant.model import describe_model, load_model
    from fischgpt.engine.bench import bench_infer as run

    info = describe_model(model, bits_of(bits))
    show(run(lambda: load_model(info).engine, rounds), as_json)


@profile_app.command(epilog=example("fischgpt profile init --resume my.pdf"))
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
    show(run(folder, resume, wishes, model, None if as_json else terminal_questions()), as_json)


@profile_app.command(epilog=example("fischgpt profile check resume.pdf"))
def check(path: Annotated[str | None, typer.Argument(metavar="PATH")] = None, as_json: JsonOption = False) -> None:
    """Read a profile, show the passages found in it, and name what is missing."""
    from fischgpt.profile.manage import check as run

    show(run(path), as_json)


@profile_app.command(epilog=example("fischgpt profile index my-profile"))
def index(path: Annotated[str | None, typer.Argument(metavar="PATH")] = None, as_json: JsonOption = False) -> None:
    """Build the search index now, so that the first visitor does not wait for it."""
    from fischgpt.profile.manage import index as run

    show(run(path), as_json)


@profile_app.command(epilog=example('fischgpt profile search "Where did he study?" --profile my-profile'))
def search(
    question: str,
    profile: ProfileOption = None,
    k: Annotated[int, typer.Option("-k", min=1, max=50, help="How many passages.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Show what a question retrieves, with scores, and whether it passes the gate."""
    from fischgpt.profile.manage import search as run

    show(run(question, profile, k), as_json)


@feedback_app.command("export", epilog=example("fischgpt feedback export liked.jsonl"))
def export_feedback(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The .jsonl file to write; must be new.")],
    profile: ProfileOption = None,
    rating: Annotated[Literal["up", "down", "all"], typer.Option(help="Which thumbs.")] = "up",
    as_json: JsonOption = False,
) -> None:
    """Write the rated conversations as fine-tuning data, where the site kept their text."""
    from fischgpt.server.feedback import export as run

    show(run(out, profile, rating), as_json)
