"""Does a question ask for several things, each in a passage of its own ("Which prizes did she win?")?

A logistic regression on the question's vector and on whether it names what it asks for in the plural, fitted by
train/several.py on what visitors of invented people ask.
"""

import json
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fischgpt.resources import resource

_NOT = r"(?:is|was|does|has|did|were|are|this|his|its)\b"
PLURAL = re.compile(rf"\b(?:which|what)\s+(?:(?!{_NOT})[\w'’-]+\s+){{0,3}}?(?!{_NOT})[a-z'’-]{{2,}}s\b", re.IGNORECASE)
"""What a vector is bad at: it lifts the AUC on questions of other writers from .91 to .95."""


def several(question: str, vector: NDArray[np.float32]) -> float:
    """Probability that the question, (384,) its unit vector, does."""
    weights, plural, bias = _fitted()
    logit = vector @ weights + plural * bool(PLURAL.search(question)) + bias
    return float(1 / (1 + np.exp(-logit)))


@lru_cache(maxsize=1)
def _fitted() -> tuple[NDArray[np.float32], float, float]:
    found = json.loads(resource("relevance/several.json").read_text(encoding="utf-8"))
    return np.array(found["weights"], np.float32), found["plural"], found["bias"]
