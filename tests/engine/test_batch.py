"""Many visitors at once: each gets to the bit what they would get alone, and none stops the others."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine_samples import KINDS, comparable, engine, followers
from fischgpt.engine import Batch, Engine, Sampled, SamplingParams
from fischgpt.errors import UserError
from server_samples import eventually

PLAIN = {bits: engine(bits) for bits in KINDS}


@contextmanager
def batch_of(engine: Engine, max_tokens: int = 0, readers: int = 8) -> Iterator[Batch]:
    batch = Batch(engine, max_tokens, readers)
    try:
        yield batch
    finally:
        batch.close()


class Steps:
    """Holds each pass of the batch until it is let go; tells of each which answers had a share, by their prompt's first
    id, and how many of their ids were read. Prompts are read meanwhile."""

    def __init__(self, engine: Engine) -> None:
        self.passes: list[dict[int, int]] = []
        self._go, self._there = threading.Semaphore(0), threading.Semaphore(0)
        self._caches: dict[int, int] = {}
        self._read_many = engine.reader.read_many
        engine.reader.read_many = self.read_many  # type: ignore[method-assign]
        self._read = engine.reader.read
        engine.reader.read = self.read  # type: ignore[method-assign]

    def read(self, ids: Sequence[int], cache: Any, wanted: int = 1) -> Any:
        if cache.pos == 0:
            self._caches[id(cache)] = ids[0]
        return self._read(ids, cache, wanted)

    def read_many(self, parts: Sequence[tuple[Sequence[int], Any, int]]) -> Any:
        if threading.current_thread().name == "batch":
            self.passes.append({self._caches[id(cache)]: len(ids) for ids, cache, _ in parts})
            self._there.release()
            assert self._go.acquire(timeout=20)
        return self._read_many(parts)

    def wait(self) -> dict[int, int]:
        """The next pass, once it is about to begin."""
        assert self._there.acquire(timeout=20)
        return self.passes[-1]

    def step(self) -> dict[int, int]:
        """Let the pass that waits go; the one after it."""
        self._go.release()
        return self.wait()

    def until(self, batch: Batch, *who: int) -> None:
        """Step until these have a share, and whoever is let in meanwhile has joined."""
        while set(self.step()) != set(who):
            eventually(lambda: all(one.joined for one in batch._admitted))

    def free(self) -> None:
        self._go.release(10_000)


def ask(pool: ThreadPoolExecutor, batch: Batch, first: int, n: int, tokens: int, **more: Any) -> Any:
    """A prompt of n ids of which the first is known, in a thread."""
    return pool.submit(lambda: list(batch.generate([first] * n, SamplingParams(max_tokens=tokens), **more)))


def told(batch: Batch) -> list[int]:
    """Of each answer that the batch's thread is told of from now on: its tokens, those of its prompt included."""
    tokens, tell = [], batch._tell

    def telling(visitor: Any) -> None:
        tell(visitor)
        tokens.append(visitor.tokens)

    batch._tell = telling  # type: ignore[method-assign]
    return tokens


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), bits=st.sampled_from(KINDS), kept=st.sampled_from((0, 2)))
def test_whoever_comes_and_goes_each_gets_what_they_would_get_alone(seed: int, bits: Any, kept: int) -> None:
    torch.set_num_threads(1)
    rng, most = Random(seed), Random(seed).choice((160, 400, 2000))
    verse = [rng.randrange(85) for _ in range(rng.randint(1, 9))]

    def visitor(number: int) -> None:
        mine = Random(f"{seed} {number}")
        begin = list(range(mine.choice((0, 7, 33))))
        prompt = (begin + verse * mine.randint(1, 6) + [number])[-mine.choice((10, 60, 159)) :]
        params = SamplingParams(
            max_tokens=mine.choice((1, 2, 40, 150)),
            temperature=mine.choice((0.0, 0.3, 1.5)),
            top_p=mine.choice((1.0, 0.8)),
            repetition_penalty=mine.choice((1.0, 1.2)),
            stop_ids=tuple(mine.sample(range(85), mine.choice((0, 2)))),
            seed=mine.randrange(100),
            top_logprobs=mine.choice((0, 2)),
        )
        allowed = mine.random()

        def allow() -> Callable[[Sequence[int]], Mapping[int, float]] | None:
            return followers(Random(f"{allowed}")) if allowed < 0.5 else None

        expected = comparable(list(PLAIN[bits].generate(prompt, params, allow(), guess=False)), bits)
        time.sleep(mine.random() * 0.02)
        gone = threading.Event()
        answer = batch.generate(prompt, params, allow(), gone.is_set)
        leaves = mine.choice((None, None, "closes", "is gone"))
        found: list[Sampled] = []
        after = mine.randint(0, len(expected))
        for sampled in answer if leaves is None or after else ():
            found.append(sampled)
            if leaves and len(found) == after:
                gone.set() if leaves == "is gone" else answer.close()
        if leaves is None:
            assert comparable(found, bits) == expected
        else:
            assert comparable(found, bits) == expected[: len(found)] and len(found) >= after

    used = []
    tested = engine(bits, piece=rng.choice((5, 30, 999)), kept_contexts=kept)
    read_many = tested.reader.read_many

    def watched(parts: Any) -> Any:
        used.append(sum(visitor.tokens for visitor in batch._admitted))
        return read_many(parts)

    tested.reader.read_many = watched  # type: ignore[method-assign]
    with batch_of(tested, most) as batch, ThreadPoolExecutor(9) as pool:
        list(pool.map(visitor, range(rng.randint(1, 14))))
        assert list(batch.generate([1, 2], SamplingParams(max_tokens=3)))[-1].finish == "length"
    assert max(used) <= batch.max_tokens == max(most, 160)


def test_what_is_wrong_is_said_at_once() -> None:
    with batch_of(engine(KINDS[-1])) as batch:
        with pytest.raises(UserError, match="the prompt is empty"):
            batch.generate([])
        with pytest.raises(UserError, match="at most 159 leave room"):
            batch.generate([1] * 160)


def test_answers_share_each_pass_and_nobody_overtakes_who_waits_for_room() -> None:
    tested = engine(KINDS[-1])
    steps = Steps(tested)
    with batch_of(tested, 230) as batch, ThreadPoolExecutor(4) as pool:
        first = ask(pool, batch, 1, 1, 100, guess=False)
        assert steps.wait() == {1: 1}
        asked = told(batch)
        others = [ask(pool, batch, who, 2, tokens, guess=False) for who, tokens in ((2, 30), (3, 80))]
        eventually(lambda: {32, 82} <= set(asked))
        steps.until(batch, 1, 2, 3)
        assert steps.passes[-1] == {1: 1, 2: 1, 3: 1}
        others.append(ask(pool, batch, 4, 2, 120, guess=False))
        eventually(lambda: 122 in asked)
        steps.until(batch, 1, 3)  # the second has ended
        others.append(ask(pool, batch, 5, 2, 20, guess=False))  # there would be room for it
        eventually(lambda: 22 in asked)
        steps.free()
        assert [len(one.result(20)) for one in (first, *others)] == [100, 30, 80, 120, 20]
        begun = {who: next(at for at, one in enumerate(steps.passes) if who in one) for who in (4, 5)}
        assert not {1, 3} <= set(steps.passes[begun[4]])
        assert begun[5] >= steps.passes.index({1: 1, 3: 1}) + 10  # not before the first had made room for the fourth


@pytest.mark.parametrize("how", ["closes", "is cancelled", "is cancelled while another waits in vain"])
def test_who_leaves_makes_room_within_one_step(how: str) -> None:
    tested = engine(KINDS[-1])
    steps, gone, waiting = Steps(tested), threading.Event(), threading.Event()
    with batch_of(tested) as batch, ThreadPoolExecutor(4) as pool:
        answer = batch.generate([1] * 50, SamplingParams(max_tokens=100), None, gone.is_set, guess=False)
        rest = pool.submit(lambda: [next(answer), next(answer)] if how == "closes" else list(answer))
        assert steps.wait() == {1: 1}
        asked = told(batch)
        waits = ask(pool, batch, 2, 30, 90, cancelled=waiting.is_set)
        eventually(lambda: 120 in asked)
        later = ask(pool, batch, 3, 5, 3, guess=False)
        assert [steps.step() for _ in range(5)] == [{1: 1}] * 5
        if how == "closes":
            assert len(rest.result(20)) == 2
            answer.close()
        elif how == "is cancelled":
            gone.set()
        else:
            waiting.set()
            assert steps.step() == {1: 1}
            assert waits.result(20) == []  # the first still runs
            gone.set()
        assert 1 not in steps.step()
        steps.free()
        if how != "closes":
            assert len(rest.result(20)) < 10
        assert len(later.result(20)) == 3


def test_there_is_room_as_soon_as_an_answer_ends_though_nobody_takes_its_last_tokens() -> None:
    tested = engine(KINDS[-1])
    steps = Steps(tested)
    with batch_of(tested) as batch, ThreadPoolExecutor(2) as pool:
        answer = batch.generate([1] * 50, SamplingParams(max_tokens=100), guess=False)
        begun = pool.submit(lambda: [next(answer), next(answer)])
        steps.wait()
        asked = told(batch)
        waits = ask(pool, batch, 2, 30, 90, guess=False)
        eventually(lambda: 120 in asked)
        steps.free()
        assert len(waits.result(20)) == 90
        assert len(begun.result()) == 2
        assert len(list(answer)) == 98


def test_as_many_prompts_are_read_at_a_time_as_may_be() -> None:
    tested, held, read_by = engine(KINDS[-1]), threading.Event(), []
    read = tested.reader.read

    def held_up(ids: Sequence[int], cache: Any, wanted: int = 1) -> Any:
        read_by.append(ids[0])
        assert ids[0] > 2 or held.wait(20)
        return read(ids, cache, wanted)

    tested.reader.read = held_up
    with batch_of(tested, 2000, readers=2) as batch, ThreadPoolExecutor(4) as pool:
        asked = []
        for who in (1, 2, 3):
            answer = batch.generate([who] * 4, SamplingParams(max_tokens=9))
            asked.append((answer, pool.submit(next, answer)))
            eventually(lambda who=who: read_by == [1, 2][:who])
        time.sleep(0.05)
        assert read_by == [1, 2]
        held.set()
        # The first tokens of each are there, though nobody asks for more.
        assert all(first.result(20) for _, first in asked)
        assert read_by == [1, 2, 3]
        assert [len(list(answer)) for answer, _ in asked] == [8] * 3


def test_who_leaves_in_the_middle_of_the_prompt_makes_room_after_one_piece() -> None:
    tested, pieces = engine(KINDS[-1], piece=10), []
    read = tested.reader.read
    tested.reader.read = lambda ids, cache, wanted=1: (pieces.append(len(ids)), read(ids, cache, wanted))[1]
    with batch_of(tested) as batch, ThreadPoolExecutor(4) as pool:
        gone = ask(pool, batch, 1, 150, 10, cancelled=lambda: len(pieces) == 3)
        assert gone.result(20) == []
        assert pieces == [10, 10, 10]
        assert len(ask(pool, batch, 2, 100, 60).result(20)) == 60


def test_a_long_prompt_stops_neither_who_writes_nor_who_asks_briefly() -> None:
    tested, held = engine(KINDS[-1], piece=10), threading.Event()
    read, pieces = tested.reader.read, []

    def held_up(ids: Sequence[int], cache: Any, wanted: int = 1) -> Any:
        if ids[0] == 2:
            pieces.append(len(ids))
            assert len(pieces) < 3 or held.wait(60)
        return read(ids, cache, wanted)

    tested.reader.read = held_up
    with batch_of(tested, 2000) as batch, ThreadPoolExecutor(4) as pool:
        long = ask(pool, batch, 2, 150, 3, guess=False)
        eventually(lambda: len(pieces) == 3)
        others = [ask(pool, batch, 1, 1, 60, guess=False), ask(pool, batch, 3, 8, 3, guess=False)]
        assert [len(one.result(20)) for one in others] == [60, 3]
        assert pieces == [10] * 3  # it is still being read
        held.set()
        assert len(long.result(20)) == 3


def test_what_goes_wrong_ends_the_answer_it_happened_to() -> None:
    tested = engine(KINDS[-1], kept_contexts=2)
    steps = Steps(tested)

    def broken(written: Sequence[int]) -> Mapping[int, float]:
        if len(written) == 2:
            raise LookupError("no such place")
        return {5: 0.0, 6: 0.0}

    with batch_of(tested, 2000) as batch, ThreadPoolExecutor(4) as pool:
        first = ask(pool, batch, 1, 3, 20)
        steps.wait()
        bad = [ask(pool, batch, 2, 3, 20, allow=broken, guess=guess) for guess in (False, True)]
        steps.free()
        for one in bad:  # in its turn of a pass, and while it guesses behind its prompt
            with pytest.raises(LookupError, match="no such place"):
                one.result(20)
        assert len(first.result(20)) == 20

        def asks_in_vain() -> bool:
            if threading.current_thread().name == "batch":
                raise LookupError("no such visitor")
            return False

        with pytest.raises(LookupError, match="no such visitor"):
            ask(pool, batch, 4, 3, 20, cancelled=asks_in_vain).result(20)
        assert len(ask(pool, batch, 5, 3, 20).result(20)) == 20
        read_many = tested.reader.read_many

        def fails(parts: Any) -> Any:
            return 1 / 0 if threading.current_thread().name == "batch" else read_many(parts)

        tested.reader.read_many = fails  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            ask(pool, batch, 3, 3, 20).result(20)
        tested.reader.read_many = read_many  # type: ignore[method-assign]
        assert len(ask(pool, batch, 3, 3, 20).result(20)) == 20


def test_closing_ends_who_writes_who_waits_and_who_comes_later() -> None:
    tested = engine(KINDS[-1])
    steps = Steps(tested)
    with ThreadPoolExecutor(4) as pool:
        batch = Batch(tested, 0)
        asked = [ask(pool, batch, first, 3, 100) for first in (1, 2)]
        steps.wait()
        batch.close()
        steps.free()
        assert all(len(one.result(20)) < 100 for one in asked)
        assert ask(pool, batch, 3, 3, 100).result(20) == []


def test_where_the_thread_breaks_off_everybody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    died: queue.SimpleQueue[Any] = queue.SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", died.put)
    tested = engine(KINDS[-1])

    def broken(parts: Any) -> Any:
        raise KeyboardInterrupt

    tested.reader.read_many = broken  # type: ignore[method-assign]
    tested.reader.read = PLAIN[KINDS[-1]].reader.read  # type: ignore[method-assign]
    with batch_of(tested) as batch, ThreadPoolExecutor(2) as pool:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="has broken off"):
                ask(pool, batch, 1, 3, 20).result(20)
        assert isinstance(batch.failure, KeyboardInterrupt)
        told = died.get(timeout=20)
        assert (told.exc_type, told.thread.name) == (KeyboardInterrupt, "batch")


@pytest.mark.parametrize("bits", KINDS)
def test_a_conversation_goes_on_from_what_was_written_together(bits: Any) -> None:
    with batch_of(engine(bits, kept_contexts=2)) as batch:
        prompt, params = [5, 6, 7, 8], SamplingParams(max_tokens=20, temperature=1.0, seed=3)
        for _ in range(3):
            answer = list(batch.generate(prompt, params, guess=False))
            assert comparable(answer, bits) == comparable(list(PLAIN[bits].generate(prompt, params)), bits)
            prompt = [*prompt, *(sampled.id for sampled in answer), 1, 2]
