"""What MODEL may be, and what is said when it is something else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assistant_samples import write_model
from fischgpt.assistant.model import describe_model, load_model
from fischgpt.engine import SamplingParams
from fischgpt.errors import UserError


def test_a_model_folder_loads_and_writes_text(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "my model")
    info, model = describe_model(folder), load_model(folder)
    assert info.name == model.name == "my-model"
    assert info.n_params == sum(p.numel() for p in model.engine.model.parameters())
    pieces = list(model.stream(model.tokenizer.encode("She"), SamplingParams(max_tokens=9, temperature=1.0, seed=3)))
    assert len(pieces) == 9
    assert pieces[-1].finish == "length"


def test_describing_a_model_brings_no_compiler() -> None:
    code = "import sys; from fischgpt.assistant.model import describe_model; print(describe_model().n_params)"
    code += "; assert not {'torch._dynamo', 'sympy'} & set(sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(told) == load_model().engine.model.n_params


def test_text_is_whole_characters_although_tokens_are_bytes(tmp_path: Path) -> None:
    model = load_model(write_model(tmp_path))
    tokenizer = model.tokenizer

    class Say:
        def generate(self, prompt_ids, params, allow=None, cancelled=None):
            from fischgpt.engine import Sampled

            for id_ in [*tokenizer.encode("é🌉"), tokenizer.encode("🌉")[0], tokenizer.user, tokenizer.encode("x")[0]]:
                yield Sampled(id_, 0.0, None)

    object.__setattr__(model, "engine", Say())
    pieces = list(model.stream([1], SamplingParams()))
    assert "".join(piece.text for piece in pieces) == "é🌉\ufffd"  # half a character before the end
    assert [piece.text for piece in pieces].count("") > 2
    assert pieces[-1].finish == "stop"  # another turn's marker


def test_a_run_is_its_newest_checkpoint_of_the_last_phase(tmp_path: Path) -> None:
    run = tmp_path / "nano"
    for phase, steps in (("pretrain", (100, 900)), ("sft", (50, 200))):
        for step in steps:
            write_model(run / phase / "checkpoints" / f"step-{step:08d}")
    (run / "sft" / "checkpoints" / "step-00000300").mkdir()  # nothing in it
    (run / "sft" / "checkpoints" / "step-00000200" / "manifest.json").write_text('{"tokens": 1234, "step": 200}')
    (run / "recipe.toml").write_text("")
    info = describe_model(run)
    assert (info.name, info.trained_tokens) == ("nano-sft-200", 1234)
    assert describe_model(run / "pretrain").name == "nano-pretrain-900"
    assert describe_model(run / "sft" / "checkpoints" / "step-00000050").name == "nano-sft-50"
    best = run / "pretrain" / "checkpoints" / "best-loss-00000250"
    write_model(best)
    assert describe_model(best).folder == best.resolve() and describe_model(best).name == "nano-pretrain-best-loss-250"
    assert describe_model(run).name == "nano-sft-200"
    shutil.rmtree(run / "sft")
    assert describe_model(run).name == "nano-pretrain-900"


@pytest.mark.parametrize("spec", ["gpt5", "/no/such/folder"])
def test_an_unknown_model_is_told_what_it_may_be(spec: str) -> None:
    with pytest.raises(UserError, match="MODEL is 'mini'") as caught:
        describe_model(spec)
    assert spec in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_folder_and_a_run_without_checkpoint_say_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a run nor a model"):
        describe_model(tmp_path)
    (tmp_path / "recipe.toml").write_text("")
    with pytest.raises(UserError, match="no checkpoint yet"):
        describe_model(tmp_path)


@pytest.mark.parametrize("damage", ["truncate", "tokenizer", "shape", "vocabulary"])
def test_a_damaged_model_is_one_line_that_names_the_file(damage: str, tmp_path: Path) -> None:
    folder = write_model(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    match damage:
        case "truncate":
            data = (folder / "model.safetensors").read_bytes()
            (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
        case "tokenizer":
            (folder / "tokenizer.json").unlink()
        case "shape":
            (folder / "config.json").write_text(json.dumps(config | {"n_layer": 3}))
        case "vocabulary":
            (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 64}))
    with pytest.raises(UserError, match=str(tmp_path)) as caught:
        load_model(folder)
    assert "\n" not in str(caught.value)
