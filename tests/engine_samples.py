"""A small model whose text moves about, and engines that read it in each way."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

import torch

from fischgpt.config import GPTConfig
from fischgpt.engine import Bits, Engine, Sampled, native
from fischgpt.model import GPT


def talkative(config: GPTConfig) -> GPT:
    """A random model whose greedy text moves about instead of repeating its last token."""
    torch.manual_seed(4)
    model = GPT(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = 0.9 if name.startswith("wpe") or ".mlp." in name else 0.3
            parameter += scale * torch.randn_like(parameter)
    return model


CONFIG = GPTConfig(n_layer=2, n_head=3, n_embd=48, block_size=160, vocab_size=90)
MODEL = talkative(CONFIG)
KINDS: list[Bits | None] = [None, *((8, 4) if native.variants() else ())]
"""fp32, and what compiled code reads."""


def engine(bits: Bits | None, piece: int = 999, kept_contexts: int = 0) -> Engine:
    """Reads prompts in pieces of so many tokens."""
    made = Engine(MODEL, n_vocab=85, bits=bits, kept_contexts=kept_contexts)
    made.reader.piece = piece
    return made


def followers(rng: Random) -> Callable[[Sequence[int]], Mapping[int, float]]:
    """At most places one id, at some two or three, which of them is in the ids so far: as quotations are."""
    salt = rng.random()

    def allow(written: Sequence[int]) -> Mapping[int, float]:
        place = Random(f"{salt} {list(written)[-3:]}")
        many = place.choice((1, 1, 1, 1, 2, 3))
        return {i: place.choice((0.0, 0.0, 2.0)) for i in place.sample(range(85), many)}

    return allow


def comparable(answer: list[Sampled], bits: int | None) -> list[Any]:
    """8 and 4 bits: every bit; fp32: which tokens, for a product of more rows may round otherwise."""
    return answer if bits else [(sampled.id, sampled.finish) for sampled in answer]
