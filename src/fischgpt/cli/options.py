"""What several commands share: arguments, and how a result is printed."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from fischgpt.errors import UserError

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
OutArgument = Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write; must be new or empty.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder.")]


def bits_of(value: int) -> Literal[8, 4]:
    if value not in (8, 4):
        raise UserError(f"--bits is 8 or 4, not {value}")
    return 8 if value == 8 else 4


def example(text: str) -> str:
    return f"Example: {text}"


def show(result: Any, as_json: bool) -> None:
    print(json.dumps(result.as_dict(), indent=2, ensure_ascii=False) if as_json else result)
