"""Optimizers and the learning rate's schedule."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fischgpt.config import OptimConfig
from fischgpt.errors import UserError

EMBEDDINGS = ("wte.", "wpe.")


class Optimizer:
    """AdamW, or Muon for the blocks' matrices and AdamW for the rest, under one learning rate.

    Weight decay is on the matrices of the blocks alone: embeddings, LayerNorms and biases are left free. State is
    a flat dict of named tensors, so that a checkpoint holds it as safetensors.
    """

    def __init__(self, model: nn.Module, config: OptimConfig) -> None:
        self._names: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}
        matrices = [p for p, name in self._names.items() if p.ndim == 2 and not name.startswith(EMBEDDINGS)]
        rest = [p for p in self._names if not any(p is matrix for matrix in matrices)]
        adam = {"lr": config.lr, "betas": (config.beta1, config.beta2), "eps": config.eps, "fused": True}
        free = {"params": rest, "weight_decay": 0.0}
        self._optimizers: list[torch.optim.Optimizer]
        if config.kind == "adamw":
            decayed = {"params": matrices, "weight_decay": config.weight_decay}
            self._optimizers = [torch.optim.AdamW([decayed, free], **adam)]
        else:
            # Jordan et al. 2024. Updates scaled to AdamW's root mean square (Liu et al. 2025, arXiv 2502.16982).
            muon = torch.optim.Muon(
                matrices, lr=config.lr, weight_decay=config.weight_decay, adjust_lr_fn="match_rms_adamw"
            )
            self._optimizers = [muon, torch.optim.AdamW([free], **adam)]

    def step(self, lr: float) -> None:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Tensor]:
        """`exp_avg:h.0.attn.c_attn.weight` -> tensor; scalars as 0-dim tensors."""
        return {
            f"{key}:{self._names[parameter]}": torch.as_tensor(value).detach().clone()
            for optimizer in self._optimizers
            for parameter, state in optimizer.state.items()
            for key, value in state.items()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Raises UserError when the state belongs to another optimizer or model."""
        parameters = {name: parameter for parameter, name in self._names.items()}
        owner = {p: o for o in self._optimizers for group in o.param_groups for p in group["params"]}
        for full_name, tensor in tensors.items():
            key, _, name = full_name.partition(":")
            if name not in parameters or tensor.shape not in (parameters[name].shape, torch.Size([])):
                raise UserError(f"the optimizer state {full_name} does not belong to this model")
            muon = isinstance(owner[parameters[name]], torch.optim.Muon)
            if muon != (key == "momentum_buffer"):
                raise UserError(f"the optimizer state {full_name} is of another optimizer; keep optim.kind as it was")
            owner[parameters[name]].state[parameters[name]][key] = tensor.clone()


def learning_rate(step: int, steps: int, config: OptimConfig) -> float:
    """The rate of step `step` (from 0) of `steps`: linear warm-up, then cosine or wsd, to lr * min_lr_fraction."""
    if step < config.warmup_steps:
        return config.lr * (step + 1) / config.warmup_steps
    if config.schedule == "cosine":
        done = (step - config.warmup_steps) / max(1, steps - config.warmup_steps)
        share = 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
    else:
        decay_steps = max(1, round(steps * config.decay_fraction))
        share = min(1.0, (steps - step) / decay_steps)
    return config.lr * (config.min_lr_fraction + (1 - config.min_lr_fraction) * max(0.0, share))
