"""How fast this machine trains a recipe's shape: tokens a second, and the share of the peak that is."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch

from fischgpt.config import Recipe
from fischgpt.data.batches import MicroBatch
from fischgpt.model.gpt import GPT
from fischgpt.train.distributed import World, join
from fischgpt.train.hardware import compute_dtype, detect, gemm_flops
from fischgpt.train.memory import choose_micro_batch
from fischgpt.train.optim import Optimizer, clip_gradient
from fischgpt.train.parallel import Replicated

WARM_UP = 3
"""Steps not timed: memory is taken, kernels are chosen, torch.compile compiles."""


@dataclass(frozen=True)
class StepSpeed:
    """Steps of the recipe: as many micro-batches as it takes (forward, backward), then clipping and the optimizer."""

    shape: str
    device: str
    dtype: str
    compiled: bool
    steps: int
    """Micro-batches, each with an update, that were timed."""
    tokens_per_step: int
    tokens_per_second: float
    """By the median micro-batch and the median update."""
    slowest: float
    fastest: float
    flops_per_token: int
    peak_flops: float | None
    """Of the device's table on a GPU, of products measured before and after on a processor; None if unknown."""
    mfu: float | None
    """Model FLOP utilisation: tokens a second x FLOPs a token / the peak."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def __str__(self) -> str:
        way = f"{self.dtype}{', compiled' if self.compiled else ''} on {self.device}"
        lines = [
            f"{self.shape}: {self.tokens_per_second:,.0f} tokens/s, {way}",
            f"  median of {self.steps} micro-batches and updates, in steps of {self.tokens_per_step:,} tokens; "
            f"{self.slowest:,.0f} to {self.fastest:,.0f} tokens/s",
        ]
        if self.mfu is not None and self.peak_flops is not None:
            done = self.tokens_per_second * self.flops_per_token
            lines.append(f"  {done / 1e12:.3g} of {self.peak_flops / 1e12:.3g} TFLOP/s: MFU {100 * self.mfu:.1f} %")
        return "\n".join(lines)


def bench_train(recipe: Recipe, seconds: float = 20.0, rows: int | None = None) -> StepSpeed:
    """Train the recipe's model on random tokens for `seconds` after warming up.

    rows: of a micro-batch, in place of the recipe's `train.micro_batch`. The recipe's dtype, compile, optimizer and row
    length are kept, and so is the number of micro-batches to an update: on a processor Muon's costs more than 1,024
    tokens do (2 TFLOP against 0.9 at 124M), but little beside the 524,288 of a step.
    """
    with join(recipe.train.device) as world:
        return _measured(recipe, world, seconds, rows)


def _measured(recipe: Recipe, world: World, seconds: float, rows: int | None) -> StepSpeed:
    shape, T = recipe.model, recipe.data.row_tokens or recipe.model.block_size
    kind = world.device.type
    dtype = compute_dtype(recipe.train.dtype, kind)
    torch.manual_seed(recipe.train.seed)
    model = GPT(shape).to(world.device).train()
    rows = rows or choose_micro_batch(recipe, model, T, world)
    before = gemm_flops(dtype) if kind == "cpu" else 0.0
    micro_batch, update = _parts(recipe, model, world, dtype, rows, T)
    took = _timed(micro_batch, update, kind, seconds)
    number = max(1, recipe.train.tokens_per_step // (rows * T))
    slowest, middle, fastest = (
        number * rows * T / (number * choose(t[0] for t in took) + choose(t[1] for t in took))
        for choose in (max, statistics.median, min)
    )
    device = detect() if kind == "cuda" else None
    peak = device.peak_flops(dtype) if device else max(before, gemm_flops(dtype)) if kind == "cpu" else None
    flops = model.flops_per_token(T)
    return StepSpeed(
        shape=f"{shape.n_layer} x {shape.n_embd}, {shape.vocab_size:,} words, {rows} rows of {T}",
        device=torch.cuda.get_device_name() if kind == "cuda" else f"{kind}, {torch.get_num_threads()} threads",
        dtype=str(dtype).removeprefix("torch."),
        compiled=recipe.train.compile,
        steps=len(took),
        tokens_per_step=number * rows * T,
        tokens_per_second=middle,
        slowest=slowest,
        fastest=fastest,
        flops_per_token=flops,
        peak_flops=peak,
        mfu=None if peak is None else middle * flops / peak,
    )


def whole_step(recipe: Recipe, model: GPT, world: World, dtype: torch.dtype, rows: int, T: int) -> Callable[[], None]:
    """One micro-batch and an update: what the loop does, without reading data or writing metrics."""
    micro_batch, update = _parts(recipe, model, world, dtype, rows, T)

    def step() -> None:
        micro_batch()
        update()

    return step


def _parts(
    recipe: Recipe, model: GPT, world: World, dtype: torch.dtype, rows: int, T: int
) -> tuple[Callable[[], None], Callable[[], None]]:
    """Forward and backward pass of a random micro-batch; clipping and the optimizer's update."""

    def autocast() -> torch.autocast:
        return torch.autocast(world.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16)

    gradients = Replicated(model, world, autocast, recipe.train.compile)
    optimizer = Optimizer(model, recipe.optim)

    def micro_batch() -> None:
        ids = torch.randint(recipe.model.vocab_size, (rows, T + 1))
        gradients([MicroBatch(ids[:, :-1], ids[:, 1:])], rows * T)

    def update() -> None:
        clip_gradient(model, recipe.optim.grad_clip)
        optimizer.step(recipe.optim.lr)

    return micro_batch, update


def _timed(
    micro_batch: Callable[[], None], update: Callable[[], None], kind: str, seconds: float
) -> list[tuple[float, float]]:
    """Seconds of each micro-batch and update, for about `seconds` after the warm-up; at least three."""
    synchronize = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(kind, lambda: None)

    def once() -> tuple[float, float]:
        start = time.perf_counter()
        micro_batch()
        synchronize()
        middle = time.perf_counter()
        update()
        synchronize()
        return middle - start, time.perf_counter() - middle

    for _ in range(WARM_UP):
        once()
    stop = time.perf_counter() + seconds
    times: list[tuple[float, float]] = []
    while len(times) < 3 or time.perf_counter() < stop:
        times.append(once())
    return times
