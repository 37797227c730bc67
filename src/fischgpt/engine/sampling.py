"""From the logits of one position to the next token."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fischgpt.engine.native import logsumexp
from fischgpt.errors import UserError


@dataclass(frozen=True)
class SamplingParams:
    """How tokens are chosen. Raises UserError for a value outside its range."""

    max_tokens: int = 128
    temperature: float = 0.0
    """0: always the likeliest token (greedy)."""
    top_k: int = 0
    """Only the k likeliest; 0: all."""
    top_p: float = 1.0
    """Only the likeliest that together reach this probability (Holtzman et al. 2019, arXiv 1904.09751)."""
    repetition_penalty: float = 1.0
    """Scores of tokens already in the prompt or the answer: divided by this if positive, multiplied if negative
    (Keskar et al. 2019, arXiv 1909.05858)."""
    stop_ids: tuple[int, ...] = ()
    """Tokens that end the answer."""
    seed: int | None = None
    """Equal seeds give equal tokens; None: a new seed each time."""
    top_logprobs: int = 0
    """How many of the likeliest tokens are reported beside each one chosen."""

    def __post_init__(self) -> None:
        _whole("max_tokens", self.max_tokens, 1, 2**31 - 1)
        _number("temperature", self.temperature, 0, 100)
        _whole("top_k", self.top_k, 0, 2**31 - 1)
        _number("top_p", self.top_p, 0, 1)
        if self.top_p == 0:
            raise UserError("top_p must be above 0")
        _whole("top_logprobs", self.top_logprobs, 0, 2**31 - 1)
        _number("repetition_penalty", self.repetition_penalty, 0.01, 100)
        for stop in self.stop_ids:
            _whole("stop_ids", stop, 0, 2**31 - 1)
        if self.seed is not None:
            _whole("seed", self.seed, -(2**63), 2**63 - 1)


def _whole(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{name} must be a whole number, not {value!r}")
    if not low <= value <= high:
        raise UserError(f"{name} must be between {low} and {high}, not {value}")


def _number(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{name} must be a number, not {value!r}")
    if not math.isfinite(value) or not low <= value <= high:
        raise UserError(f"{name} must be between {low} and {high}, not {value}")


def likeliest(logits: Tensor, k: int) -> list[tuple[tuple[int, float], ...]]:
    """For each row of logits (T, n_vocab): the k likeliest ids with their log-probabilities, in nats."""
    logprobs, ids = logits.float().log_softmax(-1).topk(min(k, logits.shape[-1]), dim=-1)
    rows = zip(ids.tolist(), logprobs.tolist(), strict=True)
    return [tuple(zip(row_ids, row, strict=True)) for row_ids, row in rows]


# On a processor in NumPy: torch's threads wait for one another by spinning, from 2,048 exponentials on. On a machine
# with other work a token of the 9M model's 4,096 ids took 4 ms of processor time so, in one thread 0.02; to draw one
# of 50,260 took 134 ms, and 0.3.


def _argmax(scores: Tensor) -> int:
    return int(scores.numpy().argmax()) if scores.device.type == "cpu" else int(scores.argmax())


def _logsumexp(logits: Tensor) -> float:
    """Of logits (n_vocab,), fp32."""
    return logsumexp(logits) if logits.device.type == "cpu" else float(logits.logsumexp(0))


class Sampler:
    """Chooses tokens for one answer: parameters, the random numbers, and which tokens were seen."""

    def __init__(self, params: SamplingParams, seen: Iterable[int], device: torch.device) -> None:
        self.params = params
        self._seen = torch.tensor(sorted(set(seen)), dtype=torch.long, device=device)
        # On the CPU whatever the model runs on, so that a seed means the same everywhere.
        self._random = torch.Generator()
        if params.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(params.seed)

    def __call__(self, logits: Tensor, allowed: Mapping[int, float] | None = None) -> tuple[int, float]:
        """The next token and its log-probability in the model's own distribution, from logits (n_vocab,).

        `allowed`: the ids it may be, with what is added to their logits; None: any. The log-probability is that before
        weights, penalty, temperature and cuts, over all ids.
        """
        params = self.params
        logits = logits.float()
        scores = logits if params.repetition_penalty == 1.0 else self._penalised(logits)
        if allowed is not None and not allowed:
            raise ValueError("no token is allowed to follow")
        if allowed is not None and len(allowed) > 1:
            ids = torch.tensor(list(allowed), device=scores.device)
            weights = torch.tensor(list(allowed.values()), device=scores.device)
            scores = torch.full_like(scores, -math.inf).scatter(0, ids, scores[ids] + weights)
        if allowed is not None and len(allowed) == 1:  # nothing to choose, and no random number is used up
            token = next(iter(allowed))
        else:
            token = _argmax(scores) if params.temperature == 0 else self._draw(scores)
        if params.repetition_penalty != 1.0:
            self._seen = torch.cat((self._seen, self._seen.new_tensor([token]))).unique()
        return token, float(logits[token]) - _logsumexp(logits)

    def _penalised(self, logits: Tensor) -> Tensor:
        scores = logits[self._seen]
        penalty = self.params.repetition_penalty
        scores = torch.where(scores < 0, scores * penalty, scores / penalty)
        return logits.scatter(0, self._seen, scores)

    def _draw(self, scores: Tensor) -> int:
        weights, ids = distribution(scores.cpu().numpy(), self.params)
        reached = weights.cumsum()
        if not reached[-1] > 0:
            raise ValueError("the model's logits are no numbers")
        drawn = reached[-1] * float(torch.rand((), generator=self._random, dtype=torch.float64))
        # The end of the last that can be drawn: the product may round up to all there is.
        at = min(int(reached.searchsorted(drawn, "right")), int(reached.searchsorted(reached[-1])))
        return at if ids is None else int(ids[at])


def distribution(scores: np.ndarray, params: SamplingParams) -> tuple[np.ndarray, np.ndarray | None]:
    """What is drawn from at a temperature above 0: weights (the likeliest's is 1) and the ids they belong to, None if
    these are all in order. First top_k, then the temperature, then top_p of what is left."""
    ids = None
    if 0 < params.top_k < len(scores):
        ids = scores.argpartition(-params.top_k)[-params.top_k :]
        scores = scores[ids]
    # In double, from the maximum down: a temperature or top_p next to nothing is neither 0 nor infinite.
    with np.errstate(over="ignore"):
        weights = np.exp((scores.astype(np.float64) - scores.max()) / params.temperature)
    if params.top_p < 1:
        total = weights.sum()
        # All the others together are less than what is left out: sorting 50,260 takes 13 ms.
        likely = np.flatnonzero(weights >= (1 - params.top_p) * total / len(weights))
        likely = likely[(-weights[likely]).argsort(kind="stable")]
        weights = weights[likely]
        kept = weights.cumsum() - weights < params.top_p * total  # and the token that crosses the line
        weights, likely = weights[kept], likely[kept]
        ids = likely if ids is None else ids[likely]
    return weights, ids
