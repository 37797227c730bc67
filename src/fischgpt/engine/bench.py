"""How fast an engine answers on this machine: prompt, first token, each further token, several answers at once."""

import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from fischgpt.engine.engine import Engine, Sampled
from fischgpt.engine.native import NativeGPT
from fischgpt.engine.sampling import SamplingParams

PREFILL, PROMPT, BATCH = 512, 128, 8
"""Tokens of the long prompt, of the one before the first token, and answers made at once."""


@dataclass(frozen=True)
class InferSpeed:
    """Medians over rounds."""

    engine: str
    """What computed: `Engine.description`."""
    prefill_tokens_per_second: float
    """Of a prompt of 512, or as long as the context allows."""
    first_token_seconds: float
    """After a prompt of 128."""
    first_token_again_seconds: float
    """After a prompt as long as the first, all of which but the last token was read before."""
    decode_tokens_per_second: float
    """One answer, greedy, after a prompt of 128, nothing guessed; the engine's whole step, sampling included."""
    decode_8_tokens_per_second: float | None
    """Eight answers in one pass a step, their sum, without sampling; None in PyTorch, which makes one at a time."""
    bandwidth_share: float | None
    """Of the speed at which as many threads read a buffer as large as the weights, what decoding reads of weights; None
    in PyTorch."""
    load_seconds: float
    """From the folder on disk to the first token after a prompt of one."""
    rounds: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        batch = self.decode_8_tokens_per_second
        return (
            f"{self.engine}: prefill {self.prefill_tokens_per_second:,.0f} tokens/s, first token after {PROMPT} "
            f"{1000 * self.first_token_seconds:.1f} ms, after a known one of {PREFILL} "
            f"{1000 * self.first_token_again_seconds:.1f} ms, decode {self.decode_tokens_per_second:,.0f} tokens/s"
            + (f" ({batch:,.0f} for {BATCH} answers at once)" if batch is not None else "")
            + (f", {self.bandwidth_share:.0%} of what memory allows" if self.bandwidth_share is not None else "")
            + f", loaded in {self.load_seconds:.2f} s; medians of {self.rounds} rounds"
        )


def bench_infer(load: Callable[[], Engine], rounds: int = 5, tokens: int = 64) -> InferSpeed:
    """Load an engine and time `rounds` rounds of each kind, `tokens` tokens of an answer in each."""
    start = time.perf_counter()
    engine = load()
    next(engine.generate([1], SamplingParams(max_tokens=1)))
    loaded = time.perf_counter() - start
    times = [one_round(engine, tokens, seed) for seed in range(rounds + 1)][1:]  # the first warms up
    batch = [one.decode_8 for one in times if one.decode_8 is not None]
    shares = [one.bandwidth_share for one in times if one.bandwidth_share is not None]
    return InferSpeed(
        engine.description,
        statistics.median(one.prefill for one in times),
        statistics.median(one.first for one in times),
        statistics.median(one.first_again for one in times),
        statistics.median(one.decode for one in times),
        statistics.median(batch) if batch else None,
        statistics.median(shares) if shares else None,
        loaded,
        rounds,
    )


@dataclass(frozen=True)
class Round:
    """Tokens a second and, of first tokens, seconds. The last two of compiled code alone."""

    prefill: float
    first: float
    first_again: float
    decode: float
    decode_8: float | None
    bandwidth_share: float | None


def one_round(engine: Engine, tokens: int = 64, seed: int = 0) -> Round:
    """Each kind once. No prompt but the one that is asked again begins as another does."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(engine.n_vocab, (min(PREFILL, engine.block_size - 1),), generator=generator).tolist()
    long, again = (_first(engine, ids)[0] for _ in range(2))
    prompt = ids[::-1][:PROMPT]
    room = min(tokens + 1, engine.block_size - PROMPT)
    first, answer = _first(engine, prompt, room)
    reader = engine.reader if isinstance(engine.reader, NativeGPT) else None
    reads = _reads(reader) if reader else []
    start = time.perf_counter()
    made = sum(1 for _ in answer)
    decode = made / (time.perf_counter() - start)
    if reader is None:
        return Round(len(ids) / long, first, again, decode, None, None)
    share = decode * reader.bytes_per_token / statistics.median(reads + _reads(reader))
    return Round(len(ids) / long, first, again, decode, _many(reader, prompt, tokens), share)


def _reads(reader: NativeGPT) -> list[float]:
    """Bytes a second of reading a buffer as large as the weights with as many threads, several times."""
    parts = [np.ones(reader.bytes_per_token // reader.threads // 4, dtype=np.int32) for _ in range(reader.threads)]
    seconds = []
    with ThreadPoolExecutor(reader.threads) as pool:
        for _ in range(9):
            start = time.perf_counter()
            list(pool.map(np.max, parts))  # np.max lets other threads run, and reads at the memory's speed
            seconds.append(time.perf_counter() - start)
    return [reader.bytes_per_token / taken for taken in seconds[1:]]  # the first starts the threads


def _first(engine: Engine, prompt: list[int], room: int = 1) -> tuple[float, Iterator[Sampled]]:
    """Seconds to the first token, and the rest."""
    start = time.perf_counter()
    answer = engine.generate(prompt, SamplingParams(max_tokens=room), guess=False)
    next(answer)
    seconds = time.perf_counter() - start
    if room == 1:
        next(answer, None)  # the end, at which what was read is kept
    return seconds, answer


def _many(reader: NativeGPT, prompt: list[int], tokens: int) -> float:
    caches = [reader.new_cache(PROMPT + tokens) for _ in range(BATCH)]
    for cache in caches:
        reader.read(prompt, cache)
    batch = [prompt[0]] * BATCH
    start = time.perf_counter()
    for _ in range(tokens):
        logits = reader.read_many([([token], cache, 1) for token, cache in zip(batch, caches, strict=True)])
        batch = [int(row.argmax()) for row in logits]
    return BATCH * tokens / (time.perf_counter() - start)
