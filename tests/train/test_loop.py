"""What the loop learns, and what it refuses."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fischgpt.config import Recipe
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.train import loop, saving
from fischgpt.train.optim import Optimizer, learning_rate
from fischgpt.train.track import read_metrics

MakeRecipe = Callable[..., Recipe]


def test_the_loss_falls_and_fine_tuning_starts_from_it(recipe: MakeRecipe) -> None:
    loop.run(recipe("pretrain", "train.steps=80"), "pretrain", quiet=True)
    folder = Path(recipe().run)
    val = [row["loss"] for row in read_metrics(folder / "pretrain", "val")]
    assert val[0] == pytest.approx(math.log(320), abs=0.1)
    assert val[-1] < val[0] - 2
    last = loop.run(recipe("sft", "train.steps=30"), "sft", quiet=True)
    tuned = [row["loss"] for row in read_metrics(folder / "sft", "val")]
    assert tuned[-1] < tuned[0] - 1
    assert (last / "tokenizer.json").is_file()
    samples = read_metrics(folder / "sft", "samples")[-1]["samples"]
    assert samples and set(samples[0]) == {"prompt", "text"}


def test_gradient_accumulation_gives_the_gradient_of_the_whole_step(recipe: MakeRecipe, tmp_path: Path) -> None:
    losses = []
    for micro_batch in (1, 4):
        run = recipe(
            "pretrain", f"train.micro_batch={micro_batch}", "train.steps=6", f"run={tmp_path / str(micro_batch)}"
        )
        loop.run(run, "pretrain", quiet=True)
        losses.append([row["loss"] for row in read_metrics(Path(run.run) / "pretrain", "step")])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_loss_that_is_not_finite_stops_with_step_and_place(
    recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = GPT.loss, []

    def broken(self: GPT, *args: torch.Tensor, **more: object) -> torch.Tensor:
        calls.append(1)
        return real(self, *args, **more) * (math.nan if len(calls) > 20 else 1.0)  # type: ignore[arg-type]

    monkeypatch.setattr(GPT, "loss", broken)
    with pytest.raises(UserError, match=r"nan .* at step \d+ \(epoch 0, row \d+\)"):
        loop.run(recipe("pretrain"), "pretrain", quiet=True)


def test_a_recipe_that_cannot_work_is_refused(recipe: MakeRecipe) -> None:
    with pytest.raises(UserError, match=r"train\.tokens_per_step"):
        loop.run(recipe("pretrain", "train.tokens_per_step=100"), "pretrain", quiet=True)
    with pytest.raises(UserError, match="no pretrained weights"):
        loop.run(recipe("sft"), "sft", quiet=True)
    with pytest.raises(UserError, match=r"train\.init"):
        loop.run(recipe("sft", "train.init=/nowhere"), "sft", quiet=True)


def test_a_full_disk_leaves_the_run_going_and_the_old_checkpoint_standing(
    recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = saving.save_pretrained, []

    def full(*args: object, **more: object) -> None:
        calls.append(1)
        if len(calls) == 3:  # step 5, the best loss so far at step 10, and then step 10
            raise OSError(28, "No space left on device")
        real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(saving, "save_pretrained", full)
    last = loop.run(recipe("pretrain", "train.steps=15", "train.keep_last=9"), "pretrain", quiet=True)
    assert sorted(path.name for path in last.parent.glob("step-*")) == ["step-00000005", "step-00000015"]


def test_schedules() -> None:
    config = Recipe(run="x").optim
    config.lr, config.warmup_steps, config.min_lr_fraction = 1.0, 10, 0.1
    cosine = [learning_rate(step, 100, config) for step in range(101)]
    assert cosine[0] == pytest.approx(0.1) and cosine[9] == 1.0 and max(cosine) == 1.0
    assert cosine[55] == pytest.approx(0.55) and cosine[100] == pytest.approx(0.1)
    config.schedule, config.decay_fraction = "wsd", 0.2
    wsd = [learning_rate(step, 100, config) for step in range(101)]
    assert wsd[10:81] == [1.0] * 71 and wsd[90] == pytest.approx(0.55) and wsd[100] == pytest.approx(0.1)


def test_weight_decay_is_on_the_matrices_of_the_blocks_alone(recipe: MakeRecipe) -> None:
    made = recipe("pretrain", "optim.weight_decay=0.5")
    model = GPT(made.model)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    Optimizer(model, made.optim).step(0.1)
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed == {f"h.0.{name}.weight" for name in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")}


def test_metrics_are_one_json_object_a_line(recipe: MakeRecipe) -> None:
    loop.run(recipe("pretrain", "train.steps=10"), "pretrain", quiet=True)
    lines = (Path(recipe().run) / "pretrain/metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [json.loads(line)["step"] for line in lines if '"event": "step"' in line]
    assert steps == list(range(1, 11))
    environment = json.loads((Path(recipe().run) / "environment.json").read_text())
    assert environment["torch"] == torch.__version__ and environment["machine"]


def test_muon_makes_query_key_and_value_orthogonal_each_by_itself(recipe: MakeRecipe) -> None:
    """GPT-2 fuses them into one matrix; an update of the fused one would share one size among the three."""
    made = recipe("pretrain", "optim.kind=muon", "optim.weight_decay=0.0")
    model = GPT(made.model)
    fused = model.h[0].get_parameter("attn.c_attn.weight")
    before = fused.detach().clone()
    for scale, parameter in enumerate(model.parameters(), 1):
        parameter.grad = torch.randn_like(parameter) * scale
    assert fused.grad is not None
    fused.grad[:16] *= 100  # the queries' gradient alone is large
    Optimizer(model, made.optim).step(0.1)
    update = (fused.detach() - before).chunk(3)
    sizes = [torch.linalg.svdvals(part) / (0.1 * 0.2 * math.sqrt(16)) for part in update]
    assert all(float(size.min()) > 0.5 and float(size.max()) < 1.3 for size in sizes)


def test_embeddings_have_a_rate_of_their_own_and_may_decay(recipe: MakeRecipe) -> None:
    made = recipe("pretrain", "optim.embedding_lr_scale=3.0", "optim.decay_embeddings=true", "optim.weight_decay=0.5")
    model = GPT(made.model)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    Optimizer(model, made.optim).step(0.1)
    ratio = {name: (parameter / before[name]).nanmean().item() for name, parameter in model.named_parameters()}
    assert ratio["wte.weight"] == pytest.approx(1 - 0.3 * 0.5, abs=1e-4)
    assert ratio["h.0.mlp.c_fc.weight"] == pytest.approx(1 - 0.1 * 0.5, abs=1e-4)


def test_the_run_goes_back_past_data_that_keeps_being_bad(recipe: MakeRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches 13 to 15 are bad wherever they come: three skips, back to step 10, past them, and to the end."""
    real, draw = GPT.loss, loop._Training._draw
    drawn = []

    def note(self: Any, batches: Any) -> Any:
        batch = draw(self, batches)
        drawn.append(self.drawn)
        return batch

    def broken(self: GPT, *args: torch.Tensor, **more: object) -> torch.Tensor:
        bad = self.training and drawn and 13 <= drawn[-1] <= 15
        return real(self, *args, **more) * (math.nan if bad else 1.0)  # type: ignore[arg-type]

    monkeypatch.setattr(loop._Training, "_draw", note)
    monkeypatch.setattr(GPT, "loss", broken)
    made = recipe("pretrain", "train.steps=20")
    loop.run(made, "pretrain", quiet=True)
    folder = Path(made.run) / "pretrain"
    assert [row["step"] for row in read_metrics(folder, "step")] == list(range(1, 21))
    assert read_metrics(folder, "rollback") == [{"event": "rollback", "step": 13, "to": 10, "batches": 5}]
    assert drawn == [*range(1, 16), *range(16, 26)]
    assert json.loads((folder / "skipped.json").read_text()) == [{"step": 10, "from": 10, "to": 15, "at": 13}]


def test_the_best_weights_are_kept_as_they_occur(recipe: MakeRecipe) -> None:
    made = recipe("pretrain", "train.steps=40", "optim.lr=0.2", "optim.warmup_steps=0", "optim.grad_clip=1e9")
    scores = iter([0.3, 0.9, 0.5, 0.9])

    def hellaswag(*_: object) -> dict[str, float]:
        return {"acc_norm_token": next(scores), "acc_norm_token_stderr": 0.01}

    made.eval.hellaswag_every, made.eval.hellaswag_items = 10, 5
    loop.run(made, "pretrain", quiet=True, benchmarks={"hellaswag": hellaswag})
    folder = Path(made.run) / "pretrain"
    assert [row["step"] for row in read_metrics(folder, "best") if row["name"] == "hellaswag"] == [10, 20]
    assert [path.name for path in (folder / "checkpoints").glob("best-hellaswag-*")] == ["best-hellaswag-00000020"]
    val = {row["step"]: row["loss"] for row in read_metrics(folder, "val") if row["step"]}
    (best,) = (folder / "checkpoints").glob("best-loss-*")
    assert int(best.name[-8:]) == min(val, key=lambda step: val[step])
    assert not (best / "optimizer.safetensors").exists() and (best / "model.safetensors").is_file()


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler")
@pytest.mark.timeout(900)  # the compiler takes its time on a busy machine
def test_a_compiled_model_trains_the_same_and_survives_evaluation_and_sampling(
    recipe: MakeRecipe, tmp_path: Path
) -> None:
    """Rows of the step, of validation and of a growing sample have other shapes than the compiled step."""
    runs = [
        recipe("pretrain", "train.steps=12", f"train.compile={on}", f"run={tmp_path / on}") for on in ("true", "false")
    ]
    for run in runs:
        loop.run(run, "pretrain", quiet=True)
    compiled, eager = ([row["loss"] for row in read_metrics(Path(run.run) / "pretrain", "step")] for run in runs)
    assert compiled == pytest.approx(eager, rel=1e-4)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="here there is one")
def test_a_device_that_is_not_there_is_named(recipe: MakeRecipe) -> None:
    with pytest.raises(UserError, match="there is no mps device here"):
        loop.run(recipe("pretrain", "train.device=mps"), "pretrain", quiet=True)


def test_masked_documents_and_packed_conversations_train(recipe: MakeRecipe) -> None:
    loop.run(recipe("pretrain", "data.document_mask=true", "train.steps=5"), "pretrain", quiet=True)
    packed = recipe("sft", "data.pack=true", "train.steps=5")
    padded = recipe("sft", "data.pack=false", "train.steps=5", "train.init=" + packed.run, f"run={packed.run}-padded")
    losses = []
    for made in (packed, padded):
        loop.run(made, "sft", quiet=True)
        metrics = read_metrics(Path(made.run) / "sft" / "metrics.jsonl")
        losses.append([entry["loss"] for entry in metrics if entry["event"] == "step"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)  # the same conversations, only otherwise laid out
