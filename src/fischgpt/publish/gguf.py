"""A model as one GGUF file for llama.cpp, Ollama and LM Studio, with a Modelfile beside it.

Written, read back, run in a real llama.cpp where one is installed, and only then put in its place.
"""

import importlib.util
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from fischgpt.assistant.model import ModelInfo, describe_model
from fischgpt.errors import UserError
from fischgpt.folders import new_folder
from fischgpt.model.gpt import GPT, LN_EPS, without_weights
from fischgpt.model.weights import load_pretrained
from fischgpt.publish.llama_cpp import LlamaCpp, compare, is_installed, round_as_llama_cpp
from fischgpt.publish.ollama import for_ollama
from fischgpt.tagged import load_tokenizer
from fischgpt.tokenizer import Tokenizer

GGUFType = Literal["f16", "q8_0", "q4_0"]
WIDEST_ERROR = {"f16": 0.001, "q8_0": 0.01, "q4_0": 0.15}
"""Largest allowed root mean square error of a stored tensor, relative to the tensor's own. Of normal weights: f16
0.0002, q8_0 0.0055, q4_0 0.09."""

# llama.cpp has no pattern of ours, but on a vocabulary trained with it GPT-2's gives the same ids: digits and brackets
# are alone in ours, so no merge holds one, whatever they are cut together with. The one exception is a bracket right
# before a contraction ("['s"): 29 of 1,500 texts made of such fragments, 1 of 1,500 lines of source code.
_PRE_TOKENIZER = "gpt-2"


def export_gguf(model: str | Path, out: str | Path, kind: GGUFType = "q8_0", name: str | None = None) -> Path:
    """Write a model (anything `--model` takes) as `NAME-KIND.gguf` with a Modelfile into the folder `out`; the file.

    Beside it `template` and `params`, which Ollama reads of a repository on the Hub. Only the ids in use are stored, so
    that the padding cannot be sampled. kind: matrices in 16, 8 or 4 bits a weight ("q4_0" keeps the embedding, which is
    also the output head, in 8); positions, biases and norms are in 32.

    The folder appears whole or not at all. Raises UserError if `out` is not new or empty, if the model cannot be loaded
    or stored so, or if the file, read back or run in llama.cpp, is not the model.
    """
    if importlib.util.find_spec("gguf") is None:
        raise UserError("export gguf needs the package gguf: pip install 'fischgpt[publish]'")
    info = describe_model(model)
    tokenizer, gpt = load_tokenizer(info.folder), load_pretrained(info.folder)
    file_name = f"{name or info.name}-{kind.upper()}.gguf"
    with new_folder(out) as folder:
        stored = _write(folder / file_name, info, gpt, tokenizer, kind)
        _check_reread(folder / file_name, stored)
        if is_installed():
            round_as_llama_cpp(stored, 16 if kind == "f16" else 8)
            with LlamaCpp(folder / file_name) as engine:
                compare(engine, stored, tokenizer)
        else:
            print("read back, but not run in llama.cpp: pip install xllamacpp for that", file=sys.stderr)
        for name, text in for_ollama(file_name, info.config, tokenizer).items():
            (folder / name).write_text(text, encoding="utf-8")
    return Path(out) / file_name


def _write(path: Path, info: ModelInfo, model: GPT, tokenizer: Tokenizer, kind: GGUFType) -> GPT:
    """Write the file; return the model that it holds: its weights as rounded, in fp32, without the padding."""
    import gguf

    config = info.config
    file_types = {"f16": "MOSTLY_F16", "q8_0": "MOSTLY_Q8_0", "q4_0": "MOSTLY_Q4_0"}
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_name(info.name)
    writer.add_context_length(config.block_size)
    writer.add_embedding_length(config.n_embd)
    writer.add_block_count(config.n_layer)
    writer.add_feed_forward_length(4 * config.n_embd)
    writer.add_head_count(config.n_head)
    writer.add_layer_norm_eps(LN_EPS)
    writer.add_file_type(gguf.LlamaFileType[file_types[kind]])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _add_tokenizer(writer, tokenizer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, config.n_layer)
    state = {}
    for own, tensor in model.state_dict().items():
        name = names.get_name(f"transformer.{own}", try_suffixes=(".weight", ".bias"))
        assert name is not None, own
        values = tensor.float().numpy()
        if own == "wte.weight":
            values = values[: tokenizer.n_vocab]
        form = _form(own, values, kind)
        data = gguf.quants.quantize(values, form)
        kept = gguf.quants.dequantize(data, form)
        error = float(np.sqrt(np.mean((kept - values) ** 2) / max(float(np.mean(values**2)), 1e-30)))
        if not error <= WIDEST_ERROR[kind]:
            raise UserError(f"{own} cannot be stored as {kind}: it changes by {100 * error:.1f} %; nothing exported")
        writer.add_tensor(name, data, raw_dtype=form)
        state[own] = torch.from_numpy(np.array(kept))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    shape = replace(config, vocab_size=tokenizer.n_vocab)
    stored = without_weights(shape)
    stored.load_state_dict(state, assign=True)
    return stored


def _add_tokenizer(writer, tokenizer: Tokenizer) -> None:
    import gguf

    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(folder)
        data = json.loads((Path(folder) / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = data["model"]["vocab"] | dict(zip(tokenizer.control, tokenizer.control_ids, strict=True))
    kinds = [gguf.TokenType.NORMAL] * tokenizer.eot + [gguf.TokenType.CONTROL] * len(tokenizer.control)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_PRE_TOKENIZER)
    writer.add_token_list(sorted(vocabulary, key=vocabulary.__getitem__))
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in data["model"]["merges"]])
    writer.add_bos_token_id(tokenizer.eot)
    writer.add_eos_token_id(tokenizer.eot)
    writer.add_pad_token_id(tokenizer.eot)
    writer.add_add_bos_token(False)
    if tokenizer.chat_template is not None:
        writer.add_chat_template(tokenizer.chat_template)


def _form(name: str, values: np.ndarray, kind: GGUFType):
    """How a tensor is stored: as the kind says if it is a matrix of a product, and whole blocks of 32 make a row."""
    import gguf

    types = gguf.GGMLQuantizationType
    if values.ndim < 2 or name == "wpe.weight":
        return types.F32
    if kind == "f16" or values.shape[-1] % 32:
        return types.F16
    return types.Q8_0 if kind == "q8_0" or name == "wte.weight" else types.Q4_0


def _check_reread(path: Path, stored: GPT) -> None:
    """Raises UserError unless the file, read again, holds exactly the tensors of `stored`."""
    import gguf

    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.GPT2, stored.config.n_layer)
    found = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for own, expected in stored.state_dict().items():
        tensor = found.pop(str(names.get_name(f"transformer.{own}", try_suffixes=(".weight", ".bias"))), None)
        if tensor is None or not np.array_equal(
            gguf.quants.dequantize(tensor.data, tensor.tensor_type), expected.numpy()
        ):
            raise UserError(f"the written file does not hold {own} as it was; nothing exported")
    if found:
        raise UserError(f"the written file holds {min(found)}, which the model does not; nothing exported")
