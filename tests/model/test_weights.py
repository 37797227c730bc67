"""Weights on disk: transformers and this package read each other's folders; anything else is refused by name."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import GPT2Config, GPT2LMHeadModel

from fischgpt.config import GPTConfig
from fischgpt.errors import UserError
from fischgpt.model import GPT, load_pretrained, save_pretrained

SHAPES = [
    GPTConfig(n_layer=1, n_head=1, n_embd=8, block_size=16, vocab_size=64),
    GPTConfig(n_layer=3, n_head=4, n_embd=48, block_size=64, vocab_size=320),
    GPTConfig(n_layer=2, n_head=5, n_embd=320, block_size=40, vocab_size=1024),
    GPTConfig(n_layer=5, n_head=2, n_embd=64, block_size=128, vocab_size=517),
]
EACH_SHAPE = pytest.mark.parametrize("config", SHAPES, ids=lambda c: f"{c.n_layer}x{c.n_embd}")
CONFIG = SHAPES[1]


def shaken(module: torch.nn.Module) -> None:
    """Move every parameter, biases and norms too, so that a mixed-up pair of them shows."""
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn_like(parameter)


def a_model(config: GPTConfig = CONFIG) -> GPT:
    model = GPT(config)
    shaken(model)
    return model


def hf_model(config: GPTConfig) -> GPT2LMHeadModel:
    torch.manual_seed(3)
    hf_config = GPT2Config(
        n_layer=config.n_layer,
        n_head=config.n_head,
        n_embd=config.n_embd,
        n_positions=config.block_size,
        vocab_size=config.vocab_size,
    )
    model = GPT2LMHeadModel(hf_config).eval()
    shaken(model)
    return model


def some_ids(config: GPTConfig) -> torch.Tensor:
    return torch.randint(config.vocab_size, (2, config.block_size), generator=torch.Generator().manual_seed(5))


@EACH_SHAPE
def test_what_we_save_transformers_computes_alike(config: GPTConfig, tmp_path: Path) -> None:
    model, idx = a_model(config), some_ids(config)
    save_pretrained(model, tmp_path)
    hf, info = GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"]
    with torch.inference_mode():
        assert (hf.eval()(idx).logits - model(idx)).abs().max() < 1e-4


@EACH_SHAPE
def test_what_transformers_saves_we_compute_alike(config: GPTConfig, tmp_path: Path) -> None:
    hf, idx = hf_model(config), some_ids(config)
    hf.save_pretrained(tmp_path)
    model = load_pretrained(tmp_path)
    assert model.config == config
    with torch.inference_mode():
        assert (hf(idx).logits - model(idx)).abs().max() < 1e-4


def test_a_round_trip_is_bit_exact(tmp_path: Path) -> None:
    model = a_model()
    save_pretrained(model, tmp_path)
    again = load_pretrained(tmp_path)
    state = again.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert all(p.requires_grad and p.is_contiguous() and p.dtype == torch.float32 for p in again.parameters())


def test_a_loaded_model_trains(tmp_path: Path) -> None:
    save_pretrained(a_model(), tmp_path)
    model, idx = load_pretrained(tmp_path), some_ids(CONFIG)
    model.loss(idx, idx).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_loaded_weights_outlive_their_file(tmp_path: Path) -> None:
    model = a_model()
    save_pretrained(model, tmp_path)
    again = load_pretrained(tmp_path)
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.write(b"\xff" * (tmp_path / "model.safetensors").stat().st_size)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_files_load_as_fp32(dtype: torch.dtype, tmp_path: Path) -> None:
    model = a_model()
    save_pretrained(model, tmp_path, dtype=dtype)
    assert json.loads((tmp_path / "config.json").read_text())["torch_dtype"] == str(dtype).removeprefix("torch.")
    assert {t.dtype for t in load_file(tmp_path / "model.safetensors").values()} == {dtype}
    for loaded, own in zip(load_pretrained(tmp_path).parameters(), model.parameters(), strict=True):
        assert loaded.dtype == torch.float32
        assert torch.equal(loaded, own.to(dtype).float())
    assert all(p.dtype == torch.float32 for p in model.parameters())
    assert GPT2LMHeadModel.from_pretrained(tmp_path, dtype="auto").dtype == dtype


def test_the_folder_is_what_other_programs_expect(tmp_path: Path) -> None:
    save_pretrained(a_model(), tmp_path, n_vocab=300)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
        assert "lm_head.weight" not in set(file.keys())
        assert file.get_tensor("transformer.h.0.attn.c_attn.weight").shape == (48, 144)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["n_ctx"] == config["n_positions"] == 64
    assert config["eos_token_id"] == config["bos_token_id"] == config["pad_token_id"] == 296
    generation = json.loads((tmp_path / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [296]
    assert generation["suppress_tokens"] == list(range(300, 320))


def test_transformers_never_samples_the_padding(tmp_path: Path) -> None:
    save_pretrained(GPT(CONFIG), tmp_path, n_vocab=200)
    hf = GPT2LMHeadModel.from_pretrained(tmp_path)
    torch.manual_seed(0)
    prompt = torch.zeros(40, 1, dtype=torch.long)
    out = hf.generate(prompt, attention_mask=torch.ones_like(prompt), do_sample=True, max_new_tokens=20, top_k=0)
    assert out.max() < 200


def test_names_without_prefix_and_old_buffers_load(tmp_path: Path) -> None:
    model = a_model()
    save_pretrained(model, tmp_path)
    path = tmp_path / "model.safetensors"
    old = {name.removeprefix("transformer."): tensor for name, tensor in load_file(path).items()}
    old |= {f"h.{i}.attn.bias": torch.ones(1, 1, 64, 64).tril() for i in range(3)}
    old |= {"h.0.attn.masked_bias": torch.tensor(-1e4), "lm_head.weight": old["wte.weight"].clone()}
    save_file(old, path)
    again = load_pretrained(tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))


Edit = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda t: t.pop("transformer.h.1.ln_2.bias"), r"lacks transformer\.h\.1\.ln_2\.bias$"),
        (lambda t: [t.pop(k) for k in list(t) if ".h.2." in k], r"lacks transformer\.h\.2\.\S+ \(and 11 more\)"),
        (lambda t: t.update(extra=torch.zeros(1)), r"has extra, which GPT-2 does not"),
        (lambda t: t.update({"lm_head.weight": torch.zeros(320, 48)}), r"lm_head\.weight differs"),
        (lambda t: t.update({"transformer.wpe.weight": torch.zeros(32, 48)}), r"wpe\.weight is \(32, 48\).*\(64, 48\)"),
        (
            lambda t: t.update({"transformer.h.0.mlp.c_fc.weight": torch.zeros(192, 48)}),
            r"h\.0\.mlp\.c_fc\.weight is \(192, 48\).*\(48, 192\)",
        ),
        (
            lambda t: t.update({"transformer.ln_f.bias": torch.zeros(48, dtype=torch.int32)}),
            r"ln_f\.bias holds torch\.int32",
        ),
    ],
)
def test_wrong_tensors_are_named(edit: Edit, message: str, tmp_path: Path) -> None:
    save_pretrained(a_model(), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    edit(tensors)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=message):
        load_pretrained(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "llama"}, "model_type is 'llama'; only gpt2"),
        ({"model_type": None}, "model_type is None"),
        ({"auto_map": {"AutoModel": "evil.py"}}, "auto_map asks to run code"),
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
        ({"activation_function": "gelu"}, "activation_function is 'gelu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx is True"),
        ({"scale_attn_weights": False}, "scale_attn_weights is False"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings is False"),
        ({"layer_norm_epsilon": 1e-6}, "layer_norm_epsilon is 1e-06"),
        ({"n_inner": 100}, "n_inner is 100"),
        ({"n_layer": "three"}, "n_layer is 'three', not a whole number"),
        ({"n_positions": None}, "n_positions is None"),
        ({"n_layer": True}, "n_layer is True"),
        ({"n_head": 7}, "n_embd 48 is not divisible by n_head 7"),
        ({"n_layer": 0}, "n_layer"),
    ],
)
def test_unsupported_configs_are_named(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    save_pretrained(a_model(), tmp_path)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UserError, match=message):
        load_pretrained(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "\xff"])
def test_a_damaged_config_is_named(text: str, tmp_path: Path) -> None:
    save_pretrained(a_model(), tmp_path)
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"config\.json: damaged"):
        load_pretrained(tmp_path)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    save_pretrained(a_model(), tmp_path)
    path = tmp_path / "model.safetensors"
    raw = path.read_bytes()
    for size in (0, 4, 8, 100, len(raw) // 2, len(raw) - 1):
        path.write_bytes(raw[:size])
        with pytest.raises(UserError, match=r"model\.safetensors: damaged"):
            load_pretrained(tmp_path)
    for junk in (b"\xff" * 100, raw[:8] + b"x" * (len(raw) - 8), raw + b"more"):
        path.write_bytes(junk)
        with pytest.raises(UserError, match=r"model\.safetensors: damaged"):
            load_pretrained(tmp_path)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no model here \(config\.json is missing\)"):
        load_pretrained(tmp_path / "nowhere")
    save_pretrained(a_model(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        load_pretrained(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(UserError, match="weights in several files"):
        load_pretrained(tmp_path)


class _Bomb:
    """What a hostile pickle does: run code as it is read."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "model.safetensors"])
def test_a_pickle_is_never_opened(name: str, tmp_path: Path) -> None:
    save_pretrained(a_model(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    canary = tmp_path / "canary"
    (tmp_path / name).write_bytes(pickle.dumps(_Bomb(canary)))
    with pytest.raises(UserError, match=r"pickle|damaged"):
        load_pretrained(tmp_path)
    assert not canary.exists()
