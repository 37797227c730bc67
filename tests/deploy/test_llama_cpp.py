"""A real llama.cpp as the engine of two replicas, each started with the arguments that the manifests give it."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.quoting import Quotations, served
from fischgpt.assistant.remote import RemoteModel, load
from fischgpt.chat import Turn
from fischgpt.deploy.site import describe_site
from fischgpt.deploy.targets import deploy
from fischgpt.engine import SamplingParams
from fischgpt.profile.index import Index
from fischgpt.profile.passages import Passage
from fischgpt.profile.profile import load_profile
from fischgpt.profile.prompt import render_passages
from fischgpt.resources import resource
from fischgpt.tokenizer import Tokenizer
from ports import free_port
from server_samples import eventually
from serving_samples import QUESTION, Up, up

SERVER = Path(__file__).parents[1] / "llama_server.py"
PORT = 8080
"""What the manifests give llama.cpp."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `fischgpt deploy kubernetes --engine llama.cpp` writes: the manifest, and the model for llama.cpp."""
    out = tmp_path_factory.mktemp("deploy") / "out"
    deploy(describe_site(engine="llama.cpp"), "kubernetes", out)
    return out


@pytest.fixture(scope="module")
def pods(folder: Path) -> tuple[list[str], list[str]]:
    """Arguments of a replica (behind `fischgpt up`) and of llama.cpp, the same in both manifests."""
    documents = [d for d in yaml.safe_load_all((folder / "kubernetes.yaml").read_text()) if d]
    api, engine = (
        d["spec"]["template"]["spec"]["containers"][0]["args"] for d in documents if d["kind"] == "Deployment"
    )
    assert api[:2] == ["fischgpt", "up"]
    return api[2:], engine


@contextmanager
def llama_cpp(arguments: list[str], folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """llama.cpp until the block ends; only its folder, address and port are this machine's."""
    here = {"/model/model.gguf": str(folder / "model/model.gguf"), "0.0.0.0": "127.0.0.1", str(PORT): str(port)}
    assert here.keys() <= set(arguments)
    command = [sys.executable, str(SERVER), *(here.get(argument, argument) for argument in arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout and process.stdout.readline() == f"http://127.0.0.1:{port}\n"
        yield process
    finally:
        process.kill()
        process.wait()


def ask(replica: Up, question: str, **more: Any) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": question}], **more}
    return httpx.post(f"{replica.url}/v1/chat/completions", json=body, timeout=60)


def text(answer: httpx.Response) -> str:
    return answer.json()["choices"][0]["message"]["content"]


def model_of(pods: tuple[list[str], list[str]], port: int) -> str:
    """What the manifest's `--model` means here."""
    spec = pods[0][pods[0].index("--model") + 1]
    host = spec.removeprefix("openai+http://").partition("/")[0]
    assert host.endswith(f":{PORT}")
    return spec.replace(host, f"127.0.0.1:{port}")


def test_two_replicas_answer_through_one_llama_cpp_and_say_so_when_it_dies(
    folder: Path, pods: tuple[list[str], list[str]], tmp_path: Path
) -> None:
    port = free_port()
    model = model_of(pods, port)
    with ExitStack() as stack:
        engine = stack.enter_context(llama_cpp(pods[1], folder, port))
        replicas = []
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            replicas.append(stack.enter_context(up(tmp_path / name, "--model", model)))
        for replica in replicas:
            answer = ask(replica, QUESTION).json()
            assert answer["fischgpt"]["answer_kind"] == "model" and answer["model"] == "mini"
            assert answer["choices"][0]["message"]["content"] == "The training cost $208.74 in total. [1]"
            assert answer["choices"][0].get("logprobs") is None
            assert answer["sources"][0]["text"] == "The training cost $208.74 in total."
            declined = ask(replica, "What is his favourite pizza?")
            assert text(declined) == "The profile of Kristian Fischer does not say."
            assert declined.json()["fischgpt"]["answer_kind"] == "declined"

        # It dies while an answer is under way: held still first, so that the answer cannot be faster.
        first, second = replicas
        engine.send_signal(signal.SIGSTOP)
        body = {"messages": [{"role": "user", "content": QUESTION}], "stream": True}
        with httpx.stream("POST", f"{first.url}/v1/chat/completions", json=body, timeout=60) as stream:
            lines = stream.iter_lines()
            assert "sources" in json.loads(next(lines).removeprefix("data: "))
            time.sleep(0.3)
            engine.kill()
            engine.wait()
            events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
        told = json.loads(events[-1])["error"]
        assert told["code"] == "model_away" and "[DONE]" not in events
        assert told["message"] == "the model behind this site does not answer at the moment; try again in a minute"
        refused = ask(second, QUESTION)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_away")
        assert "127.0.0.1" not in refused.text and int(refused.headers["retry-after"]) > 0
        for replica in replicas:
            state = httpx.get(f"{replica.url}/readyz", timeout=60)
            assert (state.status_code, state.json()["status"]) == (503, "away")
            assert httpx.get(f"{replica.url}/healthz", timeout=60).status_code == 200
            assert QUESTION not in replica.log.read_text()

        stack.enter_context(llama_cpp(pods[1], folder, port))
        for replica in replicas:
            ready = f"{replica.url}/readyz"
            eventually(lambda url=ready: httpx.get(url, timeout=60).status_code == 200, within=90)
            assert "$208.74" in text(ask(replica, QUESTION))


def test_what_llama_cpp_writes_stands_in_the_passages_however_it_is_sampled(
    folder: Path, pods: tuple[list[str], list[str]]
) -> None:
    """Whatever the grammar lets through, our own engine's constraint does too."""
    port, tok, eot = free_port(), Tokenizer.gpt2(), Tokenizer.load(resource("mini")).eot
    passages = list(load_profile().passages[:6])
    passages[1] = replace(passages[1], text='He calls it "C:\\temp" — naïve, he says.')
    # One sentence of more words than may be quoted.
    passages[4] = Passage("skills-1", "Skills", "", "", "", ", ".join(["C", "Go", "R"] * 21))
    turns = [Turn("system", render_passages(passages)), Turn("user", "Who is he?")]

    def holds(answer: str) -> bool:
        ids, along = tok.encode(answer), Quotations(tok, list(map(served, passages)), ranked=True)
        return all(token in along.allow(ids[:i]) for i, token in enumerate([*ids, tok.eot]))

    with llama_cpp(pods[1], folder, port):
        model = load(model_of(pods, port))
        assert isinstance(model, RemoteModel) and model.is_ours
        said = set()
        for seed in range(8):
            params = SamplingParams(max_tokens=128, temperature=2.0, seed=seed)
            pieces = list(model.reply(turns, params, along=Quotations(tok, list(map(served, passages)), ranked=True)))
            assert pieces[-1].finish == "stop" and pieces[0].logprob < 0
            said.add("".join(piece.text for piece in pieces))
        # The shipped model hardly ever cites twice: kept from ending, it must, as often as may be.
        body = {
            "messages": [{"role": turn.role, "content": turn.text} for turn in turns],
            "grammar": Quotations(tok, list(map(served, passages)), ranked=True).grammar,
            "max_tokens": 250, "temperature": 4.0, "min_p": 0, "top_k": 0, "logit_bias": [[eot, -50.0]],
        }  # fmt: skip
        for seed in range(24):
            answer = httpx.post(f"{model.info.url}/chat/completions", json=body | {"seed": seed}, timeout=60).json()
            assert answer["choices"][0]["finish_reason"] == "stop"
            said.add(answer["choices"][0]["message"]["content"])
    assert all(map(holds, said)) and len(said) > 12, said
    assert any('"C:\\temp" — naïve' in answer for answer in said)
    assert {answer.count("[") for answer in said} == {0, 1, 2, 3}


def test_the_longest_prompt_that_we_send_fits_its_context(folder: Path, pods: tuple[list[str], list[str]]) -> None:
    """Its vocabulary is small and not ours to count with: what is left free must be enough."""
    port = free_port()
    profile = load_profile()
    long = " and ".join(passage.text for passage in profile.passages)
    history = [Turn("user", long[:600]), Turn("assistant", long[:1500])] * 6
    with llama_cpp(pods[1], folder, port):
        model = load(model_of(pods, port))
        answer = Assistant(profile, Index.open(profile), model).reply([*history, Turn("user", QUESTION)])
    assert answer.done.kind in ("model", "quote") and "$208.74" in answer.text
