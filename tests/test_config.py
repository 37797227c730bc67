"""Recipes: what is written is what is read; what is wrong is named with the way out."""

from pathlib import Path

import pytest

from fischgpt.config import Recipe, load_recipe, save_recipe
from fischgpt.errors import UserError

TOML = """
run = "runs/x"
[model]
n_layer = 2
n_head = 2
n_embd = 8
[train]
steps = 100
[optim]
lr = 1e-3
[sft.train]
steps = 7
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "x.toml"
    file.write_text(TOML)
    return file


def test_sft_table_is_laid_over_the_rest_and_overrides_win(path: Path) -> None:
    assert load_recipe(path).train.steps == 100
    sft = load_recipe(path, phase="sft")
    assert (sft.train.steps, sft.optim.lr, sft.model.n_layer) == (7, 1e-3, 2)
    assert load_recipe(path, ["train.steps=3"], "sft").train.steps == 3


def test_resolved_recipe_reads_back_equal(path: Path, tmp_path: Path) -> None:
    recipe = load_recipe(path, ["run=/elsewhere", "data.sources=['a', 'b*2']"])
    save_recipe(recipe, tmp_path / "deep" / "resolved.toml")
    assert load_recipe(tmp_path / "deep" / "resolved.toml") == recipe


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("train.stps=3", "did you mean train.steps?"),
        ("trian.steps=3", "did you mean train?"),
        ("train=3", "train is a table"),
        ("train.steps", "not of the form key=value"),
        ("train.steps=many", "train.steps: Input should be a valid integer"),
        ("train.steps=0", "train.steps: Input should be greater than or equal to 1"),
        ("model.n_head=3", "n_embd 8 is not divisible by n_head 3"),
    ],
)
def test_a_wrong_override_is_named_in_one_line(path: Path, override: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        load_recipe(path, [override])
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_key_in_the_file_is_named_in_either_table(path: Path) -> None:
    path.write_text(TOML + "\n[sft.optim]\nlearning_rate = 1\n")
    with pytest.raises(UserError, match=r"\[sft\]: unknown key optim.learning_rate"):
        load_recipe(path)


def test_a_missing_recipe_lists_the_shipped_ones() -> None:
    with pytest.raises(UserError, match="no recipe 'nanoo'"):
        load_recipe("nanoo")


def test_defaults_are_the_original_shape() -> None:
    model = Recipe(run="x").model
    assert (model.n_layer, model.n_head, model.n_embd, model.block_size, model.vocab_size) == (
        12,
        12,
        768,
        1024,
        50304,
    )
