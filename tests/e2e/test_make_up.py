"""`make up`, the README's first command: from another folder, a second time, with no network."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from ports import free_port
from site_samples import COST, Visitor

ROOT = Path(__file__).parents[2]
# Whatever reaches for a package index, a registry or a hub fails at once.
OFFLINE = {
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1",
    "PIP_NO_INDEX": "1",
    "npm_config_offline": "true",
    "BROWSER": "true",
}

pytestmark = pytest.mark.timeout(900)  # in a checkout that was never set up, make up sets it up


def make_up(port: int) -> list[str]:
    return ["make", "--no-print-directory", "-C", str(ROOT), "up", f"PORT={port}"]


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def url(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("elsewhere")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= OFFLINE | {"FISCHGPT_CACHE": str(folder / "cache")}
    log = folder / "up.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            make_up(port), cwd=folder, env=environment, stdout=out, stderr=out, start_new_session=True
        ) as server,
    ):
        try:
            until = time.monotonic() + 300
            while not _is_ready(port):
                assert server.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGINT)
            server.wait(30)


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_the_training_cost_is_answered_in_a_browser_with_its_source(url: str, visit: Callable[..., Visitor]) -> None:
    visitor = visit(url).open()
    visitor.button(COST).click()
    visitor.finished()
    expect(visitor.answer).to_contain_text("$208.74")
    expect(visitor.page.locator("[data-passage]:has([data-cited=true])")).to_contain_text("$208.74")
    assert visitor.faults == []


def test_the_training_cost_is_answered_through_curl_with_its_source(url: str) -> None:
    body = json.dumps({"model": "mini", "messages": [{"role": "user", "content": COST}]})
    done = subprocess.run(
        [
            "curl",
            "-s",
            "--noproxy",
            "*",
            f"{url}/v1/chat/completions",
            "-H",
            "Content-Type: application/json",
            "-d",
            body,
        ],
        capture_output=True,
        check=True,
        timeout=60,
    )
    answer = json.loads(done.stdout)
    text = answer["choices"][0]["message"]["content"]
    assert "$208.74" in text
    cited = next(source for source in answer["sources"] if f"[{source['n']}]" in text)
    assert "$208.74" in cited["text"]


def test_a_taken_port_is_said_in_one_line(url: str, port: int, tmp_path: Path) -> None:
    done = subprocess.run(
        make_up(port), cwd=tmp_path, env=os.environ | OFFLINE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not re.match(r"make(\[\d+\])?: ", line)]
    assert len(said) == 1, done.stderr
    assert said[0].startswith(f"error: port {port}") and "--port" in said[0]
