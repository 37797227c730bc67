"""The answers of many visitors, written together: one thread, and one pass over all of them a step.

A pass waits for the weights to come from memory, and eight answers need them once. Answers come and go between two
passes (continuous batching; Yu et al. 2022, Orca). Each visitor's own thread reads the prompt, up to the first tokens:
a long one stops nobody who writes, and who needs no more than the first tokens costs the others no pass. As many are
read at a time as there are cores: all at once, everybody's first words would be late.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fischgpt.engine.answer import Allow, Answer, Sampled
from fischgpt.engine.engine import Engine
from fischgpt.engine.sampling import SamplingParams
from fischgpt.resources import available_cores


@dataclass(eq=False)
class _Visitor:
    """Somebody who waits for an answer. What is said of it to the batch's thread is set before it is told."""

    tokens: int
    """Of the prompt and the longest answer to it."""
    cancelled: Callable[[], bool]
    made: queue.SimpleQueue[Any] = field(default_factory=queue.SimpleQueue)
    """That its turn has come, as no tokens; the tokens of each step; or what went wrong; None at the end."""
    answer: Answer | None = None
    """As far as it is known to be whole: none while its prompt is read, none after an error."""
    reading: bool = False
    """Its prompt is read, by its own thread: its cache is written to."""
    joined: bool = False
    """Its first tokens are there, the next are to be written along with the others'."""
    left: bool = False
    """Asks no more."""
    known: bool = False
    ended: bool = False


class Batch:
    """Computes answers of an engine together, each to the bit what it is alone."""

    def __init__(self, engine: Engine, max_tokens: int, readers: int = 0) -> None:
        """max_tokens: of all answers under way, their prompts included and each as long as it may become, which is what
        their keys and values take; at least one full context. readers: how many prompts are read at a time; 0: as many
        as there are cores. Who finds no room waits, in the order of asking."""
        self.max_tokens = max(max_tokens, engine.block_size)
        self._readers = readers or available_cores()
        self._engine = engine
        self._news: queue.SimpleQueue[_Visitor | None] = queue.SimpleQueue()
        self._waiting: list[_Visitor] = []
        self._admitted: list[_Visitor] = []
        self._closed = False
        self.failure: BaseException | None = None
        """What ended the thread before it was closed: no answer will be written any more."""
        threading.Thread(target=self._run, name="batch", daemon=True).start()

    def generate(
        self,
        prompt_ids: Sequence[int],
        params: SamplingParams | None = None,
        allow: Allow | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        guess: bool = True,
    ) -> Iterator[Sampled]:
        """As `Engine.generate`, from any thread. Behind the first tokens work goes on while nobody looks: who closes
        the iterator, or whose `cancelled` says so, has left before the next pass. `allow` and `cancelled` are called
        from the batch's own thread then."""
        prompt, params = list(prompt_ids), params or SamplingParams()
        visitor = _Visitor(len(prompt) + self._engine.room(prompt, params), cancelled)
        return self._tokens(visitor, lambda: self._engine.begin(prompt, params, allow, guess))

    def close(self) -> None:
        """End all answers where they are, before the next pass."""
        self._closed = True
        self._news.put(None)

    def _tokens(self, visitor: _Visitor, begin: Callable[[], Answer]) -> Iterator[Sampled]:
        try:
            self._tell(visitor)
            if _made(visitor) is None:
                return
            answer, first = begin(), []
            while answer.unread and not visitor.cancelled():
                first = list(self._engine.step(answer))
            visitor.answer, visitor.reading = answer, False
            self._tell(visitor)  # the next prompt has its turn, though nobody may look at these tokens for a while
            yield from first
            if answer.ended or answer.unread:
                return
            visitor.joined = True
            self._tell(visitor)
            while (made := _made(visitor)) is not None:
                yield from made
        finally:
            # No lock is taken here: an iterator that is thrown away ends in whichever thread collects garbage.
            visitor.left = True
            self._news.put(visitor)

    def _tell(self, visitor: _Visitor) -> None:
        self._news.put(visitor)
        if self._closed:  # nobody may be there to hear it
            visitor.made.put(self._last_word())

    def _last_word(self) -> Exception | None:
        """Of a thread that has ended. Another error each time: one that is raised again and again keeps all of it."""
        return RuntimeError("what writes the answers has broken off") if self.failure else None

    def _run(self) -> None:
        try:
            while self._hear():
                for visitor in (*self._waiting, *self._admitted):
                    with _blamed(visitor):
                        if visitor.left or (not visitor.reading and visitor.cancelled()):
                            self._end(visitor)
                self._admit()
                self._step([visitor for visitor in self._admitted if visitor.joined])
                # Who has ended may never look at the last tokens: nothing more would be heard, and the room stay empty.
                self._admit()
        except BaseException as error:
            self.failure = error
            raise
        finally:  # whatever ends this thread, nobody waits for ever
            self._closed = True
            while not self._news.empty():
                self._admitted += filter(None, [self._news.get()])
            for visitor in (*self._waiting, *self._admitted):
                visitor.made.put(self._last_word())

    def _hear(self) -> bool:
        """Take in what has happened, and wait for that where nobody writes. False once it is closed."""
        try:
            while True:
                visitor = self._news.get(block=not any(one.joined for one in self._admitted))
                if visitor is None:
                    return False
                if not visitor.known:
                    visitor.known = True
                    self._waiting.append(visitor)
                if self._news.empty():
                    return True
        except queue.Empty:
            return True

    def _admit(self) -> None:
        """Let go who has ended, and in as many of those who wait as there is room for. None overtakes: a long one would
        wait for ever."""
        self._waiting, self._admitted = (
            [visitor for visitor in visitors if not visitor.ended] for visitors in (self._waiting, self._admitted)
        )
        used = sum(visitor.tokens for visitor in self._admitted)
        free = self._readers - sum(visitor.reading for visitor in self._admitted)
        while self._waiting and free > 0 and used + self._waiting[0].tokens <= self.max_tokens:
            visitor = self._waiting.pop(0)
            self._admitted.append(visitor)
            used, free, visitor.reading = used + visitor.tokens, free - 1, True
            visitor.made.put([])

    def _step(self, writing: list[_Visitor]) -> None:
        """One pass, and the tokens that come of it."""
        reader, parts = self._engine.reader, []
        for visitor in writing:
            with _blamed(visitor):
                answer = visitor.answer
                assert answer is not None
                parts.append((visitor, answer, *answer.read(reader.piece)))
        if not parts:
            return
        try:
            rows = reader.read_many([(ids, answer.cache, wanted) for _, answer, ids, wanted in parts])
        except Exception as error:
            for visitor, *_ in parts:
                _fail(visitor, error)
            return
        for (visitor, answer, *_), logits in zip(parts, rows, strict=True):
            with _blamed(visitor):
                visitor.made.put(list(answer.take(logits)))
                if answer.ended:
                    self._end(visitor)

    def _end(self, visitor: _Visitor) -> None:
        visitor.ended = True
        if visitor.answer:
            self._engine.keep(visitor.answer)
        visitor.made.put(None)


def _made(visitor: _Visitor) -> Any:
    """The next that was made for it. Raises what went wrong."""
    made = visitor.made.get()
    if isinstance(made, BaseException):
        raise made
    return made


def _fail(visitor: _Visitor, error: Exception) -> None:
    """Its answer ends with the error, those of the others go on."""
    visitor.ended, visitor.answer = True, None
    visitor.made.put(error)


@contextmanager
def _blamed(visitor: _Visitor) -> Iterator[None]:
    """What goes wrong here ends this visitor's answer alone."""
    try:
        yield
    except Exception as error:
        _fail(visitor, error)
