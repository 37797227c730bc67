"""`/v1`: OpenAI's API, so that any client of it is a client of ours, with three additive keys.

`sources` (the passages an answer may cite, before its first word), `fischgpt` (the kind of answer and why) and
`timings`. They stand on the chunks of a stream where they become known, or on the whole of an answer.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fischgpt.assistant.events import Done, Event
from fischgpt.chat import Turn
from fischgpt.engine import SamplingParams
from fischgpt.server.completion import Completion
from fischgpt.server.errors import error_response
from fischgpt.server.limits import Job
from fischgpt.server.parts import ANSWERS, EVENTS, Parts, refusals
from fischgpt.server.schemas import ChatRequest
from fischgpt.server.streams import EventStream, unless_disconnected

EMBEDDER = "all-MiniLM-L6-v2"
"""The id of the model behind `/v1/embeddings`."""

_DESCRIPTION = """Answers the last user message about the owner of this site, from the owner's profile.

OpenAI's request and response, with three additive keys: `sources`, `fischgpt` and `timings`. Messages of the roles
`system` and `developer` are accepted and have no effect: the prompt is this server's own. `temperature` is 0 (greedy)
unless given. With `stream: true` the response is `text/event-stream`. `logprobs` are those of the model's own words."""


def router(parts: Parts) -> APIRouter:
    """The chat and the list of models."""
    api = APIRouter(prefix="/v1", tags=["OpenAI"])
    service, created = parts.service, int(time.time())

    def model_object(name: str) -> dict[str, Any]:
        found = {"id": name, "object": "model", "created": created, "owned_by": "fischgpt"}
        return found | ({"computes": service.computes} if name == service.model.name and service.computes else {})

    @api.get("/models", summary="The models that are served: the one that answers, the one that embeds",
             responses=refusals(401))  # fmt: skip
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [model_object(service.model.name), model_object(EMBEDDER)]}

    @api.get("/models/{name:path}", summary="One model", responses=refusals(401, 404))
    async def model(name: str) -> Response:
        if name in (service.model.name, EMBEDDER):
            return JSONResponse(model_object(name))
        return unknown_model(name, service.model.name)

    @api.post(
        "/chat/completions",
        summary="Ask about the owner",
        description=_DESCRIPTION,
        responses={200: EVENTS, **refusals(*ANSWERS)},
    )
    async def chat_completions(body: ChatRequest, request: Request) -> Response:
        if body.model is not None and body.model != service.model.name:
            return unknown_model(body.model, service.model.name)
        if refusal := parts.not_ready():
            return refusal
        params = SamplingParams(
            temperature=body.temperature or 0.0,
            top_p=1.0 if body.top_p is None else body.top_p,
            seed=body.seed,
            top_logprobs=body.top_logprobs or 0,
        )
        turns = [message.turn() for message in body.messages]
        limit, n = body.max_completion_tokens or body.max_tokens, body.n or 1
        job = ask(parts, turns, params, body.stops, limit, n)
        told = parts.metrics.answered
        completion = Completion(service.model.name, job, n, bool(body.logprobs), told, parts.failed)
        if body.stream:
            return EventStream(job, completion.stream(body.wants_usage))
        return await unless_disconnected(request, job, completion.whole())

    return api


def ask(
    parts: Parts, turns: Sequence[Turn], params: SamplingParams, stop: Sequence[str], limit: int | None, n: int = 1
) -> Job:
    """Queue `n` answers to a conversation; their events come as (index, event).

    Raises UserError for what is wrong with the question (a 400, not an error inside a stream), Busy when full.
    """
    assistant = parts.service.assistant
    assert assistant is not None
    assistant.check(turns)

    def work(cancelled: Callable[[], bool]) -> Iterator[tuple[int, Event]]:
        for index in range(n):
            for event in assistant.answer(turns, nth(params, index), cancelled, stop, limit):
                yield index, event
            if cancelled():
                return

    def searches(event: tuple[int, Event] | None) -> bool:
        """Before each answer's sources. From there on the model has its own order (engine/batch.py), and who waits for
        it, or for another server's, keeps nobody from searching."""
        return event is None or (isinstance(event[1], Done) and event[0] < n - 1)

    # Searching goes on for as many as there are cores: all at once, everybody's first words would be late.
    return parts.slots.submit(work, searches)


def nth(params: SamplingParams, index: int) -> SamplingParams:
    """For the answer `index` of one request: its own random numbers, and the first those of a request for one."""
    return params if params.seed is None or index == 0 else replace(params, seed=(params.seed + index) % 2**63)


def unknown_model(name: str, served: str) -> JSONResponse:
    """404 that names what is served."""
    message = f"the model {name[:100]!r} is not served here; this server has {served!r}"
    return error_response(404, message, "model", "model_not_found")
