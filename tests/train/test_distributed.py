"""Many processes train what one process trains. Two to four real gloo ranks on this machine."""

import math
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fischgpt.config import Phase, Recipe, save_recipe
from fischgpt.evals.hellaswag import METRICS, HellaSwag
from fischgpt.evals.hellaswag_items import Item
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained
from fischgpt.resources import sha256_file
from fischgpt.train import loop
from fischgpt.train.parallel import Tree
from fischgpt.train.track import read_metrics
from ports import free_port

MakeRecipe = Callable[..., Recipe]
CONSTANT = "optim.min_lr_fraction=1"
"""After warm-up one rate, so that runs of different lengths take the same steps."""
fork = multiprocessing.get_context("fork")  # after torch is imported: starting Python anew costs seconds a rank


def train(
    recipe: Recipe,
    ranks: int = 1,
    phase: Phase = "pretrain",
    spoil: Callable[[int], None] | None = None,
    benchmarks: dict[str, Any] | None = None,
) -> None:
    """As torchrun would: one process a rank, told who it is by the environment."""
    port = free_port()

    def rank(number: int) -> None:
        torch.set_num_threads(1)
        if ranks > 1:
            who = {"RANK": number, "LOCAL_RANK": number, "WORLD_SIZE": ranks, "MASTER_PORT": port}
            os.environ.update({key: str(value) for key, value in who.items()} | {"MASTER_ADDR": "127.0.0.1"})
        if spoil:
            spoil(number)
        loop.run(recipe, phase, lambda progress: None, quiet=True, benchmarks=benchmarks)

    processes = [fork.Process(target=rank, args=(number,)) for number in range(ranks)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(240)
    assert [process.exitcode for process in processes] == [0] * ranks


def losses(recipe: Recipe, phase: Phase = "pretrain", event: str = "step") -> list[float]:
    return [row["loss"] for row in read_metrics(Path(recipe.run) / phase, event)]


def weights(recipe: Recipe) -> dict[str, str]:
    last = max((Path(recipe.run) / "pretrain/checkpoints").glob("step-*"))
    return {file.name: sha256_file(file) for file in last.glob("*.safetensors")}


@pytest.fixture
def runs(recipe: MakeRecipe, tmp_path: Path) -> MakeRecipe:
    """runs("name", "train.steps=3"): the small run in a folder of that name."""
    return lambda name, *more, phase="pretrain": recipe(phase, f"run={tmp_path / name}", *more)


def test_two_ranks_give_the_losses_of_one_process(runs: MakeRecipe) -> None:
    one, two = runs("one"), runs("two")
    train(one)
    train(two, 2)
    assert losses(one)[-1] < losses(one)[0] - 1
    assert losses(two) == pytest.approx(losses(one), rel=1e-4)
    assert losses(two, event="val") == pytest.approx(losses(one, event="val"), rel=1e-4)
    one, two = runs("one", phase="sft"), runs("two", phase="sft")
    train(one, 1, "sft")
    train(two, 2, "sft")
    assert losses(two, "sft") == pytest.approx(losses(one, "sft"), rel=1e-4)


def test_deterministic_gives_the_same_bits_on_any_number_of_ranks(runs: MakeRecipe) -> None:
    made = {ranks: runs(str(ranks), "train.deterministic=true", "train.micro_batch=1") for ranks in (1, 2, 4)}
    for ranks, recipe in made.items():
        train(recipe, ranks)
    assert weights(made[1]) == weights(made[2]) == weights(made[4])
    assert losses(made[1]) == losses(made[2]) == losses(made[4])
    assert losses(made[1], event="val") == losses(made[4], event="val")


def test_deterministic_run_may_change_its_number_of_ranks(runs: MakeRecipe) -> None:
    same = ("train.deterministic=true", CONSTANT)
    for ranks, steps in ((1, 10), (2, 20), (1, 30)):
        train(runs("moved", *same, f"train.steps={steps}"), ranks)
    train(runs("steady", *same, "train.steps=30"))
    assert weights(runs("moved")) == weights(runs("steady"))


def test_ranks_that_do_not_divide_the_step_work_too(runs: MakeRecipe) -> None:
    one, three = runs("one", "train.micro_batch=1"), runs("three", "train.micro_batch=1")  # 4 rows on 3 ranks
    train(one)
    train(three, 3)
    assert losses(three) == pytest.approx(losses(one), rel=1e-4)


def test_sharded_weights_train_save_and_load_as_whole_ones(runs: MakeRecipe) -> None:
    train(runs("one", CONSTANT, "train.steps=30"))
    train(runs("two", CONSTANT, "train.parallel=fsdp", "train.steps=10"), 2)
    train(runs("two", CONSTANT, "train.parallel=fsdp", "train.steps=20"), 2)  # goes on from its own checkpoint
    train(runs("two", CONSTANT, "train.steps=30"))  # and so does one process
    assert losses(runs("two")) == pytest.approx(losses(runs("one")), rel=1e-4)


def test_ranks_share_a_benchmark_and_agree_on_its_result(runs: MakeRecipe) -> None:
    endings = ("The cat sat here.", "here The owl.", "sat sat sat", "The dog ran here. The")
    items = [Item(n, "Animals", f"The {name}", "", f"The {name}", endings, n % 4) for n, name in enumerate("abcdefg")]
    measured = []
    for name, ranks in (("one", 1), ("two", 2)):
        made = runs(name, "train.steps=20", "eval.hellaswag_every=10", "eval.hellaswag_items=7")
        train(made, ranks, benchmarks={"hellaswag": HellaSwag(items)})
        measured.append(read_metrics(Path(made.run) / "pretrain", "hellaswag"))
        assert len(list((Path(made.run) / "pretrain/checkpoints").glob("best-hellaswag-*"))) == 1
    for one, two in zip(*measured, strict=True):
        assert one["items"] == two["items"] == 7
        assert all(one[name] == two[name] for pair in METRICS.values() for name in pair)


def test_a_bad_number_on_one_rank_is_skipped_on_all(runs: MakeRecipe) -> None:
    real = GPT.loss

    def spoil(rank: int) -> None:
        calls = []

        def broken(self: GPT, *args: Any, **more: Any) -> torch.Tensor:
            calls.append(1)
            return real(self, *args, **more) * (math.nan if len(calls) == 12 else 1.0)

        if rank == 1:
            GPT.loss = broken  # type: ignore[method-assign]

    two = runs("two", "train.steps=30")
    train(two, 2, spoil=spoil)
    skipped = read_metrics(Path(two.run) / "pretrain", "skipped")
    assert len(skipped) == 1 and "epoch 0, row" in skipped[0]["position"]
    assert all(map(math.isfinite, losses(two))) and len(losses(two)) == 30
    weights = load_pretrained(max(Path(two.run).glob("pretrain/checkpoints/step-*")))
    assert all(parameter.isfinite().all() for parameter in weights.parameters())


def test_torchrun_starts_the_command(runs: MakeRecipe, tmp_path: Path) -> None:
    recipe = runs("torchrun", "train.steps=6")
    save_recipe(recipe, tmp_path / "recipe.toml")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, "-m", "fischgpt", "pretrain", tmp_path / "recipe.toml"],
        capture_output=True,
        text=True,
        timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": "src"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("step-00000006") and done.stdout.count("\n") == 1
    assert "in 2 processes" in done.stderr


def test_the_tree_adds_in_an_order_that_depends_on_the_count_alone() -> None:
    """A tree over the halves' trees is the tree over the whole, to the bit; a plain running sum is not."""
    torch.manual_seed(0)
    terms = list(torch.randn(13, 1000) * torch.logspace(-4, 4, 13)[:, None])
    for count in range(1, 14):
        whole, halves, per_half = Tree(), Tree(), max(1, (1 << (count - 1).bit_length()) // 2)
        for term in terms[:count]:
            whole.add([term.clone()])
        for start in range(0, count, per_half):
            half = Tree()
            for term in terms[start : min(count, start + per_half)]:
                half.add([term.clone()])
            halves.add(half.total())
        assert torch.equal(whole.total()[0], halves.total()[0]), count
    assert not torch.equal(sum(terms[1:], terms[0]), _tree(terms))


def _tree(terms: list[torch.Tensor]) -> torch.Tensor:
    tree = Tree()
    for term in terms:
        tree.add([term.clone()])
    return tree.total()[0]
