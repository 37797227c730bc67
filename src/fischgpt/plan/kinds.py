"""What a plan consists of."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fischgpt.config import Phase, Recipe, load_recipe
from fischgpt.train.footprint import Footprint

SHARED = ("run=", "model.", "tokenizer.")
"""Keys that belong to the run, not to a phase."""


@dataclass(frozen=True)
class Phases:
    """A recipe as both phases read it; sft is None where the recipe does not fine-tune."""

    pretrain: Recipe
    sft: Recipe | None

    def __iter__(self) -> Iterator[tuple[Phase, Recipe]]:
        yield "pretrain", self.pretrain
        if self.sft:
            yield "sft", self.sft


@dataclass(frozen=True)
class PhaseCost:
    """Seconds of one phase, by what they go to."""

    phase: str
    steps: int
    tokens: int
    training: float
    validation: float
    hellaswag: float
    samples: float
    checkpoints: float
    start: float

    @property
    def seconds(self) -> float:
        return self.training + self.stops + self.start

    @property
    def stops(self) -> float:
        return self.validation + self.hellaswag + self.samples + self.checkpoints


@dataclass(frozen=True)
class Option:
    """The run on `count` of one device."""

    device: str
    count: int
    tokens_per_second: float
    mfu: float
    seen: str
    """measured, estimated, or "measured here"."""
    source: str
    micro_batch: int
    largest_micro_batch: int
    """The most rows that fit, a power of two."""
    memory: Footprint
    memory_bytes: int
    phases: list[PhaseCost]
    usd_per_hour: float | None
    """For all of them."""
    price_source: str
    warnings: list[str]

    @property
    def hours(self) -> float:
        return sum(phase.seconds for phase in self.phases) / 3600

    @property
    def usd(self) -> float | None:
        return None if self.usd_per_hour is None else self.hours * self.usd_per_hour

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"hours": self.hours, "usd": self.usd, "memory_total": self.memory.total}


@dataclass(frozen=True)
class Plan:
    """What does not depend on the device, and an option for each device asked about."""

    recipe: str
    parameters: int
    flops_per_token: int
    row_tokens: int
    corpus_tokens: float | None
    """Of the pretraining corpus; None: not known before it is prepared."""
    disk: dict[str, float]
    """Bytes, by what they hold."""
    warnings: list[str]
    options: list[Option]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"options": [option.as_dict() for option in self.options]}


def read_phases(recipe: str | Path, overrides: Sequence[str] = ()) -> Phases:
    """Both phases of a recipe. Overrides are meant for pretraining; fine-tuning takes those of SHARED alone."""
    pretrain = load_recipe(recipe, list(overrides), "pretrain")
    sft = load_recipe(recipe, shared(overrides), "sft")
    return Phases(pretrain, None if sft == load_recipe(recipe, shared(overrides), "pretrain") else sft)


def shared(overrides: Sequence[str]) -> list[str]:
    """The overrides that both phases of a run must agree on."""
    return [override for override in overrides if override.startswith(SHARED)]


def row_tokens(recipe: Recipe) -> int:
    """Of the rows the recipe trains on."""
    return min(recipe.data.row_tokens or recipe.model.block_size, recipe.model.block_size)
