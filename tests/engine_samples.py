"""A small model whose text moves about, and engines that read it in each way."""

import torch

from fischgpt.config import GPTConfig
from fischgpt.engine import Bits, Engine, native
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
