"""The whole path, shrunken to seconds: local files for a corpus, a model of 20,000 parameters, no network."""

import json
import random
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM

from fischgpt import speedrun as module
from fischgpt.assistant.model import load_model
from fischgpt.config import load_recipe
from fischgpt.errors import UserError
from fischgpt.evals import hellaswag_items, profile_items
from fischgpt.evals.record import read_run
from fischgpt.publish.publish import publish
from fischgpt.speedrun import speedrun

STAGES = [
    "corpus, tokenizer, shards",
    "pretraining",
    "fine-tuning",
    "loss on held-out text",
    "HellaSwag",
    "questions about profiles",
    "export",
]


def write_recipe(folder: Path) -> Path:
    dice = random.Random(1)
    subjects, verbs, places = ["The ship", "A whale", "My aunt"], ["waits", "sings", "sleeps"], ["at sea", "in Bergen"]
    corpus = folder / "corpus"
    corpus.mkdir()
    for number in range(30):
        sentences = (f"{dice.choice(subjects)} {dice.choice(verbs)} {dice.choice(places)}." for _ in range(40))
        (corpus / f"{number}.txt").write_text(" ".join(sentences))
    chats = folder / "chats.jsonl"
    with chats.open("w") as out:
        for _ in range(40):
            place = dice.choice(places)
            turns = [
                ("system", f"[1] The ship waits {place}."),
                ("user", "Where?"),
                ("assistant", f"[1] It waits {place}."),
            ]
            out.write(json.dumps({"messages": [{"role": role, "content": text} for role, text in turns]}) + "\n")
    recipe = folder / "tiny.toml"
    recipe.write_text(f"""
run = "{folder / "run"}"
[model]
n_layer = 1
n_head = 2
n_embd = 32
block_size = 192
vocab_size = 320
[tokenizer]
kind = "bpe"
vocab_size = 300
[data]
sources = ["{corpus}"]
row_tokens = 32
val_fraction = 0.1
[train]
steps = 6
tokens_per_step = 128
micro_batch = 4
eval_every = 3
sample_every = 3
checkpoint_every = 3
[optim]
warmup_steps = 2
[eval]
val_tokens = 256
sample_tokens = 4
hellaswag_items = 2
[sft]
data.sources = ["{chats}"]
train.steps = 4
""")
    return recipe


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A HellaSwag item of our own, and one question about one built-in owner."""
    item = {"ind": 1, "activity_label": "Sailing", "ctx_a": "A ship", "ctx_b": "", "ctx": "A ship", "label": "1"}
    items = tmp_path / "items.jsonl"
    items.write_text(json.dumps(item | {"endings": ["waits.", "sings.", "sleeps.", "sinks."]}) + "\n")
    monkeypatch.setattr(hellaswag_items, "validation_file", lambda: items)
    monkeypatch.setattr(module, "PROFILE_QUESTIONS", 1)
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "turing").symlink_to(profile_items.SETS / "turing")
    monkeypatch.setattr(profile_items, "SETS", tmp_path / "sets")


def test_the_whole_path_gives_a_model_that_loads_exports_and_is_reported_and_goes_on_when_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, said = write_recipe(tmp_path), []
    run = speedrun(recipe, [], said.append)
    assert run == tmp_path / "run"
    stages = json.loads((run / "speedrun.json").read_text())
    assert [stage["stage"] for stage in stages] == STAGES
    assert all(stage["seconds"] > 0 for stage in stages)
    assert said[-2] == f"chat with it: fischgpt up --model {run}"
    table = said[-12:-3]
    assert [line for line in table if line.startswith("in all")], "the summary ends with the time of all stages"

    record = read_run(run)
    assert [phase.state for phase in record.phases] == ["done", "done"]
    assert set(record.evals) == {"loss", "hellaswag", "profile"}
    assert record.evals["hellaswag"]["items"] == 1
    assert record.evals["loss"]["bits_per_byte"] > 0
    assert load_model(run).config == load_recipe(recipe).model
    assert AutoModelForCausalLM.from_pretrained(run / "export").config.n_embd == 32
    report = (run / "report.md").read_text("utf-8")
    assert "Fine-tuning is done (4 steps)." in report and "stage pretraining" in report

    publishable: list[str] = []
    publish(run, "ada", dry_run=True, say=publishable.append)
    assert sum(line.startswith("\n== https") for line in publishable) == 2, (
        "the best validation loss, and the chat model"
    )
    shown = "\n".join(publishable)
    assert "left out: no best HellaSwag" in shown and "| chats.jsonl | your own files |" in shown
    assert str(tmp_path) not in shown

    # Again: nothing is measured twice; more steps: everything that hangs on them is.
    weights = (run / "export" / "model.safetensors").read_bytes()
    before = json.loads((run / "speedrun.json").read_text())
    with monkeypatch.context() as patch:
        for name in ("_loss", "_hellaswag", "_profile", "_export"):
            patch.setattr(module, name, lambda *_: pytest.fail("done twice"))
        said.clear()
        speedrun(recipe, [], said.append)
    assert json.loads((run / "speedrun.json").read_text()) == before
    assert sum("done before" in line for line in said) == len(STAGES)
    speedrun(recipe, ["train.steps=8"], said.append)
    assert [(phase.steps, phase.state) for phase in read_run(run).phases] == [(8, "done"), (8, "done")]
    assert (run / "export" / "model.safetensors").read_bytes() != weights


def test_a_stage_that_is_stopped_keeps_its_time_and_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> str:
        raise SystemExit(143)

    recipe, said = write_recipe(tmp_path), []
    with monkeypatch.context() as patch:
        patch.setattr(module, "_train", stopped)
        with pytest.raises(SystemExit):
            speedrun(recipe, [], said.append)
    kept = json.loads((tmp_path / "run" / "speedrun.json").read_text())
    assert [(stage["stage"], bool(stage["result"])) for stage in kept] == [(STAGES[0], True), (STAGES[1], False)]
    kept[1]["seconds"] = 1000.0
    (tmp_path / "run" / "speedrun.json").write_text(json.dumps(kept))
    with monkeypatch.context() as patch:
        patch.setattr(module, "_train", lambda recipe, phase: stopped() if phase == "sft" else "trained")
        with pytest.raises(SystemExit):
            speedrun(recipe, [], said.append)
    kept = json.loads((tmp_path / "run" / "speedrun.json").read_text())
    assert kept[1]["result"] == "trained" and kept[1]["seconds"] >= 1000


def test_a_hellaswag_that_cannot_be_had_is_said_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline() -> Path:
        raise UserError("HellaSwag: no network")

    monkeypatch.setattr(hellaswag_items, "validation_file", offline)
    monkeypatch.setattr(module, "_profile", lambda model: "not this time")
    said: list[str] = []
    run = speedrun(write_recipe(tmp_path), ["train.steps=2"], said.append)
    assert any("left out: HellaSwag: no network" in line for line in said)
    assert "hellaswag" not in read_run(run).evals
    monkeypatch.setattr(hellaswag_items, "validation_file", lambda: tmp_path / "items.jsonl")
    speedrun(tmp_path / "tiny.toml", ["train.steps=2"], said.append)  # and made up for as soon as it can be
    assert "hellaswag" in read_run(run).evals


def test_an_unknown_recipe_costs_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no recipe 'nonesuch'"):
        speedrun("nonesuch", [])
