"""A model as one ONNX file with its cache as inputs and outputs: for onnxruntime, and for the browser.

Written, loaded into onnxruntime, compared with our engine, and only then put in its place.
"""

import importlib.util
import itertools
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from fischgpt import chat
from fischgpt.assistant.model import describe_model
from fischgpt.config import GPTConfig
from fischgpt.data.grounded import conversations
from fischgpt.engine import Engine, SamplingParams
from fischgpt.errors import UserError
from fischgpt.folders import new_folder
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, write_config
from fischgpt.publish.hf import TOLERANCE
from fischgpt.tagged import load_tokenizer
from fischgpt.tokenizer import Tokenizer

FILE = "model.onnx"
TOKENS = 32
"""Greedy tokens compared after each prompt."""
TEXTS = 4
"""Made-up owners' conversations on which logits are compared, about 2,500 tokens."""
PERPLEXITY = 0.005
"""By how much 8 bits may change it: what our engine's own 8 bits are held to."""
DIVERGENCE = 0.02
"""Largest mean divergence (nats) of the next token's distribution in 8 bits from that in fp32: unlike perplexity it
cannot come out even. The shipped model's is 0.0018."""


@dataclass(frozen=True)
class OnnxExport:
    """The file, and what was seen of it."""

    path: Path
    megabytes: float
    tokens: int
    """Compared."""
    logit_difference: float
    """The largest from our engine's in fp32."""
    perplexity_change: float
    """Relative to fp32."""
    divergence: float
    """Mean divergence (nats) of the next token's distribution from that of fp32."""
    agreement: float
    """Share of the tokens after which the likeliest next one is that of fp32."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "path": str(self.path)}

    def __str__(self) -> str:
        return (
            f"{self.path} ({self.megabytes:.1f} MB): on {self.tokens} tokens, against fp32, perplexity "
            f"{100 * self.perplexity_change:+.3f} %, divergence {self.divergence:.5f} nats, "
            f"the same next token {100 * self.agreement:.2f} %, logits within {self.logit_difference:.2g}"
        )


def export_onnx(model: str | Path, out: str | Path, dtype: str = "float32") -> OnnxExport:
    """Write a model (anything `--model` takes) as `model.onnx` into the folder `out`, with config and tokenizer.

    dtype: "float32", or "int8" for matrices in 8 bits and activations rounded as our engine rounds them. Inputs and
    outputs: `onnx_graph.build`. The folder appears whole or not at all. Raises UserError if `out` is not new or empty,
    if the model cannot be loaded, or if onnxruntime does not compute our engine's logits and greedy tokens from the
    file (int8: a perplexity within half a percent).
    """
    if importlib.util.find_spec("onnx") is None:
        raise UserError("export onnx needs the package onnx: pip install 'fischgpt[publish]'")
    from fischgpt.publish.onnx_graph import build

    if dtype != "float32" and dtype != "int8":
        raise UserError(f"export onnx stores float32 or int8, not {dtype}")
    info = describe_model(model)
    tokenizer, gpt = load_tokenizer(info.folder), load_pretrained(info.folder)
    with new_folder(out) as folder:
        (folder / FILE).write_bytes(build(gpt, tokenizer.n_vocab, dtype).SerializeToString())
        shape = replace(info.config, vocab_size=tokenizer.n_vocab)
        write_config(shape, folder, tokenizer.n_vocab, eot=tokenizer.eot)
        tokenizer.save(folder)
        seen = verify(folder / FILE, gpt, tokenizer, exact=dtype == "float32")
    return replace(seen, path=Path(out) / FILE)


class OnnxGPT:
    """A written file in onnxruntime: tokens in, logits out, the cache kept between calls."""

    def __init__(self, path: Path, config: GPTConfig) -> None:
        """Raises onnxruntime's errors for a file that does not load."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._config = config
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.forget()

    def forget(self) -> None:
        """Start anew with an empty cache."""
        empty = np.zeros((1, self._config.n_head, 0, self._config.n_embd // self._config.n_head), np.float32)
        self._cache = {name: empty for name in self._outputs if name.startswith("present")}

    def read(self, ids: Sequence[int], keep: int = 0) -> NDArray[np.float32]:
        """Logits (kept, n_vocab) after the last `keep` of the ids (0: after each), which follow those read before."""
        past = {name.replace("present", "past_key_values"): value for name, value in self._cache.items()}
        feed = {"input_ids": np.array([ids], np.int64), "num_logits_to_keep": np.array(keep, np.int64), **past}
        found = dict(zip(self._outputs, map(np.asarray, self._session.run(None, feed)), strict=True))
        logits = found.pop("logits")[0]
        self._cache = found
        return logits

    def greedy(self, ids: Sequence[int], n: int) -> list[int]:
        """The n likeliest next tokens, one call for the prompt and one for each of them."""
        self.forget()
        written: list[int] = []
        pending = list(ids)
        for _ in range(n):
            written.append(int(self.read(pending, keep=1)[0].argmax()))
            pending = written[-1:]
        return written


def verify(path: Path, model: GPT, tokenizer: Tokenizer, exact: bool) -> OnnxExport:
    """What onnxruntime makes of the file beside our engine in fp32, on conversations of made-up owners.

    exact: Raises UserError where a logit differs by more than TOLERANCE or a greedy token at all; otherwise where
    perplexity changes by more than half a percent or the distribution by more than DIVERGENCE.
    """
    theirs = OnnxGPT(path, model.config)
    ours = Engine(model, n_vocab=tokenizer.n_vocab)
    nats, divergence, agree, tokens, difference = [0.0, 0.0], 0.0, 0, 0, 0.0
    for turns in itertools.islice(conversations(5, "held-out"), TEXTS):
        ids = chat.encode(tokenizer, turns)[0][: model.config.block_size - TOKENS]
        theirs.forget()
        half = len(ids) // 2  # the second half reads the first from the cache
        found = torch.from_numpy(np.concatenate([theirs.read(ids[:half]), theirs.read(ids[half:])]))
        expected = ours.reader.read(ids, None, len(ids)).float()
        difference = max(difference, float((found - expected).abs().max()))
        targets = torch.tensor(ids[1:])
        for which, logits in enumerate((expected, found)):
            nats[which] += F.cross_entropy(logits[:-1], targets, reduction="sum").item()
        told, wanted = (logits.log_softmax(-1) for logits in (found, expected))
        divergence += F.kl_div(told, wanted, reduction="sum", log_target=True).item()
        agree += int((found.argmax(-1) == expected.argmax(-1)).sum())
        tokens += len(ids)
        if exact:
            expected_tokens = [token.id for token in ours.generate(ids, SamplingParams(max_tokens=TOKENS))]
            if theirs.greedy(ids, TOKENS) != expected_tokens:
                raise UserError("onnxruntime writes other greedy tokens than our engine; nothing exported")
    change = math.exp((nats[1] - nats[0]) / (tokens - TEXTS)) - 1
    if exact and not difference < TOLERANCE:
        raise UserError(f"the file gives other logits (by {difference:.2g}, allowed {TOLERANCE}); nothing exported")
    if not abs(change) < PERPLEXITY:
        raise UserError(
            f"in 8 bits the perplexity changes by {100 * change:+.2f} %, allowed {100 * PERPLEXITY} %; nothing exported"
        )
    if not divergence / tokens < DIVERGENCE:
        raise UserError(
            f"in 8 bits the next token's distribution differs by {divergence / tokens:.3f} nats, allowed {DIVERGENCE}; "
            "nothing exported"
        )
    size = path.stat().st_size / 1e6
    return OnnxExport(path, size, tokens, difference, change, divergence / tokens, agree / tokens)
