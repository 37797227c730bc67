"""The answers to one chat request in OpenAI's shapes."""

import math
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, Response

from fischgpt.assistant.events import Delta, Done, Event, Sources
from fischgpt.assistant.logprobs import Token
from fischgpt.profile.retrieval import Hit
from fischgpt.server.errors import error_body, error_response
from fischgpt.server.limits import Job
from fischgpt.server.streams import DONE, line, log_fault, waiting

LOWEST = -9999.0
"""What OpenAI sends for a probability of nothing; JSON has no infinity."""


@dataclass
class _Choice:
    """One of the `n` answers."""

    text: list[str] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    sources: Sources = field(default_factory=lambda: Sources((), 0.0, 0.0))
    done: Done | None = None


class Completion:
    """`n` answers that come one after the other, as (index, event)."""

    def __init__(
        self,
        model: str,
        job: Job,
        n: int,
        logprobs: bool,
        ended: Callable[[Done, float], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """logprobs: whether they are told; ended: hears of each answer and its milliseconds in the queue; failed: of
        what went wrong."""
        self._model, self._job, self._logprobs, self._ended, self._failed = model, job, logprobs, ended, failed
        self.id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._choices = [_Choice() for _ in range(n)]

    async def stream(self, wants_usage: bool) -> AsyncIterator[str]:
        """The lines of the event stream. An error after it has begun is an event `{"error": ...}` and ends it."""
        try:
            async for got in self._job.events():
                if got is None:
                    yield waiting(self._job)
                    continue
                index, event = got
                self._take(index, event)
                match event:
                    case Sources():
                        first = self._chunk(index, {"role": "assistant", "content": ""}, wants_usage)
                        yield line({**first, "sources": source_list(event.hits)} if index == 0 else first)
                    case Delta(text, tokens):
                        yield line(self._chunk(index, {"content": text}, wants_usage, tokens=tokens))
                    case Done():
                        last = self._chunk(index, {}, wants_usage, event.finish_reason)
                        yield line({**last, **self._extras(index, event)})
            if all(choice.done for choice in self._choices):
                if wants_usage:
                    yield line({**self._base("chat.completion.chunk"), "choices": [], "usage": self._usage()})
                yield DONE
        except Exception as error:
            self._failed(error)
            status, message, code = log_fault(error)
            yield line(error_body(status, message, code=code))

    async def collect(self) -> Response | None:
        """Wait for all answers. A response only if there is none to give: an error, or a client that has gone."""
        try:
            async for got in self._job.events():
                if got is not None:
                    self._take(*got)
        except Exception as error:
            self._failed(error)
            status, message, code = log_fault(error)
            headers = {"Retry-After": "10"} if status == 503 else None
            return error_response(status, message, code=code, headers=headers)
        # Cancelled: the client has gone and reads nothing.
        return None if all(choice.done for choice in self._choices) else Response(status_code=499)

    async def whole(self) -> Response:
        """All answers as one response."""
        if failure := await self.collect():
            return failure
        choices = []
        for index, choice in enumerate(self._choices):
            assert choice.done is not None
            message = {"role": "assistant", "content": "".join(choice.text), "refusal": None}
            logprobs = self._told(choice.tokens)
            finish = choice.done.finish_reason
            choices.append({"index": index, "message": message, "finish_reason": finish, "logprobs": logprobs})
        body = {**self._base("chat.completion"), "choices": choices, "usage": self._usage()}
        first = self._choices[0]
        assert first.done is not None
        extras = {"sources": source_list(first.sources.hits), **self._extras(0, first.done)}
        return JSONResponse({**body, **extras})

    def first(self) -> tuple[str, Sources, dict[str, Any]]:
        """Text, sources and extra keys of the only answer, once collected."""
        choice = self._choices[0]
        assert choice.done is not None
        return "".join(choice.text), choice.sources, self._extras(0, choice.done)

    def _take(self, index: int, event: Event) -> None:
        choice = self._choices[index]
        match event:
            case Sources():
                choice.sources = event
            case Delta(piece, tokens):
                choice.text.append(piece)
                choice.tokens.extend(tokens)
            case Done():
                choice.done = event
                self._ended(event, self._job.queue_ms)

    def _base(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self._created, "model": self._model}

    def _chunk(
        self,
        index: int,
        delta: dict[str, str],
        wants_usage: bool,
        finish: str | None = None,
        tokens: Iterable[Token] = (),
    ) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": self._told(tokens)}
        usage = {"usage": None} if wants_usage else {}
        return {**self._base("chat.completion.chunk"), "choices": [choice], **usage}

    def _told(self, tokens: Iterable[Token]) -> dict[str, Any] | None:
        """OpenAI's `logprobs`; None where they were not asked for, or the words are not the model's."""
        content = [_logprob(token) for token in tokens] if self._logprobs else []
        return {"content": content, "refusal": None} if content else None

    def _usage(self) -> dict[str, int]:
        done = [choice.done for choice in self._choices if choice.done is not None]
        return usage(done[0].usage.prompt_tokens, sum(one.usage.completion_tokens for one in done))

    def _extras(self, index: int, done: Done) -> dict[str, Any]:
        queue_ms, timings, sources = self._job.queue_ms, done.timings, self._choices[index].sources
        return {
            "fischgpt": {
                "answer_kind": done.kind,
                "reason": done.reason,
                "score": round(float(sources.score), 4),
                "threshold": round(float(sources.threshold), 4),
            },
            "timings": {
                "queue_ms": round(queue_ms, 1),
                "retrieval_ms": round(timings.retrieval_ms, 1),
                "first_token_ms": round(queue_ms + timings.first_token_ms, 1),
                "total_ms": round(queue_ms + timings.total_ms, 1),
                "tokens": timings.tokens,
                "tokens_per_second": round(timings.tokens_per_second, 1),
            },
        }


def usage(prompt: int, completion: int) -> dict[str, int]:
    """OpenAI's count of tokens."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def finite(logprob: float) -> float:
    """A log-probability that JSON can hold."""
    return round(logprob, 6) if math.isfinite(logprob) else LOWEST


def source_list(hits: Iterable[Hit]) -> list[dict[str, Any]]:
    """Passages as the API tells them, numbered as the answer's `[n]` are."""
    return [
        {
            "n": n,
            "id": hit.passage.id,
            "section": hit.passage.section,
            "organisation": hit.passage.organisation,
            "title": hit.passage.title,
            "dates": hit.passage.dates,
            "text": hit.passage.text,
            "rendered": hit.passage.render(),
            "score": round(float(hit.score), 4),
        }
        for n, hit in enumerate(hits, 1)
    ]


def _logprob(token: Token) -> dict[str, Any]:
    others = [_entry(data.decode("utf-8", "replace"), data, logprob) for data, logprob in token.top]
    return {**_entry(token.text, token.data, token.logprob), "top_logprobs": others}


def _entry(text: str, data: bytes, logprob: float) -> dict[str, Any]:
    return {"token": text, "logprob": finite(logprob), "bytes": list(data)}
