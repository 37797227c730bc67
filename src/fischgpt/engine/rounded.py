"""The network in PyTorch with products of 8 bits: what answers on a processor where no compiled code is (native.py)."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import cast

import torch
from torch import Tensor, nn

from fischgpt.engine.native import quantize_rows
from fischgpt.engine.reference import Reference
from fischgpt.model.gpt import GPT, Block, KVCache, without_weights


@cache
def largest_weight() -> int:
    """Up to which products of bytes are exact: 127, and 63 on x86 without VNNI, where oneDNN adds two in 16 bits, which
    they overflow in silence."""
    ends = [torch.full((rows, 64), 127, dtype=torch.int8) for rows in (1, 16)]
    exact = all(bool((torch._int_mm(end, ends[1].t()) == 64 * 127 * 127).all()) for end in ends)
    return 127 if exact else 63


class Int8Linear(nn.Module):
    """x W^T + bias. W in 8 bits (`largest_weight`) and a scale a row, x in 8 and a scale a token; sums are exact."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """weight (n, k)."""
        super().__init__()
        whole, scale = quantize_rows(weight, largest_weight())
        self._weight, self._scale = torch.from_numpy(whole).t(), torch.from_numpy(scale)
        self._bias = torch.zeros(len(scale)) if bias is None else bias.detach().float()

    def forward(self, x: Tensor) -> Tensor:
        """(..., k) -> (..., n), fp32."""
        flat = x.float().flatten(0, -2)
        scale = flat.abs().amax(1, keepdim=True).clamp_(min=1e-30) / 127
        whole = torch._int_mm((flat / scale).round_().to(torch.int8), self._weight)
        return torch.addcmul(self._bias, whole.float().mul_(self._scale), scale).unflatten(0, x.shape[:-1])


class Rounded(Reference):
    """A GPT as the engine reads with it, its matrices in 8 bits."""

    def __init__(self, model: GPT, n_vocab: int) -> None:
        network = without_weights(model.config)
        network.load_state_dict(model.state_dict(), assign=True)  # the same tensors, but for the matrices
        for block in cast(Iterable[Block], network.h):
            for part, name in (
                (block.attn, "c_attn"),
                (block.attn, "c_proj"),
                (block.mlp, "c_fc"),
                (block.mlp, "c_proj"),
            ):
                linear = getattr(part, name)
                setattr(part, name, Int8Linear(linear.weight, linear.bias))
        super().__init__(network.float(), n_vocab)
        self._head = Int8Linear(model.wte.weight[:n_vocab], None)
        self.piece = max(32, min(128, int(9.6e9 / max(model.n_params, 1))))  # some 30 ms
        # Attention rounds otherwise for several tokens than for each, and rounding to 8 bits makes more of it.
        self.draft = 0
        self.description = f"PyTorch, 8-bit, {torch.get_num_threads()} threads"

    @torch.inference_mode()
    def read(self, ids: Sequence[int], cache: KVCache | None, wanted: int = 1) -> Tensor:
        """Read ids after what the cache holds; logits (wanted, n_vocab) after each of the last `wanted`."""
        idx = torch.tensor([list(ids)])
        hidden = self._model.hidden(idx, cache=cache)[0]
        return self._head(hidden[-wanted:]) if wanted else hidden.new_empty(0, self._n_vocab)
