"""A run small enough for tests: one layer of 16, a text of made-up sentences, 40 steps in half a second."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fischgpt.config import Phase, Recipe, load_recipe

RECIPE = """
run = "unset"
[model]
n_layer = 1
n_head = 2
n_embd = 16
block_size = 64
vocab_size = 320
[tokenizer]
kind = "bpe"
vocab_size = 300
[data]
val_fraction = 0.2
row_tokens = 32
[train]
steps = 40
tokens_per_step = 128
micro_batch = 2
eval_every = 10
sample_every = 20
checkpoint_every = 5
dtype = "float32"
[optim]
lr = 1e-2
warmup_steps = 4
[eval]
val_tokens = 256
sample_tokens = 4
[sft.train]
steps = 20
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """120 documents of sentences that can be learned, as JSONL."""
    rng = random.Random(0)
    file = tmp_path / "corpus.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for _ in range(120):
            words = (f"The {rng.choice(('cat', 'dog', 'owl'))} {rng.choice(('sat', 'ran'))} here." for _ in range(12))
            out.write(json.dumps({"text": " ".join(words)}) + "\n")
    return file


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    """60 conversations whose answers follow from the question."""
    file = tmp_path / "talks.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for number in range(60):
            animal = ("cat", "dog", "owl")[number % 3]
            turns = [("user", f"{number}: who sat?"), ("assistant", f"The {animal} sat here.")]
            messages = [{"role": role, "content": text} for role, text in turns]
            out.write(json.dumps({"messages": messages}) + "\n")
    return file


@pytest.fixture
def recipe(tmp_path: Path, corpus: Path, talks: Path) -> Callable[..., Recipe]:
    """recipe("sft", "train.steps=3"): the small run in this test's folder, or `run=` of an override."""
    file = tmp_path / "small.toml"
    file.write_text(RECIPE, encoding="utf-8")

    def make(phase: Phase = "pretrain", *overrides: str) -> Recipe:
        source = corpus if phase == "pretrain" else talks
        base = [f"run={tmp_path / 'run'}", f"data.sources={json.dumps([str(source)])}"]
        return load_recipe(file, [*base, *overrides], phase)

    return make
