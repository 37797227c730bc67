"""`fischgpt eval MODEL --task ...`: resolve the model, measure it, and say the result in a few lines."""

from pathlib import Path
from typing import Any, Literal

from fischgpt.assistant.model import load_model
from fischgpt.errors import UserError

Task = Literal["loss", "hellaswag", "profile"]


def evaluate(model: str, task: Task, data: Path | None = None, limit: int | None = None) -> dict[str, Any]:
    """Measure `model` (any MODEL spec) on `task`; `limit` counts items, or tokens for the loss.

    Raises UserError for a model or data that cannot be read.
    """
    if data is not None and not data.exists():
        raise UserError(f"no such file or folder: {data}")
    loaded = load_model(model)
    if task == "loss":
        from fischgpt.evals import loss

        if data is None:
            raise UserError("--task loss needs --data PATH: a text, JSONL or parquet file, or a folder of shards")
        return loss.evaluate(loaded.engine.model, loaded.tokenizer, data, limit)
    if task == "hellaswag":
        from fischgpt.evals import hellaswag

        return hellaswag.evaluate(loaded.engine.model, loaded.tokenizer, hellaswag.load_items(data), limit)
    from fischgpt.evals import profile

    return profile.evaluate(loaded, data, limit)
