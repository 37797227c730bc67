"""Weights on disk: a folder that Hugging Face transformers opens as `GPT2LMHeadModel`, both ways.

safetensors only. Hugging Face stores GPT-2's linear layers transposed (Conv1D) and the output head not at all, because
it is the token embedding.
"""

import json
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fischgpt.config import GPTConfig
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT, LN_EPS, without_weights

_TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
_PREFIX = "transformer."

# What a GPT-2 config may say besides its shape: the value this network computes with, and others that mean the same.
_SUPPORTED: dict[str, tuple[Any, ...]] = {
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "tie_word_embeddings": (True,),
    "add_cross_attention": (False,),
    "layer_norm_epsilon": (LN_EPS,),
}


def save_pretrained(
    model: GPT,
    folder: str | Path,
    n_vocab: int | None = None,
    dtype: torch.dtype | None = None,
    eot: int | None = None,
) -> None:
    """Write config.json, generation_config.json and model.safetensors for `GPT2LMHeadModel.from_pretrained(folder)`.

    n_vocab: ids the tokenizer uses; generation then stops at <|endoftext|> (`eot`, or the first of the four control
    tokens that close the vocabulary) and never samples the padding. dtype: store weights so (their own if not given).
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, parameter in model.state_dict().items():
        tensor = parameter.detach().to("cpu", dtype or parameter.dtype)
        tensors[_PREFIX + name] = (tensor.T if name.endswith(_TRANSPOSED) else tensor).contiguous()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_config(model.config, folder, n_vocab, dtype or model.wte.weight.dtype, eot)


def write_config(
    config: GPTConfig,
    folder: Path,
    n_vocab: int | None = None,
    dtype: torch.dtype = torch.float32,
    eot: int | None = None,
) -> None:
    """Write config.json and generation_config.json, as `save_pretrained` does."""
    eot = n_vocab - 4 if eot is None and n_vocab is not None else eot
    _write_json(folder / "config.json", _hf_config(config, eot, str(dtype).removeprefix("torch.")))
    generation: dict[str, Any] = {"do_sample": False}
    if n_vocab is not None:
        # Tied weights leave no bias to silence the padding with.
        padding = list(range(n_vocab, config.vocab_size))
        generation |= {"bos_token_id": eot, "eos_token_id": [eot], "pad_token_id": eot}
        generation |= {"suppress_tokens": padding} if padding else {}
    _write_json(folder / "generation_config.json", generation)


def load_pretrained(folder: str | Path) -> GPT:
    """The model in a folder of ours or of Hugging Face's, in fp32 on the CPU whatever the file's precision.

    Raises UserError naming the tensor, setting or file that is missing, unexpected, misshapen or damaged.
    """
    folder = Path(folder)
    config = read_config(folder)
    path = folder / "model.safetensors"
    if not path.is_file():
        raise UserError(_why_no_weights(folder))
    try:
        stored = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: damaged or not safetensors: {error}") from None
    model = without_weights(config)
    expected = model.state_dict()
    found = _own_names(path, stored)
    if missing := sorted(expected.keys() - found.keys()):
        raise UserError(f"{path}: lacks {_PREFIX}{missing[0]}{_and_more(missing)}")
    if unexpected := sorted(found.keys() - expected.keys()):
        raise UserError(f"{path}: has {unexpected[0]}, which GPT-2 does not{_and_more(unexpected)}")
    state = {}
    for name, like in expected.items():
        tensor = found[name]
        shape = tuple(reversed(like.shape)) if name.endswith(_TRANSPOSED) else tuple(like.shape)
        if tuple(tensor.shape) != shape:
            raise UserError(f"{path}: {_PREFIX}{name} is {tuple(tensor.shape)}; config.json makes it {shape}")
        if not tensor.is_floating_point():
            raise UserError(f"{path}: {_PREFIX}{name} holds {tensor.dtype}, not floating-point weights")
        # clone: load_file maps the file, and weights must outlive a file that is replaced.
        state[name] = (
            (tensor.T if name.endswith(_TRANSPOSED) else tensor).float().clone(memory_format=torch.contiguous_format)
        )
    model.load_state_dict(state, assign=True)
    return model


def read_config(folder: Path) -> GPTConfig:
    """The shape in a folder's config.json. Raises UserError for what is not a plain GPT-2."""
    path = folder / "config.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UserError(f"{folder}: no model here (config.json is missing)") from None
    except ValueError:
        raise UserError(f"{path}: damaged: not JSON") from None
    if not isinstance(data, dict):
        raise UserError(f"{path}: damaged: not a JSON object")
    if data.get("model_type") != "gpt2":
        raise UserError(f"{path}: model_type is {data.get('model_type')!r}; only gpt2 is supported")
    if "auto_map" in data:
        raise UserError(f"{path}: auto_map asks to run code that came with the weights; refused")
    for key, values in _SUPPORTED.items():
        if data.get(key, values[0]) not in values:
            raise UserError(f"{path}: {key} is {data[key]!r}; only {values[0]!r} is supported")
    names = {"block_size": "n_positions"}
    shape = {}
    for key in ("n_layer", "n_head", "n_embd", "block_size", "vocab_size"):
        stored = names.get(key, key)
        if not isinstance(data.get(stored), int) or isinstance(data[stored], bool):
            raise UserError(f"{path}: {stored} is {data.get(stored)!r}, not a whole number")
        shape[key] = data[stored]
    if data.get("n_inner") not in (None, 4 * data["n_embd"]):
        raise UserError(f"{path}: n_inner is {data['n_inner']!r}; only 4 x n_embd is supported")
    try:
        return GPTConfig(**shape)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{path}: {key} {first['msg'].removeprefix('Value error, ')}".replace("  ", " ")) from None


def _own_names(path: Path, stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors without prefix, without what old files also hold: the causal mask, and the output head where tied."""
    found = {}
    for name, tensor in stored.items():
        own = name.removeprefix(_PREFIX)
        if own == "lm_head.weight":
            embedding = stored.get(_PREFIX + "wte.weight", stored.get("wte.weight"))
            if embedding is None or not torch.equal(tensor, embedding):
                raise UserError(f"{path}: lm_head.weight differs from wte.weight; only a tied head is supported")
        elif not own.endswith((".attn.bias", ".attn.masked_bias")):
            found[own] = tensor
    return found


def _why_no_weights(folder: Path) -> str:
    if any(folder.glob("*.bin")) or any(folder.glob("*.pt")):
        return f"{folder}: its weights are a pickle, which can run code; only model.safetensors is loaded"
    if (folder / "model.safetensors.index.json").is_file():
        return f"{folder}: weights in several files are not supported; save them as one model.safetensors"
    return f"{folder}: model.safetensors is missing"


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _hf_config(config: GPTConfig, eot: int | None, dtype: str) -> dict[str, Any]:
    ids = {} if eot is None else dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), eot)
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "n_inner": None,
        "n_positions": config.block_size,
        "n_ctx": config.block_size,  # transformers 5 no longer writes it; llama.cpp's converter reads it
        "vocab_size": config.vocab_size,
        "layer_norm_epsilon": LN_EPS,
        "initializer_range": 0.02,
        "resid_pdrop": 0.0,
        "embd_pdrop": 0.0,
        "attn_pdrop": 0.0,
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
        "tie_word_embeddings": True,
        "use_cache": True,
        "torch_dtype": dtype,
        **ids,
    }


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
