"""What the loop learns, and what it refuses."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fischgpt.config import Recipe
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.train import loop
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
    real, calls = loop.save_pretrained, []

    def full(*args: object, **more: object) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        real(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "save_pretrained", full)
    last = loop.run(recipe("pretrain", "train.steps=15", "train.keep_last=9"), "pretrain", quiet=True)
    assert sorted(path.name for path in last.parent.iterdir()) == ["step-00000005", "step-00000015"]


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
