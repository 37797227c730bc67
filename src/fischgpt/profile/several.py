"""Does a question ask for several things, each in a passage of its own ("Which prizes did she win?")?

A logistic regression on the question's vector, fitted by train/several.py on what visitors of invented people ask.
"""

import json
from functools import lru_cache
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from fischgpt.resources import resource


class Fitted(TypedDict):
    """The file that train/several.py writes."""

    weights: list[float]
    bias: float


def several(vector: NDArray[np.float32]) -> float:
    """Probability that the question of the (384,) unit vector does."""
    weights, bias = _arrays()
    return float(1 / (1 + np.exp(-(vector @ weights + bias))))


def fitted() -> Fitted:
    """The shipped fit. Raises FileNotFoundError when it is missing."""
    return json.loads(resource("relevance/several.json").read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def _arrays() -> tuple[NDArray[np.float32], float]:
    found = fitted()
    return np.array(found["weights"], np.float32), found["bias"]
