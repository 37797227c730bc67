"""`fischgpt plan RECIPE`: memory, hours and dollars before anything is paid.

Speed is peak x MFU / FLOPs per token, with the shares of the peak that train/hardware.py holds and says the source of;
the device at hand is measured. Added to it is what a run stops for: validation, HellaSwag, samples, checkpoints.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from fischgpt.config import Recipe
from fischgpt.data.files import read_sealed
from fischgpt.data.prepare import data_folder
from fischgpt.data.shards import SCHEMA
from fischgpt.errors import UserError
from fischgpt.model.gpt import without_weights
from fischgpt.plan.kinds import Option, PhaseCost, Phases, Plan, read_phases, row_tokens
from fischgpt.plan.warnings import option_warnings, recipe_warnings
from fischgpt.train.bench import bench_train
from fischgpt.train.footprint import footprint, largest_micro_batch
from fischgpt.train.hardware import DEVICES, Device, detect

KNOWN_TOKENS = {"fineweb-edu-10BT": 10e9, "fineweb-edu-100BT": 100e9}
"""Of corpora that are not prepared yet, as their names say."""
DOWNLOAD_BYTES = 2.9
"""Of FineWeb-Edu's parquet files per token: 3.0 kB a document of about 1,030 tokens."""
SAVING = 0.6e9
"""Bytes of a checkpoint a second: written at 1 GB/s, read again for its sha256 at 1.7 GB/s."""
HELLASWAG_TOKENS = 180
"""Of an item, its context once and its four endings: estimated. Rank 0 alone reads them, at a third of its speed."""
SAMPLING = 0.01
"""Seconds for a token of a sample: a step of one row is bound by the start of its kernels, not by arithmetic."""
SFT_SHARE = 0.5
"""Of the eager speed: conversations are short rows of many lengths. Estimated."""
START = {True: 120.0, False: 45.0}
"""Seconds to import, open the data, and (True) compile."""


def make_plan(
    recipe: str | Path,
    overrides: Sequence[str] = (),
    gpu: str | None = None,
    count: int | None = None,
    price: float | None = None,
    measure: bool = True,
    seconds: float = 5.0,
) -> Plan:
    """Plan a recipe on `count` of `gpu` (a name in DEVICES, or "here"), or on every device there is.

    price: USD an hour for one GPU, in place of the table's. measure: take the speed of the device at hand from
    `seconds` of the recipe's own steps. Raises UserError for an unknown GPU or a recipe that cannot be read.
    """
    phases = read_phases(recipe, overrides)
    model = phases.pretrain.model
    network = without_weights(model)
    T = row_tokens(phases.pretrain)
    flops = network.flops_per_token(T)
    corpus = corpus_tokens(phases.pretrain)
    options = []
    for device, number in _asked(gpu, count):
        options.append(_option(phases, device, number, price, flops))
    if measure and gpu in (None, "here"):
        options.append(_here(phases, price, seconds))
    return Plan(
        recipe=str(recipe),
        parameters=network.n_params,
        flops_per_token=flops,
        row_tokens=T,
        corpus_tokens=corpus,
        disk=_disk(phases, network.n_params, corpus),
        warnings=recipe_warnings(phases, corpus),
        options=options,
    )


def corpus_tokens(recipe: Recipe) -> float | None:
    """Training tokens of the shards if they are prepared, else what the sources' names say; None if neither does."""
    manifest = data_folder(recipe) / "manifest.json"
    if manifest.is_file():
        return float(sum(s["tokens"] for s in read_sealed(manifest, SCHEMA)["shards"] if s["split"] == "train"))
    known = [KNOWN_TOKENS.get(source) for source in recipe.data.sources]
    return None if not known or None in known else sum(tokens for tokens in known if tokens)


def _asked(gpu: str | None, count: int | None) -> list[tuple[Device, int]]:
    """The devices and how many of each: the one asked for, or all of the table, GPUs singly and by eight."""
    if gpu is None:
        counts = {"cuda": (1, 8), "mps": (1,)}
        return [(d, n) for d in DEVICES.values() for n in ((count,) if count else counts[d.kind])]
    if gpu == "here":
        return []
    wanted = _plain(gpu)
    found = [device for name, device in DEVICES.items() if wanted in _plain(name)]
    if len(found) != 1:
        raise UserError(f"no GPU {gpu!r}; known: {', '.join(DEVICES)}, and `here` for this machine")
    return [(found[0], count or 1)]


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace(" ", "")


def _option(phases: Phases, device: Device, count: int, price: float | None, flops: int) -> Option:
    """By the table."""
    train = phases.pretrain.train
    bf16 = train.dtype != "float32"
    share = device.share(train.compile)
    peak = device.bf16_flops if bf16 else device.fp32_flops
    rate = count * peak * share.mfu / flops
    eager = count * peak * device.eager.mfu / flops
    return _costed(phases, device, count, price, rate, eager, share.mfu, share.seen, share.source)


def _here(phases: Phases, price: float | None, seconds: float) -> Option:
    """This machine, by a few seconds of the recipe's own steps."""
    device = detect(measure=True)
    if device is None:
        raise UserError(f"{torch.cuda.get_device_name()} is in no table here; name one with --gpu and --price")
    recipe, rows = phases.pretrain, None
    if device.kind != "cuda":
        # Uncompiled: compiling would take a processor several times as long as what is measured.
        rows = max(1, 1024 // row_tokens(recipe))
        recipe = replace(recipe, train=replace(recipe.train, compile=False))
    speed = bench_train(recipe, seconds=seconds, rows=rows)
    source = f"{speed.steps} steps of {speed.shape}{'' if speed.compiled else ', not compiled'}"
    mfu = speed.mfu or 0.0
    return _costed(
        phases, device, 1, price, speed.tokens_per_second, speed.tokens_per_second, mfu, "measured here", source
    )


def _costed(
    phases: Phases, device: Device, count: int, price: float | None, rate: float, eager: float,
    mfu: float, seen: str, source: str,
) -> Option:  # fmt: skip
    """An option from its speeds in tokens a second: `rate` of training, `eager` without torch.compile."""
    recipe, T = phases.pretrain, row_tokens(phases.pretrain)
    bf16 = recipe.train.dtype != "float32"
    largest = largest_micro_batch(recipe.model, recipe.optim, T, bf16, device.memory_bytes)
    rows = max(1, recipe.train.tokens_per_step // T)
    micro, useful = _micro_batch(recipe.train.micro_batch, rows, count, largest)
    usd = device.usd_per_hour if price is None else price
    costs = []
    for name, phase in phases:
        speed = rate * useful if name == "pretrain" else eager * SFT_SHARE
        costs.append(_phase_cost(name, phase, speed, eager, eager / count))
    option = Option(
        device=device.name,
        count=count,
        tokens_per_second=rate * useful,
        mfu=mfu * useful,
        seen=seen,
        source=source,
        micro_batch=micro,
        largest_micro_batch=largest,
        memory=footprint(recipe.model, recipe.optim, micro * T, bf16, "cpu" if device.kind == "cpu" else "cuda", T),
        memory_bytes=device.memory_bytes,
        phases=costs,
        usd_per_hour=None if usd is None else usd * count,
        price_source=device.price_source if price is None else "--price",
        warnings=[],
    )
    option.warnings.extend(option_warnings(phases, device, option, useful))
    return option


def _micro_batch(wanted: int | str, rows: int, count: int, largest: int) -> tuple[int, float]:
    """Rows at once on one GPU, and the part of the work that is not waiting for GPUs that have a micro-batch more."""
    if wanted == "auto":
        own = max(1, rows // count)
        micro = max(number for number in range(1, own + 1) if own % number == 0 and number <= max(1, largest))
    else:
        micro = int(wanted)
    turns = math.ceil(math.ceil(rows / micro) / count)
    return micro, rows / (turns * micro * count)


def _phase_cost(name: str, recipe: Recipe, rate: float, eager: float, one: float) -> PhaseCost:
    """rate: tokens a second of training; eager: of the uncompiled model on all GPUs; one: the same on a single one."""
    train, asked = recipe.train, recipe.eval
    count = without_weights(recipe.model).n_params
    looks = math.ceil(train.steps / train.eval_every)
    saves = math.ceil(train.steps / train.checkpoint_every)
    tests = math.ceil(train.steps / asked.hellaswag_every) if asked.hellaswag_every and name == "pretrain" else 0
    moments = 8 if recipe.optim.kind == "adamw" else 5
    forward = 3.0  # times the tokens a second of a whole step: a backward pass costs two forward passes
    return PhaseCost(
        phase=name,
        steps=train.steps,
        tokens=train.steps * train.tokens_per_step,
        training=train.steps * train.tokens_per_step / rate,
        validation=(looks + 1) * asked.val_tokens / (forward * eager),
        hellaswag=(tests + 1) * asked.hellaswag_items * HELLASWAG_TOKENS / one,
        samples=math.ceil(train.steps / train.sample_every) * len(asked.prompts) * asked.sample_tokens * SAMPLING,
        checkpoints=(saves * (4 + moments) + looks * 4) * count / SAVING,  # a best one at every look, at worst
        start=START[train.compile],
    )


def _disk(phases: Phases, count: int, corpus: float | None) -> dict[str, float]:
    moments = 8 if phases.pretrain.optim.kind == "adamw" else 5
    kept = phases.pretrain.train.keep_last + 1  # one more while it is written
    disk = {"checkpoints": float(kept * (4 + moments) * count + 2 * 4 * count) * (2 if phases.sft else 1)}
    if corpus:
        disk |= {"shards": corpus * (2 if phases.pretrain.model.vocab_size <= 1 << 16 else 4)}
        if phases.pretrain.data.keep_downloads:
            disk |= {"download": corpus * DOWNLOAD_BYTES}
    return disk
