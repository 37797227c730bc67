"""The reference: the network in PyTorch, in the precision of its weights, on any device."""

from collections.abc import Sequence

import torch
from torch import Tensor

from fischgpt.model import GPT, KVCache


class Reference:
    """A GPT as the engine reads with it."""

    def __init__(self, model: GPT, n_vocab: int) -> None:
        self._model = model
        self._n_vocab = n_vocab
        weight = model.wte.weight
        self._device, self._dtype = weight.device, weight.dtype
        # On a CPU a prompt is read in pieces of about 30 ms, between which an answer that nobody waits for is given up:
        # 600 tokens of the 9M model in pieces of 128 take 135 ms instead of 128.
        pieces = max(32, min(128, int(1.2e9 / max(model.n_params, 1))))
        self.piece = pieces if self._device.type == "cpu" else model.config.block_size
        # In fewer bits than 32 a pass over several tokens rounds otherwise than one over each: no guesses there.
        self.draft = 16 if self._dtype == torch.float32 else 0
        self.description = f"PyTorch, {str(weight.dtype).removeprefix('torch.')}, {self._device.type}"

    def new_cache(self, max_tokens: int) -> KVCache:
        """For one answer of so many tokens, its prompt included."""
        return KVCache(self._model.config, 1, max_tokens, self._device, self._dtype)

    @torch.inference_mode()
    def read(self, ids: Sequence[int], cache: KVCache | None, wanted: int = 1) -> Tensor:
        """Read ids after what the cache holds; logits (wanted, n_vocab) after each of the last `wanted` of them."""
        idx = torch.tensor([list(ids)], device=self._device)
        logits = self._model(idx, cache=cache, last_only=wanted <= 1)
        return logits[0, logits.shape[1] - wanted :, : self._n_vocab]

    def read_many(self, parts: Sequence[tuple[Sequence[int], KVCache, int]]) -> Sequence[Tensor]:
        """One after the other: PyTorch rounds a pass over several otherwise."""
        return [self.read(*part) for part in parts]
