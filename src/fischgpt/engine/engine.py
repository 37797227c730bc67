"""One model, many answers: each call has its own cache and random numbers, the weights are only read."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from fischgpt.engine.answer import Allow, Answer, Sampled
from fischgpt.engine.native import Bits, NativeGPT, fits
from fischgpt.engine.prefix import PrefixCache
from fischgpt.engine.reference import Reference
from fischgpt.engine.rounded import Rounded
from fischgpt.engine.sampling import SamplingParams, likeliest
from fischgpt.errors import UserError
from fischgpt.model import GPT


@dataclass(frozen=True)
class Read:
    """What the model expected where a given token stands."""

    logprob: float
    top: tuple[tuple[int, float], ...]


class Reader(Protocol):
    """What reads tokens: the reference in PyTorch, or compiled code in 8 or 4 bits."""

    piece: int
    """How many tokens of a prompt it reads at a time."""
    draft: int
    """How many tokens of an answer it reads at a time where they can be guessed (draft.py). 0 where a pass over several
    rounds otherwise than one over each: there neither guesses nor remembered beginnings would leave an answer alone."""
    description: str
    """What computes, in words, for example "8-bit, avx2, 1 thread"."""

    def new_cache(self, max_tokens: int) -> Any:
        """Keys and values of one answer of so many tokens, its prompt included; `pos`: how many it holds."""

    def read(self, ids: Sequence[int], cache: Any, wanted: int = 1) -> Tensor:
        """Read ids after what the cache (None: an empty one) holds; logits (wanted, n_vocab) after each of the last."""
        ...

    def read_many(self, parts: Sequence[tuple[Sequence[int], Any, int]]) -> Sequence[Tensor]:
        """`read` for several answers, (ids, cache, wanted) each, and for each to the bit what `read` alone gives."""
        ...


class Engine:
    """Generates from a GPT and scores with it. Calls may run at the same time in several threads."""

    def __init__(
        self,
        model: GPT,
        *,
        n_vocab: int | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype | None = None,
        bits: Bits | None = None,
        kept_contexts: int = 0,
    ) -> None:
        """n_vocab: ids the tokenizer uses; the padding beyond is never sampled.

        The model is used as it is if it has this device and dtype (so a training model's current weights are), and
        copied otherwise. bits: read with its weights as they are now in 8 or 4 bits, by compiled code; where that
        is not there or does not fit the model's shape, in 8 bits by PyTorch; on a GPU, with the model itself.
        kept_contexts: the memory of so many full contexts holds what was read last, so that prompts that begin alike
        begin faster (prefix.py); for weights that do not change.
        """
        weight = model.wte.weight
        self.device = torch.device(device)
        wanted = dtype or weight.dtype
        if weight.device.type != self.device.type or weight.dtype != wanted:
            model = copy.deepcopy(model).to(self.device, wanted)
        self.model = model
        self.n_vocab = model.config.vocab_size if n_vocab is None else n_vocab
        if not 0 < self.n_vocab <= model.config.vocab_size:
            raise UserError(f"the tokenizer has {n_vocab} ids, the model only {model.config.vocab_size}")
        if bits and self.device.type == "cpu" and fits(model):
            self.reader: Reader = NativeGPT(model, self.n_vocab, bits=bits)
        elif bits and self.device.type == "cpu":
            self.reader = Rounded(model, self.n_vocab)
        else:
            self.reader = Reference(model, self.n_vocab)
        keeps = kept_contexts if self.reader.draft else 0
        room = keeps * self.reader.new_cache(self.block_size).nbytes if keeps else 0
        self.prefixes = PrefixCache(room)

    @property
    def description(self) -> str:
        """What computes, in words: `Reader.description`."""
        return self.reader.description

    @property
    def block_size(self) -> int:
        """Longest context, prompt and answer together, in tokens."""
        return self.model.config.block_size

    def generate(
        self,
        prompt_ids: Sequence[int],
        params: SamplingParams | None = None,
        allow: Allow | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        guess: bool = True,
    ) -> Iterator[Sampled]:
        """Tokens that continue the prompt, each as soon as it is known; the last one has `finish` set.

        `allow` gets the ids written so far and returns those that may come next, at least one, with a weight for each:
        the same for the same ids, for it is asked about ids that the answer may turn out not to have. guess: read
        tokens ahead where they can be guessed (draft.py), which changes only the time that an answer takes.

        Work is done only as tokens are asked for: to stop early, stop asking; to stop while the prompt is still being
        read, let `cancelled` say so: then no token comes. Raises UserError, at once, for an empty
        prompt, an id the model does not have, or a prompt that leaves no room for a token.
        """
        prompt, params = list(prompt_ids), params or SamplingParams()
        self.room(prompt, params)
        return self._written(lambda: self.begin(prompt, params, allow, guess), cancelled)

    def room(self, prompt_ids: Sequence[int], params: SamplingParams) -> int:
        """How many tokens an answer may have. Raises UserError as `generate`."""
        self._check(prompt_ids, "the prompt")
        if len(prompt_ids) >= self.block_size:
            raise UserError(
                f"the prompt has {len(prompt_ids)} tokens; at most {self.block_size - 1} leave room to answer"
            )
        return min(params.max_tokens, self.block_size - len(prompt_ids))

    def begin(self, prompt: Sequence[int], params: SamplingParams, allow: Allow | None, guess: bool) -> Answer:
        """An answer whose prompt is known as far as it was read before."""
        room = self.room(prompt, params)
        cache = self.reader.new_cache(len(prompt) + room - 1)
        self.prefixes.fill(prompt, cache)
        return Answer(prompt, room, cache, params, allow, self.reader.draft if guess else 0)

    def step(self, answer: Answer) -> Iterator[Sampled]:
        """One pass, over a piece of the prompt or what follows it, and the tokens that come of it."""
        ids, wanted = answer.read(self.reader.piece)
        yield from answer.take(self.reader.read(ids, answer.cache, wanted))

    def keep(self, answer: Answer) -> None:
        """What an answer that has ended has read is remembered; not after an error: nobody knows what it holds then."""
        self.prefixes.keep(answer.text[: answer.cache.pos], answer.cache)

    def _written(self, begin: Callable[[], Answer], cancelled: Callable[[], bool]) -> Iterator[Sampled]:
        # No inference_mode here: around a yield it would leak into whoever consumes the tokens. The readers have it.
        answer = begin()
        try:
            while not answer.ended and not (answer.unread and cancelled()):
                yield from self.step(answer)
        except GeneratorExit:  # enough was asked for
            self.keep(answer)
            raise
        self.keep(answer)

    @torch.inference_mode()
    def score(self, prompt_ids: Sequence[int], continuation_ids: Sequence[int]) -> list[float]:
        """Log-probability, in nats, of each continuation token after the prompt and the tokens before it.

        Raises UserError for an empty prompt, an id the model does not have, or more tokens than the context holds.
        """
        self._check(prompt_ids, "the prompt")
        if not continuation_ids:
            return []
        self._check(continuation_ids, "the continuation")
        ids = [*prompt_ids, *continuation_ids]
        if len(ids) - 1 > self.block_size:
            raise UserError(
                f"prompt and continuation have {len(ids)} tokens; at most {self.block_size + 1} can be scored"
            )
        logits = self._logits(ids[:-1])[len(prompt_ids) - 1 :]
        targets = torch.tensor(continuation_ids, device=self.device)[:, None]
        return logits.log_softmax(-1).gather(1, targets)[:, 0].tolist()

    @torch.inference_mode()
    def read(self, ids: Sequence[int], top: int = 0) -> list[Read]:
        """What was expected at every token but the first, of which nothing is known; `top`: with so many others.

        Raises UserError for no token, an id the model does not have, or more tokens than the context holds.
        """
        self._check(ids, "the prompt")
        if len(ids) - 1 > self.block_size:
            raise UserError(f"the prompt has {len(ids)} tokens; at most {self.block_size + 1} can be scored")
        if len(ids) == 1:
            return []
        logits = self._logits(ids[:-1])
        targets = torch.tensor(ids[1:], device=self.device)[:, None]
        logprobs = logits.log_softmax(-1).gather(1, targets)[:, 0].tolist()
        others = likeliest(logits, top) if top else [()] * len(logprobs)
        return [Read(logprob, row) for logprob, row in zip(logprobs, others, strict=True)]

    def _logits(self, ids: Sequence[int]) -> Tensor:
        """(len(ids), n_vocab), fp32: after each of the ids."""
        return self.reader.read(ids, None, len(ids)).float()

    def _check(self, ids: Sequence[int], what: str) -> None:
        if not ids:
            raise UserError(f"{what} is empty; give at least one token")
        for i in ids:
            if not 0 <= i < self.n_vocab:
                raise UserError(f"{what} has the token id {i}; the vocabulary ends at {self.n_vocab - 1}")
