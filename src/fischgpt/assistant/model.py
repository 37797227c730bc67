"""MODEL on the command line -> a model that reads and writes text."""

import codecs
import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from fischgpt import chat
from fischgpt.assistant import published
from fischgpt.assistant.quoting import Quotations
from fischgpt.assistant.release import may_stop
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.engine import Allow, Batch, Bits, Engine, SamplingParams
from fischgpt.errors import UserError
from fischgpt.model.gpt import without_weights
from fischgpt.model.weights import load_pretrained, read_config
from fischgpt.resources import resource
from fischgpt.tagged import load_tokenizer
from fischgpt.tokenizer import Tokenizer

MINI = "mini"
KEPT_CONTEXTS = 2
"""So many full contexts of what was read last are kept for prompts that begin alike: 16 MB for the shipped model, some
four answers."""
REMOTE = "openai+"
"""How the address of another server begins (remote.py)."""
_CHOICES = (
    f"MODEL is {MINI!r} (the shipped model), a run's folder, one of its checkpoints, a folder with config.json, "
    "model.safetensors and tokenizer.json as `fischgpt export hf` writes it, or hf://OWNER/NAME[@REVISION] on the Hub"
)


@dataclass(frozen=True)
class ModelInfo:
    """What a model folder says about itself before any weight is read."""

    name: str
    """The id the API serves it under, for example `mini` or `nano-sft`."""
    folder: Path
    config: GPTConfig
    n_params: int
    card: dict[str, Any] = field(default_factory=dict)
    """`card.json` of the folder, or what its checkpoint's manifest holds: steps, tokens trained on, scores."""
    bits: Bits = 8
    """How many a weight has where compiled code reads it."""

    @property
    def trained_tokens(self) -> int | None:
        """Tokens the model was trained on, where its card says so."""
        tokens = self.card.get("trained_tokens", self.card.get("tokens"))
        return tokens if isinstance(tokens, int) else None


@dataclass(frozen=True)
class Piece:
    """What one sampled token adds to the text (often nothing: half of a UTF-8 character)."""

    text: str
    finish: Literal["stop", "length"] | None
    logprob: float = math.nan
    """In nats, under the model's own distribution, whatever it was allowed to write; NaN where another server has the
    model and told none."""
    data: bytes = b""
    """The token's own bytes; none for a control token."""
    top: tuple[tuple[bytes, float], ...] = ()
    """The likeliest tokens here, if `params.top_logprobs` asked for them."""


@dataclass(frozen=True)
class TextModel:
    """A model with its tokenizer: text in, text out. Safe to use from several threads."""

    name: str
    tokenizer: Tokenizer
    engine: Engine
    config: GPTConfig
    card: dict[str, Any] = field(default_factory=dict)
    batch: Batch | None = None
    """What computes the answers of many together; None: each is computed by whoever asks for it."""

    def reply(
        self,
        turns: Sequence[Turn],
        params: SamplingParams,
        cancelled: Callable[[], bool] = lambda: False,
        along: Quotations | None = None,
    ) -> Iterator[Piece]:
        """What the assistant says next in a conversation, as `stream`. along: all that it may say."""
        allow = along.allow if along else None
        return self.stream(chat.encode_prompt(self.tokenizer, turns), params, cancelled, allow)

    def stream(
        self,
        prompt_ids: Sequence[int],
        params: SamplingParams,
        cancelled: Callable[[], bool] = lambda: False,
        allow: Allow | None = None,
    ) -> Iterator[Piece]:
        """One piece a sampled token; the last has `finish`. `cancelled` is asked before each token.

        Any control token, or tag where turns are tagged in text, ends it: a model that starts another turn has finished
        its own.
        """
        pieces = self._pieces(prompt_ids, params, cancelled, allow)
        return until(pieces, self.tokenizer.tags) if self.tokenizer.tags else pieces

    def _pieces(
        self, prompt_ids: Sequence[int], params: SamplingParams, cancelled: Callable[[], bool], allow: Allow | None
    ) -> Iterator[Piece]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for sampled in (self.batch or self.engine).generate(prompt_ids, params, allow, cancelled):
            is_control = sampled.id in self.tokenizer.control_ids
            finish = "stop" if is_control else sampled.finish
            data = b"" if is_control else self.tokenizer.decode_bytes([sampled.id])
            top = tuple((self.tokenizer.decode_bytes([id_], keep_control=True), lp) for id_, lp in sampled.top)
            yield Piece(decoder.decode(data, final=finish is not None), finish, sampled.logprob, data, top)
            if finish is not None or cancelled():
                return


def until(pieces: Iterator[Piece], stop: Sequence[str]) -> Iterator[Piece]:
    """The pieces up to the first of the texts `stop`. What one may begin with is held back until it is known."""
    held: list[Piece] = []
    for piece in pieces:
        held.append(piece)
        text = "".join(one.text for one in held)
        found = [at for one in stop if (at := text.find(one)) >= 0]
        free = min(found) if found else len(text) if piece.finish else len(text) - may_stop(text, stop)
        while held and len(held[0].text) <= free and not (found and free == 0):
            free -= len(held[0].text)
            yield held.pop(0)
        if found:
            yield replace(held[0], text=held[0].text[:free], data=b"", finish="stop")
            return


def describe_model(spec: str | Path = MINI, bits: Bits = 8) -> ModelInfo:
    """Find the folder that `spec` means and read its config and card, no weights; of the Hub's, download it.
    bits: to read it with, later.

    Raises UserError for what is no model, with what MODEL may be.
    """
    name, folder = _find(str(spec))
    config = read_config(folder)
    n_params = without_weights(config).n_params
    card = _card(folder)
    return ModelInfo(str(card.get("name") or name), folder, config, n_params, card, bits)


def load_model(spec: str | Path | ModelInfo = MINI, device: str = "cpu") -> TextModel:
    """The model that `spec` names, ready to answer: on a processor in 8 bits or as many as its description says,
    where the compiled code is installed.

    Raises UserError (unknown, truncated, misshapen).
    """
    info = spec if isinstance(spec, ModelInfo) else describe_model(spec)
    tokenizer = load_tokenizer(info.folder)
    if tokenizer.n_vocab > info.config.vocab_size:
        raise UserError(
            f"{info.folder}: its tokenizer has {tokenizer.n_vocab} ids, its model only {info.config.vocab_size}"
        )
    engine = Engine(
        load_pretrained(info.folder),
        n_vocab=tokenizer.n_vocab,
        device=device,
        bits=info.bits,
        kept_contexts=KEPT_CONTEXTS,
    )
    return TextModel(info.name, tokenizer, engine, info.config, info.card)


def _find(spec: str) -> tuple[str, Path]:
    if spec.startswith(REMOTE):
        raise UserError(f"{spec}: the weights of another server's model are not here; only `up` and `chat` can use it")
    if spec == MINI:
        try:
            return MINI, resource("mini")
        except FileNotFoundError:
            raise UserError("the shipped model is not in this installation; give one with --model") from None
    if spec.startswith(published.HF):
        return published.parse(spec).repo.name.partition("/")[2], published.download(spec)
    folder = Path(spec).expanduser()
    if not folder.is_dir():
        raise UserError(f"no model {spec!r}: {_CHOICES}")
    folder = folder.resolve()
    if (folder / "config.json").is_file():
        return _name_of(folder), folder
    for phase_folder in (folder / "sft", folder / "pretrain", folder):
        if checkpoint := _newest(phase_folder / "checkpoints"):
            return _name_of(checkpoint), checkpoint
    if (folder / "recipe.toml").is_file():
        raise UserError(f"{folder}: this run has no checkpoint yet")
    raise UserError(f"{folder}: neither a run nor a model. {_CHOICES}")


def _newest(checkpoints: Path) -> Path | None:
    """The newest complete checkpoint: its name is given last, so a torn one has another."""
    complete = [folder for folder in checkpoints.glob("step-*") if (folder / "config.json").is_file()]
    return max(complete, key=lambda folder: folder.name, default=None)


def _name_of(folder: Path) -> str:
    """`runs/nano/sft/checkpoints/step-00000100` -> `nano-sft-100`; another folder: its own name.

    A best one there, `best-loss-00000050`: `nano-sft-best-loss-50`.
    """
    parts = [folder.name]
    if folder.parent.name == "checkpoints":
        kind, _, step = folder.name.removeprefix("step-").rpartition("-")
        parts = [folder.parents[2].name, folder.parents[1].name, kind, step.lstrip("0") or "0"]
    return re.sub(r"[^\w.-]+", "-", "-".join(filter(None, parts))).strip("-") or "model"


def _card(folder: Path) -> dict[str, Any]:
    for name in ("card.json", "manifest.json"):
        try:
            data = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(data, dict):
            return data
    return {}
