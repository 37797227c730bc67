"""The model as it is, without profile, retrieval or check: a text goes on. What `/v1/completions` serves."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from fischgpt.assistant.logprobs import Token
from fischgpt.assistant.model import TextModel
from fischgpt.assistant.release import may_stop
from fischgpt.engine import SamplingParams


@dataclass(frozen=True)
class Written:
    """The next text that may be shown, with the tokens that begin in it; the last has `finish`."""

    text: str
    tokens: tuple[Token, ...]
    n_tokens: int
    """Tokens the model has written so far, shown or not."""
    finish: Literal["stop", "length"] | None = None


def proceed(
    model: TextModel,
    prompt_ids: Sequence[int],
    params: SamplingParams,
    cancelled: Callable[[], bool] = lambda: False,
    stop: Sequence[str] = (),
) -> Iterator[Written]:
    """The text that follows the prompt, up to a stop string, `params.max_tokens` or the end of the context.

    Text that a stop string may begin with is held back until it is known not to. An answer that is cancelled ends
    without `finish`. Raises UserError as Engine.generate.
    """
    held, shown, n_tokens = "", 0, 0
    due: deque[tuple[int, Token]] = deque()

    def release(length: int, finish: Literal["stop", "length"] | None = None) -> Written:
        nonlocal held, shown
        text, held = held[:length], held[length:]
        shown += len(text)
        tokens = []
        while due and (due[0][0] < shown or finish == "length"):
            tokens.append(due.popleft()[1])
        return Written(text, tuple(tokens), n_tokens, finish)

    for piece in model.stream(prompt_ids, params, cancelled):
        n_tokens += 1
        if piece.data:
            due.append((shown + len(held), Token(piece.text, piece.data, piece.logprob, piece.top)))
        held += piece.text
        found = [at for text in stop if (at := held.find(text)) >= 0]
        if found:
            yield release(min(found), "stop")
            return
        if piece.finish is not None:
            yield release(len(held), piece.finish)
            return
        yield release(len(held) - may_stop(held, stop))


def expected(model: TextModel, ids: Sequence[int], top: int) -> list[Token]:
    """The tokens of a given text, each with what the model thought of it; of the first nothing is known (NaN)."""
    read = model.engine.read(ids, top)
    first = model.tokenizer.decode_bytes(ids[:1], keep_control=True)
    tokens = [Token(first.decode("utf-8", "replace"), first, float("nan"))]
    for id_, seen in zip(ids[1:], read, strict=True):
        data = model.tokenizer.decode_bytes([id_], keep_control=True)
        others = tuple((model.tokenizer.decode_bytes([i], keep_control=True), logprob) for i, logprob in seen.top)
        tokens.append(Token(data.decode("utf-8", "replace"), data, seen.logprob, others))
    return tokens
