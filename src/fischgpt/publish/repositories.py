"""What of a run goes to the Hub: up to three repositories, each made whole in a folder before anything is sent.

The same run gives the same bytes every time, so that a second run of `fischgpt publish` finds what is there already.
"""

import importlib.util
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fischgpt.assistant.model import describe_model
from fischgpt.assistant.published import SUMS
from fischgpt.errors import UserError
from fischgpt.evals.curve_blocks import loss_lines
from fischgpt.evals.curves import picture
from fischgpt.evals.record import TITLES, RunRecord, read_run, record_of
from fischgpt.hub import Repo
from fischgpt.publish.card import Place, model_card
from fischgpt.publish.gguf import export_gguf
from fischgpt.publish.hf import export_hf
from fischgpt.resources import sha256_file
from fischgpt.train.checkpoint import best_path, verify

Which = Literal["best-loss", "best-hellaswag", "chat"]
PICTURE = "curves.svg"
GGUF = "q8_0"


@dataclass(frozen=True)
class File:
    """One file to publish; the path is its name in the repository too."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Repository:
    """One repository, ready to be sent."""

    repo: Repo
    note: str
    """Which weights these are, in a sentence."""
    folder: Path
    files: list[File]

    @property
    def card(self) -> str:
        return (self.folder / "README.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Publication:
    """All of it."""

    owner: str
    title: str
    """Of the collection."""
    repositories: list[Repository]
    left_out: list[str] = field(default_factory=list)
    """What the run or this machine lacks, a sentence each."""


def prepare(run: Path, owner: str, into: Path, name: str | None = None, dtype: str = "float32") -> Publication:
    """Export, verify and describe a run's repositories in the empty folder `into`.

    name: what they begin with; the run's folder's if not given. Raises UserError for no run, a run with no finished
    weights, a name the Hub does not take, weights that are damaged, or an export that does not verify.
    """
    record = read_run(run)
    base = name or f"fischgpt-{_slug(run.resolve().name).removeprefix('fischgpt-')}"
    for part, what in ((owner, "--owner"), (base, "--name")):
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,80}", part) or "--" in part or ".." in part:
            raise UserError(f"{what}: {part!r} is no name on the Hub: letters, digits, single - . _, 80 at most")
    found, left_out = _weights(run, record)
    if not found:
        raise UserError(f"{run} has nothing to publish: {'; '.join(left_out)}")
    repositories = []
    for which, folder in found.items():
        made = _make(which, folder, Repo(f"{owner}/{base}-{which}"), into / which, dtype, left_out)
        repositories.append(made)
    return Publication(owner, f"FischGPT {base.removeprefix('fischgpt-')}", repositories, left_out)


def _weights(run: Path, record: RunRecord) -> tuple[dict[Which, Path], list[str]]:
    """The folder of each of the three, and what is missing and why."""
    found: dict[Which, Path] = {}
    missing = []
    hellaswag = "no best HellaSwag: it was not measured in pretraining (eval.hellaswag_every, eval.hellaswag_items)"
    ways: dict[Which, str] = {
        "best-loss": "no best validation loss: pretraining has kept no best checkpoint yet",
        "best-hellaswag": hellaswag,
        "chat": "no chat model: the run was not fine-tuned (fischgpt sft)",
    }
    for which, why in ways.items():
        if which == "chat":
            phase = record.phase("sft")
            folder = describe_model(run / "sft").folder if any((run / "sft" / "checkpoints").glob("step-*")) else None
            if folder is not None and phase.state != "done":
                missing.append(f"fine-tuning stands at step {phase.steps:,} of {phase.recipe.train.steps:,}")
        else:
            folder = best_path(run / "pretrain" / "checkpoints", which.removeprefix("best-"))
        if folder is None:
            missing.append(why)
        else:
            found[which] = folder
    return found, missing


def _make(which: Which, weights: Path, repo: Repo, folder: Path, dtype: str, left_out: list[str]) -> Repository:
    if (weights / "manifest.json").is_file():
        verify(weights)
    name = repo.name.partition("/")[2]
    export_hf(weights, folder, dtype, name)
    record = record_of(weights)
    assert record is not None, "the weights are a run's"
    gguf = _add_gguf(weights, folder, name, left_out) if which == "chat" else None
    drawn = picture([(f"{TITLES[p.name]}: {title}", lines) for p in record.phases for title, lines in [loss_lines(p)]])
    if drawn:
        (folder / PICTURE).write_text(drawn, encoding="utf-8")
    note = _note(which, record)
    info = describe_model(folder)
    card = model_card(info, record, Place(repo.name, note, PICTURE if drawn else None, gguf))
    (folder / "README.md").write_text(card, encoding="utf-8")
    sums = "".join(f"{sha256_file(file)}  {file.name}\n" for file in sorted(folder.iterdir()))
    (folder / SUMS).write_text(sums, encoding="utf-8")
    files = [File(file.name, file.stat().st_size, sha256_file(file)) for file in sorted(folder.iterdir())]
    return Repository(repo, note, folder, files)


def _add_gguf(weights: Path, folder: Path, name: str, left_out: list[str]) -> str | None:
    """The GGUF file and what Ollama reads, beside the weights; its kind, or None where it cannot be made here."""
    if importlib.util.find_spec("gguf") is None:
        left_out.append(f"no GGUF in {name}: pip install 'fischgpt[publish]'")
        return None
    out = export_gguf(weights, folder / "gguf", GGUF, name).parent
    for file in out.iterdir():
        file.rename(folder / file.name)
    out.rmdir()
    return GGUF.upper()


def _note(which: Which, record: RunRecord) -> str:
    phase = record.phase("sft" if which == "chat" else "pretrain")
    when = f"after {phase.steps:,} of {phase.recipe.train.steps:,} steps of {TITLES[phase.name].lower()}"
    return {
        "best-loss": f"These weights had the lowest validation loss, {when}.",
        "best-hellaswag": f"These weights had the best HellaSwag, {when}.",
        "chat": f"These are the weights {when}.",
    }[which]


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.") or "model"
