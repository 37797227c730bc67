"""The same model, the same items, in lm-evaluation-harness itself: every single answer is the same.

Needs the extra `parity`. The items are made up, or real ones of the set that is downloaded:

    FISCHGPT_HELLASWAG_ITEMS=500 pytest tests/evals/test_lm_eval.py
"""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fischgpt.config import GPTConfig
from fischgpt.evals.hellaswag import METRICS, score
from fischgpt.evals.hellaswag_items import Item, load_items, pick
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.publish.hf import export_hf
from fischgpt.tokenizer import Tokenizer
from hellaswag_samples import made_up_rows

pytest.importorskip("lm_eval", reason="pip install -c constraints.txt -e '.[parity]'")
BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "hellaswag.py"


def chosen_items() -> list[Item]:
    if wanted := os.environ.get("FISCHGPT_HELLASWAG_ITEMS"):
        return pick(load_items(), int(wanted))
    rows = [row | {"ctx_a": row["ctx_a"] + " Then he waits." * (7 * n % 5)} for n, row in enumerate(made_up_rows())]
    rows += [row | {"endings": row["endings"][::-1], "activity_label": "Sailing [step] home"} for row in rows]
    long = rows[5] | {"ctx_a": "A word and another. " * 40}
    return [Item.read(row) for row in (*rows, *made_up_rows()[:11], long)]


def exported(folder: Path, block_size: int) -> Path:
    """A small model with the full vocabulary and opinions, by `fischgpt export hf`."""
    torch.manual_seed(5)
    gpt = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=32, block_size=block_size))
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.mul_(8)
    tok = Tokenizer.gpt2()
    save_pretrained(gpt, folder / "own", n_vocab=tok.n_vocab)
    tok.save(folder / "own")
    return export_hf(folder / "own", folder / "hf")


def test_every_answer_is_the_harness_own(tmp_path: Path) -> None:
    items = chosen_items()
    model = exported(tmp_path, block_size=96)
    task = runpy.run_path(str(BENCHMARK))["write_task"](tmp_path, items)
    command = [sys.executable, "-m", "lm_eval", "run", "--model", "hf", "--tasks", task, "--device", "cpu"]
    command += ["--model_args", f"pretrained={model},dtype=float32", "--batch_size", "16"]
    command += ["--include_path", str(tmp_path), "--output_path", str(tmp_path / "out"), "--log_samples"]
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, env=os.environ | offline, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    (log,) = (tmp_path / "out").rglob("samples_*.jsonl")
    samples = sorted(map(json.loads, log.read_text("utf-8").splitlines()), key=lambda sample: sample["doc_id"])
    assert len(samples) == len(items) >= 60

    right, cut = score(load_pretrained(model).eval(), Tokenizer.load(model), items, ["harness"])
    for name in METRICS["harness"]:
        assert right[name] == [bool(sample[name]) for sample in samples], name
        assert 0 < sum(right[name]) < len(items)
    assert right["acc"] != right["acc_norm"] and cut > 0, "these items would not tell a mistake"
