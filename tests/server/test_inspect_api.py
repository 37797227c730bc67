"""`/v1/inspect`: what is told is what the model does; what cannot be told is said."""

import base64
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any

import pytest
import torch

from assistant_samples import BRIDGE, Script, tiny_tokenizer
from fischgpt.assistant.inspect import TEMPERATURES, TOP
from fischgpt.assistant.model import TextModel, describe_model
from fischgpt.assistant.remote import RemoteInfo
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server.service import Service
from server_samples import Running, eventually, running

TEXT = "She designed the Harlow footbridge"


@pytest.fixture(scope="module")
def real(profile: Profile, index: Index, model_folder: Path) -> Iterator[Running]:
    """A server with the tiny model's own loader."""
    with running(Service(profile, describe_model(model_folder)), Script(tiny_tokenizer(), "")) as server:
        eventually(lambda: server.service.ready, within=60)
        yield server


def look(server: Running, **body: Any) -> dict[str, Any]:
    response = server.client.post("/v1/inspect", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def model_of(server: Running) -> TextModel:
    assert server.service.assistant is not None
    model = server.service.assistant.model
    assert isinstance(model, TextModel)
    return model


def test_probabilities_are_exact_at_every_temperature_that_is_told(real: Running) -> None:
    model, told = model_of(real), look(real, prompt=TEXT)
    ids = model.tokenizer.encode(TEXT)
    assert told["ids"] == ids
    assert "".join(told["pieces"][str(i)] for i in ids) == told["text"] == TEXT
    with torch.inference_mode():
        logits = model.engine.model(torch.tensor([ids]))[0, -1, : model.tokenizer.n_vocab].double()
    following = told["next"]
    assert len(following["ids"]) == TOP < model.tokenizer.n_vocab
    assert following["ids"] == logits.topk(TOP).indices.tolist()
    assert following["temperatures"] == list(TEMPERATURES)
    for temperature, rest in zip(following["temperatures"], following["rest"], strict=True):
        scaled = [logit / temperature for logit in following["logits"]]
        top = max(scaled)
        whole = sum(math.exp(logit - top) for logit in scaled) + math.exp(rest - top)
        exact = (logits / temperature).softmax(0).topk(TOP).values.tolist()
        assert [math.exp(logit - top) / whole for logit in scaled] == pytest.approx(exact, abs=1e-4)


def test_attention_comes_for_the_layer_that_is_asked_for(real: Running) -> None:
    assert look(real, prompt=TEXT)["attention"] is None
    maps = [look(real, prompt=TEXT, layer=layer)["attention"] for layer in (0, 1)]
    T, heads = len(model_of(real).tokenizer.encode(TEXT)), 2
    for layer, told in enumerate(maps):
        assert (told["layer"], told["heads"]) == (layer, heads)
        data = base64.b64decode(told["data"])
        assert len(data) == heads * T * T
        rows = [data[at : at + T] for at in range(0, len(data), T)]
        assert all(abs(sum(row) - 255) <= T / 2 for row in rows)
        assert all(not any(row[at % T + 1 :]) for at, row in enumerate(rows))  # no token sees what follows it
    assert maps[0]["data"] != maps[1]["data"]


def test_every_layer_has_a_guess_at_every_position(real: Running) -> None:
    told = look(real, prompt=TEXT)
    T = len(told["ids"])
    for rows in (told["lens"]["ids"], told["lens"]["probs"], told["norms"]):
        assert len(rows) == 3
        assert all(len(row) == T for row in rows)
    assert told["lens"]["ids"][-1][-1] == told["next"]["ids"][:5]
    assert {str(i) for row in told["lens"]["ids"] for top in row for i in top} <= set(told["pieces"])
    without = look(real, prompt=TEXT, layer=1, lens=False)
    assert without["lens"] is None
    assert without["next"] == told["next"] and without["attention"]
    assert len(told["ms"]["blocks"]) == 2 and min(told["ms"]["blocks"]) > 0


def test_the_shape_is_that_of_the_loaded_model_and_known_before_it_is_loaded(
    profile: Profile, model_folder: Path, real: Running
) -> None:
    info, told = describe_model(model_folder), look(real, prompt=TEXT)["shape"]
    assert sum(part["params"] for part in told["parts"]) == told["n_params"] == info.n_params
    assert told["context"] == len(model_of(real).tokenizer.encode(TEXT))
    assert told["parts"][3] | {"flops": 0} == {
        "name": "h.0.attn", "params": 4 * 32 * 32 + 4 * 32, "flops": 0,
        "weights": {"c_attn.weight": [96, 32], "c_attn.bias": [96], "c_proj.weight": [32, 32], "c_proj.bias": [32]},
    }  # fmt: skip

    def never(_: Service) -> Any:
        time.sleep(2)

    with running(Service(profile, info, never), Script(tiny_tokenizer(), "")) as loading:
        early = loading.client.get("/v1/inspect").json()
        assert (early["context"], early["n_params"]) == (512, info.n_params)
        assert [part["name"] for part in early["parts"]] == [part["name"] for part in told["parts"]]
        refused = loading.client.post("/v1/inspect", json={"prompt": TEXT})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "loading")
        assert refused.headers["retry-after"]


def test_a_token_taken_by_its_id_is_read_as_it_is(real: Running) -> None:
    model = model_of(real)
    ids = [*model.tokenizer.encode(TEXT), model.tokenizer.eot]
    told = look(real, prompt=ids)
    assert told["ids"] == ids
    assert told["text"] == f"{TEXT}<|endoftext|>"
    assert model.tokenizer.eot in told["control_ids"]
    # Typed, it is text like any other.
    assert model.tokenizer.eot not in look(real, prompt="<|endoftext|>")["ids"]
    half = model.tokenizer.encode("é")[0]
    assert look(real, prompt=[half])["pieces"][str(half)] == "\\xc3"


@pytest.mark.parametrize(("body", "message"), [
    ({}, "prompt"),
    ({"prompt": ""}, "prompt"),
    ({"prompt": []}, "prompt"),
    ({"prompt": "a b c d " * 20}, "tokens; at most 64 can be looked at"),
    ({"prompt": "a" * 5000}, "5,000 characters; at most 64 tokens can be looked at"),
    ({"prompt": [400_000]}, "there is no token 400000; the vocabulary ends at"),
    ({"prompt": "a", "layer": 2}, "layer must be between 0 and 1, not 2"),
    ({"prompt": "a", "layer": -1}, "layer"),
    ({"prompt": "a", "layers": 1}, "unknown parameter: layers"),
])  # fmt: skip
def test_what_cannot_be_opened_is_said_in_one_line(real: Running, body: dict[str, Any], message: str) -> None:
    response = real.client.post("/v1/inspect", json=body)
    assert response.status_code == 400
    error = response.json()["error"]
    assert message in error["message"] and "\n" not in error["message"]
    assert real.admitted == 0


def test_another_model_or_a_model_elsewhere_is_not_opened(profile: Profile, real: Running) -> None:
    assert real.client.post("/v1/inspect", json={"prompt": "a", "model": "gpt-5"}).status_code == 404
    remote = RemoteInfo("other", "http://127.0.0.1:9/v1")
    with running(Service(profile, remote, lambda _: time.sleep(2)), Script(tiny_tokenizer(), "")) as server:  # type: ignore[arg-type, return-value]
        for refused in (
            server.client.get("/v1/inspect"), server.client.post("/v1/inspect", json={"prompt": "a"})
        ):  # fmt: skip
            assert refused.status_code == 400
            error = refused.json()["error"]
            assert error["code"] == "model_elsewhere"
            assert error["message"] == "this server's model runs elsewhere and cannot be opened"


def test_it_waits_for_a_slot_like_an_answer_and_is_refused_when_all_are_taken(serve: Callable[..., Any]) -> None:
    with serve(slots=1, queue=0) as server:
        eventually(lambda: server.service.ready)
        server.script.gate = Semaphore(0)
        asking = Thread(target=server.ask, args=(BRIDGE,))
        asking.start()
        eventually(lambda: server.admitted == 1)
        refused = server.client.post("/v1/inspect", json={"prompt": TEXT})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "busy")
        server.script.gate.release(1000)
        asking.join()
        eventually(lambda: server.admitted == 0)
        assert server.client.post("/v1/inspect", json={"prompt": TEXT}).status_code == 200
