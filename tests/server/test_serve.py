"""`fischgpt up` as a user starts it: a process of its own."""

import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from assistant_samples import BRIDGE
from fischgpt.engine import native
from fischgpt.errors import UserError
from fischgpt.profile.profile import Profile
from fischgpt.server.run import claim, serve
from ports import free_port
from server_samples import eventually


def up(*options: str) -> subprocess.Popen[str]:
    """Start `fischgpt up` without waiting."""
    environment = {**os.environ, "PYTHONPATH": "src", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "fischgpt", "up", *options],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def test_up_serves_until_it_is_told_to_stop(profile: Profile, model_folder: Path) -> None:
    port = str(free_port())
    process = up("--profile", str(profile.resume_file.parent), "--model", str(model_folder), "--port", port)
    try:
        assert process.stdout is not None
        lines = [first := process.stdout.readline()]
        assert re.match(r"FischGPT serves \d+ passages about Ada Example with tiny \(0\.1M parameters\) on ", first), (
            first
        )
        url = first.split(" on ")[1].split()[0]
        eventually(lambda: _status(f"{url}/healthz") == 200)
        eventually(lambda: _status(f"{url}/readyz") == 200, within=120)
        body = {"messages": [{"role": "user", "content": BRIDGE}]}
        answer = httpx.post(f"{url}/v1/chat/completions", json=body, timeout=60).json()
        assert "212 metres" in answer["choices"][0]["message"]["content"]
        computes = httpx.get(f"{url}/api/profile", timeout=60).json()["model"]["computes"]
        assert computes.startswith("8-bit, " if native.variants() else "PyTorch, float32")
        assert httpx.get(f"{url}/v1/models", timeout=60).json()["data"][0]["computes"] == computes
        while lines[-1] and "Ready." not in lines[-1]:  # its last, said a moment after it is ready
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        rest, err = process.communicate(timeout=60)
        out = "".join(lines) + rest
        assert f"tiny is read in {computes}" in out
        assert "Ready. Ada Example's site: http://127.0.0.1:" in out
        assert "Traceback" not in err
        assert BRIDGE not in err + out
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("wrong", [{"profile_path": "/no/such/profile"}, {"model_spec": "gpt5"}, {"host": "256.1.1.1"}])
def test_what_is_wrong_is_one_line_before_anything_is_served(
    wrong: dict[str, str], profile: Profile, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("served")

    monkeypatch.setattr("uvicorn.Server.run", never)
    given = {"profile_path": str(profile.resume_file), "model_spec": str(model_folder), "host": "127.0.0.1"}
    with pytest.raises(UserError, match=next(iter(wrong.values()))) as caught:
        serve(**(given | wrong), port=free_port())
    assert "\n" not in str(caught.value)


def test_a_port_that_is_taken_is_named_with_the_way_out() -> None:
    with claim("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} on 127.0.0.1 is taken: .* --port {port + 1}") as caught:
            claim("127.0.0.1", port)
        assert "\n" not in str(caught.value)
    claim("127.0.0.1", port).close()


def test_a_damaged_model_ends_the_server_with_its_reason(profile: Profile, model_folder: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for file in model_folder.iterdir():
        data = file.read_bytes()
        (damaged / file.name).write_bytes(data[: len(data) // 2] if file.suffix == ".safetensors" else data)
    # In a thread of its own: the browser tests leave a running event loop in this one.
    with ThreadPoolExecutor(1) as other, pytest.raises(UserError, match=r"model.safetensors: damaged"):
        other.submit(serve, str(profile.resume_file), str(damaged), port=free_port()).result()


def _status(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0
