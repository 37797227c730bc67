"""A job's events as a response, streamed or whole, that ends when its reader goes."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from fischgpt.errors import Away
from fischgpt.server.errors import describe
from fischgpt.server.limits import Job

logger = logging.getLogger(__name__)

DONE = "data: [DONE]\n\n"


class EventStream(StreamingResponse):
    """Server-sent events of a job."""

    def __init__(self, job: Job, content: AsyncIterator[str]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, media_type="text/event-stream", headers=headers)
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._job.cancel()


async def unless_disconnected(request: Request, job: Job, answer: Awaitable[Response]) -> Response:
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


def waiting(job: Job) -> str:
    """A comment that keeps a silent connection open and says where it stands in the queue; clients skip it."""
    place = job.place()
    return f": waiting {place}\n\n" if place else ": waiting\n\n"


def line(data: dict[str, Any]) -> str:
    """One event."""
    return f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"


def log_fault(error: Exception) -> tuple[int, str, str | None]:
    """Status, message and code of an error. What is logged of a fault is its type and place, never its message, which
    may hold what a visitor typed."""
    status, message, code = describe(error)
    if isinstance(error, Away):
        logger.warning("the %s is away: %s", error.what, error.detail)
    elif status == 500:
        place = "".join(traceback.format_tb(error.__traceback__))
        logger.error("an answer failed with %s\n%s", type(error).__name__, place)
    return status, message, code
