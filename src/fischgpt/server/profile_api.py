"""`/api`: the owner, the passages, the resume file; `/healthz` and `/readyz`."""

import mimetypes
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, JSONResponse, Response

from fischgpt.server.service import Service


def router(service: Service) -> APIRouter:
    """The routes; all answer while the model is still loading."""
    api = APIRouter(tags=["Owner"])
    profile = service.profile

    @api.get("/api/profile", summary="Who this site is about, and with what model it answers")
    async def about() -> dict[str, Any]:
        config = service.model.config
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
            "model": {
                "name": service.model.name,
                "n_params": service.model.n_params,
                "n_layer": config.n_layer,
                "n_head": config.n_head,
                "n_embd": config.n_embd,
                "block_size": config.block_size,
                "vocab_size": config.vocab_size,
                "trained_tokens": service.model.trained_tokens,
            },
        }

    @api.get("/api/passages", summary="What answers are drawn from, in the resume's order")
    async def passages() -> dict[str, Any]:
        fields = ("id", "section", "organisation", "title", "dates", "text")
        return {"passages": [{key: getattr(passage, key) for key in fields} for passage in profile.passages]}

    @api.get("/api/resume/file", summary="The resume as the owner gave it", response_class=FileResponse)
    async def resume_file() -> Response:
        path = profile.resume_file
        if not (profile.download and path.is_file()):  # the file may hold contact details kept private
            raise HTTPException(404, "there is no resume to download")
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        kind = "text/plain" if path.suffix == ".md" else kind  # browsers show it instead of saving it
        return FileResponse(path, media_type=kind, filename=path.name, content_disposition_type="inline")

    @api.get("/healthz", summary="The process is up")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @api.get("/readyz", summary="The model and the index are loaded", responses={503: {"description": "Not yet"}})
    async def readyz() -> Response:
        if service.assistant is not None:
            return JSONResponse({"status": "ready", "notice": service.assistant.index.notice})
        status = "loading" if service.failure is None else "failed"
        body = {"status": status, "progress": service.progress.fraction, "step": service.progress.step}
        return JSONResponse(body, 503, headers={"Retry-After": "1"} if status == "loading" else None)

    return api
