"""`/api/run`: how the served model learned."""

import functools
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fischgpt.assistant.model import ModelInfo
from fischgpt.assistant.remote import RemoteInfo
from fischgpt.errors import UserError
from fischgpt.evals.condense import card_of, learned_of
from fischgpt.evals.headline import headline
from fischgpt.evals.learned import Learned
from fischgpt.evals.reference import HELLASWAG
from fischgpt.server.parts import Parts, refusals

logger = logging.getLogger(__name__)
Found = TypeVar("Found")


class Level(BaseModel):
    """What somebody else reached."""

    percent: float
    label: str


class RunAnswer(Learned):
    """The record, and what others reached on HellaSwag by the same protocol."""

    beside: list[Level]


class Record:
    """What a server tells of how its model came about: read once, as the weights it serves are."""

    def __init__(self, model: ModelInfo | RemoteInfo) -> None:
        self._model = model

    @functools.cached_property
    def learned(self) -> Learned | None:
        """None for another server's model, one without a record, and one whose record cannot be read."""
        return self._read(learned_of)

    @functools.cached_property
    def figures(self) -> dict[str, Any]:
        """The few figures of `/api/profile`."""
        return headline(self._read(card_of) or {}, self.learned)

    @functools.cached_property
    def answer(self) -> bytes | None:
        """`/api/run` as it is sent."""
        if self.learned is None:
            return None
        beside = [Level(percent=percent, label=label) for percent, label in HELLASWAG]
        return RunAnswer(**dict(self.learned), beside=beside).model_dump_json().encode()

    def _read(self, read: Callable[[ModelInfo], Found | None]) -> Found | None:
        if isinstance(self._model, RemoteInfo):
            return None
        try:
            return read(self._model)
        except UserError as error:
            logger.warning("the model is served without its record: %s", error)
            return None


def router(parts: Parts, record: Record) -> APIRouter:
    """The route."""
    api = APIRouter(tags=["Owner"])

    @api.get(
        "/api/run",
        summary="How the model learned: its loss, scores and samples on the way, its time and cost",
        response_model=RunAnswer,
        responses=refusals(404),
    )
    def run() -> Response:
        if record.answer is not None:
            return Response(record.answer, media_type="application/json")
        if isinstance(parts.service.model, RemoteInfo):
            raise HTTPException(404, "another server has this model: how it learned is not known here")
        raise HTTPException(404, "this model carries no record of how it learned")

    return api
