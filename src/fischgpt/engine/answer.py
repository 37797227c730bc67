"""One answer under way: what of it is read next, and which tokens follow from that. Who computes is not known here."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from fischgpt.engine.draft import Draft
from fischgpt.engine.sampling import Sampler, SamplingParams, likeliest

Allow = Callable[[Sequence[int]], Mapping[int, float]]
"""The ids written so far -> the ids that may come next, each with what is added to its logit."""


@dataclass(frozen=True)
class Sampled:
    """One generated token."""

    id: int
    logprob: float
    """In nats, under the model's own distribution over the ids in use."""
    finish: Literal["stop", "length"] | None
    """On the last token: "stop" if the token is one of stop_ids, "length" if max_tokens or the context is used up."""
    top: tuple[tuple[int, float], ...] = ()
    """The `top_logprobs` likeliest ids here with their log-probabilities, whatever was allowed."""


class Answer:
    """`read` and `take` by turns until it has `ended`."""

    def __init__(
        self, prompt: Sequence[int], room: int, cache: Any, params: SamplingParams, allow: Allow | None, guesses: int
    ) -> None:
        """cache: for the prompt and `room` tokens but one, which is never read back in; it may hold a beginning of the
        prompt. guesses: how many tokens may be guessed at a time."""
        self.text = list(prompt)
        """The prompt and the answer: what the cache holds is the beginning of it."""
        self.cache = cache
        self.ended = False
        self._params = params
        self._start, self._left = len(prompt), room
        self._draft = Draft(prompt, allow, params.stop_ids, guesses)
        self._sampler: Sampler | None = None

    @property
    def unread(self) -> int:
        """Tokens of the prompt that are still to be read; 0 from the first token of the answer on."""
        return self._start - self.cache.pos if len(self.text) == self._start else 0

    def read(self, piece: int) -> tuple[list[int], int]:
        """The ids to read next, at most `piece` of a prompt, and after how many of the last of them logits are wanted:
        none before the prompt's end, then after the newest token and each guess of what follows it."""
        if self.unread > piece:
            return self.text[self.cache.pos : self.cache.pos + piece], 0
        self._draft.guess(self.text[self._start :], self._left - 1)
        return [*self.text[self.cache.pos :], *self._draft.ids], 1 + len(self._draft.ids)

    def take(self, logits: Tensor) -> Iterator[Sampled]:
        """The tokens that follow, each sampled when it is asked for, from logits (wanted, n_vocab) of what was read."""
        if not len(logits):
            return
        sampler = self._sampler = self._sampler or Sampler(self._params, self.text, logits.device)
        begun, draft = len(self.text), self._draft
        held, self.cache.pos = self.cache.pos, begun  # a guess counts once it has come true
        for at, row in enumerate(logits):
            token, logprob = sampler(row, draft.allowed[at])
            self.text.append(token)
            self._left -= 1
            finish = "stop" if token in self._params.stop_ids else "length" if self._left == 0 else None
            self.ended = finish is not None
            top = likeliest(row[None], self._params.top_logprobs)[0] if self._params.top_logprobs else ()
            yield Sampled(token, logprob, finish, top)
            if finish:
                return
            if self.cache.pos == held or token != draft.ids[at]:
                break
            self.cache.pos += 1
        draft.settle(self.text[begun:], self.cache.pos - begun)
