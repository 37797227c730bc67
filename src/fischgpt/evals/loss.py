"""Loss of a model on text, in nats per token, and in bits per byte, which compares models of different vocabularies."""

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import torch

from fischgpt.data import sources
from fischgpt.data.shards import Shards
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.tokenizer import Tokenizer

ROWS = 8
"""Rows that go through the model at once."""


def evaluate(
    model: GPT, tok: Tokenizer, data: Path | str | Iterable[str], limit: int | None = None
) -> dict[str, float | int]:
    """`loss` (nats per token), `perplexity`, `bits_per_byte`, and the `tokens` and `bytes` that were predicted.

    data: texts; or a path of text, JSONL or parquet; or a folder of shards, of which the validation split is read.
    limit: tokens at most. Documents are read in rows of block_size, each followed by <|endoftext|>, whose bits count
    and whose bytes are none. Raises UserError for data that cannot be read or has no text.
    """
    ids = islice(_tokens(tok, data), limit)
    length = model.config.block_size
    device = model.wte.weight.device
    nats, tokens, size = 0.0, 0, 0
    before = tok.eot  # what a document starts after
    training = model.training
    model.eval()
    with torch.inference_mode():
        while rows := list(islice(ids, ROWS * length)):
            size += len(tok.decode_bytes(rows))
            tokens += len(rows)
            stream = torch.tensor([before, *rows], device=device)
            before = rows[-1]
            whole = len(rows) // length * length
            for start, end, row in ((0, whole, length), (whole, len(rows), len(rows) - whole)):
                if end > start:
                    idx, targets = stream[start:end].view(-1, row), stream[start + 1 : end + 1].view(-1, row)
                    nats += model.loss(idx, targets, reduction="sum").item()
    model.train(training)
    if not tokens or not size:
        raise UserError(f"{data}: no text to measure the loss on" if isinstance(data, str | Path) else "no text")
    return {
        "loss": nats / tokens,
        "perplexity": math.exp(min(nats / tokens, 700.0)),
        "bits_per_byte": nats / math.log(2) / size,
        "tokens": tokens,
        "bytes": size,
    }


def _tokens(tok: Tokenizer, data: Path | str | Iterable[str]) -> Iterator[int]:
    if isinstance(data, str | Path) and (Path(data) / "manifest.json").is_file():
        shards = Shards(Path(data))
        if shards.tokenizer != tok.fingerprint:
            raise UserError(f"{data}: the shards were made with another tokenizer than the model's")
        for array in shards.arrays("val"):
            yield from array.tolist()
        return
    texts = sources.documents(str(data)) if isinstance(data, str | Path) else data
    for text in texts:
        yield from tok.encode(text)
        yield tok.eot
