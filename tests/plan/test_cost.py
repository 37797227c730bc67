"""What a plan says against figures that were seen, and what it warns of."""

import json
from pathlib import Path

import pytest

from fischgpt.errors import UserError
from fischgpt.plan.cost import make_plan
from fischgpt.plan.kinds import Option, Plan
from fischgpt.plan.text import format_plan

ORIGINAL = [  # the original FischGPT's run, which was not compiled
    "train.steps=80_000", "train.tokens_per_step=524_288", "train.compile=false", "train.micro_batch=64",
    "optim.kind=adamw", "eval.val_tokens=10_485_760", "train.eval_every=250", "eval.hellaswag_every=0",
]  # fmt: skip


def planned(*overrides: str, gpu: str = "A100", count: int = 8, price: float | None = None) -> tuple[Plan, Option]:
    plan = make_plan("gpt2-124m", overrides, gpu, count, price)
    return plan, plan.options[0]


def test_the_original_run_is_foreseen() -> None:
    """8 x A100, 41.9B tokens at 1.2M tokens/s: 9.7 h of training; 12 h and $208.74 were paid, 19 % of it for stops."""
    plan, option = planned(*ORIGINAL, price=208.74 / 12 / 8)
    training = option.phases[0]
    assert plan.parameters / 1e6 == pytest.approx(124.5, abs=0.1)
    assert plan.flops_per_token / 1e6 == pytest.approx(855, abs=1)
    assert training.tokens == pytest.approx(41.9e9, rel=0.002)
    assert option.tokens_per_second == pytest.approx(1.2e6, rel=0.02)
    assert training.training / 3600 == pytest.approx(9.7, rel=0.02)
    assert 0.01 < training.stops / training.seconds < 0.06, "our stops must cost far less than the original's 19 %"
    assert option.usd is not None and 0.8 * 208.74 < option.usd < 208.74
    assert any("compile" in warning for warning in option.warnings)


def test_compiling_takes_the_original_run_down_to_what_llm_c_took() -> None:
    """llm.c on the same machine: 1.75M tokens/s, so 41.9B tokens in 6.7 h and $95 at $14.32 an hour."""
    _, option = planned(*ORIGINAL, "train.compile=true")
    assert option.tokens_per_second == pytest.approx(1.75e6, rel=0.02)
    assert option.phases[0].training / 3600 * 14.32 == pytest.approx(95, rel=0.02)


def test_eight_h100_are_as_fast_as_they_were_seen() -> None:
    _, option = planned("train.compile=true", gpu="H100")
    assert option.tokens_per_second == pytest.approx(3.70e6, rel=0.02)
    assert option.usd_per_hour == pytest.approx(24)


@pytest.mark.parametrize(
    ("overrides", "gpu", "count", "said"),
    [
        (["train.micro_batch=4096", "train.tokens_per_step=4_194_304"], "4090", 1, "rows want"),
        (["train.tokens_per_step=525_000"], "H100", 1, "no multiple of a row"),
        (["train.micro_batch=48"], "H100", 8, "is waiting"),
        (["optim.warmup_steps=80_000"], "H100", 1, "warm-up"),
        (["data.sources=['fineweb-edu-10BT']", "train.steps=90_000"], "H100", 1, "4.7 epochs"),
        (["eval.hellaswag_items=10_042", "eval.hellaswag_every=10"], "H100", 8, "HellaSwag takes"),
        (["eval.eval_every=5"], "H100", 1, "validation takes"),
        (["train.checkpoint_every=20_000"], "H100", 1, "a kill costs"),
        (["model.n_embd=384"], "H100", 1, "does not fill a GPU"),
        ([], "H100", 16, "several machines"),
    ],
)
def test_it_warns_of_what_an_engineer_would_catch(overrides: list[str], gpu: str, count: int, said: str) -> None:
    overrides = [override.replace("eval.eval_every", "train.eval_every") for override in overrides]
    plan, option = planned("train.compile=true", *overrides, gpu=gpu, count=count)
    assert any(said in warning for warning in plan.warnings + option.warnings), plan.warnings + option.warnings


def test_a_sound_recipe_is_not_warned_of() -> None:
    plan, option = planned(
        "train.compile=true", "data.sources=['fineweb-edu-100BT']", "train.micro_batch=auto", gpu="H100"
    )
    assert plan.warnings + option.warnings == []


def test_micro_batch_auto_is_the_most_that_fits_and_divides_a_gpus_rows() -> None:
    _, option = planned("train.micro_batch=auto", gpu="4090", count=1)
    assert option.micro_batch <= option.largest_micro_batch < 512 and 512 % option.micro_batch == 0
    _, option = planned("train.micro_batch=auto", "train.tokens_per_step=98304", gpu="H100")
    assert option.micro_batch == 12  # 96 rows on 8


def test_every_device_is_planned_and_the_whole_is_json() -> None:
    plan = make_plan("gpt2-124m", measure=False)
    assert {"1 x A100-80", "8 x H200", "1 x M4-Max"} <= {f"{o.count} x {o.device}" for o in plan.options}
    read = json.loads(json.dumps(plan.as_dict()))
    assert read["options"][0]["hours"] > 0
    table = format_plan(plan)
    assert "8 x H100" in table and "estimated" in table


def test_the_machine_at_hand_is_measured(tmp_path: Path) -> None:
    """A model of one layer, so that it takes a second."""
    small = ["model.n_layer=1", "model.n_embd=32", "model.n_head=2", "model.vocab_size=512", "model.block_size=64"]
    plan = make_plan("nano", [*small, "data.row_tokens=64", f"run={tmp_path}"], gpu="here", seconds=0.2)
    option = plan.options[0]
    assert option.seen == "measured here" and 0 < option.mfu < 1
    assert option.usd is None and "hours" in format_plan(plan)


def test_an_unknown_gpu_is_named_with_those_there_are() -> None:
    with pytest.raises(UserError, match="no GPU 'V100'; known: A100-80, H100"):
        make_plan("gpt2-124m", gpu="V100")
