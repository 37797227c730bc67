"""Training steps here and in nanoGPT: the same shape, one after another in turns, on this processor.

    git clone https://github.com/karpathy/nanoGPT && git -C nanoGPT checkout 3adf61e
    python benchmarks/training.py --nanogpt nanoGPT                 GPT-2 124M, 4 rows of 256: training.md's first table
    python benchmarks/training.py --nanogpt nanoGPT --shape nano    6 layers x 384, 8,192 words, 32 rows of 256

nanoGPT's model.py is imported from the checkout as it is, and the step is train.py's: its optimizer, its clipping, the
GradScaler that does nothing here, the loss read at the end. Ours is the step of `fischgpt bench train`. Every contender
is a process of its own, because the allocator's setting must be there before it starts; all are warmed up first, and
then take turns, so that what else the machine does falls on all alike. Figures are medians over the turns.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fischgpt.train.launch import TUNABLES

SHAPES = {
    "124m": {"n_layer": 12, "n_head": 12, "n_embd": 768, "block_size": 1024, "vocab_size": 50304},
    "nano": {"n_layer": 6, "n_head": 6, "n_embd": 384, "block_size": 256, "vocab_size": 8192},
}
ROWS = {"124m": 4, "nano": 32}
T = 256
WARM_UP = 3
"""Steps: memory is taken, kernels are chosen, torch.compile compiles."""
LR, WEIGHT_DECAY, BETAS, GRAD_CLIP = 6e-4, 0.1, (0.9, 0.95), 1.0
"""nanoGPT's defaults, for both."""


@dataclass(frozen=True)
class Contender:
    label: str
    code: str
    bf16: bool
    compiled: bool
    allocator: bool


CONTENDERS = {
    "fp32": Contender("nanoGPT as it comes: fp32", "nanogpt", False, False, False),
    "fp32-compiled": Contender("nanoGPT fp32, compiled", "nanogpt", False, True, False),
    "bf16": Contender("nanoGPT bf16", "nanogpt", True, False, False),
    "bf16-compiled": Contender("nanoGPT bf16, compiled", "nanogpt", True, True, False),
    "bf16-allocator": Contender("nanoGPT bf16, compiled, our allocator setting", "nanogpt", True, True, True),
    "ours-plain": Contender("here, without the allocator setting", "fischgpt", True, True, False),
    "ours": Contender("**here**", "fischgpt", True, True, True),
}


def nanogpt_step(contender: Contender, shape: str, checkout: Path) -> Callable[[], None]:
    """One iteration of nanoGPT's train.py (lines 290 to 323 of commit 3adf61e) on random tokens."""
    import torch

    sys.path.insert(0, str(checkout))
    from model import GPT, GPTConfig  # pyrefly: ignore  # nanoGPT's

    # train.py has no autocast on a processor; this is what it has on a GPU.
    ctx = torch.amp.autocast("cpu", dtype=torch.bfloat16) if contender.bf16 else nullcontext()
    torch.manual_seed(1337)
    model: Any = GPT(GPTConfig(**SHAPES[shape], dropout=0.0, bias=True))
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    optimizer = model.configure_optimizers(WEIGHT_DECAY, LR, BETAS, "cpu")
    model = torch.compile(model) if contender.compiled else model

    def step() -> None:
        ids = torch.randint(SHAPES[shape]["vocab_size"], (ROWS[shape], T + 1))
        x, y = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
        with ctx:
            _, loss = model(x, y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), GRAD_CLIP)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        loss.item()

    return step


def our_step(contender: Contender, shape: str) -> Callable[[], None]:
    """The step of `fischgpt bench train`, with AdamW as nanoGPT's."""
    import torch

    from fischgpt.config import GPTConfig, OptimConfig, Recipe, TrainConfig
    from fischgpt.model.gpt import GPT
    from fischgpt.train.bench import whole_step
    from fischgpt.train.distributed import World

    optim = OptimConfig(
        kind="adamw", lr=LR, weight_decay=WEIGHT_DECAY, beta1=BETAS[0], beta2=BETAS[1], grad_clip=GRAD_CLIP,
        decay_embeddings=True,
    )  # fmt: skip
    train = TrainConfig(compile=contender.compiled, device="cpu")
    recipe = Recipe(run="", model=GPTConfig(**SHAPES[shape]), train=train, optim=optim)
    torch.manual_seed(1337)
    model = GPT(recipe.model).train()
    dtype = torch.bfloat16 if contender.bf16 else torch.float32
    return whole_step(recipe, model, World(0, 1, torch.device("cpu")), dtype, ROWS[shape], T)


def work(key: str, shape: str, checkout: Path) -> None:
    """A contender's process: warms up, then answers each line "steps seconds" with the seconds of its steps."""
    import torch

    from fischgpt.train.hardware import gemm_flops

    contender, own = CONTENDERS[key], CONTENDERS[key].code == "fischgpt"
    out, sys.stdout = sys.stdout, sys.stderr  # nanoGPT prints
    step = our_step(contender, shape) if own else nanogpt_step(contender, shape, checkout)
    print(json.dumps([_timed(step) for _ in range(WARM_UP)]), file=out, flush=True)
    for line in sys.stdin:
        stop = time.perf_counter() + float(line)
        times = [_timed(step)]
        while len(times) < 2 or time.perf_counter() < stop:
            times.append(_timed(step))
        peak = gemm_flops(torch.bfloat16) if own and contender.allocator else 0.0
        print(json.dumps({"times": times, "peak": peak}), file=out, flush=True)


def _timed(step: Callable[[], None]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def _busy(pid: int | None = None) -> float:
    """Seconds all processors were busy since the machine started, or with that process; 0 if not on Linux."""
    path = Path("/proc/stat" if pid is None else f"/proc/{pid}/stat")
    if not path.exists():
        return 0.0
    text = path.read_text()
    if pid is None:
        user, nice, system, _, _, irq, soft, *_ = map(int, text.split("\n", 1)[0].split()[1:])
        return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")
    return sum(map(int, text.rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


class Worker:
    def __init__(self, key: str, args: argparse.Namespace) -> None:
        self.threads = args.threads
        environment = {name: value for name, value in os.environ.items() if name != "GLIBC_TUNABLES"}
        environment["OMP_NUM_THREADS"] = str(args.threads)
        if CONTENDERS[key].allocator:
            environment["GLIBC_TUNABLES"] = TUNABLES
        command = [sys.executable, __file__, "--nanogpt", str(args.nanogpt), "--shape", args.shape, "--work", key]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.answer()

    def answer(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a contender ended early, exit {self.process.wait()}")
        return json.loads(line)

    def turn(self, seconds: float) -> Any:
        """A turn, done again (twice at most) where something else took more than the processors left to it.

        A product ends when its slowest thread does: one busy process beside it made steps up to 5 times slower.
        """
        for _ in range(3):
            before, own, start = _busy(), _busy(self.process.pid), time.perf_counter()
            answer = self._turn(seconds)
            others = (_busy() - before - (_busy(self.process.pid) - own)) / (time.perf_counter() - start)
            answer["others"] = others
            if others < (os.cpu_count() or 1) - self.threads + 0.1:
                break
        return answer

    def _turn(self, seconds: float) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{seconds}\n")
        self.process.stdin.flush()
        return self.answer()


def compare(args: argparse.Namespace) -> None:
    workers: dict[str, Worker] = {}
    times: dict[str, list[float]] = {}
    peaks: list[float] = []
    try:
        for key in args.contenders.split(","):
            workers[key], times[key] = Worker(key, args), []
        for number in range(args.rounds):
            for key, worker in workers.items():
                answer = worker.turn(args.seconds)
                times[key].append(statistics.median(answer["times"]))
                peaks += [answer["peak"]] if answer["peak"] else []
                others = f"({answer['others']:.2f} processors busy elsewhere)"
                print(f"turn {number + 1}, {key}: {times[key][-1]:.3f} s a step {others}", file=sys.stderr, flush=True)
    finally:
        for worker in workers.values():
            worker.process.kill()
            worker.process.wait()
    show(args, {key: statistics.median(taken) for key, taken in times.items()}, statistics.median(peaks))


def show(args: argparse.Namespace, seconds: dict[str, float], peak: float) -> None:
    import torch

    from fischgpt.config import GPTConfig
    from fischgpt.model.gpt import GPT

    with torch.device("meta"):
        flops = GPT(GPTConfig(**SHAPES[args.shape])).flops_per_token(T)
    tokens = ROWS[args.shape] * T
    print(f"\n{args.shape}, {ROWS[args.shape]} rows of {T}, {args.threads} threads, {args.rounds} turns each;", end=" ")
    print(
        f"bf16 products here: {peak / 1e9:,.0f} GFLOP/s\n\n| | tokens/s | share of that | ours is |\n|---|---|---|---|"
    )
    for key, took in seconds.items():
        rate, ahead = tokens / took, took / seconds["ours"]
        share = f"{100 * rate * flops / peak:.0f} %"
        print(f"| {CONTENDERS[key].label} | {rate:,.0f} | {share} | {'' if key == 'ours' else f'{ahead:.2f} x'} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nanogpt", type=Path, required=True, help="a checkout of nanoGPT")
    parser.add_argument("--shape", choices=list(SHAPES), default="124m")
    parser.add_argument("--contenders", default="fp32,bf16,bf16-compiled,bf16-allocator,ours-plain,ours")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="of each turn; two steps at least")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--work", choices=list(CONTENDERS), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not (args.nanogpt / "model.py").is_file():
        parser.error(f"{args.nanogpt} is no checkout of nanoGPT; git clone https://github.com/karpathy/nanoGPT")
    if args.work:
        work(args.work, args.shape, args.nanogpt)
    else:
        compare(args)


if __name__ == "__main__":
    main()
