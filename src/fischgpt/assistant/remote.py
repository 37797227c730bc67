"""Any OpenAI-compatible server (vLLM, llama.cpp, Ollama, a Space) as the model behind the assistant.

Only the writing is done there: retrieval, gate, prompt budget and the check before anything is shown stay here. A
request that fails before its first token is tried again; one that nobody waits for any more is dropped within 50 ms,
which closes its connection, so that the other server stops too.
"""

import asyncio
import logging
import math
import os
import queue
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fischgpt.assistant.model import MINI, REMOTE, ModelInfo, Piece, TextModel, describe_model, load_model
from fischgpt.assistant.quoting import Quotations
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.engine import Bits, SamplingParams
from fischgpt.errors import ModelAway, UserError
from fischgpt.tokenizer import CHAT_TEMPLATE, Tokenizer

if TYPE_CHECKING:
    from openai import AsyncOpenAI

logger = logging.getLogger(__name__)

REFUSED = (400, 413, 422)
"""Statuses that are about one request: it gets no words of the model, which leads to the quote; nobody else is kept
waiting."""
CONNECT_S = 5.0
READ_S = 30.0
"""The longest silence, before the first token and between two: a cold 7B on a CPU reads 2,000 tokens in about 20 s."""
RETRIES = 2
"""After half a second and a second (or what Retry-After says), before the first token only."""
CONTEXT = 2048
"""Tokens, where the server does not say (Ollama's default is 4096, llama.cpp's that of the model)."""
MAX_CONTEXT = 8192
CANCEL_S = 0.05
_MARGIN, _SMALL_MARGIN, _SMALL_VOCABULARY = 0.75, 0.5, 16_384
"""Share of the context that is filled: tokens are counted with GPT-2's vocabulary, the other model's may need more; one
of 4,096, as the shipped model's, half as many more again (1.5 on both shipped profiles, 2.0 in their worst passage)."""

# The shipped model was trained to answer so; one that was not has to be told.
INSTRUCTION = (
    "Answer the question from the numbered passages only, in one or two short sentences that keep their words. "
    "Open each sentence with the number of its passage in brackets, for example [1]. "
    "If no passage answers it, say only: The profile does not say."
)


@dataclass(frozen=True)
class RemoteInfo:
    """A model that another server has; its shape is not known."""

    name: str
    url: str
    """Up to and including `/v1`."""
    wanted: str = ""
    """Which of that server's models; empty: its first."""
    config: None = None
    n_params: None = None
    trained_tokens: None = None


class RemoteModel:
    """Reads and writes as TextModel does, through another server. Safe to use from several threads.

    A model that is asked what only weights can tell (`engine`, `stream`) raises UserError.
    """

    def __init__(self, info: RemoteInfo) -> None:
        """Talks to nobody yet: see `probe`."""
        self.info, self.name, self.card = info, info.name, {}
        self.tokenizer = Tokenizer.gpt2()
        self.config = GPTConfig(block_size=int(CONTEXT * _MARGIN))
        self.is_ours = False
        """Whether it is one of ours in llama.cpp: it knows our prompt, and can be held to the passages."""
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="remote", daemon=True).start()

    @property
    def engine(self) -> Any:
        """There is none."""
        raise UserError(f"{self.name} is another server's: its weights are not here; ask that server itself")

    def stream(self, *_: object, **__: object) -> Iterator[Piece]:
        """Raw ids mean nothing to another server."""
        return self.engine

    def probe(self) -> None:
        """Ask the server what it serves, and how long its context is. Raises ModelAway when it does not say."""
        models = self._run(self._models())
        named = next((model for model in models if model.get("id") == self.info.wanted), None)
        if self.info.wanted and models and named is None:
            known = ", ".join(str(model.get("id")) for model in models[:5])
            raise ModelAway(f"{self._host} does not serve {self.info.wanted!r} but {known}")
        chosen = named or (models[0] if models else {})
        self.name = str(chosen.get("id") or self.info.wanted or self.info.name)
        meta = chosen.get("meta") or {}
        told = chosen.get("max_model_len") or (meta.get("n_ctx") or meta.get("n_ctx_train") if meta else None)
        context = told if isinstance(told, int) and told >= 256 else CONTEXT
        small = (meta.get("n_vocab") or _SMALL_VOCABULARY) < _SMALL_VOCABULARY
        self.config = GPTConfig(block_size=int(min(context, MAX_CONTEXT) * (_SMALL_MARGIN if small else _MARGIN)))
        self.is_ours = self._run(self._template()) == CHAT_TEMPLATE

    def reply(
        self,
        turns: Sequence[Turn],
        params: SamplingParams,
        cancelled: Callable[[], bool] = lambda: False,
        along: Quotations | None = None,
    ) -> Iterator[Piece]:
        """What the model says next, as it comes. along: all that it may say, which llama.cpp alone keeps to.

        Raises ModelAway when the server does not answer, tried again or stopped in the middle.
        """
        grammar = along.grammar if along else None
        pieces: queue.SimpleQueue[Piece | BaseException] = queue.SimpleQueue()

        async def read() -> None:
            try:
                async for piece in self._pieces(turns, params, grammar):
                    pieces.put(piece)
            except BaseException as error:
                pieces.put(error)

        reading = asyncio.run_coroutine_threadsafe(read(), self._loop)
        try:
            while not cancelled():
                try:
                    got = pieces.get(timeout=CANCEL_S)
                except queue.Empty:
                    continue
                if isinstance(got, BaseException):
                    raise got
                yield got
                if got.finish is not None:
                    return
        finally:
            reading.cancel()

    async def _pieces(self, turns: Sequence[Turn], params: SamplingParams, grammar: str | None) -> AsyncIterator[Piece]:
        import openai

        for attempt in range(RETRIES + 1):
            begun = False
            try:
                stream = await self._client.chat.completions.create(
                    model=self.name,
                    messages=self._messages(turns),
                    stream=True,
                    max_tokens=params.max_tokens,
                    temperature=params.temperature,
                    top_p=params.top_p,
                    seed=openai.omit if params.seed is None else params.seed,
                    logprobs=openai.omit if grammar is None else True,
                    top_logprobs=openai.omit if grammar is None else 1,
                    extra_body=None if grammar is None else {"grammar": grammar},
                )
                async with stream:
                    async for chunk in stream:
                        choice = chunk.choices[0] if chunk.choices else None
                        text, finish = (choice.delta.content or "", choice.finish_reason) if choice else ("", None)
                        begun = begun or bool(text)
                        if text or finish:
                            ended = None if finish is None else "length" if finish == "length" else "stop"
                            yield Piece(text, ended, _logprob(choice), text.encode("utf-8", "replace"))
                        if finish:
                            return
                raise ModelAway(f"{self._host} ended its answer in the middle")
            except openai.APIStatusError as error:
                if begun or error.status_code not in REFUSED:
                    raise ModelAway(self._told(error)) from error
                logger.warning("%s for one request", self._told(error))
                yield Piece("", "stop")
                return
            except Exception as error:  # its own classes, httpx's, and ValueError for what is no API at all
                # Statuses and connections that fail the client has tried again by itself; a torn stream it has not.
                tried = isinstance(error, openai.APIConnectionError)
                if begun or tried or attempt == RETRIES:
                    raise ModelAway(self._told(error)) from error
                await asyncio.sleep(0.5 * 2**attempt)

    def _messages(self, turns: Sequence[Turn]) -> list[Any]:
        """The instruction, then the passages, in the system message; the rest as it is. Ours need no instruction."""
        if self.is_ours:
            return [{"role": turn.role, "content": turn.text} for turn in turns]
        system = "\n\n".join([INSTRUCTION, *(turn.text for turn in turns if turn.role == "system")])
        spoken = [{"role": turn.role, "content": turn.text} for turn in turns if turn.role != "system"]
        return [{"role": "system", "content": system}, *spoken]

    async def _models(self) -> list[dict[str, Any]]:
        try:
            page = await self._client.with_options(max_retries=0, timeout=CONNECT_S).models.list()
            return [model.model_dump() for model in page.data]
        except Exception as error:  # whatever it is, a server that does not list its models is not there yet
            raise ModelAway(self._told(error)) from error

    async def _template(self) -> str | None:
        """The chat template that llama.cpp says it uses; another server has no such route."""
        try:
            client = self._client.with_options(max_retries=0, timeout=CONNECT_S)
            props = await client.get(self.info.url.removesuffix("/v1") + "/props", cast_to=dict[str, Any])
            return props.get("chat_template")
        except Exception:  # an error, a page, or nothing: it is not llama.cpp
            return None

    @cached_property
    def _client(self) -> "AsyncOpenAI":
        import openai

        return openai.AsyncOpenAI(
            base_url=self.info.url,
            api_key=os.environ.get("FISCHGPT_MODEL_KEY") or "none",
            timeout=openai.Timeout(READ_S, connect=CONNECT_S),
            max_retries=RETRIES,
        )

    @property
    def _host(self) -> str:
        return urlsplit(self.info.url).netloc.rpartition("@")[2]

    def _told(self, error: BaseException) -> str:
        status = getattr(error, "status_code", None)
        said = f"answered {status}" if status else f"does not answer ({type(error).__name__})"
        return error.detail if isinstance(error, ModelAway) else f"{self._host} {said}"

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


def _logprob(choice: Any) -> float:
    """In nats, of the tokens that came; NaN where the server told none."""
    told = choice.logprobs.content if choice and choice.logprobs else None
    return sum(token.logprob for token in told) if told else math.nan


def describe(spec: str | Path = MINI, bits: Bits = 8) -> ModelInfo | RemoteInfo:
    """What MODEL means, weights or not: as describe_model, or `openai+http://host:port/v1`, with `#name` if that server
    has several models. Nobody is asked yet. Raises UserError for an address that is none."""
    if not str(spec).startswith(REMOTE):
        return describe_model(spec, bits)
    if bits != 8:
        raise UserError(f"{spec}: another server reads its model in bits of its own; leave out --bits")
    url = urlsplit(str(spec).removeprefix(REMOTE))
    try:
        valid = url.port != 0
    except ValueError:
        valid = False
    if url.scheme not in ("http", "https") or not url.hostname or not valid or url.query:
        raise UserError(
            f"{spec!r} is no address such as openai+http://127.0.0.1:8080/v1 or openai+https://host/v1#name"
        )
    return RemoteInfo(url.fragment or url.hostname, url._replace(fragment="").geturl().rstrip("/"), url.fragment)


def load(spec: str | Path | ModelInfo | RemoteInfo = MINI) -> TextModel | RemoteModel:
    """The model, ready to answer. Raises UserError as load_model, and ModelAway for a server that is not there."""
    info = describe(spec) if isinstance(spec, str | Path) else spec
    if isinstance(info, ModelInfo):
        return load_model(info)
    model = RemoteModel(info)
    try:
        model.probe()
    except ModelAway as error:
        raise UserError(f"the model is not there: {error.detail}") from error
    return model
