"""Another OpenAI-compatible server as the model: ours, and one that misbehaves on purpose."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from assistant_samples import BRIDGE, Script, tiny_tokenizer
from fischgpt.assistant import remote
from fischgpt.assistant.model import describe_model
from fischgpt.assistant.remote import RemoteInfo, describe, load
from fischgpt.errors import UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server import service as service_module
from fischgpt.server.service import Service
from server_samples import Running, eventually, running

TRUE = "[1] Designed the Harlow footbridge, 212 metres long."
SHOWN = "Designed the Harlow footbridge, 212 metres long. [1]"


class Upstream:
    """A server that says `says` in pieces; `faults`: what it does instead, one a request, in order."""

    def __init__(self) -> None:
        self.says, self.faults = TRUE, []
        self.asleep = False
        self.asked: list[dict[str, Any]] = []
        self.dropped = 0
        self.hold = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None: ...

            def reply(self, status: int, body: str, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def do_GET(self) -> None:
                if outer.asleep:
                    return self.reply(503, "<html>This Space is sleeping</html>", "text/html")
                models = [{"id": "big-1b", "object": "model", "created": 1, "owned_by": "x", "max_model_len": 4096}]
                self.reply(200, json.dumps({"object": "list", "data": models}))

            def do_POST(self) -> None:
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                fault = "503" if outer.asleep else outer.faults.pop(0) if outer.faults else ""
                if fault == "html":
                    return self.reply(200, "<html>sleeping</html>", "text/html")
                if fault.isdigit():
                    return self.reply(int(fault), '{"error": {"message": "secret words"}}')
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                if fault == "torn":
                    return
                try:
                    for i, word in enumerate(outer.says.split(" ")):
                        if fault == "cut" and i == 3:
                            return
                        if fault == "hold" and i == 1:
                            while not outer.hold.wait(0.02):
                                self.event({"content": ""})
                        self.event({"content": f" {word}" if i else word})
                    self.event({}, "stop")
                except OSError:
                    outer.dropped += 1

            def event(self, delta: dict[str, str], finish: str | None = None) -> None:
                choice = {"index": 0, "delta": delta, "finish_reason": finish}
                chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
                self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"openai+http://127.0.0.1:{self.server.server_address[1]}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    monkeypatch.setattr(service_module, "PROBE_S", (0.05,))
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    there = Upstream()
    yield there
    there.hold.set()
    there.server.shutdown()
    there.server.server_close()


@pytest.fixture
def site(upstream: Upstream, profile: Profile, index: Index) -> Any:
    """A server whose model is the upstream's."""

    @contextmanager
    def start(**options: Any) -> Iterator[Running]:
        script = Script(tiny_tokenizer(), "")
        with running(Service(profile, describe(upstream.url)), script, **options) as server:
            yield server

    return start


def test_another_servers_answer_is_checked_and_shown_with_its_sources(site: Any, upstream: Upstream) -> None:
    with site() as server:
        eventually(lambda: server.service.ready, within=60)
        answer = server.ask(BRIDGE, temperature=0.5, seed=3).json()
        assert answer["choices"][0]["message"]["content"] == SHOWN
        assert answer["fischgpt"]["answer_kind"] == "model"
        assert answer["model"] == "big-1b"
        assert answer["sources"][0]["id"] == "work-1-1"
        sent = upstream.asked[-1]
        assert (sent["model"], sent["temperature"], sent["seed"], sent["stream"]) == ("big-1b", 0.5, 3, True)
        assert [message["role"] for message in sent["messages"]] == ["system", "user"]
        assert remote.INSTRUCTION in sent["messages"][0]["content"]
        assert "[1] Work, Norwind" in sent["messages"][0]["content"]
        # It tells no probabilities, so none are told.
        assert server.ask(BRIDGE, logprobs=True, top_logprobs=5).json()["choices"][0]["logprobs"] is None
        upstream.says = "[1] She also won the Nobel prize in 1999."  # is not shown: it does not stand in the passage
        answer = server.ask(BRIDGE).json()
        assert answer["fischgpt"]["answer_kind"] == "quote"
        assert "Nobel" not in json.dumps(answer)
        about = server.client.get("/api/profile").json()["model"]
        assert (about["name"], about["n_params"], about["n_layer"]) == ("big-1b", None, None)
        refused = server.client.post("/v1/completions", json={"prompt": "x"})
        assert refused.status_code == 400


@pytest.mark.parametrize("faults", [["503"], ["429", "500"], ["torn"], ["torn", "torn"], ["html"]])
def test_what_fails_before_the_first_token_is_tried_again(faults: list[str], site: Any, upstream: Upstream) -> None:
    with site() as server:
        eventually(lambda: server.service.ready, within=60)
        upstream.faults = list(faults)
        assert server.ask(BRIDGE).json()["choices"][0]["message"]["content"] == SHOWN
        assert len(upstream.asked) == len(faults) + 1


def test_an_answer_cut_in_the_middle_is_not_tried_again(site: Any, upstream: Upstream) -> None:
    with site() as server:
        eventually(lambda: server.service.ready, within=60)
        upstream.faults = ["cut"]
        answer = server.ask(BRIDGE)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_away")
        assert len(upstream.asked) == 1


def test_a_request_that_the_model_refuses_is_this_ones_alone(site: Any, upstream: Upstream) -> None:
    with site() as server:
        eventually(lambda: server.service.ready, within=60)
        upstream.faults = ["400"]
        answer = server.ask(BRIDGE)
        assert answer.status_code == 200 and "[1]" in answer.json()["choices"][0]["message"]["content"]  # the quote
        assert server.client.get("/readyz").json()["status"] == "ready"
        assert server.ask(BRIDGE).json()["choices"][0]["message"]["content"] == SHOWN


def test_a_model_that_sleeps_is_said_and_waited_for(site: Any, upstream: Upstream, caplog: Any) -> None:
    upstream.asleep = True
    with site() as server:
        eventually(lambda: "answered 503" in caplog.text)
        state = server.client.get("/readyz")
        assert state.status_code == 503
        assert state.json()["step"] == "waiting for the model to wake up"
        assert server.ask(BRIDGE).status_code == 503
        upstream.asleep = False
        eventually(lambda: server.service.ready, within=60)
        upstream.asleep = True
        asked = server.ask(BRIDGE)
        assert (asked.status_code, asked.json()["error"]["code"]) == (503, "model_away")
        assert int(asked.headers["retry-after"]) > 0
        assert "127.0.0.1" not in asked.text and "secret" not in asked.text
        assert server.client.get("/readyz").json()["status"] == "away"
        assert server.client.get("/api/status").json()["status"] == "away"
        stream = server.ask(BRIDGE, stream=True)
        assert (stream.status_code, stream.json()["error"]["code"]) == (503, "model_away")  # at once, nobody is asked
        upstream.asleep = False
        eventually(lambda: server.service.ready)
        assert server.ask(BRIDGE).json()["choices"][0]["message"]["content"] == SHOWN
    assert "secret words" not in caplog.text
    assert "answered 503" in caplog.text


def test_a_visitor_who_leaves_lets_the_other_server_go(site: Any, upstream: Upstream) -> None:
    with site(slots=1, queue=0) as server:
        eventually(lambda: server.service.ready, within=60)
        upstream.faults = ["hold"]
        body = {"messages": [{"role": "user", "content": BRIDGE}], "stream": True}
        with server.client.stream("POST", "/v1/chat/completions", json=body) as response:
            lines = response.iter_lines()  # kept: its end would close the connection
            next(lines)
            eventually(lambda: len(upstream.asked) == 1)
        assert eventually(lambda: server.admitted == 0) < 10
        eventually(lambda: upstream.dropped == 1)


def test_our_own_server_can_be_the_model_of_another(ready: Running, profile: Profile) -> None:
    script = Script(tiny_tokenizer(), "")
    spec = f"openai+{ready.url}/v1#tiny"
    with running(Service(profile, describe(spec)), script) as server:
        eventually(lambda: server.service.ready, within=60)
        assert server.ask(BRIDGE).json()["choices"][0]["message"]["content"] == SHOWN


@pytest.mark.parametrize("spec", ["openai+ftp://x/v1", "openai+http://", "openai+http://h:99999/v1", "openai+x"])
def test_an_address_that_is_none_is_said(spec: str) -> None:
    with pytest.raises(UserError, match="is no address such as"):
        describe(spec)


def test_commands_say_in_one_line_what_another_server_cannot_do() -> None:
    assert describe("openai+https://host:8080/v1/#qwen") == RemoteInfo("qwen", "https://host:8080/v1", "qwen")
    with pytest.raises(UserError, match="only `up` and `chat` can use it"):
        describe_model("openai+http://127.0.0.1:1/v1")
    with pytest.raises(UserError, match=r"the model is not there: 127\.0\.0\.1:1 does not answer"):
        load("openai+http://127.0.0.1:1/v1")
