"""JSON Resume 1.0.0 (https://jsonresume.org/schema): what is read from it, checked with the path of what is wrong.

Keys the schema does not know are allowed and ignored, as the schema says. `highlights` are read on every section, and a
number where a text belongs (a year, say) is taken as its text.
"""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, TypeAdapter, ValidationError
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from fischgpt.errors import UserError

# `null` is how many editors write an empty field: a text without characters, a list without elements.
Text = Annotated[str, BeforeValidator(lambda v: "" if v is None else str(v) if type(v) in (int, float) else v)]
Texts = Annotated[list[Text], BeforeValidator(lambda v: [] if v is None else v)]


class _Entry(TypedDict, total=False):
    summary: Text
    description: Text
    highlights: Texts
    startDate: Text
    endDate: Text
    location: Text
    url: Text


class Position(_Entry, total=False):
    name: Text
    company: Text
    organization: Text
    position: Text


class Education(_Entry, total=False):
    institution: Text
    area: Text
    studyType: Text
    score: Text
    courses: Texts


class Project(_Entry, total=False):
    name: Text
    keywords: Texts
    roles: Texts
    entity: Text
    type: Text


class Skill(_Entry, total=False):
    name: Text
    level: Text
    keywords: Texts


class Publication(_Entry, total=False):
    name: Text
    publisher: Text
    releaseDate: Text


class Award(_Entry, total=False):
    title: Text
    awarder: Text
    date: Text


class Certificate(_Entry, total=False):
    name: Text
    issuer: Text
    date: Text


class Language(_Entry, total=False):
    language: Text
    fluency: Text


class Interest(_Entry, total=False):
    name: Text
    keywords: Texts


class Reference(_Entry, total=False):
    name: Text
    reference: Text


class Location(TypedDict, total=False):
    address: Text
    postalCode: Text
    city: Text
    countryCode: Text
    region: Text


class Account(TypedDict, total=False):
    network: Text
    username: Text
    url: Text


class Basics(TypedDict, total=False):
    name: Text
    label: Text
    email: Text
    phone: Text
    url: Text
    summary: Text
    location: Location | None
    profiles: list[Account] | None
    public: Texts


class Resume(TypedDict, total=False):
    basics: Basics | None
    work: list[Position] | None
    volunteer: list[Position] | None
    education: list[Education] | None
    projects: list[Project] | None
    skills: list[Skill] | None
    publications: list[Publication] | None
    awards: list[Award] | None
    certificates: list[Certificate] | None
    languages: list[Language] | None
    interests: list[Interest] | None
    references: list[Reference] | None


_RESUME = TypeAdapter(Resume)
_KINDS = {
    "string_type": "a text",
    "list_type": "a list",
    "dict_type": "an object with named fields",
    "typed_dict_type": "an object with named fields",
}


def parse_resume(text: str, where: str | Path) -> dict[str, Any]:
    """A JSON Resume as a dict, its sections in the file's order. Raises UserError naming what is wrong and where."""
    if not text.strip():
        raise UserError(f"{where} is empty: write a JSON Resume into it (https://jsonresume.org/schema)")
    try:
        raw = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        at = f", line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else ""
        raise UserError(f"{where} is not JSON{at}") from None
    if not isinstance(raw, dict):
        raise UserError(f"{where} must hold one JSON object with basics, work, education …, not {_kind(raw)}")
    try:
        checked: dict[str, Any] = dict(_RESUME.validate_python(raw))
    except ValidationError as error:
        first = error.errors()[0]
        wanted = _KINDS.get(first["type"], first["msg"])
        raise UserError(f"{where}: {_path(first['loc'])} must be {wanted}, not {_kind(first['input'])}") from None
    if not checked:
        raise UserError(f"{where} has none of the sections of a JSON Resume: {', '.join(Resume.__annotations__)}")
    return {key: checked[key] for key in raw if key in checked}


def _path(loc: tuple[int | str, ...]) -> str:
    """`work[2].highlights`: the path as one writes it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc).lstrip(".")


def _kind(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    return (
        {dict: "an object", list: "a list", str: "a text"}[type(value)]
        if isinstance(value, dict | list | str)
        else "a number"
    )
