"""Does a question ask for several things, each in a passage of its own ("Which prizes did she win?")?

A logistic regression on the question's vector, fitted by train/several.py on what visitors of invented people ask.
"""

import json
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fischgpt.resources import resource


def several(vector: NDArray[np.float32]) -> float:
    """Probability that the question of the (384,) unit vector does."""
    weights, bias = _arrays()
    return float(1 / (1 + np.exp(-(vector @ weights + bias))))


@lru_cache(maxsize=1)
def _arrays() -> tuple[NDArray[np.float32], float]:
    found = json.loads(resource("relevance/several.json").read_text(encoding="utf-8"))
    return np.array(found["weights"], np.float32), found["bias"]
