"""What devices can do: peak arithmetic, memory, price, and the share of the peak that training a GPT-2 124M reaches.

Every figure says where it comes from. A share (model FLOP utilisation, MFU: Chowdhery et al. 2022, appendix B) that
somebody measured is called measured; one carried over from a sister device is called estimated.
"""

import os
import platform
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import torch

from fischgpt import __version__

Kind = Literal["cuda", "mps", "cpu"]
GIB = 2**30


@dataclass(frozen=True)
class Share:
    """The part of the peak that a whole training step reaches, at GPT-2 124M and rows of 1,024."""

    mfu: float
    seen: Literal["measured", "estimated"]
    source: str


@dataclass(frozen=True)
class Device:
    """One accelerator, or all the cores of one processor."""

    name: str
    kind: Kind
    bf16_flops: float
    """Peak of dense bf16 matrix products with fp32 accumulation, FLOP/s."""
    fp32_flops: float
    memory_bytes: int
    usd_per_hour: float | None
    """None: not rented by the hour."""
    price_source: str
    eager: Share
    compiled: Share
    """With torch.compile."""

    def peak_flops(self, dtype: torch.dtype) -> float:
        """Dense matrix products in that type, FLOP/s."""
        return self.bf16_flops if dtype == torch.bfloat16 else self.fp32_flops

    def share(self, compiled: bool) -> Share:
        return self.compiled if compiled else self.eager


_FISCH = Share(0.41, "measured", "the original FischGPT run, 8 x A100, no compile: 150,000 tokens/s each")
_LLM_C = Share(0.60, "measured", "llm.c, C and CUDA, 8 x A100: 1.75M tokens/s; what PyTorch may come near")
_HOPPER = Share(0.40, "measured", "PyTorch 2.5, compile, Muon, 8 x H100 (modded-nanogpt record 7): 3.70M tokens/s")
_EAGER = "the compiled share x 0.68, as on the A100"
_APPLE = Share(0.30, "estimated", "MLX reached 34 % on an M2 Max (mlx-examples issue 127, 154M parameters, fp32)")


def _apple(name: str, flops: float, memory: int) -> Device:
    """The top chip of a generation; its GPU runs fp32 and 16-bit products at one rate (huggingface.co/hardware)."""
    return Device(name, "mps", flops, flops, memory * GIB, None, "your own machine", _APPLE, _APPLE)


_LISTED = (
    Device(
        "A100-80", "cuda", 312e12, 19.5e12, 80 * GIB, 1.79, "8 x A100 at $14.32 an hour, July 2026",
        eager=_FISCH, compiled=_LLM_C,
    ),
    Device(
        "H100", "cuda", 989e12, 67e12, 80 * GIB, 3.00, "8 x H100 at $24 an hour, July 2026",
        eager=Share(0.27, "estimated", _EAGER), compiled=_HOPPER,
    ),
    Device(
        "H200", "cuda", 989e12, 67e12, 141 * 10**9, 3.80, "assumed, November 2026; set your own with --price",
        eager=Share(0.27, "estimated", _EAGER),
        compiled=Share(0.40, "estimated", "as the H100: the same cores, faster memory"),
    ),
    Device(
        "RTX-4090", "cuda", 165.2e12, 82.6e12, 24 * GIB, 0.40, "assumed, November 2026; set your own with --price",
        eager=Share(0.37, "estimated", _EAGER),
        compiled=Share(0.55, "measured", "a user of nanoGPT (issue 182): 29 % of an A100's peak"),
    ),
    _apple("M2-Max", 13.5e12, 32),
    _apple("M3-Max", 14.2e12, 36),
    _apple("M4-Max", 18.4e12, 36),
)  # fmt: skip
DEVICES: dict[str, Device] = {device.name: device for device in _LISTED}
"""By name. Peaks: NVIDIA's data sheets (dense, not sparse), for the SXM boards; memory of Apple's smallest version."""

_CUDA_NAMES = {"A100-80": r"\bA100\b", "H200": r"\bH200\b", "H100": r"\bH100 80GB HBM3\b", "RTX-4090": r"\bRTX 4090$"}


def detect(measure: bool = False) -> Device | None:
    """The device training would run on here, with the memory it has; None if it is not in the table.

    A processor is in no table: with `measure` its peaks are measured (about two seconds, once a process), and its share
    is what this loop reached on a Zen 5 core.
    """
    if torch.cuda.is_available():
        found = named(torch.cuda.get_device_name())
        return found and replace(found, memory_bytes=torch.cuda.get_device_properties(0).total_memory)
    return processor() if measure else None


def named(name: str) -> Device | None:
    """The device that its driver calls so ("NVIDIA H100 80GB HBM3"); None if it is not in the table."""
    return next((DEVICES[key] for key, pattern in _CUDA_NAMES.items() if re.search(pattern, name)), None)


@cache
def processor() -> Device:
    """This machine's processor with its measured peaks, all threads that torch uses."""
    share = Share(0.72, "estimated", "this loop on a Zen 5 core (benchmarks/training.md)")
    return Device(
        name=str(torch.cpu.get_capabilities().get("cpu_name") or "this processor"),
        kind="cpu",
        bf16_flops=gemm_flops(torch.bfloat16),
        fp32_flops=gemm_flops(torch.float32),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        usd_per_hour=None,
        price_source="your own machine",
        eager=share,
        compiled=share,
    )


def gemm_flops(dtype: torch.dtype, device: str = "cpu", seconds: float = 0.4) -> float:
    """The best rate of a dense matrix product, FLOP/s: the fastest of three sizes, each by its median.

    A linear layer's product (rows x in) @ (out x in).T, because that is what training does; sizes from 124M's own
    MLP to a square that no cache holds. Draws nothing from torch's own generator: a run's seed gives the same run.
    """
    best, drawn = 0.0, torch.Generator(device)
    for rows, inner, outer in ((1024, 768, 3072), (2048, 1024, 4096), (2048, 2048, 2048)):
        x = torch.randn(rows, inner, device=device, generator=drawn).to(dtype)
        w = torch.randn(outer, inner, device=device, generator=drawn).to(dtype)
        took = median_seconds(lambda x=x, w=w: torch.nn.functional.linear(x, w), device, seconds / 3)
        best = max(best, 2.0 * rows * inner * outer / took)
    return best


def median_seconds(work: Callable[[], object], device: str = "cpu", seconds: float = 0.2) -> float:
    """The median time of one call, after two to warm up; at least five calls."""
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    times: list[float] = []
    with torch.inference_mode():
        for _ in range(2):
            work()
        synchronize()
        stop = time.perf_counter() + seconds
        while len(times) < 5 or time.perf_counter() < stop:
            start = time.perf_counter()
            work()
            synchronize()
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def compute_dtype(wanted: str, device: str) -> torch.dtype:
    """The arithmetic of the forward pass: `auto` takes bfloat16 where it is faster, measured in a tenth of a second.

    Instructions for it do not say so: a Zen 5 core multiplies twice as fast with them as in float32, a Xeon without AMX
    half as fast (168 and 311 GFLOP/s on two cores); where there are none it is emulated and slower still.
    """
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wanted]
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    able = torch.cpu.get_capabilities()
    native = able.get("avx512_bf16") or able.get("amx_bf16")
    return torch.bfloat16 if native and _bf16_is_faster() else torch.float32


@cache
def _bf16_is_faster() -> bool:
    """By the quickest of ten products each, in turn: whatever else runs can only slow a product, and did so for one of
    them alone when they were measured one after the other, which cost that run half of its speed."""
    drawn = torch.Generator()
    x, w = torch.randn(1024, 768, generator=drawn), torch.randn(3072, 768, generator=drawn)
    took: dict[torch.dtype, list[float]] = {torch.bfloat16: [], torch.float32: []}
    with torch.inference_mode():
        for _ in range(10):
            for dtype, times in took.items():
                a, b = x.to(dtype), w.to(dtype)
                start = time.perf_counter()
                torch.nn.functional.linear(a, b)
                times.append(time.perf_counter() - start)
    return min(took[torch.bfloat16]) < min(took[torch.float32])


def environment(device: torch.device, processes: int) -> dict[str, str | int]:
    """The machine and the versions, for the report and the model card; no names of hosts or users."""
    if device.type == "cuda":
        machine = f"{processes} x {torch.cuda.get_device_name()}"
    else:
        machine = str(torch.cpu.get_capabilities().get("cpu_name") or platform.machine())
    return {
        "machine": machine,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "fischgpt": __version__,
    }
