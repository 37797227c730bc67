"""`/v1`: OpenAI's API, so that any client of it is a client of ours, with three additive keys.

`sources` (the passages an answer may cite, before its first word), `fischgpt` (the kind of answer and why) and
`timings`. They stand on the chunks of a stream where they become known, or on the whole of an answer.
"""

import asyncio
import json
import logging
import time
import traceback
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.events import Delta, Done, Event, Sources
from fischgpt.engine import SamplingParams
from fischgpt.server.errors import describe, error_body, error_response
from fischgpt.server.limits import Job, Slots
from fischgpt.server.schemas import ChatRequest
from fischgpt.server.service import Service

logger = logging.getLogger(__name__)

_DESCRIPTION = """Answers the last user message about the owner of this site, from the owner's profile.

OpenAI's request and response, with three additive keys: `sources`, `fischgpt` and `timings`. Messages of the roles
`system` and `developer` are accepted and have no effect: the prompt is this server's own. `temperature` is 0 (greedy)
unless given. With `stream: true` the response is `text/event-stream`."""


def router(service: Service, slots: Callable[[], Slots]) -> APIRouter:
    """The routes of `/v1`."""
    api = APIRouter(prefix="/v1", tags=["OpenAI"])
    created = int(time.time())

    def model_object() -> dict[str, Any]:
        return {"id": service.model.name, "object": "model", "created": created, "owned_by": "fischgpt"}

    @api.get("/models", summary="The model that is served")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model_object()]}

    @api.get("/models/{name:path}", summary="One model")
    async def model(name: str) -> Response:
        return JSONResponse(model_object()) if name == service.model.name else _unknown_model(service, name)

    @api.post(
        "/chat/completions",
        summary="Ask about the owner",
        description=_DESCRIPTION,
        responses={
            200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
            **{code: {"description": text} for code, text in _ERRORS.items()},
        },
    )
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        if body.model is not None and body.model != service.model.name:
            return _unknown_model(service, body.model)
        if service.assistant is None:
            return not_ready(service)
        assistant = service.assistant
        turns = [message.turn() for message in body.messages]
        assistant.check(turns)  # what is wrong with the question is a 400, not an error inside a stream
        params = SamplingParams(
            temperature=body.temperature or 0.0,
            top_p=1.0 if body.top_p is None else body.top_p,
            seed=body.seed,
        )

        limit = body.max_completion_tokens or body.max_tokens

        def work(cancelled: Callable[[], bool]) -> Iterator[Event]:
            return assistant.answer(turns, params, cancelled, body.stops, limit)

        job = slots().submit(work)
        completion = _Completion(service.model.name, assistant, job)
        if body.stream:
            wants_usage = body.stream_options is not None and body.stream_options.include_usage
            return _EventStream(job, completion.stream(wants_usage))
        return await _unless_disconnected(request, job, completion.whole())

    return api


_ERRORS = {
    400: "What is wrong with the request, in one line",
    404: "Another model than the served one",
    413: "The request is larger than 64 KiB",
    429: "Too many questions at once; Retry-After says when to come back",
    503: "Still loading; Retry-After says when to come back",
    504: "The answer took longer than 60 s",
}


def not_ready(service: Service) -> JSONResponse:
    """503 while loading, or for good."""
    if service.failure is not None:
        return error_response(503, "the model could not be loaded", code="failed")
    message = f"not ready yet: {service.progress.step}"
    return error_response(503, message, code="loading", headers={"Retry-After": "1"})


def _unknown_model(service: Service, name: str) -> JSONResponse:
    message = f"the model {name[:100]!r} is not served here; this server has {service.model.name!r}"
    return error_response(404, message, "model", "model_not_found")


class _EventStream(StreamingResponse):
    """Server-sent events of a job, which ends when the client goes."""

    def __init__(self, job: Job, content: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.cancel()


async def _unless_disconnected(request: Request, job: Job, answer: Any) -> Response:
    """Await the answer, but cancel the job when the client goes: FastAPI does not do it for whole responses."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        job.cancel()

    watcher = asyncio.create_task(watch())
    try:
        return await answer
    finally:
        watcher.cancel()
        job.cancel()


class _Completion:
    """One answer in OpenAI's shapes."""

    def __init__(self, model: str, assistant: Assistant, job: Job) -> None:
        self._model, self._assistant, self._job = model, assistant, job
        self._id = f"chatcmpl-{uuid.uuid4().hex}"
        self._created = int(time.time())
        self._sources = Sources((), 0.0, 0.0)

    async def stream(self, wants_usage: bool) -> AsyncIterator[str]:
        """The lines of the event stream. An error after it has begun is an event `{"error": ...}` and ends it."""
        try:
            async for event in self._job.events():
                match event:
                    case None:
                        yield ": waiting\n\n"
                    case Sources():
                        self._sources = event
                        first = self._chunk({"role": "assistant", "content": ""}, wants_usage)
                        yield _line({**first, "sources": self._source_list()})
                    case Delta(text):
                        yield _line(self._chunk({"content": text}, wants_usage))
                    case Done():
                        last = self._chunk({}, wants_usage, event.finish_reason)
                        yield _line({**last, **self._extras(event)})
                        if wants_usage:
                            yield _line({**self._base("chat.completion.chunk"), "choices": [], "usage": _usage(event)})
                        yield "data: [DONE]\n\n"
        except Exception as error:
            status, message, code = _log(error)
            yield _line(error_body(status, message, code=code))

    async def whole(self) -> Response:
        """The whole answer as one response."""
        text: list[str] = []
        done: Done | None = None
        try:
            async for event in self._job.events():
                match event:
                    case Sources():
                        self._sources = event
                    case Delta(piece):
                        text.append(piece)
                    case Done():
                        done = event
        except Exception as error:
            status, message, code = _log(error)
            return error_response(status, message, code=code)
        if done is None:  # cancelled: the client has gone and reads nothing
            return Response(status_code=499)
        message = {"role": "assistant", "content": "".join(text), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": done.finish_reason, "logprobs": None}
        body = {**self._base("chat.completion"), "choices": [choice], "usage": _usage(done)}
        return JSONResponse({**body, "sources": self._source_list(), **self._extras(done)})

    def _base(self, kind: str) -> dict[str, Any]:
        return {"id": self._id, "object": kind, "created": self._created, "model": self._model}

    def _chunk(self, delta: dict[str, str], wants_usage: bool, finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        usage = {"usage": None} if wants_usage else {}
        return {**self._base("chat.completion.chunk"), "choices": [choice], **usage}

    def _source_list(self) -> list[dict[str, Any]]:
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
            for n, hit in enumerate(self._sources.hits, 1)
        ]

    def _extras(self, done: Done) -> dict[str, Any]:
        queue_ms, timings = self._job.queue_ms, done.timings
        return {
            "fischgpt": {
                "answer_kind": done.kind,
                "reason": done.reason,
                "score": round(float(self._sources.score), 4),
                "threshold": round(float(self._sources.threshold), 4),
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


def _usage(done: Done) -> dict[str, int]:
    prompt, completion = done.usage.prompt_tokens, done.usage.completion_tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _line(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _log(error: Exception) -> tuple[int, str, str | None]:
    """Status, message and code of an error. What is logged of a fault is its type and place, never its message, which
    may hold what a visitor typed."""
    status, message, code = describe(error)
    if status == 500:
        place = "".join(traceback.format_tb(error.__traceback__))
        logger.error("an answer failed with %s\n%s", type(error).__name__, place)
    return status, message, code
