"""What the routes of one app share."""

from typing import Any

from starlette.responses import JSONResponse

from fischgpt.errors import ModelAway
from fischgpt.server.errors import error_response
from fischgpt.server.limits import Slots
from fischgpt.server.metrics import Metrics
from fischgpt.server.service import Service
from fischgpt.server.settings import Settings

REFUSALS = {
    400: "What is wrong with the request, in one line",
    401: "A key is needed, or this one is not known",
    404: "There is no such thing here",
    408: "The request took too long to arrive",
    413: "The request is larger than 64 KiB",
    429: "Too many questions at once, or from this visitor; Retry-After says when to come back",
    500: "A fault of the server, which tells nothing of its inside",
    503: "Still loading, or the model is away; Retry-After says when to come back; without it: not before a restart",
    504: "The answer took longer than 60 s",
}


class Parts:
    """One app's service, limits, figures and settings. The slots exist once the app has started."""

    def __init__(self, service: Service, settings: Settings) -> None:
        self.service, self.settings = service, settings
        self.started: Slots | None = None
        self.metrics = Metrics(lambda: self.slots, lambda: service.ready)

    @property
    def slots(self) -> Slots:
        """The slots of the running app."""
        assert self.started is not None
        return self.started

    def not_ready(self) -> JSONResponse | None:
        """503 while loading, while the model is away, or for good; None when questions can be answered."""
        service = self.service
        if reason := service.out_of_order:
            return error_response(503, reason, code="failed")
        if service.away:
            return error_response(503, str(ModelAway("")), code="model_away", headers={"Retry-After": "10"})
        if service.assistant is None:
            message = f"not ready yet: {service.progress.step}"
            return error_response(503, message, code="loading", headers={"Retry-After": "1"})
        return None

    def failed(self, error: Exception) -> None:
        """Hear of an answer that failed: a model that is away is asked after until it is back."""
        if isinstance(error, ModelAway):
            self.service.model_is_away()


def refusals(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The errors of a route for the OpenAPI description, those every route can give among them."""
    schema = {
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": {
                "type": "object",
                "required": ["message", "type", "param", "code"],
                "properties": {
                    "message": {"type": "string"},
                    "type": {"type": "string"},
                    "param": {"type": ["string", "null"]},
                    "code": {"type": ["string", "null"]},
                },
            }
        },
    }
    return {
        code: {"description": REFUSALS[code], "content": {"application/json": {"schema": schema}}}
        for code in sorted({500, *codes})
    }


ANSWERS = (400, 401, 404, 408, 413, 429, 503, 504)
"""What a route that answers questions may refuse with."""
WRITES = (400, 401, 408, 413, 429)
"""What a route that takes a body may refuse with."""
# No schema: OpenAPI 3.1 has none for a stream, and tools take one for that of each event.
EVENTS: dict[str, Any] = {"content": {"text/event-stream": {}}}
