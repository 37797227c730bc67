"""The commands: each parses, calls one function of its room, and prints.

What a user got wrong ends in one clear line and exit status 2. Rooms are imported inside the commands, so that
`--help` and a mistyped option answer at once instead of after torch has loaded.
"""

import sys
from typing import Annotated

import typer

from fischgpt import __version__
from fischgpt.cli import serve, share, train
from fischgpt.errors import Away, UserError

app = typer.Typer(
    name="fischgpt",
    help="Train your own GPT-2, teach it to answer about its owner, and serve it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
bench_app = typer.Typer(no_args_is_help=True, help="How fast this machine is.")
for part in (serve, train, share):
    app.add_typer(part.app)
for part in (train, serve):
    bench_app.add_typer(part.bench_app)
app.add_typer(bench_app, name="bench")


def main() -> None:
    """Run a command; a UserError becomes one line on stderr and exit status 2, Ctrl-C exit status 130."""
    try:
        app()
    except UserError as error:
        said = f"the {error.what} is not there: {error.detail}" if isinstance(error, Away) else error
        print(f"error: {said}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `fischgpt ... | head`
        sys.stderr.close()
        sys.exit(141)


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
