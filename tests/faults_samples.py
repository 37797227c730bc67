"""What the fault tests share: a run of a second, its outcome, and children that can be killed."""

import json
import multiprocessing
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fischgpt.config import Phase, Recipe, load_recipe
from fischgpt.resources import sha256_file
from fischgpt.train import checkpoint, loop
from fischgpt.train.track import read_metrics
from ports import free_port

# Forked after torch is imported: starting Python anew would cost seconds for each kill.
fork = multiprocessing.get_context("fork")

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
steps = 40
"""
CLOCK = ("seconds", "tokens_per_second", "mfu")
"""What differs between two equal runs."""


class Runs:
    """Recipes of small runs in one folder. Pretraining shares one set of shards, so that a run is its steps alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "small.toml").write_text(RECIPE, encoding="utf-8")
        rng = random.Random(0)
        words = [
            " ".join(f"The {rng.choice(('cat', 'dog', 'owl'))} {rng.choice(('sat', 'ran'))} here." for _ in range(12))
            for _ in range(120)
        ]
        (folder / "corpus.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in words))
        turns = [
            [
                {"role": "user", "content": f"{n}: who sat?"},
                {"role": "assistant", "content": f"The {('cat', 'dog', 'owl')[n % 3]} sat here."},
            ]
            for n in range(60)
        ]
        (folder / "talks.jsonl").write_text("".join(json.dumps({"messages": each}) + "\n" for each in turns))

    def recipe(self, run: str, *overrides: str, phase: Phase = "pretrain") -> Recipe:
        source = "corpus" if phase == "pretrain" else "talks"
        base = [f"data.sources={json.dumps([str(self.folder / source) + '.jsonl'])}", f"run={self.folder / run}"]
        return load_recipe(
            self.folder / "small.toml", [*base, f"data.folder={self.folder / 'data'}", *overrides], phase
        )

    def copy(self, run: str, to: str) -> None:
        shutil.copytree(self.folder / run, self.folder / to)


def train(recipe: Recipe, phase: Phase = "pretrain") -> Path:
    return loop.run(recipe, phase, quiet=True)


def checkpoints(recipe: Recipe, phase: Phase = "pretrain") -> Path:
    return Path(recipe.run) / phase / "checkpoints"


def outcome(recipe: Recipe, phase: Phase = "pretrain") -> dict[str, Any]:
    """Of the last checkpoint: hashes of weights, optimizer and random state, the data's position, best values; metrics.

    Without what the clock decides, and without the lines that say a run was resumed.
    """
    last = checkpoint.latest_path(checkpoints(recipe, phase))
    assert last is not None
    state = checkpoint.verify(last).state
    metrics = [row for row in read_metrics(Path(recipe.run) / phase) if row["event"] != "resumed"]
    return {
        "step": last.name,
        "hashes": {file.name: sha256_file(file) for file in last.glob("*.safetensors")},
        "state": {key: value for key, value in state.items() if key not in (*CLOCK, "metrics_offset", "recipe")},
        "best": {path.name: sha256_file(path / "model.safetensors") for path in last.parent.glob("best-*")},
        "metrics": [{key: value for key, value in row.items() if key not in CLOCK} for row in metrics],
    }


def nothing_torn(recipe: Recipe, phase: Phase = "pretrain") -> None:
    """Every folder that goes by the name of a checkpoint is whole."""
    for path in checkpoints(recipe, phase).glob("*-[0-9]*"):
        if not path.name.startswith("."):
            checkpoint.verify(path)


def count(name: str, default: int) -> int:
    """How often: FISCHGPT_KILLS=100 and the like in the environment, fewer by default."""
    return int(os.environ.get(f"FISCHGPT_{name}", default))


def start_ranks(
    recipe: Recipe, ranks: int, spoil: Callable[[int], None] | None = None, phase: Phase = "pretrain"
) -> list[multiprocessing.context.ForkProcess]:
    """As torchrun would: one process a rank, told who it is by the environment. spoil(rank) runs in each of them."""
    port = free_port()

    def rank(number: int) -> None:
        if ranks > 1:
            who = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": ranks, "MASTER_PORT": port}
            os.environ.update({key: str(value) for key, value in who.items()} | {"MASTER_ADDR": "127.0.0.1"})
        if spoil:
            spoil(number)
        train(recipe, phase)

    processes = [fork.Process(target=rank, args=(number,)) for number in range(ranks)]
    for process in processes:
        process.start()
    return processes


def finish(processes: list[multiprocessing.context.ForkProcess]) -> list[int | None]:
    """Their exit codes."""
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]
