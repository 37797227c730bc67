"""Thumbs of visitors, documents of the owner, figures for Prometheus."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fischgpt.server.documents import Documents
from fischgpt.server.feedback import Feedback, Full, Thumb, conversation
from fischgpt.server.metrics import CONTENT_TYPE
from fischgpt.server.parts import WRITES, Parts, refusals
from fischgpt.server.schemas import DocumentRequest, FeedbackRequest
from fischgpt.server.visitors import is_key, is_local

_bearer = HTTPBearer(auto_error=False, description="The owner's key")
Given = Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]


def router(parts: Parts, feedback: Feedback, documents: Documents) -> APIRouter:
    """The routes."""
    api = APIRouter(tags=["Owner"])
    settings, service = parts.settings, parts.service

    def owner_only(given: Given) -> None:
        """Raises 401 unless the owner's key was sent."""
        if not is_key(given.credentials if given else "", [settings.owner_key]):
            message = "only the owner may do this: send their key as `Authorization: Bearer KEY`"
            if not settings.owner_key:
                message = "only the owner may do this, and this server was started without FISCHGPT_OWNER_KEY"
            raise HTTPException(401, message, {"WWW-Authenticate": "Bearer"})

    @api.post("/v1/feedback", summary="A thumb on an answer", responses=refusals(*WRITES, 503))
    async def thumb(body: FeedbackRequest) -> dict[str, Any]:
        messages = None
        if body.messages is not None:
            turns = [message.turn() for message in body.messages]
            messages = conversation([(turn.role, turn.text) for turn in turns])  # what is wrong is told either way
        keep = settings.keep_questions
        given = Thumb(body.id, body.rating, service.model.name, body.comment, messages if keep else None, body.sources)
        try:
            await asyncio.to_thread(feedback.add, given)
        except Full:
            raise HTTPException(503, "this site keeps no more feedback") from None
        parts.metrics.feedback.labels(body.rating).inc()
        kept = keep and messages is not None
        return {"object": "feedback", "id": body.id, "rating": body.rating, "kept_text": kept}

    @api.get("/api/documents", summary="What answers are drawn from beside the resume")
    async def list_documents() -> dict[str, Any]:
        return {"documents": [document.as_dict() for document in documents.all()]}

    @api.post(
        "/api/documents",
        status_code=201,
        summary="Add a text to answer from",
        dependencies=[Depends(owner_only)],
        responses=refusals(*WRITES, 503),
    )
    async def add_document(body: DocumentRequest) -> dict[str, Any]:
        def add() -> dict[str, Any]:
            with documents.lock:
                document = documents.add(body.title, body.text)
                service.change(documents.profile())
                return document.as_dict()

        return await asyncio.to_thread(add)

    @api.delete("/api/documents/{id}", status_code=204, summary="Forget a text", dependencies=[Depends(owner_only)],
                responses=refusals(400, 401, 404, 429))  # fmt: skip
    async def remove_document(id: str) -> Response:
        def remove() -> bool:
            with documents.lock:
                removed = documents.remove(id)
                if removed:
                    service.change(documents.profile())
                return removed

        if not await asyncio.to_thread(remove):
            raise HTTPException(404, "there is no document with this id")
        return Response(status_code=204)

    @api.get("/metrics", summary="Figures for Prometheus: from this machine, or with the owner's key",
             responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **refusals(401)})  # fmt: skip
    async def metrics(request: Request, given: Given) -> Response:
        if not is_local(request.scope):
            owner_only(given)
        return Response(parts.metrics.page(), media_type=CONTENT_TYPE)

    return api
