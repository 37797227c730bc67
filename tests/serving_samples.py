"""A real `fischgpt up` in a process of its own, and visitors on bare sockets that do what no client library would."""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from ports import free_port
from server_samples import eventually

ROOT = Path(__file__).parents[1]
CHROMA_FILE = "chroma.sqlite3"
QUESTION = "How much did the training cost?"


def run_apart(work: Coroutine[Any, Any, Any]) -> Any:
    """asyncio.run in a thread of its own: Playwright's tests leave their own loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


@dataclass
class Up:
    """The process and where it listens."""

    process: subprocess.Popen[str]
    port: int
    url: str
    log: Path

    def rss_mb(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024  # type: ignore[index]

    def open_files(self) -> list[str]:
        """What is open, files and sockets."""
        opened = []
        for handle in Path(f"/proc/{self.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                opened.append(str(handle.readlink()))
        return opened

    def files(self) -> int:
        """How many files and sockets are open. Chroma's SQLite file does not count: it is opened once for each thread
        that asks, and when the sixth and last of them first asks is up to the machine."""
        return sum(not name.endswith(CHROMA_FILE) for name in self.open_files())

    def running(self) -> tuple[int, int]:
        """Answers being computed, and waiting."""
        status = httpx.get(f"{self.url}/api/status", timeout=60).json()
        return status["running"], status["waiting"]


@contextmanager
def up(folder: Path, *options: str, **settings: str) -> Iterator[Up]:
    """Serve the shipped model and profile until the block ends; settings: of the environment, `FISCHGPT_...`."""
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1",
        "FISCHGPT_DATA": str(folder / "data"), **{f"FISCHGPT_{key}": value for key, value in settings.items()},
    }  # fmt: skip
    port, log = free_port(), folder / "up.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "fischgpt", "up", "--port", str(port), *options],
            env=environment, stdout=subprocess.DEVNULL, stderr=stderr, text=True, cwd=folder,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _status(f"{url}/readyz") == 200 or process.poll() is not None, within=120)
        assert process.poll() is None, log.read_text()
        yield Up(process, port, url, log)
    finally:
        process.kill()
        process.wait()


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


@dataclass
class Heard:
    """What one request got, and after how many seconds."""

    status: int = 0
    head: str = ""
    body: bytes = b""
    first_s: float = 0.0
    total_s: float = 0.0
    sent: float = field(default_factory=time.perf_counter)


def request(
    method: str = "POST", path: str = "/v1/chat/completions", body: dict[str, Any] | None = None, visitor: str = ""
) -> bytes:
    """The bytes of a request; `visitor`: the address a proxy would name."""
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"X-Forwarded-For: {visitor}"] if visitor else []
    lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"] if body is not None else []
    return "\r\n".join([*lines, "", ""]).encode() + content


def question(stream: bool = True, text: str = QUESTION, **more: Any) -> dict[str, Any]:
    """The body of a question."""
    return {"messages": [{"role": "user", "content": text}], "stream": stream, **more}


async def send(port: int, data: bytes, timeout: float = 180.0, together: asyncio.Barrier | None = None) -> Heard:
    """Send bytes, read until the server closes. together: connect first, and send when all have."""
    heard = Heard()
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        try:
            if together is not None:
                await together.wait()
            heard.sent = time.perf_counter()
            writer.write(data)
            first = await reader.read(65536)
            heard.first_s = time.perf_counter() - heard.sent
            rest = await reader.read()
            heard.total_s = time.perf_counter() - heard.sent
        finally:
            writer.close()
    head, _, heard.body = (first + rest).partition(b"\r\n\r\n")
    heard.head = head.decode("latin-1").lower()
    heard.status = int(head.split()[1]) if head.startswith(b"HTTP/") else 0
    return heard


@contextmanager
def watched(port: int) -> Iterator[list[float]]:
    """How long /healthz took, in ms, each 20 ms until the block ends: filled in then. In a process of its own, as the
    visitors' event loop would add its own work to what is measured."""
    took: list[float] = []
    probe = subprocess.Popen(
        [sys.executable, "-c", _PROBE, str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert probe.stdout is not None
    assert probe.stdout.readline() == "ready\n"
    try:
        yield took
    finally:
        told, _ = probe.communicate()
        took += map(float, told.split())
    assert probe.returncode == 0, "a /healthz was not answered with 200"


_PROBE = """
import http.client, select, sys, time
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.02)[0]:
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    print(1000 * (time.perf_counter() - began))
"""


def quantile(values: list[float], part: float) -> float:
    """The value below which `part` of them lie."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]
