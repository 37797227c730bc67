"""Runs made up for the report: the folder that training would leave, without any training."""

import json
from pathlib import Path

from fischgpt.config import DataConfig, GPTConfig, Recipe, TrainConfig, save_recipe

MODEL = GPTConfig(n_layer=2, n_head=2, n_embd=16, block_size=32, vocab_size=300)
NASTY = "<script>alert('x')</script> | `code` **bold**\nnext [link](http://x)"


def write_phase(
    run: Path, phase: str, steps: int, planned: int, val=lambda step: 5 - step / 100, tail: str = ""
) -> None:
    sources = ["factbook", str(run / "notes.txt")] if phase == "pretrain" else ["grounded", "chitchat:50*2"]
    train = TrainConfig(steps=planned)
    recipe = Recipe(run=str(run), model=MODEL, data=DataConfig(sources=sources), train=train)
    save_recipe(recipe, run / phase / "recipe.toml")
    if not (run / "recipe.toml").exists():
        save_recipe(recipe, run / "recipe.toml")
    events = []
    for step in range(steps + 1):
        if step:
            values = {"loss": 6 - step / 100, "lr": 1e-3, "grad_norm": 1.0, "tokens": step * 64, "seconds": step * 0.5}
            events.append({"event": "step", "step": step, "tokens_per_second": 128.0} | values)
        if step % 10 == 0:
            events.append({"event": "val", "step": step, "loss": val(step), "tokens": 100})
            samples = [{"prompt": "Once", "text": f" at {step}"}, {"prompt": "The sea", "text": NASTY}]
            events.append({"event": "samples", "step": step, "samples": samples})
    (run / phase / "metrics.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events) + tail)


def add(run: Path, *events: dict) -> None:
    """To the log of pretraining."""
    with (run / "pretrain" / "metrics.jsonl").open("a") as log:
        log.writelines(json.dumps(event) + "\n" for event in events)
