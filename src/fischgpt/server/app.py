"""The application: OpenAI's API, the owner's, the original's, and the site, around one assistant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from fischgpt import __version__
from fischgpt.server import (
    errors,
    inspect_api,
    openai_api,
    original_api,
    owner_api,
    profile_api,
    raw_api,
    run_api,
    site,
)
from fischgpt.server.documents import Documents
from fischgpt.server.feedback import Feedback, owner_folder
from fischgpt.server.limits import BodyLimit, Slots
from fischgpt.server.parts import Parts
from fischgpt.server.service import Service
from fischgpt.server.settings import Settings
from fischgpt.server.visitors import Gate


def create_app(
    service: Service, web: Path | None = None, settings: Settings | None = None, kind: type[FastAPI] = FastAPI
) -> FastAPI:
    """The app for one owner and one model; loading begins when it starts, the site answers at once.

    web: folder of the built site; None: a page that says how to build it. kind: what to make, for a host that brings
    its own FastAPI, as Gradio does.
    """
    settings = settings or Settings()
    parts = Parts(service, settings)
    folder = owner_folder(service.profile, settings.data)
    documents, feedback = Documents(folder / "documents", service.profile), Feedback(folder / "feedback.sqlite3")
    service.profile, service.max_tokens = documents.profile(), settings.max_tokens

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts.started = app.state.slots = Slots(settings.slots, settings.queue, settings.deadline_s)
        service.start()
        yield
        parts.slots.close()
        service.close()
        feedback.close()

    # The docs pages load scripts from elsewhere, which the content security policy forbids; the schema is served.
    app = kind(title="FischGPT", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.parts = parts
    errors.install(app)
    app.include_router(openai_api.router(parts))
    app.include_router(raw_api.router(parts))
    app.include_router(inspect_api.router(parts))
    app.include_router(owner_api.router(parts, feedback, documents))
    app.include_router(original_api.router(parts))
    record = run_api.Record(service.model)
    app.include_router(profile_api.router(parts, record))
    app.include_router(run_api.router(parts, record))
    _describe(app)
    site.install(app, web, lambda: service.profile)
    # The last added is the outermost. GZip leaves event streams alone.
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=500)
    app.add_middleware(Gate, settings=settings, slots=lambda: parts.slots, refused=parts.metrics.refused)
    app.add_middleware(site.Envelope, requests=parts.metrics.requests)
    app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(settings.proxies))
    return app


def _describe(app: FastAPI) -> None:
    """The OpenAPI description without FastAPI's 422, which errors.py answers as OpenAI's 400."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        schema = generate()
        for operations in schema["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
        for name in ("HTTPValidationError", "ValidationError"):
            schema.get("components", {}).get("schemas", {}).pop(name, None)
        return schema

    app.openapi = openapi  # type: ignore[method-assign]
