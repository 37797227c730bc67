"""What the POST routes accept: OpenAI's fields, each checked on its own, and ours.

A parameter this server honours is validated strictly (no coercion: `true` and `"1"` are not numbers). One it does not
honour is accepted only at the value that changes nothing, so no client is silently given something else than it asked
for; an unknown one is refused, as OpenAI does.
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fischgpt.chat import Turn

MAX_MESSAGES = 64
MAX_CHOICES = 4
"""`n`: answers to one request. They are computed one after the other in one slot."""
MAX_TOP = 20
"""OpenAI's limit of `top_logprobs`; of the older `logprobs` it is 5."""
MAX_INPUTS = 64
"""Texts of one embeddings request: about 0.4 s on one core."""

# Accepted only so, because anything else asks for what this server does not do.
_PENALTIES: dict[str, tuple[Any, ...]] = {
    "presence_penalty": (0, 0.0),
    "frequency_penalty": (0, 0.0),
    "logit_bias": ({},),
}
# Accepted and without effect: they never change an answer.
IGNORED = frozenset(
    """user metadata store service_tier parallel_tool_calls safety_identifier prompt_cache_key reasoning_effort
    verbosity""".split()  # noqa: SIM905
)


def _whole(value: Any) -> Any:
    """JSON does not tell 5.0 from 5."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value


Whole = Annotated[int, BeforeValidator(_whole)]
Stop = (
    Annotated[str, Field(min_length=1, max_length=64)]
    | Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=4)]
    | None
)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Request(_Strict):
    """A request of OpenAI's API."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")
    neutral: ClassVar[dict[str, tuple[Any, ...]]] = {}

    model: Annotated[str, Field(max_length=256)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_honoured(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key, allowed in cls.neutral.items():
            value = data.get(key)
            if value is not None and not any(type(value) is type(one) and value == one for one in allowed):
                raise ValueError(f"{key} is not supported here; leave it out or send {allowed[0]!r}")
        if data.get("stream_options") is not None and data.get("stream") is not True:
            raise ValueError("stream_options is only allowed with stream: true")
        return {key: value for key, value in data.items() if key not in cls.neutral and key not in IGNORED}


class TextPart(_Strict):
    """One part of a message's content; images and sound are not supported."""

    type: Literal["text"]
    text: str


class Message(_Strict):
    """One message. `system` and `developer` have no effect: this server's prompt is its own."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], Field(min_length=1, max_length=MAX_MESSAGES)]

    def turn(self) -> Turn:
        """The message as a turn; parts are joined by line ends."""
        text = self.content if isinstance(self.content, str) else "\n".join(part.text for part in self.content)
        return Turn("system" if self.role == "developer" else self.role, text)


class StreamOptions(_Strict):
    """`include_usage`: one more chunk at the end, with the tokens used."""

    include_usage: bool = False
    include_obfuscation: bool | None = None


class _Generation(_Request):
    """What both kinds of completion take."""

    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[Whole, Field(ge=-(2**63), lt=2**63)] | None = None
    n: Annotated[Whole, Field(ge=1, le=MAX_CHOICES)] | None = None
    stop: Stop = None

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop strings as a tuple."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wants_usage(self) -> bool:
        """Whether a stream ends with a chunk of the tokens used."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatRequest(_Generation):
    """A chat completion request, as the `openai` clients send it."""

    neutral: ClassVar[dict[str, tuple[Any, ...]]] = {
        **_PENALTIES,
        "tools": ([],),
        "tool_choice": ("none", "auto"),
        "functions": ([],),
        "function_call": ("none", "auto"),
        "response_format": ({"type": "text"},),
        "modalities": (["text"],),
    }

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    max_tokens: Annotated[Whole, Field(ge=1, lt=2**31)] | None = None
    max_completion_tokens: Annotated[Whole, Field(ge=1, lt=2**31)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[Whole, Field(ge=0, le=MAX_TOP)] | None = None

    @model_validator(mode="after")
    def _tops_need_logprobs(self) -> "ChatRequest":
        if self.top_logprobs and not self.logprobs:
            raise ValueError("top_logprobs is only allowed with logprobs: true")
        return self


Ids = Annotated[list[Annotated[Whole, Field(ge=0, lt=2**31)]], Field(min_length=1, max_length=16_384)]


class CompletionRequest(_Generation):
    """A completion request: the raw model goes on from `prompt`, a text or token ids."""

    neutral: ClassVar[dict[str, tuple[Any, ...]]] = {**_PENALTIES, "suffix": ("",), "best_of": (1,)}

    prompt: (
        str
        | Annotated[list[str], Field(min_length=1, max_length=MAX_CHOICES)]
        | Ids
        | Annotated[list[Ids], Field(min_length=1, max_length=MAX_CHOICES)]
    )
    max_tokens: Annotated[Whole, Field(ge=0, lt=2**31)] | None = None
    logprobs: Annotated[Whole, Field(ge=0, le=5)] | None = None
    echo: bool | None = None

    @property
    def prompts(self) -> list[str | list[int]]:
        """The prompts, each a text or token ids."""
        given: Any = self.prompt
        return [given] if isinstance(given, str) or isinstance(given[0], int) else list(given)


class InspectRequest(_Request):
    """A text, or token ids, to look inside of; `layer`: whose attention is told, from 0; `lens`: true unless given."""

    prompt: Annotated[str, Field(min_length=1)] | Ids
    layer: Annotated[Whole, Field(ge=0, lt=2**31)] | None = None
    lens: bool | None = None


class EmbeddingRequest(_Request):
    """Texts to embed; token ids of another model's vocabulary are not taken."""

    input: (
        Annotated[str, Field(min_length=1)]
        | Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MAX_INPUTS)]
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[Whole, Field(ge=384, le=384)] | None = None

    @property
    def texts(self) -> list[str]:
        """The texts as a list."""
        return [self.input] if isinstance(self.input, str) else self.input


class FeedbackRequest(_Strict):
    """A visitor's thumb on one answer. Its text is kept only where the owner keeps questions."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^chatcmpl-[0-9a-f]{32}$")]
    """The `id` of the answer; a second thumb on it replaces the first."""
    rating: Literal["up", "down"]
    comment: Annotated[str, Field(max_length=500)] | None = None
    messages: Annotated[list[Message], Field(min_length=2, max_length=MAX_MESSAGES)] | None = None
    """The conversation, the rated answer last."""
    sources: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=16)] | None = None
    """The ids of the answer's passages, in the order of their numbers."""


class DocumentRequest(_Strict):
    """A text to answer from beside the resume, in Markdown."""

    model_config = ConfigDict(strict=True, extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=80)]
    text: Annotated[str, Field(min_length=1, max_length=60_000)]


class SpaceCall(_Strict):
    """How Gradio's clients called the original's Space: the question, then temperature, tokens, top p."""

    data: Annotated[list[str | int | float | None], Field(min_length=1, max_length=4)]


class PlainChat(_Strict):
    """The original site's question."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    query: Annotated[str, Field(min_length=1, max_length=500)]
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    maxTokens: Annotated[Whole, Field(ge=1, le=300)] | None = None
    topP: Annotated[float, Field(gt=0, le=1)] | None = None
