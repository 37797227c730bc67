"""Export: a folder transformers opens with the same logits and tokens, whole or not there, with a truthful card."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from fischgpt import chat
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.config import DataConfig, GPTConfig, Recipe, TrainConfig, save_recipe
from fischgpt.errors import UserError
from fischgpt.evals.learned import read_learned
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.publish import hf
from fischgpt.publish.hf import export_hf, verify
from fischgpt.tokenizer import Tokenizer

TEXT = ["The ship sailed in 1851 from Nantucket, and nobody knew when it would come back. [1] [2]"] * 20
SECONDS = 90.0


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of a very small model, as the training leaves it."""
    run = tmp_path_factory.mktemp("runs") / "tiny"
    torch.manual_seed(3)
    tok = Tokenizer.train(TEXT, 300)
    model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=32, block_size=256, vocab_size=320)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(6)  # opinions: a fresh model's greedy tokens hang on the last bits of its logits
    for phase, sources in (("pretrain", ["sotu"]), ("sft", ["grounded"])):
        recipe = Recipe(run=str(run), model=model.config, data=DataConfig(sources=sources), train=TrainConfig(steps=10))
        save_recipe(recipe, run / phase / "recipe.toml")
        save_recipe(recipe, run / "recipe.toml")
        values = {"loss": 4.0, "lr": 1e-3, "tokens": 5120, "seconds": SECONDS, "tokens_per_second": 60.0}
        events = [{"event": "step", "step": 10, **values}, {"event": "val", "step": 10, "loss": 3.5}]
        (run / phase / "metrics.jsonl").write_text("\n".join(map(json.dumps, events)) + "\n")
        checkpoint = run / phase / "checkpoints" / "step-00000010"
        save_pretrained(model, checkpoint, n_vocab=tok.n_vocab)
        tok.save(checkpoint)
    return run


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    return export_hf(run, run / "export")


def greedy(model: GPT, ids: list[int], n: int, n_vocab: int) -> list[int]:
    new: list[int] = []
    with torch.inference_mode():
        for _ in range(n):
            new.append(int(model(torch.tensor([ids + new]))[0, -1, :n_vocab].argmax()))
    return new


def test_transformers_generates_the_same_greedy_tokens(run: Path, exported: Path) -> None:
    ours = load_pretrained(run / "sft" / "checkpoints" / "step-00000010")
    tok = Tokenizer.load(exported)
    theirs = AutoModelForCausalLM.from_pretrained(exported)
    for prompt in ("The ship", "nobody knew", "1851 [2] from"):
        ids = tok.encode(prompt)
        out = theirs.generate(torch.tensor([ids]), max_new_tokens=32, eos_token_id=None)[0].tolist()
        assert out == ids + greedy(ours, ids, 32, tok.n_vocab)


def test_transformers_renders_and_tokenizes_a_chat_as_we_do(exported: Path) -> None:
    turns = [Turn("system", "[1] Sailed in 1851."), Turn("user", "When did it <|user|> sail?")]
    theirs = AutoTokenizer.from_pretrained(exported)
    messages = [{"role": turn.role, "content": turn.text.replace("<|user|>", "")} for turn in turns]
    plain = [Turn(turn.role, turn.text.replace("<|user|>", "")) for turn in turns]
    ids = theirs.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert ids == chat.encode_prompt(Tokenizer.load(exported), plain)


def test_the_export_is_a_model_of_ours_too(exported: Path) -> None:
    model = load_model(exported)
    assert model.config.n_embd == 32 and model.card["trained_tokens"] == 2 * 5120


def test_the_record_of_the_run_ships_with_the_model_and_with_a_copy_of_it(exported: Path, tmp_path: Path) -> None:
    record = read_learned(exported)
    assert record is not None
    assert [(phase.name, phase.steps, phase.seconds) for phase in record.phases] == [
        ("pretrain", 10, SECONDS),
        ("sft", 10, SECONDS),
    ]
    alone = shutil.copytree(exported, tmp_path / "alone")
    assert read_learned(export_hf(alone, tmp_path / "again")) == record


def test_the_way_to_use_it_in_the_card_runs(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = (exported / "README.md").read_text("utf-8")
    code = re.findall(r"```python\n(.*?)```", card, re.DOTALL)[0].replace('"PATH"', repr(str(exported)))
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip()


def test_the_card_says_what_the_run_recorded(run: Path, tmp_path: Path) -> None:
    names = ("acc", "acc_norm", "acc_norm_token")
    hellaswag = {f"{name}{end}": value for name in names for end, value in (("", 0.2512), ("_stderr", 0.0043))}
    (run / "evals.json").write_text(json.dumps({"hellaswag": {"items": 10042, "items_in_set": 10042} | hellaswag}))
    (run / "environment.json").write_text(json.dumps({"processor": "Abacus 9"}))
    try:
        out = export_hf(run, tmp_path / "out", name="fischgpt-tiny")
    finally:
        (run / "evals.json").unlink()
        (run / "environment.json").unlink()
    card = (out / "README.md").read_text("utf-8")
    assert json.loads((out / "card.json").read_text())["name"] == load_model(out).name == "fischgpt-tiny"
    facts = (
        "# fischgpt-tiny",
        "sotu",
        "public domain",
        "grounded",
        "5,120",
        "3.5000",
        "1 min 30 s",
        "25.12 % ± 0.43",
        "Abacus 9",
        "## Limits",
    )
    for fact in facts:
        assert fact in card, fact
    head = yaml.safe_load(card.split("---")[1])
    assert head["license"] == "mit" and head["library_name"] == "transformers"
    metrics = head["model-index"][0]["results"][0]["metrics"]
    assert [metric["value"] for metric in metrics] == [25.12, 25.12]


def test_a_model_of_somebody_s_own_text_gets_no_licence_from_us(run: Path, tmp_path: Path) -> None:
    assert "MIT License" in (export_hf(run, tmp_path / "free") / "LICENSE").read_text("utf-8")
    recipe = (run / "pretrain" / "recipe.toml").read_text("utf-8")
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    (run / "pretrain" / "recipe.toml").write_text(recipe.replace('"sotu"', f'"{notes}"'))
    try:
        out = export_hf(run, tmp_path / "own")
    finally:
        (run / "pretrain" / "recipe.toml").write_text(recipe)
    assert not (out / "LICENSE").exists()
    card = (out / "README.md").read_text("utf-8")
    assert "license: other" in card and "| notes.txt | your own files |" in card
    for file in out.iterdir():  # where they lie is nobody's business
        assert str(tmp_path).encode() not in file.read_bytes(), file.name


def test_a_model_without_a_run_keeps_its_own_card(exported: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for file in exported.iterdir():
        (alone / file.name).write_bytes(file.read_bytes())
    (alone / "README.md").write_text("# by hand\n")
    again = export_hf(alone, tmp_path / "again")
    assert (again / "README.md").read_text("utf-8") == "# by hand\n" and (again / "LICENSE").exists()
    (alone / "README.md").unlink()
    card = (export_hf(alone, tmp_path / "bare") / "README.md").read_text("utf-8")
    assert "How it was trained is not recorded" in card


def test_a_folder_that_is_not_empty_is_left_alone(run: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(UserError, match="is not empty"):
        export_hf(run, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(UserError, match="is not empty"):
        export_hf(run, tmp_path / "mine.txt")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert (export_hf(run, empty) / "model.safetensors").exists()


def test_weights_that_came_out_wrong_are_refused_and_leave_nothing(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def careless(model: GPT, folder: Path, **how: Any) -> None:
        save_pretrained(model, folder, **how)
        tensors = load_file(folder / "model.safetensors")
        tensors["transformer.h.1.mlp.c_fc.weight"][0, 0] += 0.5
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    monkeypatch.setattr(hf, "save_pretrained", careless)
    with pytest.raises(UserError, match="give other logits"):
        export_hf(run, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_that_transformers_reads_otherwise_is_refused(
    run: Path, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((exported / name).read_bytes())
    model = load_pretrained(tmp_path)
    assert verify(model, tmp_path) < 1e-4
    monkeypatch.setattr(hf, "load_pretrained", lambda folder: model)  # ours would refuse it before
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"activation_function": "relu"}))
    with pytest.raises(UserError, match="give other logits"):
        verify(model, tmp_path)


def test_an_unknown_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nosuch"):
        export_hf("nosuch", tmp_path / "out")


def test_stored_in_16_bits_the_file_is_half_as_large_and_is_the_rounded_model(run: Path, exported: Path) -> None:
    half = export_hf(run, run / "half", "bfloat16")
    stored = load_file(half / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    for name, tensor in load_file(exported / "model.safetensors").items():
        assert torch.equal(stored[name], tensor.bfloat16()), name
    assert json.loads((half / "config.json").read_text())["n_embd"] == 32
