"""The application: OpenAI's API, the owner's, and the site, around one assistant."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from fischgpt import __version__
from fischgpt.server import errors, openai_api, profile_api, site
from fischgpt.server.limits import BodyLimit, Slots
from fischgpt.server.service import Service


def create_app(
    service: Service, web: Path | None = None, n_slots: int = 2, n_queue: int = 16, deadline_s: float = 60.0
) -> FastAPI:
    """The app for one owner and one model; loading begins when it starts, the site answers at once.

    web: folder of the built site; None: a page that says how to build it. n_slots: answers at once; n_queue: how many
    more may wait; deadline_s: the longest an answer may take, waiting included.
    """
    slots: Slots | None = None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        nonlocal slots
        slots = app.state.slots = Slots(n_slots, n_queue, deadline_s)
        service.start()
        yield
        slots.close()

    def current_slots() -> Slots:
        assert slots is not None
        return slots

    # The docs pages load scripts from elsewhere, which the content security policy forbids; the schema is served.
    app = FastAPI(title="FischGPT", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    errors.install(app)
    app.include_router(openai_api.router(service, current_slots))
    app.include_router(profile_api.router(service))
    site.install(app, web)
    # The last added is the outermost. GZip leaves event streams alone.
    app.add_middleware(BodyLimit)
    app.add_middleware(GZipMiddleware, minimum_size=500)
    app.add_middleware(site.Envelope)
    return app
