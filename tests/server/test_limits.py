"""Slots, queue, disconnects, deadline, shutdown."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from assistant_samples import BRIDGE
from fischgpt.server import limits
from fischgpt.server.limits import NeedsCore, Slots
from server_samples import Running, eventually
from serving_samples import run_apart

TEXT = "Designed the Harlow footbridge, 212 metres long. [1]"
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": BRIDGE}]}


def open_request(running: Running, stream: bool) -> socket.socket:
    """Send a question on a bare socket, so that it can be dropped."""
    connection = socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])))
    body = json.dumps({**BODY, "stream": stream}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    connection.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
    return connection


def test_twenty_clients_on_few_slots_all_get_their_answer(serve: Callable[..., Any]) -> None:
    with serve(slots=2, queue=18) as running:
        running.script.pause_s = 0.02  # an answer is longer in the writing than a search, so that two meet
        with ThreadPoolExecutor(20) as pool:
            texts = list(pool.map(lambda i: read(running, stream=i % 2 == 0), range(20)))
        assert texts == [TEXT] * 20
        assert running.script.most_active == 2
        eventually(lambda: running.admitted == 0)


def read(running: Running, stream: bool) -> str:
    response = running.ask(BRIDGE, stream=stream)
    if not stream:
        return response.json()["choices"][0]["message"]["content"]
    lines = response.text.split("\n\n")
    assert lines[-2] == "data: [DONE]"
    chunks = [json.loads(line[6:]) for line in lines[:-2] if line.startswith("data: ")]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


def test_when_slots_and_queue_are_full_it_says_when_to_come_back(serve: Callable[..., Any]) -> None:
    with serve(slots=1, queue=2) as running:
        running.script.gate = threading.Semaphore(0)
        held = [open_request(running, stream=True) for _ in range(3)]
        eventually(lambda: running.admitted == 3)
        started = time.perf_counter()
        response = running.ask(BRIDGE, stream=True)
        assert time.perf_counter() - started < 10
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["error"]["type"] == "rate_limit_error"
        assert running.client.get("/healthz").status_code == 200  # the event loop is free
        running.script.gate.release(1000)
        for connection in held:
            connection.close()
        eventually(lambda: running.admitted == 0)
        assert running.ask(BRIDGE).status_code == 200


def test_a_client_that_leaves_frees_its_slot(serve: Callable[..., Any]) -> None:
    for stream in (True, False):
        with serve(slots=1, queue=0) as running:
            running.script.gate = threading.Semaphore(3)
            connection = open_request(running, stream)
            eventually(lambda running=running: running.script.generated == 3)
            (job,) = running.app.state.slots._jobs
            connection.close()
            eventually(job._cancelled.is_set)
            running.script.gate.release()
            assert eventually(lambda running=running: running.admitted == 0) < 10  # the gate opens by itself after 15
            assert running.script.generated <= 4
            assert running.script.active == 0


def test_a_client_that_leaves_the_queue_gives_up_its_place(serve: Callable[..., Any]) -> None:
    for stream in (True, False):
        with serve(slots=1, queue=5) as running:
            running.script.gate = threading.Semaphore(0)
            first = open_request(running, stream=True)
            eventually(lambda running=running: running.script.active == 1)
            waiting = [open_request(running, stream) for _ in range(5)]
            eventually(lambda running=running: running.admitted == 6)
            for connection in waiting:
                connection.close()
            assert eventually(lambda running=running: running.admitted == 1) < 10
            first.close()
            running.script.gate.release(1000)
            eventually(lambda running=running: running.admitted == 0)
            assert len(running.script.prompts) == 1  # those who left never reached the model


def test_many_come_and_go_and_nothing_is_left_behind(serve: Callable[..., Any]) -> None:
    with serve(slots=2, queue=100) as running:
        for i in range(60):
            open_request(running, stream=i % 2 == 0).close()
        eventually(lambda: running.admitted == 0 and running.script.active == 0)
        assert running.ask(BRIDGE).status_code == 200


def test_an_answer_past_its_deadline_is_stopped_and_says_so(serve: Callable[..., Any]) -> None:
    with serve(slots=1, deadline_s=0.3) as running:
        running.script.gate = threading.Semaphore(0)
        with ThreadPoolExecutor(1) as pool:
            streamed = pool.submit(running.ask, BRIDGE, stream=True)
            eventually(lambda: running.admitted == 1 or streamed.done())
            queued = running.ask(BRIDGE)
            running.script.gate.release(1000)  # the deadline of both has passed
        answers = [streamed.result(), queued]
        assert answers[1].status_code == 504
        assert answers[1].json()["error"]["code"] == "timeout"
        event = json.loads(answers[0].text.strip().rpartition("data: ")[2])
        assert event["error"]["code"] == "timeout"
        eventually(lambda: running.admitted == 0)


def test_shutdown_lets_streams_end(serve: Callable[..., Any]) -> None:
    with serve(slots=4) as running:
        running.script.gate = threading.Semaphore(0)
        with ThreadPoolExecutor(4) as pool:
            texts = [pool.submit(read, running, True) for _ in range(4)]
            eventually(lambda: running.script.active == 4)
            running.server.should_exit = True
            time.sleep(0.2)
            running.script.gate.release(1000)
            assert [text.result() for text in texts] == [TEXT] * 4


def test_who_waits_is_told_where_they_stand_and_when_that_changes(serve: Callable[..., Any]) -> None:
    with serve(slots=1, queue=4) as running, ThreadPoolExecutor(3) as pool:
        running.script.gate = threading.Semaphore(0)
        told: list[list[str]] = [[], [], []]

        def waiting(mine: list[str]) -> None:
            with running.client.stream("POST", "/v1/chat/completions", json={**BODY, "stream": True}) as response:
                for line in response.iter_lines():
                    if line.startswith(":"):
                        mine.append(line)

        answers = []
        for admitted, mine in enumerate(told, 1):
            answers.append(pool.submit(waiting, mine))
            eventually(lambda admitted=admitted: running.admitted == admitted)
        eventually(lambda: told == [[], [": waiting 1"], [": waiting 2"]])
        time.sleep(1)  # each looks twice a second
        while running.admitted == 3:  # until the first has its answer, and no further
            written = running.script.generated
            running.script.gate.release(1)
            eventually(lambda written=written: running.script.generated > written or running.admitted < 3)
        eventually(lambda: told == [[], [": waiting 1"], [": waiting 2", ": waiting 1"]])
        time.sleep(1)
        running.script.gate.release(1000)
        for answer in answers:
            answer.result(60)
        assert told == [[], [": waiting 1"], [": waiting 2", ": waiting 1"]]


@pytest.mark.parametrize(
    ("needs_core", "together"),
    [
        (lambda _: False, (True, True, True)),
        (lambda event: event is None, (False, True, True)),
        (lambda event: event != "found", (False, True, False)),
        (lambda _: True, (False, False, False)),
    ],
    ids=["never", "to the first event", "again after the second", "throughout"],
)
def test_as_many_compute_by_themselves_as_there_are_cores(
    needs_core: NeedsCore, together: tuple[bool, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "available_cores", lambda: 1)
    names, barriers = ("found", "written", "scored"), [threading.Barrier(3) for _ in range(3)]
    active, lock = 0, threading.Lock()

    def work(cancelled: Callable[[], bool]) -> Iterator[str]:
        nonlocal active
        for name, all_at_once, barrier in zip(names, together, barriers, strict=True):
            if all_at_once:
                barrier.wait(timeout=20)  # passes only if all three are here at the same time
            else:
                with lock:
                    active += 1
                time.sleep(0.01)
                assert active == 1
                with lock:
                    active -= 1
            yield name

    async def rush() -> None:
        slots = Slots(slots=3, queue=3)
        try:
            for _ in range(2):
                jobs = [slots.submit(work, needs_core) for _ in range(3)]
                for job in jobs:
                    assert tuple([event async for event in job.events()]) == names
        finally:
            slots.close()

    run_apart(rush())


def test_who_leaves_while_waiting_for_a_core_gives_up_the_slot_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "available_cores", lambda: 1)
    gate = threading.Event()

    def work(cancelled: Callable[[], bool]) -> Iterator[str]:
        gate.wait(20)
        yield "found"

    async def come_and_go() -> None:
        slots = Slots(slots=4, queue=0)
        try:
            first, *others = (slots.submit(work) for _ in range(4))
            await asyncio.sleep(0.05)
            assert [job.place() for job in (first, *others)] == [0, 1, 2, 3]
            others[0].cancel()
            await asyncio.sleep(0)
            assert [event async for event in others[0].events()] == []
            assert slots.admitted == 3 and slots.waiting == 2
            gate.set()
            for job in (first, *others[1:]):
                assert [event async for event in job.events()] == ["found"]
        finally:
            slots.close()

    run_apart(come_and_go())
