"""What goes into a run's checkpoints and comes out of them: weights, optimizer, random numbers."""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fischgpt.config import Recipe
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT, without_weights
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.resources import sha256_file
from fischgpt.tokenizer import Tokenizer
from fischgpt.train import checkpoint
from fischgpt.train.checkpoint import Checkpoint
from fischgpt.train.distributed import World
from fischgpt.train.optim import Optimizer
from fischgpt.train.parallel import like, whole
from fischgpt.train.track import Tracker


class Saver:
    """Writes on rank 0; with weights in parts every rank must call it, because they are put together jointly."""

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        model: GPT,
        tokenizer: Tokenizer,
        optimizer: Optimizer,
        world: World,
        tracker: Tracker,
    ) -> None:
        self.checkpoints = folder / "checkpoints"
        self._recipe_file = folder / "recipe.toml"
        self._recipe, self._model, self._tokenizer, self._optimizer = recipe, model, tokenizer, optimizer
        self._world, self._tracker = world, tracker
        self._in_parts = recipe.train.parallel == "fsdp" and world.size > 1

    def save(self, step: int, state: dict[str, Any], required: bool) -> Path | None:
        """A checkpoint with `state` in its manifest; its path, or None if it could not be written.

        Raises UserError in that case if it is required.
        """
        weights = self._whole_model()
        optimizer = self._optimizer.state_dict() if self._world.main or self._in_parts else {}
        if not self._world.main:
            self._world.wait()
            return checkpoint.latest_path(self.checkpoints)
        try:
            state = state | {"recipe": sha256_file(self._recipe_file), "metrics_offset": self._tracker.offset()}
            write, keep = partial(self._write, weights, optimizer), self._recipe.train.keep_last
            expect = 12 * self._model.n_params  # weights and two moments, in fp32
            saved = checkpoint.save(self.checkpoints, step, write, state, keep, expect)
        except OSError as error:
            if required:
                raise UserError(f"could not save step {step} in {self.checkpoints}: {error}") from None
            self._tracker.say(f"could not save step {step}: {error}; training goes on, the old checkpoint stands")
            saved = None
        self._world.wait()
        return saved

    def save_best(self, name: str, step: int, state: dict[str, Any]) -> None:
        """The weights alone, as the best by the measure `name`; if the disk is full that is said, and no more."""
        weights = self._whole_model()
        if not self._world.main:
            return
        try:
            write, expect = partial(self._write_weights, weights), 4 * self._model.n_params
            checkpoint.save_best(self.checkpoints, name, step, write, state, expect)
        except OSError as error:
            self._tracker.say(f"could not save the best {name} of step {step}: {error}; training goes on")

    def restore(self, found: Checkpoint, weights: bool = False) -> None:
        """Optimizer and random numbers of a checkpoint, and its weights if those are not loaded yet."""
        if weights:
            stored = load_pretrained(found.path).parameters()
            for parameter, tensor in zip(self._model.parameters(), stored, strict=True):
                with torch.no_grad():
                    parameter.copy_(like(tensor.detach(), parameter))
        self._optimizer.load_state_dict(load_file(found.path / "optimizer.safetensors"))
        rng = load_file(found.path / "rng.safetensors")
        torch.set_rng_state(rng["cpu"])
        if "cuda" in rng and self._world.device.type == "cuda":
            torch.cuda.set_rng_state(rng["cuda"])

    def _whole_model(self) -> GPT:
        """The model, put together on the CPU if its weights lie in parts."""
        if not self._in_parts:
            return self._model
        copy = without_weights(self._recipe.model)
        full = {name: whole(parameter.detach()).cpu() for name, parameter in self._model.named_parameters()}
        copy.load_state_dict(full, assign=True)
        return copy

    def _write_weights(self, weights: GPT, path: Path) -> None:
        save_pretrained(weights, path, n_vocab=self._tokenizer.n_vocab)
        self._tokenizer.save(path)

    def _write(self, weights: GPT, optimizer: dict[str, Tensor], path: Path) -> None:
        self._write_weights(weights, path)
        save_file(optimizer, path / "optimizer.safetensors")
        rng = {"cpu": torch.get_rng_state()}
        if self._world.device.type == "cuda":
            rng["cuda"] = torch.cuda.get_rng_state()
        save_file(rng, path / "rng.safetensors")
