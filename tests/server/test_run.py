"""`/api/run`: the record of the model that is served, or a plain no."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from assistant_samples import scripted
from fischgpt.assistant.model import describe_model
from fischgpt.assistant.remote import RemoteInfo
from fischgpt.evals.condense import write_learned
from fischgpt.evals.learned import FILE
from fischgpt.evals.record import read_run
from fischgpt.evals.reference import HELLASWAG
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server.service import Service
from report_samples import write_phase
from server_samples import running

Serve = Callable[[Any], Any]


@pytest.fixture
def serve_model(profile: Profile, index: Index) -> Serve:
    """`with serve_model(info) as server:` a server that says it runs that model."""
    assistant, script = scripted(profile, index, "")
    return lambda info: running(Service(profile, info, lambda _: assistant), script)


@pytest.fixture
def model(model_folder: Path, tmp_path: Path) -> Path:
    """A model of this test's own."""
    return copytree(model_folder, tmp_path / "tiny")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    run = tmp_path / "run"
    write_phase(run, "pretrain", steps=100, planned=100)
    return run


def test_the_record_beside_the_model_is_told_with_what_others_reached(
    serve_model: Serve, model: Path, run: Path
) -> None:
    write_learned(describe_model(model), read_run(run), model)
    with serve_model(describe_model(model)) as server:
        response = server.client.get("/api/run")
        assert response.status_code == 200 and response.headers["cache-control"] == "no-store"
        told = response.json()
        beside = told.pop("beside")
        assert told == json.loads((model / FILE).read_text())
        assert [(level["percent"], level["label"]) for level in beside] == list(HELLASWAG)


def test_a_run_served_as_it_is_tells_its_own_log(serve_model: Serve, model: Path, run: Path) -> None:
    checkpoint = copytree(model, run / "pretrain" / "checkpoints" / "step-00000100")
    for spec in (run, checkpoint):
        with serve_model(describe_model(spec)) as server:
            assert server.client.get("/api/run").json()["phases"][0]["steps"] == 100
            figures = server.client.get("/api/profile").json()["model"]["figures"]
            assert figures["val_loss"] == {"pretrain": 4.0} and figures["seconds"] == {"pretrain": 50.0}


@pytest.mark.parametrize("content", [None, b"", b"{}", b'{"n_params": 1}'])
def test_a_model_without_a_readable_record_says_so(serve_model: Serve, model: Path, content: bytes | None) -> None:
    if content is not None:
        (model / FILE).write_bytes(content)
    with serve_model(describe_model(model)) as server:
        response = server.client.get("/api/run")
        assert response.status_code == 404
        assert response.json()["error"]["message"] == "this model carries no record of how it learned"
        assert str(model) not in response.text
        figures = server.client.get("/api/profile").json()["model"]["figures"]
        assert set(figures.values()) == {None}


def test_another_servers_model_has_none(serve_model: Serve) -> None:
    with serve_model(RemoteInfo("far", "http://127.0.0.1:9/v1")) as server:
        response = server.client.get("/api/run")
        assert response.status_code == 404
        assert "another server has this model" in response.json()["error"]["message"]
        told = server.client.get("/api/profile").json()["model"]
        assert told["n_params"] is None and set(told["figures"].values()) == {None}


def test_the_description_says_what_the_record_is(serve_model: Serve, model: Path) -> None:
    with serve_model(describe_model(model)) as server:
        schema = server.client.get("/openapi.json").json()
        answers = schema["paths"]["/api/run"]["get"]["responses"]
        assert answers["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/RunAnswer")
        assert "404" in answers
        assert schema["components"]["schemas"]["RunAnswer"]["additionalProperties"] is False
