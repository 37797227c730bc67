"""What a phase starts from: its last checkpoint or first weights, its tokenizer, its batches."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from fischgpt.config import Phase, Recipe
from fischgpt.data.batches import Batches, PretrainBatches
from fischgpt.data.chat_batches import ChatBatches
from fischgpt.data.prepare import data_folder, prepare
from fischgpt.data.progress import OnProgress
from fischgpt.data.shards import Shards
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained
from fischgpt.tokenizer import Tokenizer
from fischgpt.train import checkpoint
from fischgpt.train.checkpoint import Checkpoint
from fischgpt.train.copying import install_copying
from fischgpt.train.distributed import World
from fischgpt.train.memory import choose_micro_batch


@dataclass
class Start:
    """Everything a phase needs before its first step; the model is in fp32 on this rank's device."""

    model: GPT
    tokenizer: Tokenizer
    batches: Batches
    micro_batch: int
    """Rows that go through the model at once."""
    shape: dict[str, Any]
    """What must not change within a run. Steps, rates, intervals and the number of processes may."""
    found: Checkpoint | None
    """The checkpoint to go on from, if there is one."""
    warnings: list[str]
    """Checkpoints that were found damaged and moved aside."""


def open_phase(recipe: Recipe, phase: Phase, world: World, on_progress: OnProgress | None) -> Start:
    """Load or make everything; prepares the data if that was not done.

    Raises UserError when the data, the weights or the checkpoint do not go with the recipe.
    """
    warnings: list[str] = []
    found = _newest(Path(recipe.run) / phase / "checkpoints", world, warnings)
    start = found.path if found else _first_weights(recipe, phase)
    torch.manual_seed(recipe.train.seed)
    if start is None:
        model = GPT(recipe.model)
        if recipe.train.copy_init:
            install_copying(model)
    else:
        model = load_pretrained(start)
    if model.config != recipe.model:
        raise UserError(
            f"{start} is a model of {_short(asdict(model.config))}, "
            f"the recipe asks for {_short(asdict(recipe.model))}; make model.* equal, or choose another run=..."
        )
    model.to(world.device).train()

    row_tokens = recipe.data.row_tokens or recipe.model.block_size
    if row_tokens > recipe.model.block_size:
        raise UserError(f"data.row_tokens is {row_tokens}, more than the model's block_size {recipe.model.block_size}")
    micro_batch = found.state["micro_batch"] if found and recipe.train.micro_batch == "auto" else None
    micro_batch = micro_batch or choose_micro_batch(recipe, model, row_tokens, world)
    data: str | list[str]
    if phase == "pretrain":
        # Every rank calls it; the first does the work while the others wait at the lock.
        data_folder(recipe).mkdir(parents=True, exist_ok=True)
        with FileLock(data_folder(recipe) / ".lock"):
            folder = prepare(recipe, on_progress)
        shards = Shards(folder)
        tokenizer = Tokenizer.load(folder)
        if shards.tokenizer != tokenizer.fingerprint:
            raise UserError(
                f"{folder}: the shards were made with another tokenizer; delete the folder and prepare again"
            )
        batches: Batches = _rows(recipe, shards, row_tokens, micro_batch)
        data = shards.fingerprint
    else:
        assert start is not None  # fine-tuning always starts from something
        tokenizer = Tokenizer.load(start)
        batches = ChatBatches(
            recipe.data.sources,
            tokenizer,
            row_tokens,
            recipe.train.tokens_per_step,
            micro_batch,
            recipe.data.seed,
            recipe.data.val_fraction,
            packed=world.device.type == "cuda" if recipe.data.pack is None else recipe.data.pack,
        )
        data = recipe.data.sources
    shape = {
        "model": asdict(recipe.model),
        "tokenizer": tokenizer.fingerprint,
        "data": data,
        "data.seed": recipe.data.seed,
        "data.row_tokens": recipe.data.row_tokens,
        "train.tokens_per_step": recipe.train.tokens_per_step,
        "optim.kind": recipe.optim.kind,
    }
    if found:
        _same_shape(recipe.run, found.state["shape"], shape)
    return Start(model, tokenizer, batches, micro_batch, shape, found, warnings)


def _newest(checkpoints: Path, world: World, warnings: list[str]) -> Checkpoint | None:
    """Rank 0 looks, checks and moves damaged ones aside; the others go on from what it found."""
    found = checkpoint.load_latest(checkpoints, warnings.append) if world.main else None
    path = world.tell(str(found.path) if found else "")
    if world.main or not path:
        return found
    if not Path(path).is_dir():
        raise UserError(f"{path}: rank 0 sees this checkpoint, rank {world.rank} does not; run= must be a shared disk")
    return checkpoint.verify(Path(path))


def _first_weights(recipe: Recipe, phase: Phase) -> Path | None:
    """The weights a phase starts from: train.init, or for fine-tuning the run's own pretraining, or none."""
    given = recipe.train.init
    if given is None and phase == "pretrain":
        return None
    start = Path(given or recipe.run)
    for folder in (start / "sft", start / "pretrain", start) if given else (start / "pretrain",):
        found = checkpoint.load_latest(folder / "checkpoints", lambda message: None, mine=False)
        if found:
            return found.path
    if given is None:
        raise UserError(f"{start} has no pretrained weights; run `fischgpt pretrain` first, or set train.init")
    if not (start / "config.json").is_file():
        raise UserError(f"train.init: {given} is no run, checkpoint or model folder")
    return start


def _rows(recipe: Recipe, shards: Shards, row_tokens: int, micro_batch: int) -> PretrainBatches:
    rows, left = divmod(recipe.train.tokens_per_step, row_tokens)
    if left or not rows:
        raise UserError(
            f"train.tokens_per_step ({recipe.train.tokens_per_step}) must be a multiple of a row of {row_tokens} tokens"
        )
    data, block_size = recipe.data, recipe.model.block_size
    return PretrainBatches(shards, row_tokens, block_size, rows, micro_batch, data.seed, data.document_mask)


def _same_shape(run: str, saved: dict[str, Any], shape: dict[str, Any]) -> None:
    different = [key for key, value in shape.items() if saved.get(key) != value]
    if different:
        raise UserError(
            f"the run {run} was started with other {', '.join(different)}; "
            "choose another run=..., or put the recipe back"
        )


def _short(config: dict[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in config.items())
