"""The whole path on this machine: corpus, tokenizer, pretraining, fine-tuning, evaluation, export, report.

Read top to bottom it is the documentation of the path: every stage is one call that a command of its own makes too.
Started again it goes on: a stage that is done for the same recipe is skipped, one that was interrupted continues.
"""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fischgpt.assistant.model import describe_model
from fischgpt.config import Phase, Recipe, load_recipe
from fischgpt.data.files import write_json
from fischgpt.data.prepare import prepare
from fischgpt.data.shards import Shards
from fischgpt.errors import UserError
from fischgpt.evals import run as evals
from fischgpt.evals.record import read_run
from fischgpt.evals.report import write_report
from fischgpt.evals.words import duration
from fischgpt.publish.hf import export_hf
from fischgpt.resources import sha256_file
from fischgpt.tokenizer import Tokenizer
from fischgpt.train import loop

PROFILE_QUESTIONS = 6
"""Asked about each built-in owner: enough to see whether it reads its passages."""
LEFT_OUT = "left out"
"""How the result of a stage begins that could not be done and is tried again the next time."""


@dataclass
class Stage:
    """One stage as RUN/speedrun.json keeps it."""

    stage: str
    made_from: str
    """What it was done for; a stage whose recipe or model has changed since is done again."""
    seconds: float
    result: str
    """Empty while it is not finished."""


def speedrun(recipe: str | Path = "nano", overrides: Sequence[str] = (), say: Callable[[str], None] = print) -> Path:
    """Run every stage of a recipe, saying what each is and what it gave; returns the run's folder.

    Raises UserError for what the user can mend. A HellaSwag that cannot be downloaded is said and left out.
    """
    pretrain = load_recipe(recipe, list(overrides), "pretrain")
    sft = load_recipe(recipe, list(overrides), "sft")
    run = Path(pretrain.run)
    stages = _Stages(run, say)

    # These find out by themselves what is left to do, and are quick when nothing is.
    stages.do("corpus, tokenizer, shards", _key(pretrain.data, pretrain.tokenizer), lambda: _corpus(pretrain))
    stages.do("pretraining", _key(pretrain), lambda: _train(pretrain, "pretrain"))
    stages.do("fine-tuning", _key(pretrain, sft), lambda: _train(sft, "sft"))

    # These are done once for each model.
    model = describe_model(run).folder
    weights = sha256_file(model / "model.safetensors")
    stages.once("loss on held-out text", weights, lambda: _loss(model))
    stages.once("HellaSwag", f"{weights} {sft.eval.hellaswag_items}", lambda: _hellaswag(model, sft))
    stages.once("questions about profiles", weights, lambda: _profile(model))
    stages.once("export", f"{weights} {_key(read_run(run).evals)}", lambda: _export(run))
    stages.summary()
    say(f"report: {write_report(run)}")
    say(f"chat with it: fischgpt up --model {run}")
    say(f"show what publishing it would send: fischgpt publish {run} --owner NAME --dry-run")
    return run


class _Stages:
    """Does stages in order, keeps what they took in RUN/speedrun.json, skips what is done."""

    def __init__(self, run: Path, say: Callable[[str], None]) -> None:
        self.run, self.say = run, say
        self.done: list[Stage] = []
        self.before: dict[str, Stage] = {}
        try:
            kept = json.loads((run / "speedrun.json").read_text(encoding="utf-8"))
            self.before = {stage["stage"]: Stage(**stage) for stage in kept}
        except FileNotFoundError:
            pass
        except (ValueError, TypeError, KeyError):
            say(f"{run / 'speedrun.json'} is damaged; every stage looks for itself what is left to do")

    def once(self, name: str, made_from: str, work: Callable[[], str]) -> None:
        """`work` unless it was done for the same thing before."""
        old = self.before.get(name)
        if old is None or old.made_from != made_from or not old.result or old.result.startswith(LEFT_OUT):
            self._work(name, made_from, work, 0.0)
        else:
            self.say(f"== {name}: done before, {old.result}")
            self._keep(old)

    def do(self, name: str, made_from: str, work: Callable[[], str]) -> None:
        """`work`, which says its result and goes on by itself: the time it took counts all attempts, the first to the
        last that had something to do."""
        old = self.before.get(name)
        if old is not None and old.result and old.made_from == made_from:
            self.say(f"== {name}")
            self._keep(Stage(name, made_from, old.seconds, work()))
            self.say(f"   {self.done[-1].result}, done before in {duration(old.seconds)}")
        else:
            self._work(name, made_from, work, 0.0 if old is None else old.seconds)

    def _work(self, name: str, made_from: str, work: Callable[[], str], before: float) -> None:
        self.say(f"== {name}")
        start = time.perf_counter()
        result = ""
        try:
            result = work()
        finally:  # without a result it was stopped, and the time of this attempt is kept for the next one
            stage = Stage(name, made_from, round(before + time.perf_counter() - start, 3), result)
            self._keep(stage)
        self.say(f"   {result}, in {duration(stage.seconds)}")

    def _keep(self, stage: Stage) -> None:
        self.done.append(stage)
        later = [old for name, old in self.before.items() if name not in {done.stage for done in self.done}]
        write_json(self.run / "speedrun.json", [asdict(one) for one in (*self.done, *later)])

    def summary(self) -> None:
        width = max(len(stage.stage) for stage in self.done)
        total = sum(stage.seconds for stage in self.done)
        self.say("")
        for name, seconds, result in [*((s.stage, s.seconds, s.result) for s in self.done), ("in all", total, "")]:
            self.say(f"{name:<{width}}  {duration(seconds) or '':>12}  {result}".rstrip())
        self.say("")


def _corpus(recipe: Recipe) -> str:
    folder = prepare(recipe)
    shards = Shards(folder)
    words = Tokenizer.load(folder).n_vocab
    learned, held_out = shards.tokens("train"), shards.tokens("val")
    return f"{learned:,} tokens to learn from, {held_out:,} held out, {words:,} in the vocabulary"


def _train(recipe: Recipe, phase: Phase) -> str:
    loop.run(recipe, phase, benchmarks=evals.while_training(recipe))
    record = read_run(Path(recipe.run)).phase(phase)
    return f"{record.steps:,} steps, validation loss {record.last('val_loss'):.3f}"


def _loss(model: Path) -> str:
    result = evals.evaluate(model, "loss")
    return f"{result['loss']:.3f} nats per token, {result['bits_per_byte']:.3f} bits per byte"


def _hellaswag(model: Path, recipe: Recipe) -> str:
    if not recipe.eval.hellaswag_items:
        return "not asked for (eval.hellaswag_items is 0)"
    try:
        result = evals.evaluate(model, "hellaswag", limit=recipe.eval.hellaswag_items)
    except UserError as error:
        return f"{LEFT_OUT}: {error}"
    error, items = 100 * result["acc_norm_token_stderr"], result["items"]
    return f"acc_norm_token {100 * result['acc_norm_token']:.1f} % ± {error:.1f} on {items:,} items"


def _profile(model: Path) -> str:
    result = evals.evaluate(model, "profile", limit=PROFILE_QUESTIONS)
    scores = result["readers"]["served"]["scores"]
    named = {"right": "right", "unanswerable_ok": "rightly declined", "injection_ok": "injections resisted"}
    said = ", ".join(f"{100 * scores[key][0]:.0f} % {name}" for key, name in named.items() if key in scores)
    return f"as served: {said} ({result['questions']} questions)"


def _export(run: Path) -> str:
    out = run / "export"
    shutil.rmtree(out, ignore_errors=True)  # our own, of an earlier model
    return f"{export_hf(run, out)} opens in transformers with the same logits"


def _key(*parts: Any) -> str:
    """A short name for what a stage is made from."""
    text = repr([part if isinstance(part, dict) else asdict(part) for part in parts])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
