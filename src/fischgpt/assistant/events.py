"""What an answer consists of, in the order it happens."""

from dataclasses import dataclass, field
from typing import Literal

from fischgpt.assistant.logprobs import Token
from fischgpt.profile.retrieval import Hit

AnswerKind = Literal["model", "quote", "declined", "smalltalk"]
"""model: written by the model and found to stand in the passages; quote: the best passage as it is; declined: the
profile does not say; smalltalk: a fixed reply about this site."""


@dataclass(frozen=True)
class Usage:
    """Tokens the model read and wrote, whether or not what it wrote was shown."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Timings:
    """Milliseconds from the start of the answer, and the model's own pace."""

    retrieval_ms: float = 0.0
    first_token_ms: float = 0.0
    """Until the first text was released to the reader: the model's first sentence has been checked by then."""
    total_ms: float = 0.0
    tokens: int = 0
    tokens_per_second: float = 0.0


@dataclass(frozen=True)
class Sources:
    """Comes first: the passages the answer may cite, [1] the first. Empty for small talk."""

    hits: tuple[Hit, ...]
    score: float
    threshold: float


@dataclass(frozen=True)
class Delta:
    """The next piece of text that may be shown."""

    text: str
    tokens: tuple[Token, ...] = ()
    """The model's own tokens that begin in it; none where the words are not the model's."""


@dataclass(frozen=True)
class Done:
    """Comes last, also after a cancellation."""

    kind: AnswerKind
    finish_reason: Literal["stop", "length"]
    reason: str | None = None
    """Why the answer is not the model's own, in a clause for people; None when it is."""
    usage: Usage = field(default_factory=Usage)
    timings: Timings = field(default_factory=Timings)
    draft: str = ""
    """What the model wrote before any check, for evaluations; never shown."""


Event = Sources | Delta | Done
