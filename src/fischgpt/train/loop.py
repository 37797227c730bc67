"""The one loop that pretraining and fine-tuning share.

    recipe -> batches -> forward, backward, clip, step -> metrics, validation, samples, checkpoints

A run lives in a folder. Each phase has its own `metrics.jsonl` and `checkpoints/` there; starting a phase again goes on
from its newest whole checkpoint, and gives the same weights and metrics, bit for bit, as a run that was never stopped
(on a CPU, with the same number of threads and processes; with train.deterministic with any number of processes).
"""

import json
import platform
import shutil
import time
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load_file, save_file

from fischgpt import __version__
from fischgpt.config import Phase, Recipe, save_recipe
from fischgpt.data.batches import Prefetch, Step
from fischgpt.data.files import sha256_file, write_json
from fischgpt.data.progress import OnProgress
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.train import checkpoint
from fischgpt.train.checkpoint import Checkpoint
from fischgpt.train.distributed import World, join
from fischgpt.train.guard import Spikes
from fischgpt.train.hardware import detect
from fischgpt.train.optim import Optimizer, learning_rate
from fischgpt.train.parallel import Gradients, Replicated, Sharded, TreeSummed, like, whole
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
        self.checkpoints = folder / "checkpoints"
        self.dtype = compute_dtype(recipe.train.dtype, world.device.type)
        gpu = detect()
        self.peak_flops = gpu.peak_flops(self.dtype) * world.size if gpu and world.device.type == "cuda" else None
        self.flops_per_token = self.model.flops_per_token(recipe.data.row_tokens or recipe.model.block_size)
        self.gradients = self._gradients()
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
        if start.found:
            self._restore(start.found)

    def run(self) -> Path:
        train = self.recipe.train
        with self.tracker, stop_signals() as stopped, torch.inference_mode(False):
            last = checkpoint.latest_path(self.checkpoints)
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
        norm = whole(torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optim.grad_clip)).item()
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
        path = self.world.tell(str(checkpoint.latest_path(self.checkpoints) or ""))
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
        for parameter, stored in zip(self.model.parameters(), load_pretrained(found.path).parameters(), strict=True):
            with torch.no_grad():
                parameter.copy_(like(stored.detach(), parameter))
        self.tracker.cut(found.state["metrics_offset"])
        self._restore(found)
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
        weights, optimizer = self._weights(), self.optimizer.state_dict()
        if not self.world.main:
            self.world.wait()
            return checkpoint.latest_path(self.checkpoints)
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
            "recipe": sha256_file(self.folder / "recipe.toml"),
            "shape": self.shape,
        }

        def write(path: Path) -> None:
            self._write_weights(weights, path)
            save_file({name: t.contiguous().cpu() for name, t in optimizer.items()}, path / "optimizer.safetensors")
            rng = {"cpu": torch.get_rng_state()}
            if self.world.device.type == "cuda":
                rng["cuda"] = torch.cuda.get_rng_state()
            save_file(rng, path / "rng.safetensors")

        try:
            state["metrics_offset"] = self.tracker.offset()
            keep, expect = self.recipe.train.keep_last, 12 * self.model.n_params  # weights and two moments, in fp32
            saved = checkpoint.save(self.checkpoints, self.step, write, state, keep, expect)
        except OSError as error:
            if required:
                raise UserError(f"could not save step {self.step} in {self.checkpoints}: {error}") from None
            self.tracker.say(f"could not save step {self.step}: {error}; training goes on, the old checkpoint stands")
            saved = None
        self.world.wait()
        return saved

    def _save_best(self, name: str) -> None:
        weights = self._weights()
        if not self.world.main:
            return
        state = {"phase": self.phase, "tokens": self.tokens, "best": self.watch.best[name], "shape": self.shape}
        try:
            write, expect = partial(self._write_weights, weights), 4 * self.model.n_params
            checkpoint.save_best(self.checkpoints, name, self.step, write, state, expect)
        except OSError as error:
            self.tracker.say(f"could not save the best {name} of step {self.step}: {error}; training goes on")

    def _weights(self) -> GPT:
        """The model, put together on the CPU if its weights lie in parts; every rank must ask at the same time."""
        if self.recipe.train.parallel != "fsdp" or self.world.size == 1:
            return self.model
        with torch.device("meta"):
            copy = GPT(self.recipe.model)
        full = {name: whole(parameter.detach()).cpu() for name, parameter in self.model.named_parameters()}
        copy.load_state_dict(full, assign=True)
        return copy

    def _write_weights(self, weights: GPT, path: Path) -> None:
        save_pretrained(weights, path, n_vocab=self.tokenizer.n_vocab)
        self.tokenizer.save(path)

    def _restore(self, found: Checkpoint) -> None:
        """Everything but the weights, which are loaded already."""
        state = found.state
        self.optimizer.load_state_dict(load_file(found.path / "optimizer.safetensors"))
        rng = load_file(found.path / "rng.safetensors")
        torch.set_rng_state(rng["cpu"])
        if "cuda" in rng and self.world.device.type == "cuda":
            torch.cuda.set_rng_state(rng["cuda"])
        self.batches.load_state(state["batches"])
        self.spikes.load_state(state["spikes"])
        self.watch.best = state["best"]
        self.step, self.tokens, self.seconds = found.step, state["tokens"], state["seconds"]
        self.drawn, self.bad = state["drawn"], state["bad"]
        for window in self.skipped:  # said after the place where the log is cut, so it must be said again
            if window["step"] == found.step:
                self.tracker.event("rollback", window["at"], to=window["step"], batches=window["to"] - window["from"])

    def _gradients(self) -> Gradients:
        train = self.recipe.train
        if train.compile and not (shutil.which("g++") or shutil.which("clang++")):
            raise UserError("train.compile needs a C++ compiler (g++ or clang++): install one, or set it to false")
        if train.parallel == "fsdp" and self.world.size > 1:
            if self.recipe.optim.kind == "muon" or self.recipe.eval.hellaswag_every or train.deterministic:
                raise UserError(
                    "train.parallel=fsdp goes with optim.kind=adamw, and without train.deterministic and "
                    "eval.hellaswag_every; every GPT-2 fits whole on an 80 GB GPU with train.parallel=ddp"
                )
            return Sharded(self.model, self.world, self._autocast, train.compile)
        if train.deterministic:
            return TreeSummed(self.model, self.world, self._autocast)
        return Replicated(self.model, self.world, self._autocast, train.compile)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.world.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _describe_run(self) -> None:
        """The files beside the checkpoints that say what the run is."""
        run = self.folder.parent
        self.tokenizer.save(run)
        save_recipe(self.recipe, self.folder / "recipe.toml")  # steps and rates may have changed since the run began
        if self.phase == "pretrain" or not (run / "recipe.toml").exists():
            save_recipe(self.recipe, run / "recipe.toml")
        write_json(run / "environment.json", _environment(self.world))

    def _greet(self) -> None:
        train = self.recipe.train
        ranks = f" in {self.world.size} processes" if self.world.size > 1 else ""
        self.tracker.say(
            f"{self.phase} {self.recipe.run}: {self.model.n_params / 1e6:.2f}M parameters, {train.steps:,} steps of "
            f"{train.tokens_per_step:,} tokens, {str(self.dtype).removeprefix('torch.')} on "
            f"{self.world.device.type}{ranks}" + (f", going on from step {self.step:,}" if self.step else "")
        )


def compute_dtype(wanted: str, device: str) -> torch.dtype:
    """The arithmetic of the forward pass: `auto` takes bfloat16 where the processor multiplies it natively.

    Elsewhere bfloat16 is emulated and several times slower than float32.
    """
    if wanted != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[wanted]
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    able = torch.cpu.get_capabilities()
    native = able.get("avx512_bf16") or able.get("amx_bf16")
    return torch.bfloat16 if native else torch.float32


def _read_skipped(folder: Path) -> list[dict[str, int]]:
    """Windows of batches, counted from the run's first, that the run went back over and will not see again."""
    path = folder / "skipped.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def _environment(world: World) -> dict[str, str | int]:
    """The machine and the versions, for the report and the model card; no names of hosts or users."""
    if world.device.type == "cuda":
        machine = f"{max(world.size, 1)} x {torch.cuda.get_device_name()}"
    else:
        machine = str(torch.cpu.get_capabilities().get("cpu_name") or platform.machine())
    return {
        "machine": machine,
        "processes": world.size,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "fischgpt": __version__,
    }
