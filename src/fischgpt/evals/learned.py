"""How a model learned, small enough to travel with it: `run.json` beside the weights, and what reads it back.

`condense.py` writes it from a run's own logs. It may come from anywhere with a model folder, so it is read strictly:
another shape, an unknown key or a number that is none is refused whole.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fischgpt.errors import UserError

FILE = "run.json"
MAX_BYTES = 200_000
"""A page fetches it whole: 80,000 steps with their samples are about 110 KB, 25 KB compressed."""
MAX_POINTS = 300
"""Points of a curve: at full width one every three pixels."""
MAX_MOMENTS, MAX_PROMPTS, MAX_TEXT = 40, 6, 320
"""Moments of a phase whose samples are kept, prompts of each, characters of one text."""

Count = Annotated[int, Field(ge=0)]
Label = Annotated[str, Field(max_length=200)]
Part = Annotated[float, Field(ge=0, le=1)]
Counts = Annotated[list[Count], Field(max_length=MAX_POINTS)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class _Columns(_Strict):
    """Lists of one length, in order of step."""

    step: Counts
    tokens: Counts
    """Tokens trained on by then, in this phase."""

    @model_validator(mode="after")
    def _even(self) -> Self:
        if len({len(column) for column in dict(self).values() if isinstance(column, list)}) > 1:
            raise ValueError("its columns differ in length")
        return self


class Training(_Columns):
    """What each step measured, as means over stretches of equal length that end at `step`; the rate is the last."""

    loss: Annotated[list[float], Field(max_length=MAX_POINTS)]
    """Nats per token learned from."""
    lr: Annotated[list[float], Field(max_length=MAX_POINTS)]
    tokens_per_second: Annotated[list[float], Field(max_length=MAX_POINTS)]


class Validation(_Columns):
    """On the same held-out text each time."""

    loss: Annotated[list[float], Field(max_length=MAX_POINTS)]
    bits_per_byte: Annotated[list[float | None], Field(max_length=MAX_POINTS)]


class HellaSwag(_Columns):
    """The share of right answers, mean log-likelihood per token (build-nanogpt's protocol), with one standard error."""

    items: Count
    """Of the 10,042, the same ones each time."""
    acc_norm_token: Annotated[list[Part], Field(max_length=MAX_POINTS)]
    stderr: Annotated[list[Part], Field(max_length=MAX_POINTS)]


class Moment(_Strict):
    """What the model wrote after `step`, a text for each of the phase's prompts."""

    step: Count
    tokens: Count
    texts: Annotated[list[Annotated[str, Field(max_length=MAX_TEXT + 1)]], Field(max_length=MAX_PROMPTS)]


class Source(_Strict):
    """One thing it was trained on."""

    spec: Label
    what: Label
    licence: Label


class PhaseLearned(_Strict):
    """Pretraining or fine-tuning."""

    name: Literal["pretrain", "sft"]
    state: Literal["done", "running", "stopped"]
    steps: Count
    planned_steps: Count
    tokens: Count
    tokens_per_step: Count
    seconds: Annotated[float, Field(ge=0)] | None
    """Of training alone."""
    ended: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None
    """The day of its last logged step, UTC."""
    optimizer: Label
    lr: Annotated[float, Field(ge=0)]
    """The highest."""
    sources: Annotated[list[Source], Field(max_length=32)]
    training: Training
    validation: Validation
    hellaswag: HellaSwag | None
    prompts: Annotated[list[Annotated[str, Field(max_length=MAX_TEXT + 1)]], Field(max_length=MAX_PROMPTS)]
    moments: Annotated[list[Moment], Field(max_length=MAX_MOMENTS)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if any(len(moment.texts) != len(self.prompts) for moment in self.moments):
            raise ValueError("a moment does not have a text for each prompt")
        return self


class Cost(_Strict):
    """Device hours at the price of the table of devices (train/hardware.py)."""

    usd: Annotated[float, Field(ge=0)]
    devices: Count
    device: Label
    usd_per_hour: Annotated[float, Field(ge=0)]


class Learned(_Strict):
    """The whole record."""

    n_params: Count
    machine: Annotated[dict[Label, Label | int], Field(max_length=16)]
    """As the run noted it: processor, threads, versions."""
    cost: Cost | None
    """None where the price of the machine is not known."""
    phases: Annotated[list[PhaseLearned], Field(max_length=2)]
    """In their order, those that have begun."""


def read_learned(folder: Path) -> Learned | None:
    """The record beside a model, None if there is none. Raises UserError if it is not what this package writes."""
    file = folder / FILE
    if not file.is_file():
        return None
    if file.stat().st_size > MAX_BYTES:
        raise UserError(f"{file}: larger than {MAX_BYTES // 1000} KB, so it is not what fischgpt export writes")
    try:
        return Learned.model_validate_json(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UserError(f"{file}: not what fischgpt export writes ({where}: {first['msg']})") from None
