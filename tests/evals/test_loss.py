"""Loss, perplexity and bits per byte, against the same sums done by hand."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from fischgpt.config import GPTConfig
from fischgpt.data.shards import write_manifest, write_shard
from fischgpt.errors import UserError
from fischgpt.evals.loss import evaluate
from fischgpt.model.gpt import GPT
from fischgpt.tokenizer import Tokenizer

TEXTS = ["The cat sat here. " * 9, "Ein Hund läuft."]


@pytest.fixture(scope="module")
def tok() -> Tokenizer:
    return Tokenizer.train(TEXTS, 280)


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(0)
    return GPT(GPTConfig(n_layer=1, n_head=2, n_embd=16, block_size=8, vocab_size=288))


def by_hand(model: GPT, ids: list[int], first: int) -> float:
    """Sum of -log p over ids, in rows of 8 that see nothing of each other but start from the token before."""
    nats = 0.0
    stream = [first, *ids]
    with torch.no_grad():
        for start in range(0, len(ids), 8):
            row = stream[start : start + 9]
            logs = model(torch.tensor([row[:-1]]))[0].log_softmax(-1)
            nats -= sum(float(logs[i, token]) for i, token in enumerate(row[1:]))
    return nats


def test_figures_are_those_done_by_hand(model: GPT, tok: Tokenizer) -> None:
    ids = [i for text in TEXTS for i in (*tok.encode(text), tok.eot)]
    assert len(ids) % 8
    nats, size = by_hand(model, ids, tok.eot), len("".join(TEXTS).encode())
    found = evaluate(model, tok, TEXTS)
    assert found["tokens"] == len(ids) and found["bytes"] == size
    assert found["loss"] == pytest.approx(nats / len(ids), rel=1e-5)
    assert found["perplexity"] == pytest.approx(math.exp(nats / len(ids)), rel=1e-4)
    assert found["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-5)


def test_limit_counts_tokens(model: GPT, tok: Tokenizer) -> None:
    ids = tok.encode(TEXTS[0])[:10]
    found = evaluate(model, tok, TEXTS, limit=10)
    assert found["tokens"] == 10 and found["loss"] == pytest.approx(by_hand(model, ids, tok.eot) / 10, rel=1e-5)


def test_shards_files_and_texts_agree(model: GPT, tok: Tokenizer, tmp_path: Path) -> None:
    file = tmp_path / "text.txt"
    file.write_text(TEXTS[0])
    ids = np.array([*tok.encode(TEXTS[0]), tok.eot])
    other = np.array([1, 2, 3])
    infos = [
        write_shard(tmp_path, "train-00000.npy", "train", other, 1, 288),
        write_shard(tmp_path, "val-00000.npy", "val", ids, 1, 288),
    ]
    write_manifest(tmp_path, infos, tok.fingerprint, 288, None)
    assert evaluate(model, tok, tmp_path) == evaluate(model, tok, file) == evaluate(model, tok, TEXTS[:1])


def test_another_tokenizer_and_empty_text_are_refused(model: GPT, tok: Tokenizer, tmp_path: Path) -> None:
    write_manifest(tmp_path, [write_shard(tmp_path, "v.npy", "val", np.array([1, 2]), 1, 288)], "other", 288, None)
    with pytest.raises(UserError, match="another tokenizer"):
        evaluate(model, tok, tmp_path)
    with pytest.raises(UserError, match="no text"):
        evaluate(model, tok, [])
