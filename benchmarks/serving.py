"""How soon the first words come and how fast they go on, through the API of a real `fischgpt up`.

python benchmarks/serving.py [--model MODEL] [--profile PROFILE] [--rounds 10]

One visitor after another asks the profile's own starters, then eight visitors at once. A round is every starter once.
"""

import argparse
import asyncio
import json
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

VISITORS = 8


@dataclass(frozen=True)
class Seen:
    """One answer, as a visitor saw it."""

    first_ms: float
    total_ms: float
    tokens: int

    @property
    def tokens_s(self) -> float:
        """From the question to the end, waiting included."""
        return 1000 * self.tokens / self.total_ms


async def ask(client: httpx.AsyncClient, question: str) -> Seen:
    """Ask one question, streamed."""
    body = {
        "messages": [{"role": "user", "content": question}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    began, first, tokens = time.perf_counter(), 0.0, 0
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            event = json.loads(line[6:])
            tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
            if not first and any(choice["delta"].get("content") for choice in event["choices"]):
                first = time.perf_counter()
    return Seen(1000 * (first - began), 1000 * (time.perf_counter() - began), tokens)


async def measure(url: str, rounds: int) -> tuple[list[Seen], list[Seen]]:
    """Alone, and eight at once."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        questions = (await client.get("/api/profile")).json()["starters"]
        alone = [await ask(client, question) for _ in range(rounds) for question in questions]
        together: list[Seen] = []
        for start in range(rounds):
            crowd = [questions[(start + i) % len(questions)] for i in range(VISITORS)]
            together += await asyncio.gather(*(ask(client, question) for question in crowd))
    return alone, together


def show(name: str, seen: list[Seen]) -> None:
    """One line: medians and the worst."""
    first, speed = [one.first_ms for one in seen], [one.tokens_s for one in seen]
    print(
        f"{name}: {len(seen)} answers, first words after {statistics.median(first):.0f} ms (median), "
        f"{statistics.quantiles(first, n=20)[-1]:.0f} (95 %), {max(first):.0f} (worst); "
        f"{statistics.median(speed):.0f} tokens/s (median), {min(speed):.0f} (slowest)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--profile")
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fischgpt", "up", "--port", str(port), "--model", args.model]
    command += ["--profile", args.profile] if args.profile else []
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    began = time.perf_counter()
    try:
        while True:
            try:
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            if server.poll() is not None:
                sys.exit("the server ended: run the same `fischgpt up` to see why")
            time.sleep(0.05)
        print(f"ready after {time.perf_counter() - began:.1f} s")
        alone, together = asyncio.run(measure(url, args.rounds))
        show("one at a time", alone)
        show(f"{VISITORS} at once", together)
        memory = next(line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if "VmRSS" in line)
        print(f"memory {int(memory.split()[1]) / 1024:.0f} MB")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
