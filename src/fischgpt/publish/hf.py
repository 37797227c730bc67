"""A model as a folder that `transformers` loads: written, read back, compared, and only then put in its place.

Weights keep their Hugging Face names and layout all the way from training, so there is nothing to convert; what can go
wrong is a bad write or a misread configuration, and that is what the comparison of logits is for.
"""

import importlib.metadata
import json
import shutil
from dataclasses import replace
from pathlib import Path

import torch

from fischgpt.assistant.model import ModelInfo, describe_model
from fischgpt.errors import UserError
from fischgpt.evals.condense import summary, write_learned
from fischgpt.evals.learned import FILE
from fischgpt.evals.record import RunRecord, record_of
from fischgpt.folders import new_folder
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.publish.card import is_free, model_card
from fischgpt.resources import resource
from fischgpt.tagged import load_tokenizer

DTYPES = ("float32", "bfloat16")
TOLERANCE = 1e-4
"""Largest allowed difference of an fp32 logit. Our reload is equal; transformers sums in another order, about 1e-5."""


def export_hf(model: str | Path, out: str | Path, dtype: str = "float32", name: str | None = None) -> Path:
    """Write a model (anything `--model` takes) to the folder `out` and return it; `name`: what its card calls it.

    dtype: how the weights are stored. "bfloat16" halves the file; what is compared is then the model rounded so.
    The folder appears whole or not at all. Raises UserError if `out` is not new or empty, if the model cannot be
    loaded, or if what was written does not give the same logits.
    """
    if dtype not in DTYPES:
        raise UserError(f"export hf stores {' or '.join(DTYPES)}, not {dtype}")
    info = describe_model(model)
    info = replace(info, name=name or info.name)
    tokenizer, gpt = load_tokenizer(info.folder), load_pretrained(info.folder)
    if dtype == "bfloat16":
        gpt = gpt.bfloat16().float()
    with new_folder(out) as folder:
        save_pretrained(gpt, folder, n_vocab=tokenizer.n_vocab, dtype=getattr(torch, dtype), eot=tokenizer.eot)
        tokenizer.save(folder)
        verify(gpt, folder)
        _describe(info, record_of(info.folder), folder)
    return Path(out)


def verify(model: GPT, folder: Path) -> float:
    """The largest difference of a logit between `model` and what `folder` gives, read by us and by transformers
    where it is installed. Raises UserError beyond TOLERANCE: a folder that fails must not be published."""
    length = min(64, model.config.block_size)
    generator = torch.Generator().manual_seed(0)
    idx = torch.randint(model.config.vocab_size, (2, length), generator=generator)  # (B, T)
    with torch.inference_mode():
        expected = model(idx).float()
        difference = float((load_pretrained(folder)(idx).float() - expected).abs().max())
        theirs = _transformers_logits(folder, idx)
    if theirs is not None:
        difference = max(difference, float((theirs - expected).abs().max()))
    if not difference < TOLERANCE:
        raise UserError(
            f"the written weights give other logits (by {difference:.2g}, allowed {TOLERANCE}); nothing exported"
        )
    return difference


def _transformers_logits(folder: Path, idx: torch.Tensor) -> torch.Tensor | None:
    try:
        from transformers import GPT2LMHeadModel
        from transformers.utils import logging
    except ImportError:
        return None
    logging.disable_progress_bar()
    return GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()(idx).logits


def _describe(info: ModelInfo, record: RunRecord | None, folder: Path) -> None:
    """README.md, card.json, run.json and LICENSE: from the run, or what the model's own folder says of itself."""
    if record is None:
        for name in ("README.md", "card.json", FILE, "LICENSE"):
            if (info.folder / name).is_file():
                shutil.copyfile(info.folder / name, folder / name)
        if not (folder / "README.md").exists():
            (folder / "README.md").write_text(model_card(info, None), encoding="utf-8")
        return
    (folder / "README.md").write_text(model_card(info, record), encoding="utf-8")
    (folder / "card.json").write_text(json.dumps(summary(info, record), indent=2) + "\n", encoding="utf-8")
    write_learned(info, record, folder)
    if is_free(record):
        (folder / "LICENSE").write_text(_licence(), encoding="utf-8")


def _licence() -> str:
    try:
        return resource("LICENSE").read_text(encoding="utf-8")
    except FileNotFoundError:  # installed from a wheel, where it stands beside the metadata
        return importlib.metadata.distribution("fischgpt").read_text("licenses/LICENSE") or ""
