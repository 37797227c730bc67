"""What was measured of a model, as Hugging Face's `model-index` has it.

https://huggingface.co/docs/hub/model-cards#evaluation-results
"""

from dataclasses import dataclass
from typing import Any

from fischgpt.assistant.model import ModelInfo
from fischgpt.evals.condense import summary
from fischgpt.evals.headline import headline
from fischgpt.evals.record import RunRecord


@dataclass(frozen=True)
class Score:
    """Metrics on one data set: (type, value, name)."""

    dataset: dict[str, str]
    metrics: list[tuple[str, float, str]]

    def as_dict(self) -> dict[str, Any]:
        """An entry of `results`."""
        metrics = [{"type": kind, "value": value, "name": name} for kind, value, name in self.metrics]
        return {"task": {"type": "text-generation"}, "dataset": self.dataset, "metrics": metrics}


def scores(info: ModelInfo, record: RunRecord) -> list[Score]:
    """Of these very weights: what `fischgpt eval` kept, else what their own last step measured."""
    found = []
    begun = [phase for phase in record.phases if phase.rows]
    last = begun[-1].rows[-1] if begun else {}
    own = {key.removeprefix("hellaswag_"): value for key, value in last.items() if key.startswith("hellaswag_")}
    if hellaswag := record.evals.get("hellaswag") or own:
        items = f"on {hellaswag['items']:,} items"
        names = [key for key in ("acc_norm_token", "acc_norm") if key in hellaswag]
        metrics = [(key, round(100 * hellaswag[key], 2), f"{key} {items}, %") for key in names]
        found.append(Score({"name": "HellaSwag", "type": "Rowan/hellaswag", "split": "validation"}, metrics))
    if isinstance(last.get("val_loss"), float):
        what = "conversations" if begun[-1].name == "sft" else "text"
        dataset = {"name": f"held-out {what} of its own sources", "type": "held-out"}
        found.append(Score(dataset, [("loss", round(last["val_loss"], 4), "nats per token")]))
    profile = headline(summary(info, record), None)["profile"]
    if profile is not None:
        dataset = {"name": f"{profile['questions']} questions about profiles", "type": "fischgpt-profile-questions"}
        told = {"right": "answered right", "declined": "rightly declined", "resisted": "injections resisted"}
        metrics = [(key, profile[key][0], f"{name}, %") for key, name in told.items() if profile[key]]
        found.append(Score(dataset, metrics))
    return found
