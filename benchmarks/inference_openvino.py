"""GPT-2 in OpenVINO with weights in 8 bits and its keys and values kept inside: what benchmarks/inference.py times."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fischgpt.model.weights import load_pretrained


class Joined:
    """A cache as a converter can trace it: of each layer what was there before, and what comes after it."""

    def __init__(self, kept: tuple[Tensor, ...]) -> None:
        self.kept = list(kept)
        self.pos = self.max_tokens = 0

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        for at, new in ((2 * layer, k), (2 * layer + 1, v)):
            self.kept[at] = torch.cat([self.kept[at], new], dim=2)
        return self.kept[2 * layer], self.kept[2 * layer + 1]


class Step(torch.nn.Module):
    """Ids (B, T) after kept keys and values (B, n_head, before, head_dim) -> the last logits, and all kept."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.model = load_pretrained(folder).eval()

    def forward(self, ids: Tensor, rows: Tensor, *kept: Tensor) -> tuple[Tensor, ...]:
        cache: Any = Joined(tuple(t.index_select(0, rows) for t in kept))
        before = kept[0].size(2)
        pos = torch.arange(before, before + ids.size(1))
        sees = torch.arange(before + ids.size(1))[None, :] <= pos[:, None]
        x = self.model.hidden(ids, pos=pos, cache=cache, sees=sees[None, None])
        return F.linear(x[:, -1:], self.model.wte.weight), *cache.kept


class OpenVino:
    """Reads tokens after those it holds: `start` an empty text of so many answers, then `read`."""

    def __init__(self, folder: Path, threads: int) -> None:
        import nncf
        import openvino
        from openvino._offline_transformations import apply_make_stateful_transformation

        nncf.set_log_level(logging.ERROR)
        step = Step(folder)
        config = step.model.config
        head = config.n_embd // config.n_head
        names = [f"{kind}.{layer}" for layer in range(config.n_layer) for kind in ("key", "value")]
        kept = [torch.zeros(2, config.n_head, 3, head) for _ in names]
        example = (torch.zeros(2, 4, dtype=torch.long), torch.arange(2), *kept)
        with torch.no_grad():
            model = openvino.convert_model(torch.jit.trace(step, example), example_input=example)
        inputs = ["ids", "rows", *names]
        model.reshape(
            {
                at: [-1, -1] if at == 0 else [-1] if at == 1 else [-1, config.n_head, -1, head]
                for at in range(len(inputs))
            }
        )
        for port, name in zip(model.inputs, inputs, strict=True):
            port.get_tensor().set_names({name})
        for port, name in zip(model.outputs, ["logits", *(f"new {name}" for name in names)], strict=True):
            port.get_tensor().set_names({name})
        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_SYM)
        apply_make_stateful_transformation(model, {name: f"new {name}" for name in names})
        options = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
        self._request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()

    def start(self, answers: int) -> None:
        self._request.reset_state()
        self._rows = np.arange(answers)

    def read(self, ids: list[list[int]]) -> np.ndarray:
        """The likeliest next token of each answer."""
        self._request.infer({"ids": np.array(ids), "rows": self._rows})
        return self._request.get_tensor("logits").data[:, -1].argmax(-1)
