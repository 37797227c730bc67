"""The beginnings that are remembered: the longest is found, memory is bounded, nobody writes into what is kept."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import pytest
import torch

from engine_samples import KINDS, engine
from fischgpt.engine import SamplingParams
from fischgpt.engine.prefix import PrefixCache


class Kept:
    def __init__(self, nbytes: int = 10) -> None:
        self.nbytes, self.pos, self.came_from = nbytes, 0, None

    def copy_from(self, other: "Kept", n: int) -> None:
        self.came_from, self.pos = other, n


def filled(prefixes: PrefixCache, ids: list[int]) -> tuple[Kept | None, int]:
    cache = Kept()
    prefixes.fill(ids, cache)
    return cache.came_from, cache.pos


def test_the_longest_beginning_is_found_and_the_last_id_is_left_to_read() -> None:
    prefixes, a, b = PrefixCache(100), Kept(), Kept()
    prefixes.keep([1, 2, 3, 4], a)
    prefixes.keep([1, 2, 9, 9, 9], b)
    assert filled(prefixes, [1, 2, 3, 7]) == (a, 3)
    assert filled(prefixes, [1, 2, 9, 9, 9]) == (b, 4)
    assert filled(prefixes, [1, 2, 9, 9, 9, 9, 9]) == (b, 5)
    assert filled(prefixes, [1]) == (None, 0)
    assert filled(prefixes, [2, 2, 3]) == (None, 0)


def test_what_another_begins_with_is_not_kept_twice() -> None:
    prefixes, longer = PrefixCache(100), Kept()
    prefixes.keep([1, 2], Kept())
    prefixes.keep([1, 2, 3], longer)
    prefixes.keep([1, 2], Kept())
    assert prefixes.nbytes == 10
    assert filled(prefixes, [1, 2, 3, 4]) == (longer, 3)


def test_the_least_recently_used_goes_first_and_memory_stays_within_its_bound() -> None:
    prefixes = PrefixCache(30)
    kept = {n: Kept() for n in range(1, 6)}
    for n in (1, 2, 3):
        prefixes.keep([n, n], kept[n])
    assert filled(prefixes, [1, 1, 1])[0] is kept[1]
    prefixes.keep([4, 4], kept[4])
    assert prefixes.nbytes == 30
    assert [filled(prefixes, [n, n, n])[0] for n in (1, 2, 3, 4)] == [kept[1], None, kept[3], kept[4]]
    prefixes.keep([5, 5], Kept(31))  # larger than all room: it pushes nobody out
    assert prefixes.nbytes == 30 and filled(prefixes, [5, 5, 5])[0] is None
    prefixes.keep([5, 5], Kept(30))
    assert prefixes.nbytes == 30 and filled(prefixes, [1, 1, 1])[0] is None


@pytest.mark.parametrize("bits", KINDS)
def test_only_what_is_new_is_read(bits: int | None) -> None:
    tested, asked = engine(bits, kept_contexts=2), []
    read = tested.reader.read
    tested.reader.read = lambda ids, cache, wanted=1: (asked.append(list(ids)), read(ids, cache, wanted))[1]
    shared = Random(0).sample(range(85), 40)
    answer = [s.id for s in tested.generate(shared, SamplingParams(max_tokens=6), guess=False)]
    asked.clear()
    next(tested.generate([*shared, *answer, 1, 2], SamplingParams(max_tokens=6)))  # the conversation's next turn
    assert asked[0] == [answer[-1], 1, 2]
    asked.clear()
    next(tested.generate(shared, SamplingParams(max_tokens=6), guess=False))  # the same answer again
    assert asked[0] == shared[-1:]
    asked.clear()
    next(tested.generate([*shared[:25], 84, 83], SamplingParams(max_tokens=6)))  # another question
    assert asked[0][:2] == [84, 83]  # and what is guessed to follow
    assert tested.prefixes.nbytes <= tested.prefixes.max_bytes


@pytest.mark.parametrize("bits", KINDS)
def test_what_was_not_read_to_its_end_is_not_remembered(bits: int | None) -> None:
    tested = engine(bits, kept_contexts=2)
    read = tested.reader.read

    def breaks_off(ids: list[int], cache: Any, wanted: int = 1) -> Any:
        cache.pos += len(ids)  # as the compiled code counts before it computes
        raise MemoryError

    tested.reader.read = breaks_off
    with pytest.raises(MemoryError):
        list(tested.generate([1, 2, 3], SamplingParams(max_tokens=6)))
    assert tested.prefixes.nbytes == 0
    tested.reader.read = read
    answer = tested.generate([1, 2, 3], SamplingParams(max_tokens=6))
    next(answer)
    answer.close()  # whoever asked has enough: what was read stands
    assert tested.prefixes.nbytes > 0


def test_the_weights_of_a_model_in_training_are_not_remembered() -> None:
    tested = engine(None)
    list(tested.generate([1, 2, 3], SamplingParams(max_tokens=6)))
    assert tested.prefixes.nbytes == 0


@pytest.mark.parametrize("bits", KINDS)
def test_many_threads_get_what_each_would_get_alone(bits: int | None) -> None:
    torch.set_num_threads(1)
    shared = list(range(50))
    jobs = [[*shared[: 10 + seed % 5 * 9], seed % 7, seed % 3] for seed in range(24)]
    params = SamplingParams(max_tokens=12, temperature=1.0, seed=1)

    plain, tested = engine(bits), engine(bits, piece=9, kept_contexts=1)
    alone = [[s.id for s in plain.generate(job, params, guess=False)] for job in jobs]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(4):
            found = pool.map(lambda job: [s.id for s in tested.generate(job, params)], jobs)
            assert list(found) == alone
    assert 0 < tested.prefixes.nbytes <= tested.prefixes.max_bytes
