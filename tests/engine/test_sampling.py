"""Choosing a token: ranges are checked, cuts keep what they should, draws follow the distribution."""

import math
from typing import Any

import pytest
import torch

from fischgpt.engine import SamplingParams
from fischgpt.engine.sampling import Sampler
from fischgpt.errors import UserError

CPU = torch.device("cpu")


def drawn(logits: list[float], n: int = 400, seen: list[int] | None = None, **params: Any) -> dict[int, float]:
    """Share of each token among n draws."""
    sampler = Sampler(SamplingParams(**{"temperature": 1.0, "seed": 1, **params}), seen or [], CPU)
    tokens = [sampler(torch.tensor(logits))[0] for _ in range(n)]
    return {token: tokens.count(token) / n for token in set(tokens)}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"max_tokens": 0}, "max_tokens must be between 1"),
        ({"max_tokens": 2**31}, "max_tokens must be between"),
        ({"max_tokens": 1.5}, "max_tokens must be a whole number"),
        ({"max_tokens": True}, "max_tokens must be a whole number"),
        ({"temperature": -0.1}, "temperature must be between 0"),
        ({"temperature": math.nan}, "temperature must be between"),
        ({"temperature": math.inf}, "temperature must be between"),
        ({"temperature": "1"}, "temperature must be a number"),
        ({"temperature": True}, "temperature must be a number"),
        ({"top_k": -1}, "top_k must be between 0"),
        ({"top_p": 0.0}, "top_p must be above 0"),
        ({"top_p": 1.01}, "top_p must be between 0 and 1"),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be between"),
        ({"repetition_penalty": 1e308}, "repetition_penalty must be between"),
        ({"stop_ids": (1, -1)}, "stop_ids must be between 0"),
        ({"seed": 2**63}, "seed must be between"),
        ({"seed": "7"}, "seed must be a whole number"),
    ],
)
def test_values_out_of_range_are_named(params: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SamplingParams(**params)


def test_values_at_the_edge_are_taken() -> None:
    logits = torch.tensor([-1.0, 3.0, 2.0])
    for seed in (-(2**63), 2**63 - 1):
        for temperature in (5e-324, 1e-38, 100):
            params = SamplingParams(1, temperature, 2**31 - 1, 1e-300, 0.5, (0,), seed)
            assert Sampler(params, [0], CPU)(logits)[0] == 1
    assert Sampler(SamplingParams(temperature=5e-324, seed=0), [], CPU)(logits)[0] == 1


def test_greedy_takes_the_likeliest_and_tells_its_log_probability() -> None:
    token, logprob = Sampler(SamplingParams(), [], CPU)(torch.tensor([0.0, math.log(3), 0.0]))
    assert token == 1
    assert logprob == pytest.approx(math.log(3 / 5))


def test_draws_follow_the_probabilities_at_each_temperature() -> None:
    logits = [math.log(p) for p in (0.5, 0.3, 0.2)]
    for temperature in (1.0, 0.5):
        weights = [p ** (1 / temperature) for p in (0.5, 0.3, 0.2)]
        shares = drawn(logits, 4000, temperature=temperature)
        for token, weight in enumerate(weights):
            assert shares[token] == pytest.approx(weight / sum(weights), abs=0.03)


def test_the_log_probability_is_the_models_whatever_the_temperature() -> None:
    logits = torch.tensor([math.log(p) for p in (0.5, 0.3, 0.2)])
    sampler = Sampler(SamplingParams(temperature=5.0, top_k=2, repetition_penalty=2.0, seed=0), [0], CPU)
    for _ in range(20):
        token, logprob = sampler(logits)
        assert logprob == pytest.approx(float(logits[token]))


def test_top_k_keeps_the_k_likeliest() -> None:
    logits = [0.1, 0.3, 0.2, 0.0]
    assert set(drawn(logits, top_k=2)) == {1, 2}
    assert set(drawn(logits, top_k=1)) == {1}
    assert set(drawn(logits, top_k=4)) == set(drawn(logits, top_k=99)) == {0, 1, 2, 3}


def test_top_p_keeps_the_token_that_crosses_the_line() -> None:
    logits = [math.log(p) for p in (0.1, 0.4, 0.2, 0.3)]
    assert set(drawn(logits, top_p=0.39)) == {1}
    assert set(drawn(logits, top_p=0.41)) == {1, 3}
    assert set(drawn(logits, top_p=0.71)) == {1, 2, 3}
    assert set(drawn(logits, top_p=1e-9)) == {1}
    # After top_k, of the probabilities that are left: 4/7 and 3/7.
    assert set(drawn(logits, top_k=2, top_p=0.5)) == {1}


def test_the_penalty_divides_positive_and_multiplies_negative_scores() -> None:
    greedy = {"temperature": 0.0, "n": 1}
    assert set(drawn([3.0, 2.0], seen=[0], repetition_penalty=1.6, **greedy)) == {1}
    assert set(drawn([3.0, 2.0], seen=[0], repetition_penalty=1.4, **greedy)) == {0}
    assert set(drawn([-1.0, -1.5], seen=[0], repetition_penalty=1.6, **greedy)) == {1}
    # What was drawn counts as seen from then on.
    assert set(drawn([3.0, 2.0], n=2, temperature=0.0, repetition_penalty=1.6)) == {0, 1}


def test_equal_seeds_draw_equally_and_none_does_not() -> None:
    logits = torch.zeros(1000)

    def ten(seed: int | None) -> list[int]:
        sampler = Sampler(SamplingParams(temperature=1.0, seed=seed), [], CPU)
        return [sampler(logits)[0] for _ in range(10)]

    assert ten(5) == ten(5) != ten(6)
    assert ten(None) != ten(None)


def test_the_global_random_state_is_left_alone() -> None:
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    drawn([0.0, 1.0], seed=3)
    drawn([0.0, 1.0], seed=None)
    assert torch.equal(torch.rand(3), expected)
