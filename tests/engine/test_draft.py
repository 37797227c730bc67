"""Guessing ahead and remembering beginnings change how long an answer takes, and not a bit of it."""

from collections.abc import Mapping, Sequence
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_samples import CONFIG, KINDS, comparable, engine, followers
from fischgpt.engine import Engine, SamplingParams
from fischgpt.engine.draft import Draft
from fischgpt.model import GPT

PLAIN = {bits: engine(bits) for bits in KINDS}
ENGINES = [engine(bits, piece, kept) for bits in KINDS for piece in (5, 999) for kept in (0, 2)]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32), which=st.integers(0, len(ENGINES) - 1))
def test_an_answer_is_the_same_with_guesses_pieces_and_a_remembered_beginning(seed: int, which: int) -> None:
    rng, tested = Random(seed), ENGINES[which]
    bits = getattr(tested.reader, "bits", None)
    verse = [rng.randrange(85) for _ in range(rng.randint(1, 9))]
    # A beginning that many share, of which one entry has gone further; then a verse again and again.
    prompt = (list(range(rng.choice((0, 7, 33)))) + verse * rng.randint(1, 6))[: rng.choice((10, 60, 159))]
    params = SamplingParams(
        max_tokens=rng.choice((1, 2, 40, 150)),
        temperature=rng.choice((0.0, 0.0, 0.3, 1.5)),
        top_k=rng.choice((0, 5)),
        top_p=rng.choice((1.0, 0.8)),
        repetition_penalty=rng.choice((1.0, 1.0, 1.2)),
        stop_ids=tuple(rng.sample(range(85), rng.choice((0, 2)))),
        seed=rng.randrange(100),
        top_logprobs=rng.choice((0, 2)),
    )
    allow = followers(rng) if rng.random() < 0.5 else None
    expected = list(PLAIN[bits].generate(prompt, params, allow, guess=False))
    found = tested.generate(prompt, params, allow)
    if rng.random() < 0.3:  # a visitor who leaves
        n = rng.randint(1, len(expected))
        assert comparable([next(found) for _ in range(n)], bits) == comparable(expected[:n], bits)
        found.close()
    assert comparable(list(tested.generate(prompt, params, allow)), bits) == comparable(expected, bits)


def counted(engine: Engine) -> list[int]:
    """How many logits each pass from now on is asked for."""
    passes: list[int] = []
    read = engine.reader.read
    engine.reader.read = lambda ids, cache, wanted=1: (passes.append(wanted), read(ids, cache, wanted))[1]  # type: ignore
    return passes


@pytest.mark.parametrize("bits", KINDS)
def test_where_one_token_may_follow_many_are_read_at_once_and_none_in_vain(bits: int | None) -> None:
    tested = engine(bits)
    passes = counted(tested)
    answer = list(tested.generate([1, 2], SamplingParams(max_tokens=40, stop_ids=(30,)), lambda w: {len(w) + 5: 0.0}))
    assert [sampled.id for sampled in answer] == list(range(5, 31))
    assert passes == [17, 9]  # and not after the end


def test_a_text_that_repeats_itself_is_guessed_and_wrong_guesses_are_given_up() -> None:
    draft = Draft([1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3], None, (9,), 16)
    draft.guess([], 100)
    assert draft.ids == [4, 5, 6, 7, 8]  # 9 ends the answer: it is sampled, and never read
    draft.settle([4, 77], 1)
    draft.guess([4, 77], 100)
    assert draft.ids == []
    draft.settle([1], 0)
    draft.settle([2], 0)
    draft.settle([3], 0)
    draft.guess([4, 77, 1, 2, 3], 100)
    assert draft.ids == [4]  # the last time one was right
    draft.settle([4, 77], 1)
    draft.guess([4, 77, 1, 2, 3, 4, 77], 100)
    assert draft.ids == [1, 2]  # what it said last; and trusted for twice as long
    assert len(draft.allowed) == 3
    draft.guess([4, 77, 1, 2, 3, 4, 77], 1)
    assert draft.ids == [1]


def test_the_likelier_of_the_allowed_is_guessed_unless_all_are_alike() -> None:
    def allow(written: Sequence[int]) -> Mapping[int, float]:
        return {3: 0.5, 4: -1.0, 5: 0.1} if len(written) < 2 else {6: 0.0, 7: 0.0}

    draft = Draft([1, 2], allow, (), 16)
    draft.guess([], 100)
    assert draft.ids == [3, 3]
    assert draft.allowed == [allow([]), allow([]), {6: 0.0, 7: 0.0}]


def test_ids_are_found_at_their_own_places_only() -> None:
    # The bytes of 1, 1, 1 also stand across the borders of these ids.
    across = [256 * (1 + 2**16) % 2**31] * 8
    draft = Draft([*across, 1, 1, 1], None, (), 16)
    draft.guess([], 5)
    assert draft.ids == []


def test_no_guesses_where_asked_not_to() -> None:
    tested = engine(None)
    passes = counted(tested)
    list(tested.generate([1, 2], SamplingParams(max_tokens=9), lambda w: {1: 0.0}, guess=False))
    assert passes == [1] * 9


def test_a_precision_that_rounds_each_pass_otherwise_guesses_nothing() -> None:
    assert Engine(GPT(CONFIG), dtype=torch.bfloat16).reader.draft == 0
