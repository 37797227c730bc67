"""A spike is stopped at the step it comes; a healthy run is left alone."""

import json
import math
import random

import pytest

from fischgpt.train.guard import Spikes


def curve(steps: int, noise: float, seed: int = 0) -> list[tuple[float, float]]:
    """Loss and gradient norm as real runs have them: falling, noisy, one batch in 100 harder than others.

    noise: standard deviation as a share of the loss. 0.12 was seen at 4,096 tokens a step; half a million give 0.01.
    """
    rng = random.Random(seed)
    values = []
    for step in range(steps):
        hard = 1 + (2.5 * noise if rng.random() < 0.01 else 0)
        loss = 2.8 + 5.6 * math.exp(-step / 120)
        norm = 0.6 + 4 * math.exp(-step / 60) * min(1.0, (step + 1) / 20)
        values.append((loss * hard * rng.gauss(1, noise), norm * hard * math.exp(rng.gauss(0, noise))))
    return values


@pytest.mark.parametrize("noise", [0.12, 0.05, 0.01])
@pytest.mark.parametrize("seed", range(5))
def test_no_false_alarm_in_2000_steps(seed: int, noise: float) -> None:
    spikes = Spikes()
    assert [found for loss, norm in curve(2000, noise, seed) if (found := spikes.check(loss, norm))] == []


@pytest.mark.parametrize(
    ("which", "step"), [("loss", 64), ("loss", 90), ("loss", 400), ("loss", 1999), ("norm", 200), ("norm", 1999)]
)
def test_ten_times_the_usual_is_flagged_at_once_and_forgotten(which: str, step: int) -> None:
    spikes = Spikes()
    values = curve(step + 1, 0.12)
    for loss, norm in values[:step]:
        assert spikes.check(loss, norm) is None
    loss, norm = values[step]
    before = spikes.state()
    for _ in range(3):
        said = spikes.check(loss * 10, norm) if which == "loss" else spikes.check(loss, norm * 10)
        assert said and which in said
    assert spikes.state() == before
    assert spikes.check(loss, norm) is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_flagged_from_the_first_step(bad: float) -> None:
    spikes = Spikes()
    assert "nan" in str(spikes.check(bad, 1.0)) or "inf" in str(spikes.check(bad, 1.0))
    assert spikes.check(2.0, bad) is not None
    assert spikes.state() == {"losses": [], "grad_norms": []}


def test_nothing_else_is_flagged_before_half_a_window() -> None:
    spikes = Spikes(window=128)
    for _ in range(63):
        assert spikes.check(1.0, 1.0) is None
    assert spikes.check(100.0, 50.0) is None
    assert spikes.check(1e4, 1.0) is not None


def test_a_quiet_curve_may_stir_and_a_harder_stage_may_begin() -> None:
    """1,000 steps that hardly move, then batches 70 sigma above, but less than a nat and less than twice the norm."""
    spikes = Spikes()
    for step in range(1000):
        assert spikes.check(0.4 + 0.01 * (step % 2), 2.0 + 0.02 * (step % 2)) is None
    for _ in range(100):
        assert spikes.check(0.9, 3.8) is None


def test_a_resumed_run_flags_the_same() -> None:
    first, second = Spikes(window=16), Spikes(window=16)
    for loss, norm in curve(300, 0.12):
        first.check(loss, norm)
        second.check(loss, norm)
        resumed = Spikes(window=16)
        resumed.load_state(json.loads(json.dumps(second.state())))
        second = resumed
    assert first.state() == second.state()
    mean = sum(first.state()["losses"]) / 16
    bounds = [mean + rise / 100 for rise in range(400)]
    assert [first.check(x, 0.6) is None for x in bounds] == [second.check(x, 0.6) is None for x in bounds]
