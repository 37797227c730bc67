"""`/api`: the owner, the passages, the resume file; `/healthz` and `/readyz`."""

import mimetypes
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from fischgpt.profile.profile import Profile
from fischgpt.server.parts import Parts, refusals
from fischgpt.server.run_api import Record
from fischgpt.server.service import Service


def about(service: Service, record: Record, keeps_questions: bool) -> dict[str, Any]:
    """`/api/profile`: the owner and the model."""
    config, profile = service.model.config, service.profile
    shape = ("n_layer", "n_head", "n_embd", "block_size", "vocab_size")
    return {
        "name": profile.name,
        "first_name": profile.first_name,
        "headline": profile.headline,
        "pronouns": profile.pronouns,
        "greeting": profile.greeting,
        "starters": list(profile.starters),
        "links": list(profile.links),
        "story": profile.story_markdown,
        "resume_url": "/api/resume/file" if profile.download else None,
        "keeps_questions": keeps_questions,
        "model": {
            "name": service.model.name,
            "n_params": service.model.n_params,
            **{key: None if config is None else getattr(config, key) for key in shape},
            "trained_tokens": service.model.trained_tokens,
            "computes": service.computes,
            "figures": record.figures,
        },
    }


def listing(profile: Profile) -> dict[str, Any]:
    """`/api/passages`: every passage, in the resume's order."""
    fields = ("id", "section", "organisation", "title", "dates", "text")
    return {"passages": [{key: getattr(passage, key) for key in fields} for passage in profile.passages]}


def router(parts: Parts, record: Record) -> APIRouter:
    """The routes; all answer while the model is still loading."""
    api = APIRouter(tags=["Owner"])
    service = parts.service

    @api.get("/api/profile", summary="Who this site is about, and with what model it answers")
    def profile() -> dict[str, Any]:
        return about(service, record, parts.settings.keep_questions)

    @api.get("/api/passages", summary="What answers are drawn from, in the resume's order")
    async def passages() -> dict[str, Any]:
        return listing(service.profile)

    @api.get(
        "/api/resume/file",
        summary="The resume as the owner gave it",
        response_class=FileResponse,
        responses={200: {"content": {"*/*": {}}}, **refusals(404)},
    )
    async def resume_file() -> Response:
        profile = service.profile
        path = profile.resume_file
        if not (profile.download and path.is_file()):  # the file may hold contact details kept private
            raise HTTPException(404, "there is no resume to download")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        kind = "text/plain" if path.suffix == ".md" else kind  # browsers show it instead of saving it
        return FileResponse(path, media_type=kind, filename=path.name, content_disposition_type="inline")

    @api.get(
        "/healthz",
        summary="The process is up, and a restart would help nobody",
        responses={503: {"description": "Nothing but a restart helps; `step` says why"}},
    )
    async def healthz() -> Response:
        if reason := service.out_of_order:
            return JSONResponse({"status": "failed", "step": reason}, 503)
        return JSONResponse({"status": "ok"})

    @api.get(
        "/readyz",
        summary="Questions are answered: the index is loaded and the model is there",
        responses={503: {"description": "Not yet, or not now; how far it is"}},
    )
    async def readyz() -> Response:
        if service.ready:
            assert service.assistant is not None
            return JSONResponse({"status": "ready", "notice": service.assistant.index.notice})
        status = "failed" if service.out_of_order else "away" if service.away else "loading"
        body = {"status": status, "progress": service.progress.fraction, "step": service.step}
        return JSONResponse(body, 503, headers=None if status == "failed" else {"Retry-After": "1"})

    return api
