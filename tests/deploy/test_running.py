"""A deployed folder serves when it is started as its host would start it."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import fischgpt
from fischgpt.deploy.site import describe_site
from fischgpt.deploy.targets import GRADIO, deploy
from paper_samples import write_pdf_one_column
from ports import free_port

GRADIO_PYTHON = Path(sys.prefix, "space/bin/python")
"""Of the environment that the Makefile makes of gradio.txt, with ours behind it."""


@contextmanager
def running(command: list[str], folder: Path, port: int, **environment: str) -> Iterator[str]:
    """A server of ours until it is ready, then told to stop; its address."""
    log = (folder / "log").open("w+")
    process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 180
        while True:
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()[-3000:]
            try:
                with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                time.sleep(0.2)
        yield url
        process.terminate()
        assert process.wait(60) in (0, -15, 143)
    finally:
        process.kill()
        process.wait()
        log.close()


def post(url: str, body: dict[str, Any]) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def test_the_containers_folder_serves_when_its_steps_are_taken_in_a_bare_folder(tmp_path: Path) -> None:
    """The image's commands without Docker: what is installed there is what runs, with the profile and index beside."""
    write_pdf_one_column(tmp_path / "resume.pdf")
    site = describe_site(str(tmp_path / "resume.pdf"))
    out = deploy(site, "container", tmp_path / "out").folder
    assert {path.name for path in out.iterdir()} == {"Dockerfile", ".dockerignore", "source", "profile"}
    assert (out / "source/src/fischgpt/cli/__init__.py").is_file()
    assert (out / "source/src/fischgpt/assets/web/index.html").is_file() or not (
        Path(fischgpt.__file__).parent / "assets/web"
    ).is_dir()
    for line in (out / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            assert (out / line.split()[-2]).exists(), line
    port = free_port()
    command = yaml.safe_load((out / "Dockerfile").read_text().rsplit("CMD ", 1)[1])
    command = [sys.executable, "-m", *command[:-1], str(port)]
    command[command.index("/srv/profile")] = str(out / "profile")
    command[command.index("0.0.0.0")] = "127.0.0.1"
    own = {"PYTHONPATH": str(out / "source/src")}
    own |= {"FISCHGPT_CACHE": str(tmp_path / "cache"), "FISCHGPT_DATA": str(tmp_path / "data")}
    index = [sys.executable, "-m", "fischgpt", "profile", "index", str(out / "profile")]
    done = subprocess.run(index, env=os.environ | own, capture_output=True, text=True, cwd=tmp_path)
    assert "passages about Mira Okonkwo indexed" in done.stdout, done.stderr
    with running(command, tmp_path, port, **own) as url:
        reply = post(f"{url}/api/predict", {"data": ["Which languages does Mira speak?", 0.0, 64, 1.0]})
        assert "Yoruba" in reply["data"][0]
        assert post(f"{url}/api/wake-up", {}) == {"data": ["ready"]}


def test_gradio_here_is_the_one_that_the_space_asks_for() -> None:
    assert f"gradio=={GRADIO}" in (Path(__file__).parent / "gradio.txt").read_text().splitlines()


@pytest.mark.skipif(not GRADIO_PYTHON.exists(), reason="`make test` sets Gradio up")
def test_the_space_starts_under_gradio_and_answers_its_clients(tmp_path: Path) -> None:
    """As Hugging Face starts it: `python app.py` in the Space's folder, which has the package too."""
    out = deploy(describe_site(str(fischgpt.resources.resource("profiles/curie"))), "space", tmp_path / "out").folder
    port = free_port()
    own = {
        "PYTHONPATH": "",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
    }
    with running([str(GRADIO_PYTHON), "app.py"], out, port, **own) as url:
        reply = post(f"{url}/api/predict", {"data": ["Which languages did she speak?"]})
        assert "Polish" in reply["data"][0]
        assert post(f"{url}/api/wake-up", {}) == {"data": ["ready"]}
        chat = {"messages": [{"role": "user", "content": "Which languages did she speak?"}]}
        assert "Polish" in post(f"{url}/v1/chat/completions", chat)["choices"][0]["message"]["content"]
        with urllib.request.urlopen(f"{url}/gradio_api/info", timeout=60) as described:
            assert json.load(described)["named_endpoints"].keys() == {"/predict", "/gpu"}
        with urllib.request.urlopen(f"{url}/", timeout=60) as page:
            assert b"Curie" in page.read()
        client = (
            "import sys; from gradio_client import Client; client = Client(sys.argv[1], verbose=False); "
            "print(client.predict('Who supervised her doctorate?', 0.0, 64, 1.0, api_name='/predict')); "
            "print(client.predict(api_name='/gpu'))"
        )
        done = subprocess.run([GRADIO_PYTHON, "-c", client, url], capture_output=True, text=True, timeout=120)
        assert "Lippmann" in done.stdout and "none" in done.stdout, done.stdout + done.stderr
