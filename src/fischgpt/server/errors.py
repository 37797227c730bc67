"""Every error in OpenAI's shape, `{"error": {"message", "type", "param", "code"}}`, and nothing of the inside in it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from fischgpt.errors import Away, UserError
from fischgpt.server import schemas
from fischgpt.server.limits import Busy, Expired

_FIELDS = {
    name
    for model in vars(schemas).values()
    if isinstance(model, type) and issubclass(model, BaseModel)
    for name in model.model_fields
}
INTERNAL = "the server failed at this request"


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """The body of an error, also sent inside a stream that has begun."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_response(
    status: int,
    message: str,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error as a response."""
    return JSONResponse(error_body(status, message, param, code), status, headers=dict(headers or {}))


def busy_response(seconds: int) -> JSONResponse:
    """429: no slot and no place in the queue is free."""
    message = f"too many questions at once; try again in {seconds} s"
    return error_response(429, message, code="busy", headers={"Retry-After": str(seconds)})


def describe(error: BaseException) -> tuple[int, str, str | None]:
    """Status, message and code of an error that ended an answer."""
    match error:
        case Away():
            return 503, str(error), f"{error.what}_away"
        case UserError():
            return 400, str(error), None
        case Expired():
            return 504, "the answer took too long and was stopped", "timeout"
        case _:
            return 500, INTERNAL, None


def install(app: FastAPI) -> None:
    """Make `app` answer errors so."""

    @app.exception_handler(UserError)
    async def _user(request: Request, error: UserError) -> JSONResponse:
        return error_response(400, str(error))

    @app.exception_handler(Busy)
    async def _busy(request: Request, error: Busy) -> JSONResponse:
        return busy_response(error.retry_after)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        detail = error.detail
        if error.status_code == 404 and detail == HTTPStatus.NOT_FOUND.phrase:
            detail = f"there is no {request.method} {request.url.path[:100]}"
        return error_response(error.status_code, detail[:1].lower() + detail[1:], headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = [str(part) for part in first["loc"] if part != "body"]
        match first["type"]:
            case "json_invalid":
                return error_response(400, "the request is not valid JSON")
            case "extra_forbidden":
                return error_response(400, f"unknown parameter: {where[-1][:64]}", where[-1][:64])
            case _ if not where and first["type"] != "value_error":
                return error_response(400, "send a JSON object with the header Content-Type: application/json")
        # messages.0.content.str -> messages.0.content: which branch of a union failed says nothing to a client.
        param = ".".join(part for part in where if part.isdigit() or part in _FIELDS)
        message = first["msg"].removeprefix("Value error, ")
        return error_response(400, f"{param}: {message[:1].lower()}{message[1:]}" if param else message, param or None)
