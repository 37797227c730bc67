"""The one loop that pretraining and fine-tuning share.

    recipe -> batches -> forward, backward, clip, step -> metrics, validation, samples, checkpoints

A run lives in a folder. Each phase has its own `metrics.jsonl` and `checkpoints/` there; starting a phase again goes on
from its newest whole checkpoint, and gives the same weights and metrics, bit for bit, as a run that was never stopped
(on a CPU, with the same number of threads and processes; with train.deterministic with any number of processes).
"""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from fischgpt.config import Phase, Recipe, save_recipe
from fischgpt.data.batches import Prefetch, Step
from fischgpt.data.files import write_json
from fischgpt.data.progress import OnProgress
from fischgpt.errors import UserError
from fischgpt.train import checkpoint
from fischgpt.train.checkpoint import Checkpoint
from fischgpt.train.distributed import World, join
from fischgpt.train.guard import Spikes
from fischgpt.train.hardware import compute_dtype, detect, environment
from fischgpt.train.optim import Optimizer, clip_gradient, learning_rate
from fischgpt.train.parallel import gradients
from fischgpt.train.saving import Saver
from fischgpt.train.signals import stop_signals
from fischgpt.train.start import Start, open_phase
from fischgpt.train.track import Tracker
from fischgpt.train.watch import Benchmark, Watch

BAD_IN_A_ROW = 3
"""Steps skipped one after another before the run goes back to its last checkpoint."""


def run(
    recipe: Recipe,
    phase: Phase,
    on_progress: OnProgress | None = None,
    quiet: bool = False,
    benchmarks: Mapping[str, Benchmark] | None = None,
) -> Path:
    """Train one phase of a recipe to its end; returns the folder of the last checkpoint.

    Under torchrun every process calls it. on_progress hears of the preparing of data; benchmarks are run every
    `eval.hellaswag_every` steps. Raises UserError for what the user can mend, SystemExit(143), (130) or (138) after a
    checkpoint when stopped by SIGTERM, SIGINT or SIGUSR1.
    """
    folder = Path(recipe.run) / phase
    with ExitStack() as stack:
        world = stack.enter_context(join(recipe.train.device))
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if world.main:
                stack.enter_context(FileLock(folder / ".lock").acquire(timeout=0))
        except Timeout:
            raise UserError(
                f"{folder}: another process is training this run; wait for it, or choose another run=..."
            ) from None
        except OSError as error:
            raise UserError(f"{folder} cannot be written: {error.strerror}; choose another run=...") from None
        start = open_phase(recipe, phase, world, on_progress)
        return _Training(recipe, phase, folder, world, start, quiet, benchmarks or {}).run()


class _Training:
    """One phase of one run on one rank, from its start or its last checkpoint."""

    def __init__(
        self,
        recipe: Recipe,
        phase: Phase,
        folder: Path,
        world: World,
        start: Start,
        quiet: bool,
        benchmarks: Mapping[str, Benchmark],
    ) -> None:
        self.recipe, self.phase, self.folder, self.world = recipe, phase, folder, world
        self.model, self.tokenizer, self.batches = start.model, start.tokenizer, start.batches
        self.shape, self.micro_batch = start.shape, start.micro_batch
        self.dtype = compute_dtype(recipe.train.dtype, world.device.type)
        gpu = detect()
        self.peak_flops = gpu.peak_flops(self.dtype) * world.size if gpu and world.device.type == "cuda" else None
        self.flops_per_token = self.model.flops_per_token(recipe.data.row_tokens or recipe.model.block_size)
        self.gradients = gradients(recipe, self.model, world, self._autocast)
        self.optimizer = Optimizer(self.model, recipe.optim)
        self.spikes = Spikes()
        self.step = self.tokens = self.drawn = self.bad = 0
        self.seconds = 0.0
        self.last_bad = ""
        self.skipped = _read_skipped(folder)
        if world.main:
            self._describe_run()
        offset = start.found.state["metrics_offset"] if start.found else 0
        self.tracker = Tracker(folder if world.main else None, recipe, offset, quiet)
        for warning in start.warnings:
            self.tracker.say(warning)
        self.watch = Watch(
            recipe, self.model, self.tokenizer, self.batches, world, self._autocast, self.tracker, benchmarks
        )
        self.saver = Saver(folder, recipe, self.model, self.tokenizer, self.optimizer, world, self.tracker)
        if start.found:
            self._restore(start.found)

    def run(self) -> Path:
        train = self.recipe.train
        with self.tracker, stop_signals() as stopped, torch.inference_mode(False):
            last = checkpoint.latest_path(self.saver.checkpoints)
            if self.step >= train.steps and last:
                self.tracker.say(f"{self.folder}: finished at step {self.step}; raise train.steps to go on")
                return last
            self._greet()
            if self.step == 0:
                self.watch.validate(0)
            batches = Prefetch(self.batches)
            try:
                while self.step < train.steps:
                    before = self.step
                    signalled = self._one_step(batches, stopped())
                    if self.bad >= BAD_IN_A_ROW:
                        batches.close()
                        batches = self._roll_back()
                        continue
                    ends = self.step == train.steps
                    if self.step > before:
                        self._look(ends)
                    due = self.step > before and self.step % train.checkpoint_every == 0
                    if ends or signalled or due:
                        last = self._save(batches.state(), required=ends or bool(signalled)) or last
                    if signalled and not ends:
                        self.tracker.say(f"stopped at step {self.step}, saved; the same command goes on from here")
                        raise SystemExit(128 + signalled)
            finally:
                batches.close()
        assert last is not None
        return last

    def _one_step(self, batches: Prefetch, signal: int) -> int:
        """One step, taken or skipped; returns the signal that any rank was stopped by, or 0."""
        started = time.perf_counter()
        batch = self._draw(batches)
        loss = self.gradients(batch.micro_batches, batch.supervised)
        norm = clip_gradient(self.model, self.recipe.optim.grad_clip)
        wrong = self.spikes.check(loss, norm)
        bad, signalled = self.world.highest([int(wrong is not None), signal])
        if bad:
            self.optimizer.zero_grad()
            self.bad += 1
            reason = wrong or "another rank found it bad"
            self.last_bad = f"{reason} at step {self.step + 1} ({batch.position})"
            self.tracker.event("skipped", self.step + 1, position=batch.position, reason=reason)
            self.tracker.say(f"{self.last_bad}: skipped, the weights are as before")
            return signalled
        lr = learning_rate(self.step, self.recipe.train.steps, self.recipe.optim)
        self.optimizer.step(lr)
        self.bad = 0
        self.step += 1
        self.tokens += batch.tokens
        took = time.perf_counter() - started
        self.seconds += took
        speed = batch.tokens / took
        mfu = speed * self.flops_per_token / self.peak_flops if self.peak_flops else None
        self.tracker.step(self.step, loss, lr, norm, self.tokens, self.seconds, speed, mfu)
        return signalled

    def _draw(self, batches: Prefetch) -> Step:
        """The next batch that is in no window the run went back over."""
        batch = batches.next()
        while any(window["from"] <= self.drawn < window["to"] for window in self.skipped):
            self.drawn += 1
            batch = batches.next()
        self.drawn += 1
        return batch

    def _roll_back(self) -> Prefetch:
        """Back to the last checkpoint, to go on with the data after what went wrong (as PaLM did, arXiv 2204.02311)."""
        path = self.world.tell(str(checkpoint.latest_path(self.saver.checkpoints) or ""))
        again = any(window["step"] == int(path[-8:]) for window in self.skipped) if path else True
        if again:
            where = f"{path} does not help" if path else "there is no checkpoint to go back to"
            raise UserError(
                f"{self.last_bad}, and {BAD_IN_A_ROW} bad steps in a row; {where}. "
                "Start again from the last checkpoint with a lower optim.lr, or look at that data"
            )
        found = checkpoint.verify(Path(path))
        window = {"step": found.step, "from": found.state["drawn"], "to": self.drawn, "at": self.step + 1}
        self.skipped.append(window)
        if self.world.main:
            write_json(self.folder / "skipped.json", self.skipped)
        self.tracker.cut(found.state["metrics_offset"])
        self._restore(found, weights=True)
        self.tracker.say(
            f"{BAD_IN_A_ROW} bad steps in a row at step {window['at']}: back to step {found.step}, "
            f"then on past the {window['to'] - window['from']} batches that led there"
        )
        return Prefetch(self.batches)

    def _look(self, ends: bool) -> None:
        """Validation, samples and benchmarks where they are due; the best weights are kept as they occur."""
        train, every = self.recipe.train, self.recipe.eval.hellaswag_every
        if (ends or self.step % train.eval_every == 0) and self.watch.validate(self.step):
            self._save_best("loss")
        if every and (ends or self.step % every == 0):
            for name in self.watch.benchmark(self.step):
                self._save_best(name)
        if ends or self.step % train.sample_every == 0:
            self.watch.sample(self.step)

    def _save(self, data_state: dict[str, Any], required: bool) -> Path | None:
        state = {
            "phase": self.phase,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "best": self.watch.best,
            "batches": data_state,
            "drawn": self.drawn,
            "bad": self.bad,
            "spikes": self.spikes.state(),
            "micro_batch": self.micro_batch,
            "shape": self.shape,
        }
        return self.saver.save(self.step, state, required)

    def _save_best(self, name: str) -> None:
        state = {"phase": self.phase, "tokens": self.tokens, "best": self.watch.best[name], "shape": self.shape}
        self.saver.save_best(name, self.step, state)

    def _restore(self, found: Checkpoint, weights: bool = False) -> None:
        """Everything as it was; the weights too if they are not loaded already."""
        state = found.state
        self.saver.restore(found, weights)
        self.batches.load_state(state["batches"])
        self.spikes.load_state(state["spikes"])
        self.watch.best = state["best"]
        self.step, self.tokens, self.seconds = found.step, state["tokens"], state["seconds"]
        self.drawn, self.bad = state["drawn"], state["bad"]
        for window in self.skipped:  # said after the place where the log is cut, so it must be said again
            if window["step"] == found.step:
                self.tracker.event("rollback", window["at"], to=window["step"], batches=window["to"] - window["from"])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.world.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _describe_run(self) -> None:
        """The files beside the checkpoints that say what the run is."""
        run = self.folder.parent
        self.tokenizer.save(run)
        save_recipe(self.recipe, self.folder / "recipe.toml")  # steps and rates may have changed since the run began
        if self.phase == "pretrain" or not (run / "recipe.toml").exists():
            save_recipe(self.recipe, run / "recipe.toml")
        write_json(run / "environment.json", environment(self.world.device, self.world.size))

    def _greet(self) -> None:
        train = self.recipe.train
        ranks = f" in {self.world.size} processes" if self.world.size > 1 else ""
        self.tracker.say(
            f"{self.phase} {self.recipe.run}: {self.model.n_params / 1e6:.2f}M parameters, {train.steps:,} steps of "
            f"{train.tokens_per_step:,} tokens, {str(self.dtype).removeprefix('torch.')} on "
            f"{self.world.device.type}{ranks}" + (f", going on from step {self.step:,}" if self.step else "")
        )


def _read_skipped(folder: Path) -> list[dict[str, int]]:
    """Windows of batches, counted from the run's first, that the run went back over and will not see again."""
    path = folder / "skipped.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
