"""GPT-2 from top to bottom: pre-LayerNorm, learned positions, biases, tanh-GELU, tied output head.

Radford et al. 2019, "Language Models are Unsupervised Multitask Learners". Nothing is added to the architecture, so
every checkpoint is a Hugging Face `GPT2LMHeadModel` (see weights.py). Parameters carry Hugging Face's names.
"""

import math
from itertools import pairwise
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from fischgpt.config import GPTConfig
from fischgpt.model.gradients import IGNORE, LinearCrossEntropy, embedding

LN_EPS = 1e-5
SCORES_KEPT = 512
"""Longest row of which training on a processor in bfloat16 keeps all attention scores.

torch's fused kernel makes them anew in the backward pass: forward and backward took 38 ms for 16 at T = 256, 65 for 43
at 512, and the same at 1,024 (1,024 tokens, 12 heads of 64, one thread of a Zen 5)."""
SCORES_AT_ONCE = 128
"""Queries whose scores are made together, with the keys up to the last of them alone: what lies after is never made.

At T = 256 forward and backward took 6.4 ms a layer, 8.5 with all 256 at once and 7.3 with 64 (4 rows, 12 heads of 64,
compiled, two threads of a Zen 5)."""

Sees = Tensor | list[int] | None
"""Which keys each query sees: by a mask (True = sees), by the lengths of the documents that follow one another over the
whole batch, or, if None, plainly: all before it."""


class KVCache:
    """Keys and values of the tokens seen so far, in buffers made once.

    Of shape (n_layer, B, n_head, T_max, head_dim), `pos` positions filled. `GPT.forward` appends to it.
    """

    def __init__(
        self,
        config: GPTConfig,
        batch_size: int = 1,
        max_tokens: int | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        max_tokens = config.block_size if max_tokens is None else min(max_tokens, config.block_size)
        head_dim = config.n_embd // config.n_head
        shape = (config.n_layer, batch_size, config.n_head, max_tokens, head_dim)
        self.k = torch.empty(shape, device=device, dtype=dtype)
        self.v = torch.empty(shape, device=device, dtype=dtype)
        self.max_tokens = max_tokens
        self.pos = 0

    def append(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Store k, v (B, n_head, T, head_dim) of new tokens in a layer; return views of all up to them."""
        end = self.pos + k.size(2)
        self.k[layer, :, :, self.pos : end] = k
        self.v[layer, :, :, self.pos : end] = v
        return self.k[layer, :, :, :end], self.v[layer, :, :, :end]

    @property
    def nbytes(self) -> int:
        return self.k.nbytes + self.v.nbytes

    @torch.inference_mode()
    def copy_from(self, other: "KVCache", n: int) -> None:
        """Take over the first n tokens of another, and hold these alone."""
        self.k[..., :n, :] = other.k[..., :n, :]
        self.v[..., :n, :] = other.v[..., :n, :]
        self.pos = n


class Attention(nn.Module):
    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.n_head = config.n_head
        self.layer = layer
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor, sees: Sees, cache: KVCache | None) -> Tensor:
        B, T, C = x.shape
        qkv = self.c_attn(x).view(B, T, 3, self.n_head, C // self.n_head)
        if isinstance(sees, list):
            documents = (document.permute(1, 2, 0, 3) for document in qkv.flatten(0, 1).split(sees))
            y = [_causal(*document[:, None]).squeeze(0).transpose(0, 1) for document in documents]
            return self.c_proj(torch.cat(y).view(B, T, C))
        q, k, v = (t.transpose(1, 2) for t in qkv.unbind(2))  # (B, n_head, T, head_dim)
        if cache is not None:
            k, v = cache.append(self.layer, k, v)
        # Without a mask, either all T tokens are new (causal) or one token sees everything before it.
        y = _causal(q, k, v) if sees is None and T > 1 else F.scaled_dot_product_attention(q, k, v, attn_mask=sees)
        return self.c_proj(y.transpose(1, 2).reshape(B, T, C))


def _causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Each token attends to itself and to all before it: (B, n_head, T, head_dim) each, and so the result."""
    T, scale = q.size(2), q.size(3) ** -0.5
    if q.device.type == "cpu" and q.dtype == torch.bfloat16 and T <= SCORES_KEPT and torch.is_grad_enabled():
        q, k, v = q.contiguous(), k.contiguous(), v.contiguous()  # once, not again for every block
        blocks = []
        for start in range(0, T, SCORES_AT_ONCE):
            end = min(start + SCORES_AT_ONCE, T)
            scores = (q[:, :, start:end] @ k[:, :, :end].transpose(-1, -2)).float() * scale  # (B, n_head, block, end)
            future = torch.full((end - start, end), -math.inf).triu(start + 1)
            blocks.append((scores + future).softmax(-1).to(v.dtype) @ v[:, :, :end])
        return torch.cat(blocks, 2)
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


class MLP(nn.Module):
    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(_gelu(self.c_fc(x)))


def _gelu(x: Tensor) -> Tensor:
    """GELU by its tanh approximation."""
    if x.device.type == "cpu" and torch.compiler.is_compiling():
        # The same function: (1 + tanh u) / 2 = sigmoid 2u. Compiled, tanh took 109 ms of a step, this 51.
        wide = x.float()
        return (wide * torch.sigmoid(math.sqrt(8 / math.pi) * (wide + 0.044715 * wide**3))).to(x.dtype)
    return F.gelu(x, approximate="tanh")


class Block(nn.Module):
    def __init__(self, config: GPTConfig, layer: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=LN_EPS)
        self.attn = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=LN_EPS)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, sees: Sees, cache: KVCache | None) -> Tensor:
        x = x + self.attn(self.ln_1(x), sees, cache)
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    """The network. Token ids in, logits or a loss out."""

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.h = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=LN_EPS)
        self._init_weights()

    def _init_weights(self) -> None:
        """GPT-2's: N(0, 0.02); projections onto the residual stream by 1/sqrt(2 n_layer) narrower; biases 0."""
        residual_std = 0.02 / math.sqrt(2 * self.config.n_layer)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            elif ".ln_" in name or name.startswith("ln_f"):
                nn.init.ones_(parameter)
            else:
                nn.init.normal_(parameter, std=residual_std if name.endswith("c_proj.weight") else 0.02)

    @property
    def n_params(self) -> int:
        """All parameters; the output head is the token embedding and counts once."""
        return sum(parameter.numel() for parameter in self.parameters())

    def flops_per_token(self, T: int) -> int:
        """Floating-point operations to train on one token in a row of T, forward and backward.

        6 per weight in a matrix product, and 12 n_layer n_embd T for attention's two (PaLM, Chowdhery et al. 2022,
        appendix B). 855 MFLOP for 124M at T = 1024.
        """
        return 6 * (self.n_params - self.wpe.weight.numel()) + 12 * self.config.n_layer * self.config.n_embd * T

    def forward(
        self,
        idx: Tensor,
        *,
        pos: Tensor | None = None,
        doc: Tensor | None = None,
        cache: KVCache | None = None,
        last_only: bool = False,
    ) -> Tensor:
        """Logits (B, T, vocab_size) of ids (B, T), or (B, 1, vocab_size) of the last position alone.

        pos: (B, T) positions; if not given, they count on from the cache's, or from 0.
        doc: (B, T) ints; a document is a run of equal ints in a row, and its tokens attend only to one another.
        cache: the T tokens follow what it holds (a prompt, a further piece of one, or one new token), and are added.
        Raises ValueError where positions go beyond block_size or the cache is full.
        """
        x = self.hidden(idx, pos=pos, doc=doc, cache=cache)
        return F.linear(x[:, -1:] if last_only else x, self.wte.weight)

    def hidden(
        self,
        idx: Tensor,
        *,
        pos: Tensor | None = None,
        doc: Tensor | None = None,
        cache: KVCache | None = None,
        sees: Tensor | None = None,
    ) -> Tensor:
        """What the output head reads: (B, T, n_embd) after the final LayerNorm. Arguments as `forward`.

        sees: (B, 1, T, T) bool, which tokens each attends to, in place of all before it; with pos, T has no limit then.
        """
        T = idx.size(1)
        start = 0 if cache is None else cache.pos
        limit = self.config.block_size if cache is None else cache.max_tokens
        if sees is None and start + T > limit:
            raise ValueError(f"{start + T} tokens do not fit into {limit} positions")
        if pos is None:
            pos = torch.arange(start, start + T, device=idx.device)  # (T,): broadcasts over B
        x = embedding(idx, self.wte.weight) + embedding(pos, self.wpe.weight)
        attends = self._sees(idx, doc, start, cache) if sees is None else sees
        for block in self.h:
            x = block(x, attends, cache)
        if cache is not None:
            cache.pos += T
        return self.ln_f(x)

    def _sees(self, idx: Tensor, doc: Tensor | None, start: int, cache: KVCache | None) -> Sees:
        B, T = idx.shape
        if doc is not None:
            if cache is not None:
                raise ValueError("doc is for training rows; a cache holds one document")
            begins = F.pad(doc[:, 1:] != doc[:, :-1], (1, 0), value=True)  # (B, T), True at a document's first token
            if doc.device.type == "cpu" and not torch.compiler.is_compiling():
                # One causal attention per document: at T = 1024 a mask takes 2.7x the time of none, and computes
                # what it then throws away.
                edges = begins.flatten().nonzero().squeeze(1).tolist()
                return [end - begin for begin, end in pairwise([*edges, B * T])]
            run = begins.cumsum(1)
            return (run[:, None, :, None] == run[:, None, None, :]).tril()  # (B, 1, T, T)
        if start > 0 and T > 1:
            return torch.ones(T, start + T, dtype=torch.bool, device=idx.device).tril(diagonal=start)
        return None

    def loss(
        self,
        idx: Tensor,
        targets: Tensor,
        *,
        pos: Tensor | None = None,
        doc: Tensor | None = None,
        reduction: Literal["mean", "sum"] = "mean",
    ) -> Tensor:
        """Cross-entropy in nats (a scalar, fp32) of targets (B, T); targets of -100 are ignored.

        "mean" is over the targets that count, and 0 if none does. Logits are made in chunks, never all at once.
        """
        x = self.hidden(idx, pos=pos, doc=doc).flatten(0, 1)  # (B*T, C)
        flat = targets.flatten()
        device = x.device.type
        if device == "cpu" and not torch.compiler.is_compiling() and (flat == IGNORE).any():
            # Most targets of fine-tuning are ignored: skip their logits. Not on a GPU, which would stall to count them,
            # and not compiled: the graph would be cut in two, the embedding's gradient added up in 154 MB more.
            learned = (flat != IGNORE).nonzero().squeeze(1)
            x, flat = x.index_select(0, learned), flat[learned]
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x.dtype
        total = LinearCrossEntropy.apply(x, self.wte.weight, flat, dtype)
        return total / (flat != IGNORE).sum().clamp(min=1) if reduction == "mean" else total


def without_weights(config: GPTConfig) -> GPT:
    """The network on the device "meta": shapes and counts, and room for weights from elsewhere.

    Nothing is drawn for them: on that device `normal_` is written in Python and brings torch's compiler and sympy, 2 s
    and 75 MB.
    """
    with torch.device("meta"), _Undrawn():
        return GPT(config)


class _Undrawn(TorchFunctionMode):
    """What torch.nn.init would fill stays as it is."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return func(*args, **(kwargs or {}))
