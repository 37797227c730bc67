"""How the gradient of a whole step comes about, on one process or on many.

Each way is called with the step's micro-batches, of which a rank works on its contiguous block, and leaves the gradient
of the mean loss in `.grad` on every rank. The mean is over all supervised tokens of the step: a micro-batch of short
answers weighs what its tokens weigh, and one without any gives 0, not NaN.

    Replicated  the model on every rank, gradients averaged by DDP while the backward pass still runs
    TreeSummed  the same with one fixed order of additions: equal bits on 1, 2, 4, ... ranks
    Sharded     FSDP2: weights, gradients and optimizer state in parts, for models that do not fit on one GPU
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard, register_fsdp_forward_method
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from fischgpt.config import Recipe
from fischgpt.data.batches import IGNORE, MicroBatch
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.train.distributed import World


class Gradients(Protocol):
    """One way to the gradient of a step."""

    def __call__(self, micro_batches: list[MicroBatch], supervised: int) -> float:
        """Leave the gradient in `.grad`; return the mean loss in nats per supervised token, the same on every rank."""
        ...


class _Loss(nn.Module):
    """The model's summed loss as a module's `forward`, which is what DDP hooks into."""

    def __init__(self, model: GPT) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: MicroBatch) -> Tensor:
        return self.model.loss(**batch._asdict(), reduction="sum")


def gradients(recipe: Recipe, model: GPT, world: World, autocast: Callable[[], torch.autocast]) -> Gradients:
    """The way the recipe asks for. Raises UserError for one that does not go with the rest of it."""
    train = recipe.train
    if train.compile and not (shutil.which("g++") or shutil.which("clang++")):
        raise UserError("train.compile needs a C++ compiler (g++ or clang++): install one, or set it to false")
    if train.parallel == "fsdp" and world.size > 1:
        if recipe.optim.kind == "muon" or recipe.eval.hellaswag_every or train.deterministic:
            raise UserError(
                "train.parallel=fsdp goes with optim.kind=adamw, and without train.deterministic and "
                "eval.hellaswag_every; every GPT-2 fits whole on an 80 GB GPU with train.parallel=ddp"
            )
        return Sharded(model, world, autocast, train.compile)
    if train.deterministic:
        return TreeSummed(model, world, autocast)
    return Replicated(model, world, autocast, train.compile)


def compiling() -> dict[str, Any]:
    """How torch.compile is to be called: on Intel's processors with vectors of 256 bits. With 512, torch 2.13 makes NaN
    of a step's gradients in bfloat16 (seen on a Xeon of model 207; not on AMD's Zen 5)."""
    cpuinfo = Path("/proc/cpuinfo")
    intel = cpuinfo.exists() and "GenuineIntel" in cpuinfo.read_text(encoding="utf-8")
    return {"options": {"cpp.simdlen": 256}} if intel else {}


class Replicated:
    """Gradients are averaged over the ranks during the last micro-batch's backward pass alone (`no_sync`)."""

    def __init__(self, model: GPT, world: World, autocast: Callable[[], torch.autocast], compiled: bool) -> None:
        self._world, self._autocast = world, autocast
        loss: nn.Module = _Loss(model)
        self._ddp: DistributedDataParallel | None = None
        if world.size > 1:
            ids = [world.device.index] if world.device.type == "cuda" else None
            loss = self._ddp = DistributedDataParallel(loss, device_ids=ids, gradient_as_bucket_view=True)
        # Around DDP, not inside it: the compiler then cuts the graph where a bucket of gradients is ready to be sent.
        self._loss: Callable[[MicroBatch], Tensor] = torch.compile(loss, **compiling()) if compiled else loss

    def __call__(self, micro_batches: list[MicroBatch], supervised: int) -> float:
        own = block(micro_batches, self._world)
        losses = []
        for number, batch in enumerate(own, 1):
            waits = self._ddp is not None and number < len(own)
            with self._ddp.no_sync() if waits and self._ddp else nullcontext():
                with self._autocast():
                    loss = self._loss(moved(batch, self._world.device)) / max(1, supervised)
                (loss * self._world.size).backward()  # DDP divides by the number of ranks
            losses.append(loss.detach())
        return self._world.sum([torch.stack(losses).cpu().double().sum().item()])[0]


class TreeSummed:
    """Gradients added like the digits of a binary counter: who adds what to what depends on their number alone.

    Floating-point sums depend on their order, so ordinary DDP gives other bits on another number of ranks. Costs an
    all_gather where DDP has an all_reduce, and log2(micro-batches) copies of the gradient.
    """

    def __init__(self, model: GPT, world: World, autocast: Callable[[], torch.autocast]) -> None:
        if world.size & (world.size - 1):
            raise UserError(f"train.deterministic needs 1, 2, 4, 8, ... processes, not {world.size}")
        torch.use_deterministic_algorithms(True, warn_only=True)
        self._model, self._world, self._autocast = model, world, autocast

    def __call__(self, micro_batches: list[MicroBatch], supervised: int) -> float:
        parameters = list(self._model.parameters())
        per_rank = max(1, _power_of_two(len(micro_batches)) // self._world.size)
        own = micro_batches[self._world.rank * per_rank : (self._world.rank + 1) * per_rank]
        tree = Tree()
        for batch in own:
            with self._autocast():
                loss = self._model.loss(**moved(batch, self._world.device)._asdict(), reduction="sum")
            loss.backward()
            tree.add([loss.detach(), *(_taken(parameter) for parameter in parameters)])
        busy = -(-len(micro_batches) // per_rank)  # ranks that had any
        sums = tree.total() or [torch.zeros((), device=self._world.device), *map(torch.zeros_like, parameters)]
        total, *grads = (self._over_ranks(tensor, busy) for tensor in sums)
        for parameter, grad in zip(parameters, grads, strict=True):
            parameter.grad = grad.div_(max(1, supervised))
        return total.item() / max(1, supervised)

    def _over_ranks(self, tensor: Tensor, busy: int) -> Tensor:
        if self._world.size == 1:
            return tensor
        parts = [torch.empty_like(tensor) for _ in range(self._world.size)]
        dist.all_gather(parts, tensor.contiguous())
        tree = Tree()
        for part in parts[:busy]:
            tree.add([part])
        return tree.total()[0]


class Tree:
    """A sum whose shape is fixed by the number of its terms: equal-sized partial sums are added first."""

    def __init__(self) -> None:
        self._sums: list[tuple[int, list[Tensor]]] = []  # (level: 2**level terms, tensors), largest first

    def add(self, tensors: list[Tensor]) -> None:
        """One more term; the tensors are the tree's from now on."""
        level = 0
        while self._sums and self._sums[-1][0] == level:
            tensors = _added(self._sums.pop()[1], tensors)
            level += 1
        self._sums.append((level, tensors))

    def total(self) -> list[Tensor]:
        """The sum of all terms, smaller partial sums first; an empty list if there was none."""
        tensors: list[Tensor] = []
        while self._sums:
            _, larger = self._sums.pop()
            tensors = _added(larger, tensors) if tensors else larger
        return tensors


class Sharded:
    """FSDP2: each block's weights are gathered when it is their turn and let go again."""

    def __init__(self, model: GPT, world: World, autocast: Callable[[], torch.autocast], compiled: bool) -> None:
        self._world, self._autocast = world, autocast
        gpu = world.device.type == "cuda"
        policy = MixedPrecisionPolicy(torch.bfloat16, torch.float32) if gpu else MixedPrecisionPolicy()
        for layer in model.h:
            if compiled:
                layer.compile(**compiling())
            fully_shard(layer, mp_policy=policy)
        self._model: FSDPModule = fully_shard(model, mp_policy=policy)
        for name in ("loss", "hidden"):
            register_fsdp_forward_method(model, name)
        self._loss = model.loss

    def __call__(self, micro_batches: list[MicroBatch], supervised: int) -> float:
        own = block(micro_batches, self._world)
        losses = []
        for number, batch in enumerate(own, 1):
            self._model.set_requires_gradient_sync(number == len(own))
            with self._autocast():
                summed = self._loss(**moved(batch, self._world.device)._asdict(), reduction="sum")
                loss = summed / max(1, supervised)
            (loss * self._world.size).backward()  # FSDP divides by the number of ranks
            losses.append(loss.detach())
        return self._world.sum([torch.stack(losses).cpu().double().sum().item()])[0]


def block(micro_batches: list[MicroBatch], world: World) -> list[MicroBatch]:
    """This rank's contiguous part, as many on every rank: where they do not come out even, some carry no loss."""
    per_rank = -(-len(micro_batches) // world.size)
    own = micro_batches[world.rank * per_rank : (world.rank + 1) * per_rank]
    silent = micro_batches[-1]._replace(targets=torch.full_like(micro_batches[-1].targets, IGNORE))
    return own + [silent] * (per_rank - len(own))


def moved(batch: MicroBatch, device: torch.device) -> MicroBatch:
    """The batch on a device."""
    parts = {name: part.to(device, non_blocking=True) for name, part in batch._asdict().items() if part is not None}
    return batch._replace(**parts)


def whole(tensor: Tensor) -> Tensor:
    """The full tensor of one that may be in parts; every rank must ask at the same time."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """A full tensor cut into parts as `parameter` is, if it is."""
    if isinstance(parameter, DTensor) and tensor.shape == parameter.shape:
        return distribute_tensor(tensor.to(parameter.device), parameter.device_mesh, parameter.placements)
    return tensor


def _added(left: Sequence[Tensor], right: Sequence[Tensor]) -> list[Tensor]:
    return [a.add_(b) for a, b in zip(left, right, strict=True)]


def _taken(parameter: Tensor) -> Tensor:
    grad = parameter.grad
    assert grad is not None
    parameter.grad = None
    return grad


def _power_of_two(number: int) -> int:
    """The least one that is not below `number`."""
    return 1 << (number - 1).bit_length()
