"""A GPT in 8 or 4 bits read by our own compiled code (native/*.c): the fastest way to answer on a processor.

Matrices have 8 bits a weight and a scale a row; their inputs are rounded to 8 bits a token, from the lowest to the
highest value; sums are exact, all else is fp32. In 4 bits a group of 16 neighbours of a row has a scale and a zero
of its own, whole numbers, so that such a weight is one of 8 bits written shorter (4.5 bits with both); the embedding,
which is the head too, stays in 8.
"""

import ctypes
import math
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor

from fischgpt.config import GPTConfig
from fischgpt.model.gpt import GPT, Block
from fischgpt.resources import available_cores

LIBRARY = Path(__file__).parent / "native" / "decode.so"
"""Compiled when the package is installed, if there is a C compiler (hatch_build.py)."""
VARIANTS = ("generic", "avx2", "avx_vnni", "avx512_vnni")
"""What the library has code for, the fastest last; a processor runs some of them."""
LANES, GROUP = 16, 4
Bits = Literal[8, 4]
ONE_THREAD_BYTES = 32 * 2**20
"""Weights up to here are read by one thread."""


class _Linear(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("weight", "scale", "sum", "bias", "group")),
        *((name, ctypes.c_int32) for name in ("n", "k")),
    ]


class _Layer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("ln_1_weight", "ln_1_bias", "ln_2_weight", "ln_2_bias")),
        *((name, _Linear) for name in ("qkv", "proj", "fc", "down")),
    ]


class _Model(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("layers", "wpe", "ln_f_weight", "ln_f_bias")),
        ("head", _Linear),
        *((name, ctypes.c_int32) for name in ("n_layer", "n_head", "n_embd", "n_vocab")),
    ]


class _Token(ctypes.Structure):
    _fields_ = [
        ("cache", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("id", "pos", "max_tokens", "wanted")),
    ]


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int
    library.fischgpt_supports.argtypes = [number]
    library.fischgpt_scratch.argtypes = [pointer, number, number, number]
    library.fischgpt_scratch.restype = ctypes.c_int64
    library.fischgpt_read.argtypes = [pointer, pointer, number, pointer, pointer, number, number]
    library.fischgpt_read.restype = None
    library.fischgpt_round4.argtypes = [pointer, number, number, pointer, pointer, pointer]
    library.fischgpt_round4.restype = None
    library.fischgpt_logsumexp.argtypes = [pointer, number, number]
    library.fischgpt_logsumexp.restype = ctypes.c_double
    return library


def variants() -> list[str]:
    """The variants that are compiled and that this processor runs, the fastest last; none without the library."""
    library = _library()
    return [] if library is None else [name for i, name in enumerate(VARIANTS) if library.fischgpt_supports(i)]


@cache
def _fastest(library: ctypes.CDLL) -> int:
    return max(i for i in range(len(VARIANTS)) if library.fischgpt_supports(i))


def logsumexp(values: Tensor) -> float:
    """Of values (n,), fp32, on the processor. In compiled code: of 50,257 that is 73 us less of a 124M model's 3.6 ms a
    token; or in NumPy, not PyTorch, whose threads spin."""
    library = _library()
    if library is None or not values.is_contiguous():
        logits = values.numpy()
        highest = logits.max()
        return float(highest) + math.log(np.exp(logits - highest).sum(dtype=np.float64))
    return library.fischgpt_logsumexp(values.data_ptr(), len(values), _fastest(library))


def fits(model: GPT) -> bool:
    """Whether the compiled code is here and can compute this shape: heads of a multiple of 16 wide."""
    config = model.config
    return bool(variants()) and (config.n_embd // config.n_head) % LANES == 0


class NativeCache:
    """Keys and values, in bf16, of up to max_tokens tokens of one answer, `pos` of them filled."""

    def __init__(self, config: GPTConfig, max_tokens: int) -> None:
        self.max_tokens = math.ceil(min(max_tokens, config.block_size) / LANES) * LANES
        self.memory = np.empty(2 * config.n_layer * config.n_embd * self.max_tokens, dtype=np.int16)
        self.address = self.memory.ctypes.data
        self.pos = 0
        self._n_heads = 2 * config.n_layer * config.n_head

    @property
    def nbytes(self) -> int:
        return self.memory.nbytes

    def copy_from(self, other: "NativeCache", n: int) -> None:
        """Take over the first n tokens of another, and hold these alone."""
        rows = math.ceil(n / LANES) * LANES  # keys lie in blocks of 16 tokens, side by side; see decode.h
        to, kept = (cache.memory.reshape(self._n_heads, cache.max_tokens, -1) for cache in (self, other))
        to[:, :rows] = kept[:, :rows]
        self.pos = n


class NativeGPT:
    """The weights of a GPT in 8 or 4 bits, and the pass over tokens. Only read, so many threads may use it."""

    def __init__(
        self, model: GPT, n_vocab: int, threads: int | None = None, variant: str | None = None, bits: Bits = 8
    ) -> None:
        """n_vocab: rows of the head that are kept. threads: by default one for a model that lies in a core's reach
        (32 MB), where a second gains little and two visitors' prompts can have a core each; else all cores. bits: a
        weight's, 8 or 4; k of each matrix is a multiple of 16, as `fits` has it."""
        library = _library()
        assert library is not None
        self._library = library
        self._weights = _Memory()
        self.variant = variant or variants()[-1]
        self._variant = VARIANTS.index(self.variant)
        self._config = config = model.config
        self.n_vocab = n_vocab
        self.bits = bits
        linear = self._linear_4 if bits == 4 else self._linear
        layers = (_Layer * config.n_layer)()
        for layer, block in zip(layers, cast(Iterable[Block], model.h), strict=True):
            layer.ln_1_weight, layer.ln_1_bias = self._floats(block.ln_1.weight), self._floats(block.ln_1.bias)
            layer.ln_2_weight, layer.ln_2_bias = self._floats(block.ln_2.weight), self._floats(block.ln_2.bias)
            layer.qkv = linear(block.attn.c_attn.weight, block.attn.c_attn.bias)
            layer.proj = linear(block.attn.c_proj.weight, block.attn.c_proj.bias)
            layer.fc = linear(block.mlp.c_fc.weight, block.mlp.c_fc.bias)
            layer.down = linear(block.mlp.c_proj.weight, block.mlp.c_proj.bias)
        self._layers = layers
        self._model = _Model(
            ctypes.addressof(layers),
            self._floats(model.wpe.weight),
            self._floats(model.ln_f.weight),
            self._floats(model.ln_f.bias),
            self._linear(model.wte.weight[:n_vocab], None),
            config.n_layer,
            config.n_head,
            config.n_embd,
            n_vocab,
        )
        size = self._weights.nbytes
        self.bytes_per_token = size - 4 * model.wpe.weight.numel()
        self.threads = threads or (1 if size <= ONE_THREAD_BYTES else available_cores())
        # A prompt in pieces of about 30 ms, as the reference has them: 600 tokens of the 9M model take 36, 128 of the
        # 124M one 46 on one core.
        self.piece = max(128, min(512, int(4e9 / model.n_params)))
        self.draft = 16
        self.description = f"{bits}-bit, {self.variant}, {self.threads} thread{'s' if self.threads > 1 else ''}"

    def new_cache(self, max_tokens: int) -> NativeCache:
        """For one answer of so many tokens, its prompt included."""
        return NativeCache(self._config, max_tokens)

    def read(self, ids: Sequence[int], cache: NativeCache | None, wanted: int = 1) -> Tensor:
        """Read ids after what the cache holds; logits (wanted, n_vocab) after each of the last `wanted` of them.

        Raises ValueError where the cache is full.
        """
        cache = self.new_cache(len(ids)) if cache is None else cache
        return self.read_many([(ids, cache, wanted)])[0]

    def read_many(self, parts: Sequence[tuple[Sequence[int], NativeCache, int]]) -> Sequence[Tensor]:
        """One pass over several answers, (ids, cache, wanted) each; what `read` gives for each."""
        tokens = [(token, cache, i >= len(ids) - wanted) for ids, cache, wanted in parts for i, token in enumerate(ids)]
        n = len(tokens)
        rows = (_Token * n)()
        for row, (token, kept, wanted) in zip(rows, tokens, strict=True):
            if kept.pos == kept.max_tokens:
                raise ValueError(f"more tokens than the cache's {kept.max_tokens} positions")
            if not 0 <= token < self.n_vocab:
                raise ValueError(f"token id {token}; the vocabulary ends at {self.n_vocab - 1}")
            row.cache, row.id, row.pos = kept.address, token, kept.pos
            row.max_tokens, row.wanted = kept.max_tokens, wanted
            kept.pos += 1
        logits = torch.empty(sum(wanted for _, _, wanted in parts), self.n_vocab)
        longest = max(row.max_tokens for row in rows)
        model = ctypes.addressof(self._model)
        scratch = torch.empty(self._library.fischgpt_scratch(model, n, longest, self.threads), dtype=torch.uint8)
        self._library.fischgpt_read(
            model, ctypes.addressof(rows), n, logits.data_ptr(), scratch.data_ptr(), self.threads, self._variant
        )
        return logits.split([wanted for _, _, wanted in parts])

    def _floats(self, tensor: Tensor) -> int:
        return self._weights.keep(tensor.detach().float().numpy())

    def _linear(self, weight: Tensor, bias: Tensor | None) -> _Linear:
        whole, scale = quantize_rows(weight)
        padded = _padded(whole, LANES)
        n, k = padded.shape
        blocks = padded.view(np.uint8) ^ 128  # whole + 128
        blocks = self._weights.keep(blocks.reshape(n // LANES, LANES, k // GROUP, GROUP).transpose(0, 2, 1, 3))
        return _Linear(blocks, *self._per_row(n, scale, whole.sum(1, dtype=np.int32), bias), None, n, k)

    def _linear_4(self, weight: Tensor, bias: Tensor | None) -> _Linear:
        codes, group, scale = quantize_groups(weight)
        sums = whole_numbers(codes, group).sum(1, dtype=np.int32)
        codes, group = _padded(codes, 1), _padded(group, 1)
        n, k = codes.shape
        # Eight columns of 16 rows lie in 64 bytes, the first four in the low halves.
        low, high = codes.reshape(n // LANES, LANES, k // 8, 2, GROUP).transpose(3, 0, 2, 1, 4)
        groups = self._weights.keep(group.reshape(n // LANES, LANES, -1).transpose(0, 2, 1))
        return _Linear(self._weights.keep(low | high << 4), *self._per_row(n, scale, sums, bias), groups, n, k)

    def _per_row(self, n: int, scale: np.ndarray, sums: np.ndarray, bias: Tensor | None) -> tuple[int, int, int]:
        """Addresses of the scale, the sum and the bias of each of n rows, those beyond the matrix' 0."""
        padded = [np.zeros(n, dtype=values.dtype) for values in (scale, sums, scale)]
        given = (scale, sums, 0 if bias is None else bias.detach().float().numpy())
        for row, values in zip(padded, given, strict=True):
            row[: len(scale)] = values
        scales, kept_sums, biases = map(self._weights.keep, padded)
        return scales, kept_sums, biases


class _Memory:
    """Arrays beside each other, in pieces that NumPy, from 4 MB on, asks the system to hold in pages of 2 MB: six
    tokens of the 124M model took 30.5 ms with them and 34.3 without, in turns on one core."""

    PIECE, PAGE, LINE = 2**25, 2**21, 64

    def __init__(self) -> None:
        self.nbytes = 0
        self._pieces: list[np.ndarray] = []
        self._at = self._end = 0

    def keep(self, values: np.ndarray) -> int:
        """The address of a copy, at a multiple of 64: no load of 64 bytes touches two lines of the cache."""
        room = -(-values.nbytes // self.LINE) * self.LINE
        if self._end - self._at < room:
            piece = np.empty(max(self.PIECE, room) + self.PAGE, dtype=np.uint8)  # no memory until it is written to
            self._pieces.append(piece)
            self._at = -(-piece.ctypes.data // self.PAGE) * self.PAGE
            self._end = piece.ctypes.data + piece.nbytes
        address = self._at
        start = address - self._pieces[-1].ctypes.data
        kept = self._pieces[-1][start : start + values.nbytes].view(values.dtype).reshape(values.shape)
        kept[...] = values
        self._at += room
        self.nbytes += values.nbytes
        return address


def _padded(values: np.ndarray, columns: int) -> np.ndarray:
    """Rows to a multiple of 16 and columns to one of `columns`, filled up with zeros."""
    size = [math.ceil(n / unit) * unit for n, unit in zip(values.shape, (LANES, columns), strict=True)]
    padded = np.zeros(size, dtype=values.dtype)
    padded[: values.shape[0], : values.shape[1]] = values
    return padded


def quantize_rows(weight: Tensor, most: int = 127) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) -> whole numbers from -most to most (n, k) int8, and scales (n,): weight is about whole * scale."""
    # NumPy, because torch's threads spin: on a machine with other work they made this several times slower.
    values = weight.detach().float().numpy()
    scale = np.abs(values).max(axis=1) / np.float32(most)
    whole = np.rint(values / np.maximum(scale, np.float32(1e-30))[:, None])
    return whole.astype(np.int8), scale


def quantize_groups(weight: Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(n, k), k a multiple of 16 -> codes from 0 to 15 (n, k), for each 16 of a row the byte zero << 4 | scale - 1
    (n, k / 16), both uint8, and fp32 scales (n,): weight is about `whole_numbers` * scale."""
    library = _library()
    assert library is not None
    values = np.ascontiguousarray(weight.detach().float().numpy())
    n, k = values.shape
    codes, group = np.empty((n, k), dtype=np.uint8), np.empty((n, k // LANES), dtype=np.uint8)
    scale = np.empty(n, dtype=np.float32)
    library.fischgpt_round4(values.ctypes.data, n, k, *(array.ctypes.data for array in (codes, group, scale)))
    return codes, group, scale


def whole_numbers(codes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """What codes and groups stand for: (n, k) int8."""
    scale, zero = (np.repeat(half.view(np.int8), LANES, axis=1) for half in ((group & 15) + np.uint8(1), group >> 4))
    return (codes.view(np.int8) - zero) * scale
