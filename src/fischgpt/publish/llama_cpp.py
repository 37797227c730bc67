"""A real llama.cpp beside our engine: the same ids from the same text, the same tokens from the same ids."""

import importlib
import importlib.util
import json
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from fischgpt import chat
from fischgpt.chat import Turn
from fischgpt.engine import Engine
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.tokenizer import Tokenizer

TOKENS = 32
"""Greedy tokens compared after each prompt."""
TOLERANCE = 0.25
"""By how much (nats) our likeliest token may lead theirs. Once our engine rounds activations as llama.cpp does: 0 on
the shipped model, at most 0.16 on random ones whose logits spread over 15; before, up to 4.6 on those."""
_PROMPTS = (
    (
        Turn("system", "[1] Work, Acme, Engineer (2019 to 2021): Built the billing system; it's used by 1,200 people."),
        Turn("user", "What was built at Acme?"),
    ),
    (Turn("user", "Say <|user|> or <|endoftext|>, in 3 ways:\n\n 1. naïve\n\t2. 日本 🙂\n"),),
    (
        Turn("system", "[1] A.\n[2] Prize, 2004: She won it (twice!)."),
        Turn("user", "Hi"),
        Turn("assistant", "Hello."),
        Turn("user", "And  then?"),
    ),
)


def is_installed() -> bool:
    """Whether the package with a compiled llama.cpp, `xllamacpp`, is here."""
    return importlib.util.find_spec("xllamacpp") is not None


class LlamaCpp:
    """llama.cpp's own server on this machine, for one GGUF file. A context manager: it ends with the block."""

    def __init__(self, path: Path, threads: int = 1, slots: int = 1, context: int = 0) -> None:
        """threads: one, because its threads spin: on a busy machine two took 130 ms a token. slots: answers at once.
        context: tokens of all of them together; 0: the model's own.

        Raises UserError if llama.cpp does not load the file.
        """
        xllamacpp: Any = importlib.import_module("xllamacpp")  # its names come from C++, unknown to type checkers
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context
        params.n_parallel = slots
        params.verbosity = -1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
        params.hostnames = ["127.0.0.1"]
        try:
            self._server = xllamacpp.Server(params)
        except RuntimeError as error:
            raise UserError(f"llama.cpp does not load the written file ({error}); nothing exported") from None
        self._address = self._server.listening_address
        # A server told to end before its loop has begun waits for that loop forever (seen on a busy machine): a token
        # comes out of the loop.
        self.greedy([0], 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        del self._server

    def encode(self, text: str) -> list[int]:
        """Ids of plain text, markers in it being characters."""
        return self.post("/tokenize", content=text, add_special=False, parse_special=False)["tokens"]

    def encode_chat(self, turns: list[dict[str, str]]) -> list[int]:
        """Ids of a conversation through the file's own chat template; text that looks like a marker becomes one."""
        rendered = self.post("/apply-template", messages=turns)["prompt"]
        return self.post("/tokenize", content=rendered, add_special=False, parse_special=True)["tokens"]

    def greedy(self, ids: list[int], n: int) -> list[int]:
        """The n likeliest next tokens; fewer where <|endoftext|> ends the answer."""
        body = {"prompt": ids, "n_predict": n, "temperature": 0, "return_tokens": True, "cache_prompt": False}
        return self.post("/completion", **body)["tokens"]

    def post(self, route: str, **body: Any) -> Any:
        """One request to its HTTP interface: an object, or of several prompts a list of them."""
        request = urllib.request.Request(
            self._address + route, json.dumps(body).encode(), {"content-type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise UserError(f"llama.cpp refuses {route}: {error.read().decode()[:300]}") from None


def round_as_llama_cpp(model: GPT, bits: int) -> None:
    """Make `model` round what each matrix multiplies as llama.cpp does: to fp16, or to blocks of 32 with 8 bits."""

    def rounded(x: Tensor) -> Tensor:
        if bits == 16:
            return x.half().to(x.dtype)
        blocks = x.unflatten(-1, (-1, 32))
        scale = blocks.abs().amax(-1, keepdim=True) / 127
        whole = torch.where(scale > 0, blocks / scale, 0).round()
        return (whole * scale.half().float()).flatten(-2)

    for module in model.modules():
        if isinstance(module, nn.Linear) and (bits == 16 or module.in_features % 32 == 0):
            module.register_forward_pre_hook(lambda _, inputs: (rounded(inputs[0]),))
    if bits == 16 or model.config.n_embd % 32 == 0:
        model.ln_f.register_forward_hook(lambda _, inputs, output: rounded(output))  # what the tied head reads


def compare(theirs: LlamaCpp, model: GPT, tokenizer: Tokenizer) -> float:
    """By how much at most (nats) a token that our engine on `model` finds likeliest leads llama.cpp's own choice.

    `model` holds the weights as the file has them and rounds as llama.cpp does (`round_as_llama_cpp`).
    Raises UserError if text or chats get other ids, or if the lead is beyond TOLERANCE: no tie, another model.
    """
    ours = Engine(model, n_vocab=tokenizer.n_vocab)
    widest = 0.0
    for turns in _PROMPTS:
        for turn in turns:
            if theirs.encode(turn.text) != tokenizer.encode(turn.text):
                raise UserError(f"llama.cpp gives {turn.text!r} other ids; nothing exported")
        ids = chat.encode_prompt(tokenizer, turns)
        plain = not any("<|" in turn.text for turn in turns)  # a template cannot tell text from markers
        if plain and theirs.encode_chat([{"role": turn.role, "content": turn.text} for turn in turns]) != ids:
            raise UserError("llama.cpp renders a conversation into other ids; nothing exported")
        ids = ids[-(ours.block_size - TOKENS) :]
        tokens = theirs.greedy(ids, TOKENS)
        for token, read in zip(tokens, ours.read([*ids, *tokens], top=1)[-len(tokens) :], strict=True):
            ((best, logprob),) = read.top
            widest = max(widest, logprob - read.logprob)
            if widest > TOLERANCE:
                raise UserError(f"llama.cpp continues with token {token} where our engine has {best}; nothing exported")
    return widest
