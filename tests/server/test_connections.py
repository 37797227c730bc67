"""Slow and greedy connections are closed, without a proxy, and hurt nobody."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from assistant_samples import BRIDGE
from fischgpt.server import connections
from server_samples import Running, eventually

HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture
def quick(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server with half a second of patience."""
    monkeypatch.setattr(connections, "HEADER_S", 0.5)
    monkeypatch.setattr(connections, "STALL_S", 0.5)
    with serve() as running:
        yield running


def connect(running: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), timeout=60)


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        while data := connection.recv(65536):
            del data
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("start", [b"", b"POST /", HEAD, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal"])
def test_a_head_that_never_ends_is_cut_off_though_it_drips(start: bytes, quick: Running) -> None:
    slow = []
    for _ in range(25):
        slow.append(connect(quick))
        with suppress(OSError):  # where this takes half a second, it is cut off already
            slow[-1].sendall(start)
    until = time.perf_counter() + 60
    while not all(is_closed(connection) for connection in slow):
        assert time.perf_counter() < until, "still open"
        for connection in slow:
            try:
                connection.send(b"x")
            except OSError:
                continue
        time.sleep(0.1)
    assert quick.ask(BRIDGE).status_code == 200


def test_a_connection_that_says_nothing_is_closed(quick: Running) -> None:
    silent = [connect(quick) for _ in range(25)]
    eventually(lambda: all(is_closed(connection) for connection in silent))
    assert quick.ask(BRIDGE).status_code == 200


def test_a_head_without_end_is_cut_off_by_its_size(serve: Callable[..., Any]) -> None:
    with serve() as running, connect(running) as connection, pytest.raises(ConnectionError):
        for _ in range(200):
            connection.sendall(b"X-Long: " + b"x" * 65_536)
            time.sleep(0.01)


def test_a_body_that_never_ends_is_408(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fischgpt.server.limits.BodyLimit.__init__.__defaults__", (64 * 1024, 0.5))
    with serve() as running, connect(running) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))  # until the server closes
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == b"408"
    assert json.loads(body)["error"]["message"] == "the request took too long to arrive"


def test_a_reader_that_stops_is_dropped(quick: Running) -> None:
    with connect(quick) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            for _ in range(500):  # pipelined: 20 MB of answers that nobody takes
                connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n")
        except OSError:
            pass
        eventually(lambda: len(quick.server.server_state.connections) == 0)


def test_a_kept_connection_still_answers_the_next_request(quick: Running) -> None:
    for _ in range(3):
        assert quick.client.get("/healthz").status_code == 200  # one connection
        time.sleep(0.3)
