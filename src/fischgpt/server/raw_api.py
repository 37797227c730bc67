"""`/v1/completions`, the model as it is, without profile or check; `/v1/embeddings`, what the search understands by."""

import base64
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from fischgpt.assistant.logprobs import Token
from fischgpt.assistant.model import TextModel
from fischgpt.assistant.raw import Written, expected, proceed
from fischgpt.engine import SamplingParams
from fischgpt.errors import UserError
from fischgpt.profile import embed
from fischgpt.server.completion import finite, usage
from fischgpt.server.errors import error_body, error_response
from fischgpt.server.limits import Job
from fischgpt.server.openai_api import EMBEDDER, nth, unknown_model
from fischgpt.server.parts import ANSWERS, EVENTS, Parts, refusals
from fischgpt.server.schemas import CompletionRequest, EmbeddingRequest
from fischgpt.server.streams import DONE, EventStream, line, log_fault, unless_disconnected, waiting

DEFAULT_TOKENS = 16
"""`max_tokens` where none is given, as OpenAI's."""

_COMPLETIONS = """The raw model goes on from `prompt` (text, or its token ids) for `max_tokens` (16) or up to a stop.

No profile, no retrieval, no check: what it writes is a small language model's and need not be true. `temperature` is 1
unless given, as OpenAI's. `echo` with `logprobs` scores a text; `max_tokens` may be 0 then."""


def router(parts: Parts) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/v1", tags=["OpenAI"])
    service = parts.service

    @api.post(
        "/completions",
        summary="Let the raw model go on",
        description=_COMPLETIONS,
        responses={200: EVENTS, **refusals(*ANSWERS)},
    )
    async def completions(body: CompletionRequest, request: Request) -> Response:
        if body.model is not None and body.model != service.model.name:
            return unknown_model(body.model, service.model.name)
        if refusal := parts.not_ready():
            return refusal
        assert service.assistant is not None
        model = service.assistant.model
        if not isinstance(model, TextModel):
            raise UserError("this site's model is another server's; only its checked answers are served here")
        prompts = [_ids(model, prompt) for prompt in body.prompts]
        scores, last = bool(body.echo) and body.logprobs is not None, len(prompts) * (body.n or 1) - 1

        def scores_next(part: _Part | None) -> bool:
            return scores and (part is None or (part.written.finish is not None and part.index < last))

        job = parts.slots.submit(_work(model, prompts, body, parts.metrics.generated), scores_next)
        shaped = _Completion(service.model.name, job, body, [len(prompt) for prompt in prompts])
        if body.stream:
            return EventStream(job, shaped.stream(body.wants_usage))
        return await unless_disconnected(request, job, shaped.whole())

    @api.post("/embeddings", summary="Texts as vectors of 384 numbers", responses=refusals(*ANSWERS))
    async def embeddings(body: EmbeddingRequest, request: Request) -> Response:
        if body.model not in (None, EMBEDDER):
            return unknown_model(str(body.model), EMBEDDER)

        def work(cancelled: Callable[[], bool]) -> Iterator[list[Any]]:
            for text in body.texts:  # one at a time: a client that leaves is noticed between two
                yield [embed.embed([text])[0], embed.embedder().count(text)]

        job = parts.slots.submit(work)
        return await unless_disconnected(request, job, _embedded(job, body))

    return api


def _ids(model: TextModel, prompt: str | list[int]) -> list[int]:
    """Ids of a prompt; a text is encoded with special tokens off, and an empty one begins a document."""
    ids = prompt if isinstance(prompt, list) else model.tokenizer.encode(prompt)
    ids = ids or [model.tokenizer.eot]
    if len(ids) > model.config.block_size:
        raise UserError(f"the prompt has {len(ids)} tokens; the context is {model.config.block_size}")
    if beyond := [id_ for id_ in ids if id_ >= model.tokenizer.n_vocab]:
        raise UserError(f"prompt: there is no token {beyond[0]}; the vocabulary ends at {model.tokenizer.n_vocab - 1}")
    return ids


@dataclass(frozen=True)
class _Part:
    """What one choice goes on with."""

    index: int
    written: Written


def _work(
    model: TextModel, prompts: Sequence[list[int]], body: CompletionRequest, generated: Callable[[int], None]
) -> Callable[[Callable[[], bool]], Iterator[_Part]]:
    """All choices, one after the other: `n` for each prompt. Raises UserError, at once, for what cannot be done."""
    limit = DEFAULT_TOKENS if body.max_tokens is None else body.max_tokens
    if limit == 0 and not body.echo:
        raise UserError("max_tokens: 0 is only allowed with echo: true")
    for prompt in prompts:
        if limit and len(prompt) >= model.config.block_size:
            raise UserError(f"the prompt has {len(prompt)} tokens; at most {model.config.block_size - 1} leave room")
    params = SamplingParams(
        max_tokens=max(limit, 1),
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        seed=body.seed,
        top_logprobs=body.logprobs or 0,
    )

    def work(cancelled: Callable[[], bool]) -> Iterator[_Part]:
        for at, prompt in enumerate(prompts):
            for nth_choice in range(body.n or 1):
                index = at * (body.n or 1) + nth_choice
                if body.echo:
                    told = expected(model, prompt, body.logprobs or 0) if body.logprobs is not None else []
                    finish: Literal["length"] | None = None if limit else "length"
                    text = model.tokenizer.decode(prompt, keep_control=True)
                    yield _Part(index, Written(text, tuple(told), 0, finish))
                n_tokens = 0
                if limit:
                    for written in proceed(model, prompt, nth(params, nth_choice), cancelled, body.stops):
                        n_tokens = written.n_tokens
                        yield _Part(index, written)
                generated(n_tokens)
                if cancelled():
                    return

    return work


class _Completion:
    """One request's choices in OpenAI's older shape."""

    def __init__(self, model: str, job: Job, body: CompletionRequest, prompt_tokens: Sequence[int]) -> None:
        self._model, self._job, self._prompt_tokens = model, job, sum(prompt_tokens)
        self._top = body.logprobs
        n = len(prompt_tokens) * (body.n or 1)
        self._id, self._created = f"cmpl-{uuid.uuid4().hex}", int(time.time())
        self._text = [""] * n
        self._tokens: list[list[Token]] = [[] for _ in range(n)]
        self._counts = [0] * n
        self._finish: list[str | None] = [None] * n
        self._first_ms: float | None = None
        self._started = time.perf_counter()

    async def stream(self, wants_usage: bool) -> AsyncIterator[str]:
        """The lines of the event stream; an error after it has begun is its last event."""
        try:
            async for part in self._job.events():
                if part is None:
                    yield waiting(self._job)
                    continue
                offset = len(self._text[part.index])
                self._take(part)
                if part.written.text or part.written.finish:
                    told = self._told(part.written.tokens, offset)
                    chunk = self._choice(part.index, part.written.text, told, part.written.finish)
                    more = {"usage": None} if wants_usage else {}
                    last = {"timings": self._timings()} if self._ended else {}
                    yield line({**self._base([chunk]), **more, **last})
            if self._ended:
                if wants_usage:
                    yield line({**self._base([]), "usage": usage(self._prompt_tokens, sum(self._counts))})
                yield DONE
        except Exception as error:
            status, message, code = log_fault(error)
            yield line(error_body(status, message, code=code))

    async def whole(self) -> Response:
        """All choices as one response."""
        try:
            async for part in self._job.events():
                if part is not None:
                    self._take(part)
        except Exception as error:
            status, message, code = log_fault(error)
            return error_response(status, message, code=code)
        if not self._ended:  # cancelled: the client has gone and reads nothing
            return Response(status_code=499)
        choices = [
            self._choice(index, text, self._told(self._tokens[index], 0), self._finish[index])
            for index, text in enumerate(self._text)
        ]
        count = usage(self._prompt_tokens, sum(self._counts))
        return JSONResponse({**self._base(choices), "usage": count, "timings": self._timings()})

    @property
    def _ended(self) -> bool:
        return all(finish is not None for finish in self._finish)

    def _take(self, part: _Part) -> None:
        index, written = part.index, part.written
        if self._first_ms is None:
            self._first_ms = (time.perf_counter() - self._started) * 1000
        self._text[index] += written.text
        self._tokens[index] += written.tokens
        self._counts[index] = written.n_tokens
        self._finish[index] = written.finish

    def _base(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        head = {"id": self._id, "object": "text_completion", "created": self._created, "model": self._model}
        return {**head, "choices": choices}

    def _choice(self, index: int, text: str, told: dict[str, Any] | None, finish: str | None) -> dict[str, Any]:
        return {"index": index, "text": text, "logprobs": told, "finish_reason": finish}

    def _told(self, tokens: Sequence[Token], offset: int) -> dict[str, Any] | None:
        """OpenAI's older `logprobs`: parallel lists."""
        if self._top is None:
            return None
        offsets = []
        for token in tokens:
            offsets.append(offset)
            offset += len(token.text)
        unknown = [token.logprob != token.logprob for token in tokens]  # NaN: the first token of an echoed prompt
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [
                None if first else finite(token.logprob) for token, first in zip(tokens, unknown, strict=True)
            ],
            "top_logprobs": [
                None if first else {data.decode("utf-8", "replace"): finite(lp) for data, lp in token.top}
                for token, first in zip(tokens, unknown, strict=True)
            ],
            "text_offset": offsets,
        }

    def _timings(self) -> dict[str, float]:
        total_ms = (time.perf_counter() - self._started) * 1000
        return {
            "queue_ms": round(self._job.queue_ms, 1),
            "first_token_ms": round(self._first_ms or total_ms, 1),
            "total_ms": round(total_ms, 1),
            "tokens": sum(self._counts),
        }


async def _embedded(job: Job, body: EmbeddingRequest) -> Response:
    """The vectors in OpenAI's shape; base64 is what its Python client asks for."""
    rows, tokens = [], 0
    try:
        async for event in job.events():
            if event is not None:
                rows.append(event[0])
                tokens += event[1]
    except embed.EmbeddingError:
        return error_response(503, "the embedding model is not in this installation", code="failed")
    except Exception as error:
        status, message, code = log_fault(error)
        return error_response(status, message, code=code)
    if len(rows) < len(body.texts):
        return Response(status_code=499)
    as_base64 = body.encoding_format == "base64"
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": base64.b64encode(row.astype("<f4").tobytes()).decode() if as_base64 else row.tolist(),
        }
        for index, row in enumerate(rows)
    ]
    used = {"prompt_tokens": tokens, "total_tokens": tokens}
    return JSONResponse({"object": "list", "data": data, "model": EMBEDDER, "usage": used})
