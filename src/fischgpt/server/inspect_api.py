"""`/v1/inspect`: the served model opened up, its shape and what happens in it while it reads a visitor's text."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fischgpt.assistant.inspect import Inspection, Shape, encode, inspect, shape_of_config
from fischgpt.assistant.model import TextModel
from fischgpt.config import GPTConfig
from fischgpt.server.errors import describe, error_response
from fischgpt.server.limits import Job
from fischgpt.server.openai_api import unknown_model
from fischgpt.server.parts import ANSWERS, Parts, refusals
from fischgpt.server.schemas import InspectRequest
from fischgpt.server.streams import log_fault, unless_disconnected

_DESCRIPTION = """One forward pass of the raw model over `prompt` (a text, or its token ids; at most 64 tokens).

Tokens; logits of the 200 likeliest next tokens, and what all others weigh at each temperature from 0.05 to 2, so that a
client computes exact probabilities; the logit lens of each layer at each position; lengths of the residual vectors;
milliseconds of each block; the attention of one `layer` (from 0), if asked for; and the network's shape."""

_SHAPE = """The network's configuration, and every part of it with its weights' shapes, parameters and FLOPs.

Known before the weights are loaded. `/v1/inspect` is not offered for a model that another server runs."""


def router(parts: Parts) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1", tags=["Inside"])
    service = parts.service

    @api.get("/inspect", summary="What the served model is made of", description=_SHAPE,
             responses={200: {"model": Shape}, **refusals(400, 401)})  # fmt: skip
    async def shape() -> Response:
        if service.model.config is None:
            return _elsewhere()
        return JSONResponse(_shape(service.model.config))

    @api.post("/inspect", summary="Read a text and show everything", description=_DESCRIPTION,
              responses={200: {"model": Inspection}, **refusals(*ANSWERS)})  # fmt: skip
    async def look(body: InspectRequest, request: Request) -> Response:
        if service.model.config is None:
            return _elsewhere()
        if body.model is not None and body.model != service.model.name:
            return unknown_model(body.model, service.model.name)
        if refusal := parts.not_ready():
            return refusal
        assert service.assistant is not None
        model = service.assistant.model
        assert isinstance(model, TextModel)

        def work(cancelled: Callable[[], bool]) -> Iterator[Any]:
            yield inspect(model, encode(model, body.prompt), body.layer, body.lens is not False, cancelled)

        job = parts.slots.submit(work)
        return await unless_disconnected(request, job, _whole(job))

    return api


async def _whole(job: Job) -> Response:
    try:
        async for inspection in job.events():
            if inspection is not None:
                return JSONResponse(inspection)
    except Exception as error:
        status, message, code = log_fault(error) if describe(error)[0] >= 500 else describe(error)
        return error_response(status, message, code=code)
    return Response(status_code=499)  # cancelled: the client has gone and reads nothing


@cache
def _shape(config: GPTConfig) -> Shape:
    return shape_of_config(config)


def _elsewhere() -> JSONResponse:
    message = "this server's model runs elsewhere and cannot be opened"
    return error_response(400, message, code="model_elsewhere")
