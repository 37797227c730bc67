"""A finished run of a very small model as training leaves it: two phases, the best of pretraining kept."""

import json
from pathlib import Path

import torch

from fischgpt.config import DataConfig, GPTConfig, Recipe, TrainConfig, save_recipe
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import save_pretrained
from fischgpt.tokenizer import Tokenizer
from fischgpt.train import checkpoint

TEXT = ["The ship sailed in 1851 from Nantucket, and nobody knew when it would come back. [1] [2]"] * 20
STEPS = 40
BEST = {"loss": 30, "hellaswag": 20}
HELLASWAG = {"acc_norm_token": 0.28, "acc_norm_token_stderr": 0.01, "acc_norm": 0.27, "items": 2000, "acc": 0.26}


def write_run(run: Path, own: Path | None = None, hellaswag: bool = True, tuned: bool = True, seed: int = 3) -> Path:
    """own: a file of somebody's own among the sources; seed: of the weights."""
    tok = Tokenizer.train(TEXT, 300)
    sources = {"pretrain": ["sotu", *([str(own)] if own else [])], "sft": ["grounded:50"]}
    for phase in ("pretrain", "sft") if tuned else ("pretrain",):
        config = GPTConfig(n_layer=2, n_head=2, n_embd=32, block_size=256, vocab_size=320)
        data, train = DataConfig(sources=sources[phase]), TrainConfig(steps=STEPS)
        recipe = Recipe(run=str(run), model=config, data=data, train=train)
        save_recipe(recipe, run / phase / "recipe.toml")
        if phase == "pretrain":
            save_recipe(recipe, run / "recipe.toml")
        (run / phase / "metrics.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events(phase, hellaswag)))
        kept = {name: step for name, step in BEST.items() if phase == "pretrain" and (hellaswag or name == "loss")}
        for name, step in kept.items():
            checkpoint.save_best(run / phase / "checkpoints", name, step, writer(tok, config, seed + step), {})
        checkpoint.save(run / phase / "checkpoints", STEPS, writer(tok, config, seed + (phase == "sft")), {}, 2)
    return run


def writer(tok: Tokenizer, config: GPTConfig, seed: int):
    """What puts weights of their own into a checkpoint's folder."""

    def write(path: Path) -> None:
        torch.manual_seed(seed)
        model = GPT(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(6)  # opinions: a fresh model's greedy tokens hang on the last bits of its logits
        save_pretrained(model, path, n_vocab=tok.n_vocab)
        tok.save(path)

    return write


def events(phase: str, hellaswag: bool) -> list[dict]:
    """Of its log."""
    found = []
    for step in range(1, STEPS + 1):
        values = {"loss": 6 - step / 20, "lr": 1e-3, "tokens": step * 512, "seconds": step * 2.0}
        found.append({"event": "step", "step": step, "tokens_per_second": 256.0, **values})
        if step % 10 == 0:
            found.append({"event": "val", "step": step, "loss": 4 + abs(step - BEST["loss"]) / 100, "tokens": 100})
            if hellaswag and phase == "pretrain":
                share = 0.28 - abs(step - BEST["hellaswag"]) / 1000
                found.append({"event": "hellaswag", "step": step, **HELLASWAG, "acc_norm_token": share})
    return found
