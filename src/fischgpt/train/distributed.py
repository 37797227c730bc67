"""The processes that train together: who they are, and what they tell each other.

`torchrun --nproc-per-node 8 -m fischgpt pretrain RECIPE` starts one process a GPU and says so in the environment.
Started without it, a run is a world of one. Control messages go over gloo and the CPU even where gradients go over
nccl: a flag must not wait for the GPU's queue.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from fischgpt.errors import UserError

Item = TypeVar("Item")

TIMEOUT = timedelta(minutes=15)
"""Until a silent rank is given up. Longer than the slowest evaluation: only rank 0 samples and saves."""


@dataclass(frozen=True)
class World:
    """One process among `size`; rank 0 writes and speaks."""

    rank: int
    size: int
    device: torch.device

    @property
    def main(self) -> bool:
        return self.rank == 0

    def sum(self, values: list[float]) -> list[float]:
        """Each value added over the ranks, in the order of the ranks, so that every rank has the same bits."""
        return [sum(parts) for parts in zip(*self.gather(values), strict=True)]

    def gather(self, values: list[float]) -> list[list[float]]:
        """The equally long lists of all ranks, in order, on every rank."""
        if self.size == 1:
            return [values]
        gathered = [torch.zeros(len(values), dtype=torch.float64) for _ in range(self.size)]
        dist.all_gather(gathered, torch.tensor(values, dtype=torch.float64))
        return [part.tolist() for part in gathered]

    def highest(self, numbers: list[int]) -> list[int]:
        """The highest each, over all ranks."""
        if self.size == 1:
            return numbers
        told = torch.tensor(numbers)
        dist.all_reduce(told, dist.ReduceOp.MAX)
        return told.tolist()

    def tell(self, message: str) -> str:
        """Rank 0's text, on every rank. (torch's own way to send objects is a pickle.)"""
        if self.size == 1:
            return message
        raw = torch.tensor(list(message.encode()), dtype=torch.uint8)
        length = torch.tensor([len(raw)])
        dist.broadcast(length, src=0)
        raw = raw if self.main else torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(raw, src=0)
        return bytes(raw.tolist()).decode()

    def share(self, items: list[Item]) -> list[tuple[int, Item]]:
        """This rank's part of a list everybody holds: (index, item), as many on every rank.

        Where they do not come out even, the last item is done again under an index past the end: with sharded weights
        every forward pass is a joint one, and a rank that has fewer would leave the others waiting.
        """
        rounds = -(-len(items) // self.size)
        mine = [turn * self.size + self.rank for turn in range(rounds)]
        return [(index, items[min(index, len(items) - 1)]) for index in mine]

    def wait(self) -> None:
        """Until every rank is here."""
        self.highest([0])


@contextmanager
def join(wanted: str = "auto") -> Iterator[World]:
    """The world this process was started in, on `train.device`.

    Raises UserError when torchrun asks for more GPUs than there are, or the device is not there.
    """
    size, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_RANK", "0"))
    device = _device(wanted, local)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if size == 1:
        yield World(0, 1, device)
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=TIMEOUT)
    try:
        yield World(dist.get_rank(), size, device)
    finally:
        dist.destroy_process_group()


def _device(wanted: str, local: int) -> torch.device:
    gpus = torch.cuda.device_count()
    if (wanted == "mps" and not torch.backends.mps.is_available()) or (wanted == "cuda" and not gpus):
        raise UserError(f"train.device: there is no {wanted} device here; set it to auto or cpu")
    if wanted in ("cpu", "mps"):
        return torch.device(wanted)
    if gpus and local >= gpus:
        raise UserError(f"this machine has {gpus} GPU(s); start torchrun with --nproc-per-node {gpus} or less")
    return torch.device("cuda", local) if gpus else torch.device("cpu")
