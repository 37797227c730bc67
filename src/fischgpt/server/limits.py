"""How many answers run at once, how many wait, how long one may take; and the size of a request.

Answers are computed in worker threads, never in the event loop. What each computes by itself, as a search, has a core
while it does; what the model writes is computed for all together (engine/batch.py). A job that nobody waits for any
more gives its slot back within one step of that, or its place in the queue at once.
"""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fischgpt.resources import available_cores

MAX_BODY_BYTES = 64 * 1024
BODY_S = 8.0
"""A body arrives within this: 64 KiB at 8 KiB/s, and half-open connections are gone in under 10 s."""
DEADLINE_S = 60.0
"""Wall clock of one answer, waiting included."""

PLACE_S, MAX_PLACE = 0.5, 100
"""How often one that waits looks where it stands, in seconds, and how far it counts."""

Work = Callable[[Callable[[], bool]], Iterator[Any]]
"""Computes the events of an answer; is given a function that says whether to stop."""
NeedsCore = Callable[[Any], bool]
"""Whether what comes next is computed by itself, on one of the machine's cores: is asked with None at first, then with
each event. More of them at a time would only make each slower."""


class Busy(Exception):
    """All slots and all places in the queue are taken."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"busy; try again in {retry_after} s")
        self.retry_after = retry_after


class Expired(Exception):
    """The answer took longer than the deadline."""


class Job:
    """One answer: iterate over its events; `cancel` when nobody wants them any more."""

    def __init__(self, work: Work, deadline_s: float, place: Callable[["Job"], int], needs_core: NeedsCore) -> None:
        """place: where a job that waits stands in the queue, from 1."""
        self._work, self._place, self._needs_core = work, place, needs_core
        self._computed: Iterator[Any] | None = None
        self._last: Any = None
        self._over = False
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Any] = asyncio.Queue()
        self._cancelled = threading.Event()
        self._expired = False
        self._submitted = time.perf_counter()
        self._timer = self._loop.call_later(deadline_s, self._expire)
        self.started = False
        """Whether it has a slot."""
        self.queue_ms = 0.0
        self.task: asyncio.Task[None] | None = None

    def place(self) -> int:
        """Where it stands in the queue, from 1; 0 once it has a slot."""
        return 0 if self.started else self._place(self)

    def cancel(self) -> None:
        """Stop the work: at once while it waits, within one token when it runs. Idempotent."""
        self._cancelled.set()
        if self.task is not None and not self.started:
            self.task.cancel()

    async def events(self, ping_s: float = 10.0) -> AsyncIterator[Any]:
        """Events as they come; None when its place in the queue has changed, and every `ping_s` seconds without
        anything. Raises what the work raised, or Expired."""
        told, silent_since = 0, time.monotonic()
        while True:
            try:
                event = await asyncio.wait_for(self._events.get(), ping_s if self.started else min(ping_s, PLACE_S))
            except TimeoutError:
                place = self.place()
                if place != told or time.monotonic() - silent_since >= ping_s:
                    told, silent_since = place, time.monotonic()
                    yield None
                continue
            silent_since = time.monotonic()
            if event is _END:
                if self._expired:
                    raise Expired
                return
            if isinstance(event, BaseException):
                raise event
            yield event

    async def run(self, slots: asyncio.Semaphore, cores: asyncio.Semaphore, own: Executor, shared: Executor) -> None:
        """Wait for a slot, and for a core whenever it needs one; compute in a thread of `own` while it does, else of
        `shared`."""
        try:
            async with slots:
                while not self._over:
                    if self._needs_core(self._last):
                        async with cores:
                            await self._compute_in(own, True)
                    else:
                        await self._compute_in(shared, False)
        finally:
            self._timer.cancel()
            self._events.put_nowait(_END)

    async def _compute_in(self, threads: Executor, has_core: bool) -> None:
        if not self.started:
            self.started = True
            self.queue_ms = (time.perf_counter() - self._submitted) * 1000
        await self._loop.run_in_executor(threads, self._compute, has_core)

    def _compute(self, has_core: bool) -> None:
        """To the end, or to where it needs no core any more, or needs one."""
        try:
            if not self._cancelled.is_set():
                self._computed = self._computed or self._work(self._cancelled.is_set)
                for event in self._computed:
                    self._put(event)
                    if self._cancelled.is_set():
                        break
                    if self._needs_core(event) != has_core:
                        self._last = event
                        return
        except BaseException as error:
            self._put(error)
        self._over, self._computed = True, None  # what is left of it closes here

    def _put(self, event: Any) -> None:
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    def _expire(self) -> None:
        self._expired = True
        self.cancel()


_END = object()


class Slots:
    """`slots` answers at once, as many of them with a core as there are, and `queue` waiting in order; more are refused
    with Busy."""

    def __init__(self, slots: int = 8, queue: int = 16, deadline_s: float = DEADLINE_S) -> None:
        self.slots, self.queue, self.deadline_s = slots, queue, deadline_s
        self._semaphore, self._cores = asyncio.Semaphore(slots), asyncio.Semaphore(available_cores())
        # A thread's first search takes up to twice the time (173 ms for 80).
        self._own = ThreadPoolExecutor(available_cores(), thread_name_prefix="core")
        self._shared = ThreadPoolExecutor(slots, thread_name_prefix="answer")
        self._jobs: dict[Job, None] = {}  # in the order they came, which is that of the queue

    @property
    def admitted(self) -> int:
        """Jobs that run or wait."""
        return len(self._jobs)

    @property
    def waiting(self) -> int:
        """Jobs that wait for a slot or a core."""
        return sum(not job.started for job in self._jobs)

    def full(self) -> int:
        """0 while there is room; else after how many seconds to try again."""
        # An answer of the small model takes under a second.
        return 1 + self.admitted // self.slots if self.admitted >= self.slots + self.queue else 0

    def submit(self, work: Work, needs_core: NeedsCore = lambda _: True) -> Job:
        """Queue the work. Raises Busy with the seconds after which to try again."""
        if seconds := self.full():
            raise Busy(seconds)
        job = Job(work, self.deadline_s, self._place, needs_core)
        self._jobs[job] = None
        job.task = asyncio.create_task(job.run(self._semaphore, self._cores, self._own, self._shared))
        job.task.add_done_callback(lambda _: self._jobs.pop(job, None))
        return job

    def _place(self, job: Job) -> int:
        """At most MAX_PLACE: everyone who waits looks often, and the queue may be long."""
        before = itertools.takewhile(lambda one: one is not job, (one for one in self._jobs if not one.started))
        return 1 + sum(1 for _ in itertools.islice(before, MAX_PLACE - 1))

    def close(self) -> None:
        """Stop all work."""
        for job in list(self._jobs):
            job.cancel()
        for pool in (self._own, self._shared):
            pool.shutdown(wait=False, cancel_futures=True)


class BodyLimit:
    """Refuses request bodies over `limit` bytes, declared or not, before they are held in memory, and those that take
    longer than `seconds` to arrive."""

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES, seconds: float = BODY_S) -> None:
        self.app, self.limit, self.seconds = app, limit, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        declared = dict(scope["headers"]).get(b"content-length", b"")
        received, whole, until = 0, False, time.monotonic() + self.seconds

        async def counted() -> Message:
            nonlocal received, whole
            if whole:  # what comes now is the disconnect, whenever the client goes
                return await receive()
            # The rest of a refused body is not read: the connection ends with the answer.
            try:
                message = await asyncio.wait_for(receive(), until - time.monotonic())
            except TimeoutError:
                raise HTTPException(408, "the request took too long to arrive", {"Connection": "close"}) from None
            received += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if received > self.limit or (declared.isdigit() and int(declared) > self.limit):
                too_large = f"the request is larger than {self.limit // 1024} KiB"
                raise HTTPException(413, too_large, {"Connection": "close"})
            return message

        await self.app(scope, counted, send)
