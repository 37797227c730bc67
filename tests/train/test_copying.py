"""The installed circuit copies before any training, in weights that any GPT-2 could have."""

import pytest
import torch

from fischgpt.config import GPTConfig
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.train.copying import install_copying
from shapes import PRESETS


@pytest.mark.parametrize("preset", ["nano", "mini"])
def test_repeated_random_tokens_are_copied(preset: str) -> None:
    torch.manual_seed(0)
    model = GPT(PRESETS[preset])
    half = torch.randint(0, model.config.vocab_size, (2, 150))
    row = torch.cat([half, half], 1)

    def right() -> float:
        with torch.no_grad():
            said = model(row[:, :-1])[:, 150:].argmax(-1)
        return (said == row[:, 151:]).float().mean().item()

    assert right() < 0.02
    install_copying(model)
    assert right() > 0.9


def test_a_model_too_small_for_it_is_refused() -> None:
    with pytest.raises(UserError, match="copy_init"):
        install_copying(GPT(GPTConfig(n_layer=1, n_head=4, n_embd=32, block_size=8, vocab_size=64)))
