"""A question becomes a checked answer with its sources. The server, the terminal and the evaluations all come here.

small talk? -> retrieve -> gate -> prompt -> model, held back and checked -> model | quote | declined
"""

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from fischgpt import chat
from fischgpt.assistant.check import MARKER, declines
from fischgpt.assistant.events import AnswerKind, Delta, Done, Event, Sources, Timings, Usage
from fischgpt.assistant.listing import BETWEEN, quoted, why
from fischgpt.assistant.logprobs import Spelling
from fischgpt.assistant.model import TextModel
from fischgpt.assistant.quoting import Quotations, choices
from fischgpt.assistant.release import HeldBack, Output
from fischgpt.assistant.remote import RemoteModel
from fischgpt.assistant.smalltalk import small_talk
from fischgpt.chat import Turn
from fischgpt.engine import SamplingParams
from fischgpt.errors import UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.profile.prompt import build_turns
from fischgpt.profile.retrieval import Hit
from fischgpt.profile.text import clean

logger = logging.getLogger(__name__)

ANSWER_TOKENS = 128
"""Room for the answer: 60 words, the most that check.py lets through, are about 110 tokens of the small vocabulary."""
CONFIDENT = 0.2
"""Probability that the model gives, by itself, to the citation (or the refusal) it opens with. Below it, the model does
not know and the best passage is quoted: hardly an answer is worse than retrieval alone, whatever the model is worth
(dev half: 88.1 % right as served, 89.9 % by the quote alone; test half: 74.1 and 73.5 %)."""
QUESTION_SHARE = 4
"""A question may take one part in so many of the context; the rest is for passages and the answer."""


def declined(owner: str) -> str:
    """What is said when the profile of `owner` holds no answer."""
    return f"The profile of {owner} does not say."


@dataclass(frozen=True)
class Answer:
    """A whole answer, for callers that do not stream."""

    text: str
    sources: Sources
    done: Done


class Assistant:
    """Answers about one owner with one model. Thread-safe: it keeps nothing between answers."""

    def __init__(
        self, profile: Profile, index: Index, model: TextModel | RemoteModel, along_passages: bool = True
    ) -> None:
        """along_passages: the model may write only what stands in the passages it was given (quoting.py); another
        server's only where it is one of ours that can be held to it."""
        chat.check_can_chat(model.tokenizer)
        self.profile, self.index, self.model = profile, index, model
        self.along_passages = along_passages and (isinstance(model, TextModel) or model.is_ours)
        block_size = model.config.block_size
        self.answer_tokens = min(ANSWER_TOKENS, block_size // 4)
        self.question_tokens = block_size // QUESTION_SHARE

    def check(self, messages: Sequence[Turn]) -> None:
        """Raise UserError, one clear line, for what cannot be answered: no question, or one that is too long."""
        self._read(messages)

    def answer(
        self,
        messages: Sequence[Turn],
        params: SamplingParams | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        stop: Sequence[str] = (),
        limit: int | None = None,
    ) -> Iterator[Event]:
        """Sources, then Deltas, then Done. System turns are skipped: the system turn of the prompt is ours.

        `params` says how the model writes; `stop` and `limit` (tokens) bound the text shown, whatever it comes from.
        An answer that is cancelled ends without Done, within one token. Raises UserError as `check` does.
        """
        question, history = self._read(messages)
        run = _Run(self, question, params or SamplingParams(), cancelled, Output(self.model.tokenizer, stop, limit))
        reply = small_talk(question, self.profile.name, self.profile.starters)
        if reply is not None:
            yield Sources((), 0.0, 0.0)
            yield from run.say(reply, "smalltalk")
            return
        retrieval = self.index.search(question, history, cancelled=cancelled)
        run.retrieved()
        if cancelled():
            return
        if not (retrieval.answerable and retrieval.hits):
            yield Sources(tuple(retrieval.hits), retrieval.score, retrieval.threshold)
            yield from run.say(self.declined, "declined", "no passage is likely to hold the answer")
            return
        turns, used = build_turns(
            question, retrieval.hits, history, self.model.tokenizer, self.model.config.block_size, self.answer_tokens
        )
        # What is shown as [n] is what the prompt numbered [n]; the best passage is shown though too long for it.
        best = retrieval.hits[0]
        shown = used if best in used else [*used, best]
        yield Sources(tuple(shown), retrieval.score, retrieval.threshold)
        quote = quoted(retrieval, shown)
        lines = quote.count(BETWEEN) + 1
        if lines > 1:  # of lists the model's pointer gets 11 % right, the quote 61 (test half)
            yield from run.say(quote, "quote", why(retrieval, lines))
        elif used:
            yield from run.ask(turns, used, quote)
        else:
            yield from run.say(quote, "quote", "no passage fits the model's context")

    def reply(self, messages: Sequence[Turn], params: SamplingParams | None = None) -> Answer:
        """The same answer in one piece."""
        text: list[str] = []
        sources, done = Sources((), 0.0, 0.0), None
        for event in self.answer(messages, params):
            match event:
                case Sources():
                    sources = event
                case Delta(piece):
                    text.append(piece)
                case Done():
                    done = event
        assert done is not None
        return Answer("".join(text), sources, done)

    @property
    def declined(self) -> str:
        """What is said when the profile holds no answer."""
        return declined(self.profile.name)

    def _read(self, messages: Sequence[Turn]) -> tuple[str, list[Turn]]:
        """The question and the turns before it: cleaned, roles alternating, starting with the user's."""
        spoken = [turn for turn in messages if turn.role != "system"]
        if not spoken or spoken[-1].role != "user":
            raise UserError("the last message must be the user's question")
        question = clean(spoken[-1].text)
        if not question:
            raise UserError("the question is empty")
        # At least one token for every 16 characters of real text: refuses a book before tokenizing it.
        if len(question) > 16 * self.question_tokens or self._n_tokens(question) > self.question_tokens:
            raise UserError(
                f"the question is too long: at most {self.question_tokens} tokens, about "
                f"{self.question_tokens * 3 // 4} words"
            )
        history: list[Turn] = []
        for turn in spoken[:-1]:
            # The numbers of an old answer point into another list of passages.
            text = clean(MARKER.sub("", turn.text))
            if history and history[-1].role == turn.role:
                history[-1] = Turn(turn.role, f"{history[-1].text} {text}".strip())
            elif text and (history or turn.role == "user"):
                history.append(Turn(turn.role, text))
        if history and history[-1].role == "user":  # never answered
            history.pop()
        return question, history

    def _n_tokens(self, text: str) -> int:
        return len(self.model.tokenizer.encode(text))


class _Run:
    """One answer under way: its clock, its limits, what was generated."""

    def __init__(
        self,
        assistant: Assistant,
        question: str,
        params: SamplingParams,
        cancelled: Callable[[], bool],
        output: Output,
    ) -> None:
        self.assistant, self.question, self.params = assistant, question, params
        self.cancelled, self.output = cancelled, output
        self.started = time.perf_counter()
        self.retrieval_ms = self.first_ms = 0.0
        self.prompt_tokens = self.tokens = 0
        self.first_sampled = self.last_sampled = 0.0
        self.draft = ""
        self.spelling = Spelling()

    def retrieved(self) -> None:
        self.retrieval_ms = self._elapsed()

    def say(self, text: str, kind: AnswerKind, reason: str | None = None) -> Iterator[Event]:
        """Show `text` and end."""
        yield from self._show(text)
        yield from self._end(kind, reason)

    def ask(self, turns: list[Turn], used: Sequence[Hit], quote: str) -> Iterator[Event]:
        """Let the model answer; show what stands in the passages, or else the quote."""
        passages = [hit.passage for hit in used]
        model, profile = self.assistant.model, self.assistant.profile
        prompt = chat.encode_prompt(model.tokenizer, turns)
        self.prompt_tokens = len(prompt)
        held = HeldBack(self.question, passages, profile.name)
        params = replace(
            self.params,
            max_tokens=min(self.params.max_tokens, self.assistant.answer_tokens),
            stop_ids=tuple(model.tokenizer.control_ids),
        )
        cut = unsure = False
        opening, logprob = True, 0.0
        along = None
        if self.assistant.along_passages:
            along = Quotations(model.tokenizer, choices(used), ranked=True)
        for piece in model.reply(turns, params, self.cancelled, along):
            self.last_sampled = time.perf_counter()
            self.first_sampled = self.first_sampled or self.last_sampled
            self.tokens += 1
            self.draft += piece.text
            if isinstance(model, TextModel):
                self.spelling.add(piece)
            if opening:
                logprob += piece.logprob
                opening = self.draft.startswith("[") and "]" not in self.draft
                if self.assistant.along_passages and logprob < math.log(CONFIDENT):
                    unsure = True
                    break
            yield from self._show(held.feed(piece.text), own=True)
            cut = piece.finish == "length"
            if held.failed is not None or self.output.finish is not None:
                break
        if self.cancelled():
            return
        if unsure:
            reason = "the model is not sure which passage answers"
            yield from self.say(quote, "quote", reason)
            return
        yield from self._show(held.finish(cut), own=True)
        if self.output.tokens:
            left_out = None if held.failed is None else f"a further sentence was left out: {held.failed}"
            yield from self._end("model", left_out)
        else:
            why = "it declined" if declines(self.draft) else held.failed or "it is empty"
            reason = f"the model's answer did not stand in the passages: {why}"
            yield from self.say(quote, "quote", reason)

    def _show(self, text: str, own: bool = False) -> Iterator[Event]:
        """own: the words are the model's."""
        if own:
            self.spelling.read(text)
        for piece in self.output.push(text):
            self.first_ms = self.first_ms or self._elapsed()
            yield Delta(piece, self.spelling.take(piece))

    def _end(self, kind: AnswerKind, reason: str | None) -> Iterator[Event]:
        for piece in self.output.end():
            yield Delta(piece, self.spelling.take(piece))
        between = self.last_sampled - self.first_sampled
        timings = Timings(
            retrieval_ms=self.retrieval_ms,
            first_token_ms=self.first_ms,
            total_ms=self._elapsed(),
            tokens=self.tokens,
            tokens_per_second=(self.tokens - 1) / between if between > 0 else 0.0,
        )
        finish = "length" if self.output.finish == "length" else "stop"
        yield Done(kind, finish, reason, Usage(self.prompt_tokens, self.output.tokens), timings, self.draft)

    def _elapsed(self) -> float:
        return (time.perf_counter() - self.started) * 1000
