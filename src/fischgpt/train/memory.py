"""How many rows fit through the model at once."""

import torch

from fischgpt.config import Recipe
from fischgpt.model.gpt import GPT
from fischgpt.train.distributed import World

CPU_TOKENS = 4096
"""In one micro-batch on a CPU; more is no faster there and takes the memory of the machine's other users."""


def choose_micro_batch(recipe: Recipe, model: GPT, row_tokens: int, world: World) -> int:
    """`train.micro_batch`, or for "auto" the most rows of `row_tokens` that fit and divide a rank's part of the step.

    On a GPU by trial: forward and backward passes over twice as many rows each time, until memory is full. All ranks
    take the smallest that any of them found.
    """
    wanted = recipe.train.micro_batch
    if wanted != "auto":
        return wanted
    rows = max(1, recipe.train.tokens_per_step // row_tokens // world.size)
    fits = _most_rows(model, row_tokens, rows) if world.device.type == "cuda" else max(1, CPU_TOKENS // row_tokens)
    fits = -world.highest([-fits])[0]
    return max(number for number in range(1, rows + 1) if rows % number == 0 and number <= fits)


def _most_rows(model: GPT, row_tokens: int, most: int) -> int:
    """Largest power of two (or `most`) whose pass leaves room for the optimizer's state: 8 bytes a parameter."""
    reserve = 8 * model.n_params
    best, number = 1, 1
    while number <= most:
        try:
            held = torch.empty(reserve, dtype=torch.uint8, device="cuda")
            idx = torch.zeros(number, row_tokens, dtype=torch.long, device="cuda")
            with torch.autocast("cuda", dtype=torch.bfloat16):
                loss = model.loss(idx, idx)
            loss.backward()
            del held, idx, loss
        except torch.cuda.OutOfMemoryError:
            break
        finally:
            model.zero_grad(set_to_none=True)
            torch.cuda.empty_cache()
        best, number = number, 2 * number
    return best
