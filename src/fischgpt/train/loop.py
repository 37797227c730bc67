"""The one loop that pretraining and fine-tuning share.

    recipe -> batches -> forward, backward, clip, step -> metrics, validation, samples, checkpoints

A run lives in a folder. Each phase has its own `metrics.jsonl` and `checkpoints/` there; starting a phase again goes on
from its newest whole checkpoint, and gives the same weights and metrics, bit for bit, as a run that was never stopped
(on a CPU, with the same number of threads).
"""

import math
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load_file, save_file

from fischgpt import __version__, chat
from fischgpt.config import Phase, Recipe, save_recipe
from fischgpt.data.batches import IGNORE, Batches, ChatBatches, MicroBatch, Prefetch, PretrainBatches
from fischgpt.data.files import write_json
from fischgpt.data.prepare import prepare
from fischgpt.data.progress import OnProgress
from fischgpt.data.shards import Shards
from fischgpt.engine import Engine, SamplingParams
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.tokenizer import Tokenizer
from fischgpt.train import checkpoint
from fischgpt.train.copying import install_copying
from fischgpt.train.optim import Optimizer, learning_rate
from fischgpt.train.track import Tracker


def run(recipe: Recipe, phase: Phase, on_progress: OnProgress | None = None, quiet: bool = False) -> Path:
    """Train one phase of a recipe to its end; returns the folder of the last checkpoint.

    on_progress hears of the preparing of data. Raises UserError for what the user can mend, SystemExit(143) or (130)
    after a checkpoint when stopped by SIGTERM or SIGINT.
    """
    folder = Path(recipe.run) / phase
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{folder}: another process is training this run; wait for it, or choose another run=..."
        ) from None
    with lock:
        return _Training(recipe, phase, folder, on_progress, quiet).run()


class _Training:
    """One phase of one run, from its start or its last checkpoint."""

    def __init__(self, recipe: Recipe, phase: Phase, folder: Path, on_progress: OnProgress | None, quiet: bool) -> None:
        self.recipe, self.phase, self.folder, self.quiet = recipe, phase, folder, quiet
        self.checkpoints = folder / "checkpoints"
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = compute_dtype(recipe.train.dtype, self.device)
        warnings: list[str] = []
        found = checkpoint.load_latest(self.checkpoints, warnings.append)
        start = found.path if found else self._initial_folder()

        if phase == "pretrain":
            data = prepare(recipe, on_progress)
            shards = Shards(data)
            self.tokenizer = Tokenizer.load(data)
            if shards.tokenizer != self.tokenizer.fingerprint:
                raise UserError(
                    f"{data}: the shards were made with another tokenizer; delete the folder and prepare again"
                )
            self.batches: Batches = self._pretrain_batches(shards)
            data_fingerprint: str | list[str] = shards.fingerprint
        else:
            assert start is not None  # fine-tuning always starts from something
            self.tokenizer = Tokenizer.load(start)
            self.batches = ChatBatches(
                recipe.data.sources,
                self.tokenizer,
                min(recipe.data.row_tokens or recipe.model.block_size, recipe.model.block_size),
                recipe.train.tokens_per_step,
                recipe.train.micro_batch,
                recipe.data.seed,
                recipe.data.val_fraction,
            )
            data_fingerprint = recipe.data.sources

        torch.manual_seed(recipe.train.seed)
        self.model = GPT(recipe.model) if start is None else load_pretrained(start)
        if self.model.config != recipe.model:
            raise UserError(
                f"{start} is a model of {_short(asdict(self.model.config))}, "
                f"the recipe asks for {_short(asdict(recipe.model))}; make model.* equal, or choose another run=..."
            )
        if start is None and recipe.train.copy_init:
            install_copying(self.model)
        self.model.to(self.device).train()
        self.optimizer = Optimizer(self.model, recipe.optim)
        # What must not change within a run. Steps, rates and intervals may.
        self.shape = {
            "model": asdict(recipe.model),
            "tokenizer": self.tokenizer.fingerprint,
            "data": data_fingerprint,
            "data.seed": recipe.data.seed,
            "data.row_tokens": recipe.data.row_tokens,
            "train.tokens_per_step": recipe.train.tokens_per_step,
            "optim.kind": recipe.optim.kind,
        }
        self.step = self.tokens = 0
        self.seconds = 0.0
        self.best_val: float | None = None
        offset = None
        if found:
            self._check_shape(found)
            offset = self._restore(found)
        else:
            self.tokenizer.save(folder.parent)
        save_recipe(recipe, folder / "recipe.toml")  # steps and rates may have changed since the run began
        if phase == "pretrain" or not (folder.parent / "recipe.toml").exists():
            save_recipe(recipe, folder.parent / "recipe.toml")
        write_json(folder.parent / "environment.json", _environment(self.device))
        self.tracker = Tracker(folder, recipe.train.steps, recipe.train.log_every, offset, quiet)
        for warning in warnings:
            self.tracker.say(warning)

    def run(self) -> Path:
        train = self.recipe.train
        last = checkpoint.latest_path(self.checkpoints)
        with self.tracker, _stop_signals() as stopped, torch.inference_mode(False):
            if self.step >= train.steps and last:
                self.tracker.say(f"{self.folder}: finished at step {self.step}; raise train.steps to go on")
                return last
            self._greet()
            loss_of: Callable[..., torch.Tensor] = torch.compile(self.model.loss) if train.compile else self.model.loss
            validation = self.batches.validation(self.recipe.eval.val_tokens)
            if self.step == 0:
                self._evaluate(validation)
            batches = Prefetch(self.batches)
            try:
                while self.step < train.steps:
                    self._one_step(batches, loss_of)
                    ends = self.step == train.steps
                    if ends or self.step % train.eval_every == 0:
                        self._evaluate(validation)
                    if ends or self.step % train.sample_every == 0:
                        self._sample()
                    if ends or stopped() or self.step % train.checkpoint_every == 0:
                        last = self._save(batches.state(), required=ends or bool(stopped())) or last
                    if stopped() and not ends:
                        self.tracker.say(f"stopped at step {self.step}, saved; the same command goes on from here")
                        raise SystemExit(128 + stopped())
            finally:
                batches.close()
        assert last is not None
        return last

    def _one_step(self, batches: Prefetch, loss_of: Callable[..., torch.Tensor]) -> None:
        started = time.perf_counter()
        batch = batches.next()
        total = 0.0
        for micro_batch in batch.micro_batches:
            moved = self._moved(micro_batch)
            with self._autocast():
                # The sum over the step's supervised tokens, all micro-batches together: a micro-batch of short answers
                # weighs what its tokens weigh, and one without any gives 0, not NaN.
                loss = loss_of(**moved._asdict(), reduction="sum") / max(1, batch.supervised)
            loss.backward()
            total += loss.item()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.optim.grad_clip).item()
        if not math.isfinite(total) or not math.isfinite(norm):
            raise UserError(
                f"the loss is {total} and the gradient's norm {norm} at step {self.step + 1} ({batch.position}); "
                "the weights were not changed by it; start again from the last checkpoint with a lower optim.lr"
            )
        lr = learning_rate(self.step, self.recipe.train.steps, self.recipe.optim)
        self.optimizer.step(lr)
        self.step += 1
        self.tokens += batch.tokens
        took = time.perf_counter() - started
        self.seconds += took
        self.tracker.step(self.step, total, lr, norm, self.tokens, self.seconds, batch.tokens / took)

    @torch.no_grad()
    def _evaluate(self, validation: list[MicroBatch]) -> None:
        self.model.eval()
        total, count = 0.0, 0
        for micro_batch in validation:
            moved = self._moved(micro_batch)
            with self._autocast():
                total += self.model.loss(**moved._asdict(), reduction="sum").item()
            count += int((micro_batch.targets != IGNORE).sum())
        self.model.train()
        loss = total / max(1, count)
        self.best_val = loss if self.best_val is None else min(self.best_val, loss)
        self.tracker.event("val", self.step, loss=loss, tokens=count)
        self.tracker.say(f"step {self.step}  validation loss {loss:.4f} over {count:,} tokens")

    def _sample(self) -> None:
        """What the model says, greedily: continuations of eval.prompts, or answers to held-out conversations."""
        engine = Engine(self.model, n_vocab=self.tokenizer.n_vocab, device=self.device)
        samples = []
        for prompt, ids in self._prompts():
            params = SamplingParams(max_tokens=self.recipe.eval.sample_tokens, stop_ids=(self.tokenizer.eot,))
            text = self.tokenizer.decode(sampled.id for sampled in engine.generate(ids, params)).strip()
            samples.append({"prompt": prompt, "text": text})
            self.tracker.say(f"  {prompt!r} -> {text!r}")
        self.tracker.event("samples", self.step, samples=samples)

    def _prompts(self) -> list[tuple[str, list[int]]]:
        room = self.recipe.model.block_size - 1
        if isinstance(self.batches, ChatBatches):
            firsts = [turns[: 3 if turns[0].role == "system" else 2][:-1] for turns in self.batches.held_out(3)]
            found = [(turns[-1].text, chat.encode_prompt(self.tokenizer, turns)) for turns in firsts]
            return [(text, ids) for text, ids in found if len(ids) <= room]
        return [(text, [self.tokenizer.eot, *self.tokenizer.encode(text)]) for text in self.recipe.eval.prompts]

    def _save(self, data_state: dict[str, Any], required: bool) -> Path | None:
        state = {
            "phase": self.phase,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "best_val": self.best_val,
            "batches": data_state,
            "metrics_offset": self.tracker.offset(),
            "shape": self.shape,
        }
        try:
            return checkpoint.save(self.checkpoints, self.step, self._write, state, self.recipe.train.keep_last)
        except OSError as error:
            if required:
                raise UserError(f"could not save step {self.step} in {self.checkpoints}: {error}") from None
            self.tracker.say(f"could not save step {self.step}: {error}; training goes on, the old checkpoint stands")
            return None

    def _write(self, path: Path) -> None:
        save_pretrained(self.model, path, n_vocab=self.tokenizer.n_vocab)
        self.tokenizer.save(path)
        save_file(
            {name: t.contiguous().cpu() for name, t in self.optimizer.state_dict().items()},
            path / "optimizer.safetensors",
        )
        rng = {"cpu": torch.get_rng_state()} | ({"cuda": torch.cuda.get_rng_state()} if self.device == "cuda" else {})
        save_file(rng, path / "rng.safetensors")

    def _restore(self, found: checkpoint.Checkpoint) -> int:
        """Everything but the weights, which are loaded already; returns where the metrics log must be cut."""
        self.optimizer.load_state_dict(load_file(found.path / "optimizer.safetensors"))
        rng = load_file(found.path / "rng.safetensors")
        torch.set_rng_state(rng["cpu"])
        if "cuda" in rng and self.device == "cuda":
            torch.cuda.set_rng_state(rng["cuda"])
        self.batches.load_state(found.state["batches"])
        self.step, self.tokens = found.step, found.state["tokens"]
        self.seconds, self.best_val = found.state["seconds"], found.state["best_val"]
        return found.state["metrics_offset"]

    def _check_shape(self, found: checkpoint.Checkpoint) -> None:
        saved = found.state["shape"]
        different = [key for key, value in self.shape.items() if saved.get(key) != value]
        if different:
            raise UserError(
                f"the run {self.recipe.run} was started with other {', '.join(different)}; "
                "choose another run=..., or put the recipe back"
            )

    def _initial_folder(self) -> Path | None:
        """The weights a phase starts from: train.init, or for fine-tuning the run's own pretraining, or none."""
        given = self.recipe.train.init
        if given is None and self.phase == "pretrain":
            return None
        start = Path(given or self.recipe.run)
        for phase in (start / "sft", start / "pretrain", start) if given else (start / "pretrain",):
            found = checkpoint.load_latest(phase / "checkpoints", lambda message: None, mine=False)
            if found:
                return found.path
        if given is None:
            raise UserError(f"{start} has no pretrained weights; run `fischgpt pretrain` first, or set train.init")
        if not (start / "config.json").is_file():
            raise UserError(f"train.init: {given} is no run, checkpoint or model folder")
        return start

    def _pretrain_batches(self, shards: Shards) -> PretrainBatches:
        row_tokens = self.recipe.data.row_tokens or self.recipe.model.block_size
        if row_tokens > self.recipe.model.block_size:
            raise UserError(
                f"data.row_tokens is {row_tokens}, more than the model's block_size of {self.recipe.model.block_size}"
            )
        rows, left = divmod(self.recipe.train.tokens_per_step, row_tokens)
        if left or not rows:
            raise UserError(
                f"train.tokens_per_step ({self.recipe.train.tokens_per_step}) must be a multiple of "
                f"a row of {row_tokens} tokens"
            )
        return PretrainBatches(
            shards,
            row_tokens,
            self.recipe.model.block_size,
            rows,
            self.recipe.train.micro_batch,
            self.recipe.data.seed,
        )

    def _moved(self, batch: MicroBatch) -> MicroBatch:
        return MicroBatch(*(None if part is None else part.to(self.device, non_blocking=True) for part in batch))

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _greet(self) -> None:
        train = self.recipe.train
        self.tracker.say(
            f"{self.phase} {self.recipe.run}: {self.model.n_params / 1e6:.2f}M parameters, {train.steps:,} steps of "
            f"{train.tokens_per_step:,} tokens, {str(self.dtype).removeprefix('torch.')} on {self.device}"
            + (f", going on from step {self.step:,}" if self.step else "")
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


@contextmanager
def _stop_signals() -> Iterator[Callable[[], int]]:
    """Within it, the first SIGTERM or SIGINT is noted (its number, 0 before) and the second one acts at once."""
    noted = 0

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal noted
        noted = number
        signal.signal(number, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield lambda: noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _environment(device: str) -> dict[str, str | int]:
    """The machine and the versions, for the report and the model card; no names of hosts or users."""
    if device == "cuda":
        machine = f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    else:
        machine = str(torch.cpu.get_capabilities().get("cpu_name") or platform.machine())
    return {
        "machine": machine,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "fischgpt": __version__,
    }


def _short(config: dict[str, int]) -> str:
    return ", ".join(f"{key} {value}" for key, value in config.items())
