"""Notices the step that must not be taken: a loss or gradient that is not finite, or far above what was usual."""

import math
from collections import deque
from collections.abc import Collection
from typing import Any

LOSS_RISE = 1.0
"""Nats. Where fine-tuning came to harder conversations the loss rose from 0.4 to 0.9: 7 sigma, and no harm done."""
NORM_RISE = 2.0
"""Times the mean. The largest of 1,600 healthy steps of three runs, of pretraining and fine-tuning, was 1.8 times."""


class Spikes:
    """Holds the last `window` good losses (nats) and gradient norms (before clipping).

    A value is a spike if it lies more than `sigmas` standard deviations above their mean (the rule of OLMo-core's
    SkipStepOptimizer) and LOSS_RISE or NORM_RISE above it too: a quiet curve has a small sigma. Before half of the
    window is filled only what is not finite is found.
    """

    def __init__(self, window: int = 128, sigmas: float = 6.0) -> None:
        self._sigmas = sigmas
        self._enough = window // 2
        self._losses: deque[float] = deque(maxlen=window)
        self._norms: deque[float] = deque(maxlen=window)

    def check(self, loss: float, grad_norm: float) -> str | None:
        """None: a usual step, remembered. Otherwise what is wrong with it, and nothing is remembered."""
        if not math.isfinite(loss) or not math.isfinite(grad_norm):
            return f"the loss is {loss} and the gradient's norm {grad_norm}"
        if len(self._losses) >= self._enough:
            mean, sigma = _spread(self._losses)
            if loss > mean + max(self._sigmas * sigma, LOSS_RISE):
                return f"the loss is {loss:.4g}, after a mean of {mean:.4g} over the last {len(self._losses)} steps"
            mean, sigma = _spread(self._norms)
            if grad_norm > max(mean + self._sigmas * sigma, NORM_RISE * mean):
                return (
                    f"the gradient's norm is {grad_norm:.4g}, "
                    f"after a mean of {mean:.4g} over the last {len(self._norms)} steps"
                )
        self._losses.append(loss)
        self._norms.append(grad_norm)
        return None

    def state(self) -> dict[str, Any]:
        """JSON; Python's floats come back from it bit for bit, so a resumed run flags the same steps."""
        return {"losses": list(self._losses), "grad_norms": list(self._norms)}

    def load_state(self, state: dict[str, Any]) -> None:
        self._losses.clear()
        self._norms.clear()
        self._losses.extend(state["losses"])
        self._norms.extend(state["grad_norms"])


def _spread(values: Collection[float]) -> tuple[float, float]:
    """Mean and standard deviation."""
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
