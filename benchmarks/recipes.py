"""This repository's recipe against the original's: same model, same data, several seeds; prints recipes.md's table.

    python benchmarks/recipes.py                           all seeds of all three; goes on where it stopped
    python benchmarks/recipes.py --only modern --seeds 1,2 --jobs 2

`modern` has 1.5 times fewer steps than `original`. `adamw-modern` is the original's AdamW at the modern recipe's rate
and schedule, with the original's steps: whether it was the rate that made the difference.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent / "recipes"
AS_MODERN = ["optim.lr=4e-3", "optim.schedule=wsd", "optim.decay_fraction=0.5", "optim.min_lr_fraction=0.0"]
TOKENS_PER_STEP = 4096
"""As both files say."""
Curve = list[tuple[int, float]]
"""(tokens, validation loss), in order."""


def recipes(steps: int, every: int) -> dict[str, list[str]]:
    """The command line after `pretrain`, by name."""
    original, modern = str(HERE / "original.toml"), str(HERE / "modern.toml")
    long, short = f"train.steps={steps}", f"train.steps={steps * 2 // 3}"
    return {
        "original": [original, long, f"train.eval_every={every}"],
        "modern": [modern, short, f"train.eval_every={every}"],
        "adamw-modern": [original, long, f"train.eval_every={every}", *AS_MODERN],
    }


def train(name: str, command: list[str], seed: int, folder: Path) -> Curve:
    """Train it, unless that is done, and read its validation losses."""
    run = folder / f"{name}-{seed}"
    subprocess.run(
        [sys.executable, "-m", "fischgpt", "pretrain", *command, f"train.seed={seed}", f"run={run}"],
        check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL,
        stderr=(folder / f"{name}-{seed}.log").open("w"),
    )  # fmt: skip
    lines = (json.loads(line) for line in (run / "pretrain" / "metrics.jsonl").read_text().splitlines())
    return [(line["step"] * TOKENS_PER_STEP, line["loss"]) for line in lines if line["event"] == "val"]


def reaches(curve: Curve, loss: float) -> int | None:
    """Tokens at the first validation that is no worse."""
    return next((tokens for tokens, value in curve if value <= loss), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--only", default="original,modern,adamw-modern")
    parser.add_argument("--steps", type=int, default=360, help="of the original's; the modern recipe takes two thirds")
    parser.add_argument("--every", type=int, default=20, help="steps between two validations")
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, one thread each")
    parser.add_argument("--folder", type=Path, default=Path("runs/recipes"))
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    chosen = recipes(args.steps, args.every)
    seeds = [int(seed) for seed in args.seeds.split(",")]
    jobs = [(name, seed) for seed in seeds for name in args.only.split(",")]
    subprocess.run([sys.executable, "-m", "fischgpt", "data", chosen[jobs[0][0]][0]], check=True)
    with ThreadPoolExecutor(args.jobs) as pool:
        found = pool.map(lambda job: train(job[0], chosen[job[0]], job[1], args.folder), jobs)
        show(dict(zip(jobs, found, strict=True)), seeds)


def show(curves: dict[tuple[str, int], Curve], seeds: list[int]) -> None:
    names = list(dict.fromkeys(name for name, _ in curves))
    print("| recipe | tokens | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean |")
    print("|---|---|" + "---|" * (len(seeds) + 1))
    for name in names:
        ends = [curves[name, seed][-1] for seed in seeds]
        losses = " | ".join(f"{loss:.3f}" for _, loss in ends)
        print(f"| {name} | {ends[0][0] / 1e6:.2f}M | {losses} | {statistics.mean(loss for _, loss in ends):.3f} |")
    for other in names:
        if other == "modern" or "modern" not in names:
            continue
        ratios = []
        for seed in seeds:
            tokens, loss = curves[other, seed][-1]
            met = reaches(curves["modern", seed], loss)
            ratios.append(f"{tokens / met:.2f} ({met / 1e6:.2f}M)" if met else "not reached")
        print(f"times fewer tokens of modern to {other}'s last loss, by seed: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
