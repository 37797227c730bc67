"""Optimizers and the learning rate's schedule."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fischgpt.config import OptimConfig
from fischgpt.errors import UserError
from fischgpt.train.parallel import like, whole

EMBEDDINGS = ("wte.", "wpe.")
FIRST_MOMENTUM = 0.85
"""Muon's momentum at the first step; it grows to `optim.momentum` over `optim.momentum_warmup_steps` (Jordan 2024)."""


class Optimizer:
    """AdamW, or Muon for the blocks' matrices and AdamW for the rest, under one learning rate.

    Weight decay is on the matrices of the blocks, and with `decay_embeddings` on the embeddings; LayerNorms and biases
    are left free. State is a flat dict of named tensors, so that a checkpoint holds it as safetensors.
    """

    def __init__(self, model: nn.Module, config: OptimConfig) -> None:
        self._config = config
        self._steps = 0
        named = dict(model.named_parameters())
        embeddings = [p for name, p in named.items() if name.startswith(EMBEDDINGS)]
        matrices = {name: p for name, p in named.items() if p.ndim == 2 and not name.startswith(EMBEDDINGS)}
        rest = [p for p in named.values() if p.ndim < 2]
        self._names: dict[Tensor, str] = {p: name for name, p in named.items()}
        self._thirds: list[tuple[Tensor, list[nn.Parameter]]] = []
        """c_attn.weight and its query, key and value rows as parameters of their own, on the same memory."""

        embedding_decay = config.weight_decay if config.decay_embeddings else 0.0
        groups = [
            {"params": embeddings, "weight_decay": embedding_decay, "scale": config.embedding_lr_scale},
            {"params": rest, "weight_decay": 0.0},
        ]
        self._optimizers: list[torch.optim.Optimizer] = []
        if config.kind == "adamw":
            groups.append({"params": list(matrices.values()), "weight_decay": config.weight_decay})
        else:
            # Jordan et al. 2024. Updates scaled to AdamW's root mean square (Liu et al. 2025, arXiv 2502.16982).
            muon = torch.optim.Muon(
                [part for name, p in matrices.items() for part in self._orthogonal_parts(name, p)],
                lr=config.lr,
                weight_decay=config.weight_decay,
                momentum=config.momentum,
                adjust_lr_fn="match_rms_adamw",
            )
            self._optimizers.append(muon)
        adam = torch.optim.AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), eps=config.eps, fused=True)
        self._optimizers.append(adam)

    def _orthogonal_parts(self, name: str, parameter: nn.Parameter) -> list[nn.Parameter]:
        """What Muon makes orthogonal: a matrix, but query, key and value each by itself though GPT-2 fuses them."""
        if not name.endswith("attn.c_attn.weight"):
            return [parameter]
        thirds = [nn.Parameter(rows) for rows in parameter.detach().chunk(3)]
        self._thirds.append((parameter, thirds))
        self._names |= {part: f"{name}.{part_name}" for part_name, part in zip("qkv", thirds, strict=True)}
        return thirds

    def step(self, lr: float) -> None:
        """One update at rate `lr` with the gradients there are, which are then forgotten."""
        for parameter, thirds in self._thirds:
            assert parameter.grad is not None
            for part, grad in zip(thirds, parameter.grad.chunk(3), strict=True):
                part.grad = grad
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get("scale", 1.0)
                if "momentum" in group:
                    group["momentum"] = self._momentum()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        for parameter, _ in self._thirds:
            parameter.grad = None
        self._steps += 1

    def zero_grad(self) -> None:
        """Forget the gradients without a step."""
        for parameter in self._names:
            parameter.grad = None

    def _momentum(self) -> float:
        warm = min(1.0, self._steps / max(1, self._config.momentum_warmup_steps))
        return FIRST_MOMENTUM + (self._config.momentum - FIRST_MOMENTUM) * warm

    def state_dict(self) -> dict[str, Tensor]:
        """`exp_avg:h.0.attn.c_attn.weight` -> tensor, copied to the CPU; scalars as 0-dim tensors."""
        return {"steps": torch.tensor(self._steps)} | {
            f"{key}:{self._names[parameter]}": whole(torch.as_tensor(value).detach()).to("cpu", copy=True).contiguous()
            for optimizer in self._optimizers
            for parameter, state in optimizer.state.items()
            for key, value in state.items()
        }

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Raises UserError when the state belongs to another optimizer or model."""
        parameters = {name: parameter for parameter, name in self._names.items()}
        owner = {p: o for o in self._optimizers for group in o.param_groups for p in group["params"]}
        self._steps = int(tensors["steps"])
        for full_name, tensor in tensors.items():
            key, _, name = full_name.partition(":")
            if key == "steps":
                continue
            if name not in parameters or tensor.shape not in (parameters[name].shape, torch.Size([])):
                raise UserError(f"the optimizer state {full_name} does not belong to this model")
            parameter = parameters[name]
            muon = isinstance(owner.get(parameter), torch.optim.Muon)
            if parameter not in owner or muon != (key == "momentum_buffer"):
                raise UserError(f"the optimizer state {full_name} is of another optimizer; keep optim.kind as it was")
            owner[parameter].state[parameter][key] = like(tensor.to(parameter.device), parameter).clone()


def clip_gradient(model: nn.Module, longest: float) -> float:
    """Scale the gradient down to the norm `longest` where it is longer; returns the norm before.

    One that is not longer is left alone: torch's clip_grad_norm_ multiplies it by 1, 0.5 GB read and written at 124M.
    """
    parameters = list(model.parameters())
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    before = whole(norm).item()
    if not before <= longest:  # NaN too, as torch does
        torch.nn.utils.clip_grads_with_norm_(parameters, longest, norm)
    return before


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
