"""The readers that are compared: each gets the same question and the same search, and answers in its own way.

`quote`: no model, the best passage, or a refusal below the score gate. `pointer`: what the model writes along the
passages, without the gate. `model`: the same, but freely and unchecked. `served`: gate, pointer and check together, as
`fischgpt up` answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from fischgpt import chat
from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.check import declines
from fischgpt.assistant.listing import quoted
from fischgpt.assistant.model import Piece, TextModel
from fischgpt.assistant.quoting import Quotations, choices
from fischgpt.chat import Turn
from fischgpt.engine import Allow, SamplingParams
from fischgpt.evals.profile_items import Item
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.profile.prompt import build_turns
from fischgpt.profile.retrieval import Hit, Retrieval

Reader = Literal["quote", "pointer", "model", "served"]
READERS: tuple[Reader, ...] = get_args(Reader)
DEFAULT: tuple[Reader, ...] = ("quote", "pointer", "served")
"""`model` is left to those who ask for it: writing freely takes as long as the others together."""


@dataclass(frozen=True)
class Reply:
    """What a reader said to one question: the text with its markers, and the passages its numbers mean."""

    text: str
    declined: bool
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class Remembering(TextModel):
    """Reads each prompt once, though several readers ask: greedy answers to equal prompts are equal."""

    inner: TextModel | None = None
    seen: dict[tuple[int | bool, ...], list[Piece]] = field(default_factory=dict)

    @classmethod
    def of(cls, model: TextModel) -> Remembering:
        return cls(model.name, model.tokenizer, model.engine, model.config, model.card, inner=model)

    def stream(
        self,
        prompt_ids: Sequence[int],
        params: SamplingParams,
        cancelled: Callable[[], bool] = lambda: False,
        allow: Allow | None = None,
    ) -> Iterator[Piece]:
        assert self.inner is not None
        key = (allow is None, *prompt_ids)
        if key not in self.seen:
            self.seen[key] = list(self.inner.stream(prompt_ids, params, cancelled, allow))
        yield from self.seen[key]


class RememberingIndex(Index):
    """Searches each question once, though several readers ask: of the turns before, only questions steer a search."""

    def __init__(self, inner: Index) -> None:
        self.inner, self.profile, self.notice = inner, inner.profile, inner.notice
        self.seen: dict[tuple[str | int, ...], Retrieval] = {}

    def search(
        self,
        question: str,
        history: Sequence[Turn] = (),
        k: int = 8,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Retrieval:
        key = (k, question, *(turn.text for turn in history if turn.role == "user"))
        if key not in self.seen:
            self.seen[key] = self.inner.search(question, history, k, cancelled)
        return self.seen[key]


class Readers:
    """The readers of one owner. `index`: the owner's, which is left open."""

    def __init__(self, profile: Profile, index: Index, model: TextModel) -> None:
        self.index = RememberingIndex(index)
        self.assistant = Assistant(profile, self.index, Remembering.of(model))
        self.passages = profile.passages
        self.params = SamplingParams(
            max_tokens=self.assistant.answer_tokens, stop_ids=tuple(model.tokenizer.control_ids)
        )

    def ask(self, reader: str, question: str, history: list[Turn]) -> Reply:
        """What one of `READERS` says to a question after the turns before it."""
        if reader == "served":
            answer = self.assistant.reply([*history, Turn("user", question)])
            refused = answer.done.kind in ("declined", "smalltalk") or declines(answer.text)
            return Reply(answer.text, refused, answer.sources.hits)
        found = self.index.search(question, history)
        if reader == "quote":
            if not (found.answerable and found.hits):
                return Reply(self.assistant.declined, True, tuple(found.hits))
            return Reply(quoted(found, found.hits), False, tuple(found.hits))
        model = self.assistant.model
        turns, used = build_turns(
            question, found.hits, history, model.tokenizer, model.config.block_size, self.assistant.answer_tokens
        )
        prompt = chat.encode_prompt(model.tokenizer, turns)
        allow = None
        if reader == "pointer":
            allow = Quotations(model.tokenizer, choices(used), ranked=True).allow
        text = "".join(piece.text for piece in model.stream(prompt, self.params, allow=allow)).strip()
        return Reply(text, declines(text), tuple(used))

    def answer(self, reader: str, item: Item) -> Reply:
        """The reply to an item, after the questions that it follows were asked."""
        history: list[Turn] = []
        for question in item.after:
            reply = self.ask(reader, question, history)
            history += [Turn("user", question), Turn("assistant", reply.text or "-")]
        return self.ask(reader, item.question, history)

    def search(self, item: Item) -> list[Hit]:
        """What the search finds for an item, best first: the same for every reader, for only questions steer it."""
        history = [turn for question in item.after for turn in (Turn("user", question), Turn("assistant", "-"))]
        return self.index.search(item.question, history).hits
