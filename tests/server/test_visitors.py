"""Who may ask how often, and what a key allows."""

import random
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from assistant_samples import BRIDGE
from fischgpt.errors import UserError
from fischgpt.server.settings import Settings, read_settings
from fischgpt.server.visitors import MAX_VISITORS, Window, visitor_of
from server_samples import Running, eventually

KEY = "a-key-of-the-owner"
OTHER = "a-key-of-somebody"


def test_a_window_moves_with_the_time() -> None:
    now = [0.0]
    window = Window(3, lambda: now[0])
    assert [window.hit("a") for _ in range(4)] == [0, 0, 0, 60]
    assert window.hit("b") == 0
    now[0] = 59.5
    assert window.hit("a") == 1
    now[0] = 60.0
    assert window.hit("a") == 0
    assert [Window(0).hit("a") for _ in range(100)] == [0] * 100


def test_an_attacker_with_many_addresses_takes_little_memory() -> None:
    window = Window(3)
    for i in range(MAX_VISITORS + 500):
        window.hit(str(i))
    assert len(window._seen) == MAX_VISITORS


@pytest.mark.parametrize(("address", "visitor"), [
    ("203.0.113.9", "203.0.113.9"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
    ("::ffff:203.0.113.9", "203.0.113.9"),
    ("fe80::1%eth0", "fe80::/64"),
    ("nonsense", "unknown"),
])  # fmt: skip
def test_a_visitor_is_an_ipv4_address_or_a_64(address: str, visitor: str) -> None:
    assert visitor_of({"client": (address, 1)}) == visitor
    assert visitor_of({"client": None}) == "unknown"


def ask(running: Running, forwarded: str = "", key: str = "") -> httpx.Response:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    body = {"messages": [{"role": "user", "content": "hello"}]}
    return running.client.post("/v1/chat/completions", json=body, headers=headers)


def test_each_visitor_behind_the_proxy_has_a_rate_of_their_own(serve: Callable[..., Any]) -> None:
    with serve(rate=2, owner_key=KEY) as running:
        eventually(lambda: running.service.ready)
        assert [ask(running, "203.0.113.1").status_code for _ in range(3)] == [200, 200, 429]
        refused = ask(running, "203.0.113.1")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.json()["error"] | {"message": ""} == {
            "message": "", "type": "rate_limit_error", "param": None, "code": "rate_limit"
        }  # fmt: skip
        assert ask(running, "203.0.113.2").status_code == 200
        # What a visitor writes into the header stands left of what the proxy adds.
        assert ask(running, "198.51.100.7, 203.0.113.1").status_code == 429
        assert [ask(running, f"2001:db8::{i:x}").status_code for i in range(3)] == [200, 200, 429]
        assert ask(running, "203.0.113.1", KEY).status_code == 200
        assert [ask(running).status_code for _ in range(4)] == [200] * 4  # this machine itself
        page = running.client.get("/metrics").text
        assert 'fischgpt_refused_total{reason="rate"} 4.0' in page


def test_looking_inside_has_a_rate_of_its_own(serve: Callable[..., Any]) -> None:
    with serve(rate=1, inspect_rate=2) as running:
        eventually(lambda: running.service.ready)

        def look() -> httpx.Response:
            headers = {"X-Forwarded-For": "203.0.113.1"}
            return running.client.post("/v1/inspect", json={"prompt": "a"}, headers=headers)

        answers = [look() for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert answers[2].json()["error"]["message"].startswith("at most 2 requests a minute; try again in ")
        assert [ask(running, "203.0.113.1").status_code for _ in range(2)] == [200, 429]


def test_nobody_is_believed_who_is_no_proxy(serve: Callable[..., Any]) -> None:
    with serve(rate=2, proxies=("10.0.0.0/8",)) as running:
        eventually(lambda: running.service.ready)
        assert [ask(running, f"203.0.113.{i}").status_code for i in range(3)] == [200, 200, 429]


def test_with_api_keys_v1_answers_to_a_key_alone(serve: Callable[..., Any]) -> None:
    with serve(api_keys=(OTHER,), owner_key=KEY) as running:
        eventually(lambda: running.service.ready)
        for wrong in ("", "x", OTHER[:-1], OTHER + "x", "ключ"):
            headers = {"Authorization": f"Bearer {wrong}".encode()} if wrong else {}
            response = running.client.get("/v1/models", headers=headers)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
            assert response.json()["error"]["code"] == "invalid_api_key"
        assert ask(running, key=OTHER).status_code == 200
        assert ask(running, key=KEY).status_code == 200
        assert running.client.get("/healthz").status_code == 200


def test_metrics_are_for_this_machine_and_for_the_owner(serve: Callable[..., Any]) -> None:
    with serve(owner_key=KEY) as running:
        eventually(lambda: running.service.ready)
        running.ask(BRIDGE)
        page = running.client.get("/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        for line in (
            'fischgpt_requests_total{route="/v1/chat/completions",status="200"} 1.0',
            'fischgpt_answers_total{kind="model"} 1.0',
            "fischgpt_first_token_seconds_count 1.0",
            "fischgpt_answers_running 0.0",
            "fischgpt_ready 1.0",
        ):
            assert line in page.text
        afar = {"X-Forwarded-For": "203.0.113.5"}
        assert running.client.get("/metrics", headers=afar).status_code == 401
        assert running.client.get("/metrics", headers=afar | {"Authorization": f"Bearer {KEY}"}).status_code == 200


@pytest.mark.parametrize(("name", "value"), [
    ("FISCHGPT_RATE", "many"), ("FISCHGPT_RATE", "-1"), ("FISCHGPT_INSPECT_RATE", "x"),
    ("FISCHGPT_SLOTS", "0"), ("FISCHGPT_TOKENS", "0"), ("FISCHGPT_OWNER_KEY", "short"),
    ("FISCHGPT_API_KEYS", "long-enough-to-be-one,short"), ("FISCHGPT_PROXIES", "10.0.0.0/99"),
    ("FISCHGPT_KEEP_QUESTIONS", "maybe"),
])  # fmt: skip
def test_a_setting_that_is_none_is_named(name: str, value: str) -> None:
    with pytest.raises(UserError, match=name) as caught:
        read_settings({name: value})
    assert "\n" not in str(caught.value)
    assert "short" not in str(caught.value)  # a key is not told again


def test_settings_come_from_the_environment() -> None:
    given = read_settings(
        {
            "FISCHGPT_RATE": "5",
            "FISCHGPT_TOKENS": "9000",
            "FISCHGPT_API_KEYS": f"{OTHER}, {KEY}",
            "FISCHGPT_KEEP_QUESTIONS": "yes",
        }
    )
    assert (given.rate, given.max_tokens, given.api_keys, given.keep_questions) == (5, 9000, (OTHER, KEY), True)
    assert read_settings({}) == Settings()


def test_five_hundred_hostile_requests_leak_nothing_and_break_nothing(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    """Traversal, odd methods, headers and bodies on bare sockets: never a 500, never a file, and the server goes on."""
    web = tmp_path / "web"
    web.mkdir()
    (web / "index.html").write_text("<!doctype html><title>Site</title>")
    (tmp_path / "secret.txt").write_text("hidden words")
    random.seed(0)
    ups = ["..", "%2e%2e", "%252e%252e", "..%2f", "..%5c", "%c0%ae%c0%ae", ".%00.", "....//", "%u002e", "..;"]
    roots = ["/", "/assets/", "/api/resume/file/", "/v1/models/", "/api/documents/", "//", "/./", "/%2f/"]
    ends = ["secret.txt", "etc/passwd", "secret.txt%00.js", "secret.txt?x", "%73ecret.txt", "proc/self/environ"]
    head = "Host: x\r\nConnection: close\r\n"
    tries = [
        f"GET {random.choice(roots)}{'/'.join([random.choice(ups)] * random.randint(1, 8))}/{random.choice(ends)} "
        f"HTTP/1.1\r\n{head}\r\n".encode()
        for _ in range(300)
    ]
    bodies = [
        b"",
        b"{",
        b"[" * 60_000,
        b'{"a":' * 9000,
        b"\xff" * 999,
        b"null",
        b'"\\ud800"',
        b"1e999",
        b"\x00" * 70_000,
    ]
    posts = ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/feedback", "/api/chat", "/api/documents"]
    for _ in range(120):
        body = random.choice(bodies)
        kind = random.choice(
            ["application/json", "text/plain", "multipart/form-data", "application/json; charset=utf-7"]
        )
        start = f"POST {random.choice(posts)} HTTP/1.1\r\n{head}Content-Type: {kind}\r\n".encode()
        length = random.choice([f"Content-Length: {len(body)}", "Content-Length: -1", "Content-Length: 99999999999"])
        chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        tries.append(start + random.choice([length.encode() + b"\r\n\r\n" + body, chunked]))
    odd = [
        "Host: x\r\nHost: y", "Host:", "Content-Length: 1\r\nContent-Length: 2", "X-Forwarded-For: ' OR 1=1",
        "Via: \x7f",
        "Transfer-Encoding: chunked\r\nContent-Length: 5", "X-Forwarded-Proto: javascript", "Authorization: Bearer",
        "Range: bytes=" + ",".join(f"{i}-" for i in range(2000)), "Accept-Encoding: gzip;q=nan",
        "Cookie: " + "a" * 30_000,
        "Expect: 100-continue", "Upgrade: websocket\r\nConnection: Upgrade", "Content-Type: " + "x;" * 2000,
        "If-None-Match: " + '"' * 500, "Authorization: Basic \xff\xfe", "X-Forwarded-For: " + "1.1.1.1," * 500,
    ]  # fmt: skip
    for i in range(80):
        method = random.choice(["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "CONNECT", "get", "BREW"])
        path = random.choice(
            ["/", "/healthz", "/v1/models", "/metrics", "/api/documents/x", "*", "http://evil/", "/\xff"]
        )
        tries.append(f"{method} {path} HTTP/1.1\r\n{head}{odd[i % len(odd)]}\r\n\r\n".encode("latin-1"))
    with serve(web=web) as running:
        eventually(lambda: running.service.ready)
        statuses = [_raw(running, data) for data in tries]
        assert len(statuses) == 500
        assert not [status for status in statuses if status >= 500 and status != 501]
        assert running.ask(BRIDGE).status_code == 200
        print(f"\n500 hostile requests: { {status: statuses.count(status) for status in sorted(set(statuses))} }")


def _raw(running: Running, data: bytes) -> int:
    """The status, 0 for a connection that was closed without one."""
    with socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])), timeout=60) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        except ConnectionError:
            return 0
    for leak in (b"hidden words", b"root:x:", b"PATH=", b"Traceback", b"site-packages", b"starlette", b"uvicorn"):
        assert leak not in answer, (data[:200], answer[:500])
    return int(answer.split()[1]) if answer.startswith(b"HTTP/") else 0
