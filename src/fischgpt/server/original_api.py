"""The routes of the original FischGPT's back end, so that its site and its clients go on working: `/api/chat`, `/wake`,
`/health`, `/info`, `/status`, `/version`, and of its Space: `/predict`, `/wake-up`. Its health
check generated 300 tokens and always failed; this one asks nobody.
"""

import json
import time
from typing import Any

from fastapi import APIRouter, Request
from pydantic import ValidationError
from starlette.responses import JSONResponse, Response

from fischgpt import __version__
from fischgpt.chat import Turn
from fischgpt.engine import SamplingParams
from fischgpt.server.completion import Completion, source_list
from fischgpt.server.errors import error_response
from fischgpt.server.openai_api import ask
from fischgpt.server.parts import ANSWERS, Parts, refusals
from fischgpt.server.schemas import PlainChat, SpaceCall
from fischgpt.server.streams import unless_disconnected


def router(parts: Parts) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/api", tags=["The original's"])
    service, started = parts.service, time.monotonic()

    def state() -> str:
        """`ready`, `loading`, `away` or `failed`."""
        if service.out_of_order:
            return "failed"
        return "away" if service.away else "ready" if service.ready else "loading"

    @api.post("/chat", summary="One question, one answer with its sources", responses=refusals(*ANSWERS))
    async def chat(body: PlainChat, request: Request) -> Response:
        if refusal := parts.not_ready():
            return refusal
        params = SamplingParams(temperature=body.temperature or 0.0, top_p=1.0 if body.topP is None else body.topP)
        job = ask(parts, [Turn("user", body.query)], params, (), body.maxTokens)
        answer = Completion(service.model.name, job, 1, False, parts.metrics.answered, parts.failed)

        async def reply() -> Response:
            if failure := await answer.collect():
                return failure
            text, sources, extras = answer.first()
            model = service.model.name
            return JSONResponse(
                {"id": answer.id, "response": text, "model": model, "sources": source_list(sources.hits), **extras}
            )

        return await unless_disconnected(request, job, reply())

    @api.post("/wake", summary="Begin to load, if nothing has; says how far it is", responses=refusals(429))
    async def wake() -> dict[str, Any]:
        service.start()
        return {"status": state(), "progress": service.progress.fraction, "step": service.step}

    @api.post("/predict", summary="The same, as the original's Space spoke", responses=refusals(*ANSWERS))
    async def predict(body: SpaceCall, request: Request) -> Response:
        fields = dict(zip(("query", "temperature", "maxTokens", "topP"), body.data, strict=False))
        try:
            asked = PlainChat.model_validate(fields)
        except ValidationError as error:
            first = error.errors()[0]
            told = f"data (question, temperature, tokens, top p): {first['loc'][0]}: {first['msg']}"
            return error_response(400, told, param="data")
        answered = await chat(asked, request)
        if answered.status_code != 200:
            return answered
        told = json.loads(bytes(answered.body))
        return JSONResponse({"data": [told["response"]]})

    @api.post("/wake-up", summary="As /wake, in the form of the original's Space", responses=refusals(429))
    async def wake_up() -> dict[str, Any]:
        return {"data": [(await wake())["status"]]}

    @api.get("/health", summary="The process is up")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "model": state(), "uptime_s": round(time.monotonic() - started, 1)}

    @api.get("/info", summary="What is served")
    async def info() -> dict[str, Any]:
        config = service.model.config
        return {
            "name": "FischGPT",
            "version": __version__,
            "owner": service.profile.name,
            "model": service.model.name,
            "n_params": service.model.n_params,
            "block_size": None if config is None else config.block_size,
            "passages": len(service.profile.passages),
            "limits": {"query": 500, "maxTokens": 300, "temperature": [0, 1], "topP": [0, 1]},
        }

    @api.get("/status", summary="Whether questions are answered, and how many are")
    async def status() -> dict[str, Any]:
        slots = parts.slots
        running = slots.admitted - slots.waiting
        return {
            "status": state(),
            "progress": service.progress.fraction,
            "step": service.progress.step,
            "running": running,
            "waiting": slots.waiting,
            "slots": slots.slots,
            "queue": slots.queue,
        }

    @api.get("/version", summary="The version of this program")
    async def version() -> dict[str, str]:
        return {"version": __version__}

    return api
