"""What `POST /v1/chat/completions` accepts: OpenAI's fields, each checked on its own.

A parameter this server honours is validated strictly (no coercion: `true` and `"1"` are not numbers). One it does not
honour is accepted only at the value that changes nothing, so no client is silently given something else than it asked
for; an unknown one is refused, as OpenAI does.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fischgpt.chat import Turn

MAX_MESSAGES = 64

# Accepted only so, because anything else asks for what this server does not do.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "presence_penalty": (0, 0.0),
    "frequency_penalty": (0, 0.0),
    "logit_bias": ({},),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
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


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


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


class ChatRequest(_Strict):
    """A chat completion request, as the `openai` clients send it."""

    model_config = ConfigDict(strict=True, allow_inf_nan=False, extra="forbid")

    messages: Annotated[list[Message], Field(min_length=1, max_length=MAX_MESSAGES)]
    model: Annotated[str, Field(max_length=256)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[Whole, Field(ge=-(2**63), lt=2**63)] | None = None
    max_tokens: Annotated[Whole, Field(ge=1, lt=2**31)] | None = None
    max_completion_tokens: Annotated[Whole, Field(ge=1, lt=2**31)] | None = None
    stop: (
        Annotated[str, Field(min_length=1, max_length=64)]
        | Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=4)]
        | None
    ) = None

    @model_validator(mode="before")
    @classmethod
    def _only_what_is_honoured(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key, allowed in NEUTRAL.items():
            value = data.get(key)
            if value is not None and not any(type(value) is type(one) and value == one for one in allowed):
                raise ValueError(f"{key} is not supported here; leave it out or send {allowed[0]!r}")
        if data.get("stream_options") is not None and data.get("stream") is not True:
            raise ValueError("stream_options is only allowed with stream: true")
        return {key: value for key, value in data.items() if key not in NEUTRAL and key not in IGNORED}

    @property
    def stops(self) -> tuple[str, ...]:
        """Stop strings as a tuple."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
