"""How soon the first words come and how fast they go on, through the API of a real `fischgpt up`.

python benchmarks/serving.py [--model MODEL | --fresh] [--profile PROFILE] [--rounds 10] [--beside SRC]

One visitor after another asks the profile's own starters, then eight visitors at once; then the raw model goes on from
64 tokens for 64 more, for one visitor and for eight. A round is each of these, every starter once. --fresh: a model of
GPT-2's 124M shape that has learned nothing. --beside: another checkout's `src`, served by a second process and asked in
turn, round by round.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

VISITORS, PROMPT, TOKENS = 8, 64, 64


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


@dataclass
class Site:
    """A server that runs, and what was seen of it."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    alone: list[Seen] = field(default_factory=list)
    together: list[Seen] = field(default_factory=list)
    writes: list[float] = field(default_factory=list)
    """Tokens a second, of one visitor in each round."""
    write: list[float] = field(default_factory=list)
    """Of eight, their sum from the first question to the last answer's end."""
    slowest: list[float] = field(default_factory=list)
    """Of the slowest of the eight."""

    async def round(self, number: int) -> None:
        """Each kind once."""
        async with httpx.AsyncClient(base_url=self.url, timeout=60) as client:
            questions = (await client.get("/api/profile")).json()["starters"]
            self.alone += [await ask(client, question) for question in questions]
            crowd = [questions[(number + i) % len(questions)] for i in range(VISITORS)]
            self.together += await asyncio.gather(*(ask(client, question) for question in crowd))
            self.writes.append((await proceed(client, number)).tokens_s)
            began = time.perf_counter()
            seen = await asyncio.gather(*(proceed(client, 1000 * number + i) for i in range(1, VISITORS + 1)))
            self.write.append(sum(one.tokens for one in seen) / (time.perf_counter() - began))
            self.slowest.append(min(one.tokens_s for one in seen))

    def show(self) -> None:
        """Medians and the worst."""
        for name, seen in (("one at a time", self.alone), (f"{VISITORS} at once", self.together)):
            first, speed = [one.first_ms for one in seen], [one.tokens_s for one in seen]
            print(
                f"{self.name}, {name}: {len(seen)} answers, first words after {statistics.median(first):.0f} ms "
                f"(median), {statistics.quantiles(first, n=20)[-1]:.0f} (95 %), {max(first):.0f} (worst); "
                f"{statistics.median(speed):.0f} tokens/s (median), {min(speed):.0f} (slowest)"
            )
        print(
            f"{self.name}, the raw model goes on: {statistics.median(self.writes):.0f} tokens/s for one, "
            f"{statistics.median(self.write):.0f} for {VISITORS} in all, {statistics.median(self.slowest):.0f} for the "
            f"slowest of them (medians of {len(self.write)})"
        )
        status = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        memory = next(line for line in status if "VmRSS" in line)
        print(f"{self.name}, memory {int(memory.split()[1]) / 1024:.0f} MB")


async def ask(client: httpx.AsyncClient, question: str) -> Seen:
    """Ask one question, streamed."""
    return await stream(client, "/v1/chat/completions", {"messages": [{"role": "user", "content": question}]})


async def proceed(client: httpx.AsyncClient, seed: int) -> Seen:
    """Let the raw model go on, streamed."""
    prompt = random.Random(seed).choices(range(1000), k=PROMPT)
    return await stream(client, "/v1/completions", {"prompt": prompt, "max_tokens": TOKENS, "seed": seed})


async def stream(client: httpx.AsyncClient, path: str, body: dict[str, object]) -> Seen:
    more = {"stream": True, "stream_options": {"include_usage": True}}
    began, first, tokens = time.perf_counter(), 0.0, 0
    async with client.stream("POST", path, json=body | more) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            event = json.loads(line[6:])
            tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
            if not first and any(choice.get("delta", choice).get("content") for choice in event["choices"]):
                first = time.perf_counter()
    return Seen(1000 * (first - began), 1000 * (time.perf_counter() - began), tokens)


@contextlib.contextmanager
def fresh() -> Iterator[str]:
    """A folder with a model of GPT-2's 124M shape: speed does not depend on what it has learned."""
    import torch

    from fischgpt.config import GPTConfig
    from fischgpt.model import GPT
    from fischgpt.model.weights import save_pretrained
    from fischgpt.tokenizer import Tokenizer

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "124m"
        torch.manual_seed(0)
        shape = GPTConfig(n_layer=12, n_head=12, n_embd=768, block_size=1024, vocab_size=50304)
        save_pretrained(GPT(shape), folder, n_vocab=50260)
        Tokenizer.gpt2().save(folder)
        yield str(folder)


@contextlib.contextmanager
def up(name: str, model: str, profile: str | None, source: str | None) -> Iterator[Site]:
    """A server that is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "fischgpt", "up", "--port", str(port), "--model", model]
    command += ["--profile", profile] if profile else []
    environment = os.environ | ({"PYTHONPATH": source} if source else {})
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    url, began = f"http://127.0.0.1:{port}", time.perf_counter()
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
        print(f"{name}: ready after {time.perf_counter() - began:.1f} s", flush=True)
        time.sleep(2)  # what only loading needed is being given back
        yield Site(name, url, server)
    finally:
        server.terminate()
        server.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--model", default="mini")
    which.add_argument("--fresh", action="store_true")
    parser.add_argument("--profile")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--beside", metavar="SRC")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        model = stack.enter_context(fresh()) if args.fresh else args.model
        sites = [stack.enter_context(up("here", model, args.profile, None))]
        if args.beside:
            sites.append(stack.enter_context(up(args.beside, model, args.profile, args.beside)))
        for number in range(args.rounds):
            for site in sites:
                asyncio.run(site.round(number))
        for site in sites:
            site.show()


if __name__ == "__main__":
    main()
