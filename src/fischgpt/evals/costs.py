"""What a run's time cost, where the price of its machine is known."""

from collections.abc import Mapping
from typing import Any

from fischgpt.evals.learned import Cost
from fischgpt.train.hardware import named


def cost_of(environment: Mapping[str, Any], seconds: float | None) -> Cost | None:
    """Hours times the price of the devices; None where the table of devices does not know the machine that the run
    noted ("8 x NVIDIA H100 80GB HBM3")."""
    count, _, name = str(environment.get("machine", "")).partition(" x ")
    device = named(name)
    if not count.isdigit() or device is None or device.usd_per_hour is None or seconds is None:
        return None
    usd = int(count) * device.usd_per_hour * seconds / 3600
    return Cost(usd=round(usd, 2), devices=int(count), device=device.name, usd_per_hour=device.usd_per_hour)
