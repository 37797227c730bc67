"""Thumbs, documents, and the original's routes."""

import json
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant_samples import BRIDGE, scripted, write_profile
from fischgpt.assistant.model import describe_model
from fischgpt.data.conversations import conversations
from fischgpt.errors import UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server import feedback
from fischgpt.server.feedback import Feedback, Full, Thumb, export, trained_form
from fischgpt.server.logs import JsonLines
from fischgpt.server.service import Service
from server_samples import Running, eventually, running

KEY = {"Authorization": "Bearer the-owner-has-a-key"}
ANSWER = "Designed the Harlow footbridge, 212 metres long. [1]"
TALK = [{"role": "user", "content": BRIDGE}, {"role": "assistant", "content": ANSWER}]
SAILING = {"title": "Sailing", "text": "Ada sailed across the Atlantic in 2021.\n\n- Owns a sloop named Petrel.\n"}
ID = f"chatcmpl-{'0' * 32}"


def rows(folder: Path) -> list[tuple[Any, ...]]:
    (file,) = folder.rglob("feedback.sqlite3")
    with sqlite3.connect(file) as connection:
        return connection.execute("SELECT id, rating, comment, messages, sources FROM thumbs").fetchall()


def thumb(running: Running, **more: Any) -> Any:
    return running.client.post("/v1/feedback", json={"id": ID, "rating": "up", **more})


def test_a_thumb_is_kept_without_the_question_unless_the_owner_says_so(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    with serve(data=tmp_path) as running:
        answer = running.ask(BRIDGE).json()
        response = thumb(running, id=answer["id"], messages=TALK, sources=["work-1-1"], comment="Nice")
        assert response.json() == {"object": "feedback", "id": answer["id"], "rating": "up", "kept_text": False}
        assert running.client.get("/api/profile").json()["keeps_questions"] is False
    assert rows(tmp_path) == [(answer["id"], "up", "Nice", None, '["work-1-1"]')]
    assert b"Harlow" not in b"".join(file.read_bytes() for file in tmp_path.rglob("*sqlite3*"))


def test_owners_of_any_script_or_none_have_folders_of_their_own(profile: Profile) -> None:
    names = ("Ada Example", "李明", "黎明", "Анна", "‽", "…")
    assert len({feedback.owner_folder(replace(profile, name=name), Path("/data")) for name in names}) == len(names)


def test_kept_conversations_are_exported_as_the_model_is_trained(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_profile(tmp_path / "ada")
    with serve(data=tmp_path / "data", keep_questions=True) as running:
        assert thumb(running, messages=TALK, sources=["work-1-1"]).json()["kept_text"] is True
        thumb(running, messages=TALK, sources=["work-1-1"])  # the same answer again
        thumb(running, id=f"chatcmpl-{'1' * 32}", rating="down", messages=TALK)
        thumb(running, id=f"chatcmpl-{'2' * 32}")
        for wrong in ([TALK[1], TALK[0]], TALK[:1] * 2, TALK + TALK[:1]):
            assert thumb(running, messages=wrong).status_code == 400
    monkeypatch.setenv("FISCHGPT_DATA", str(tmp_path / "data"))
    done = export(tmp_path / "liked.jsonl", str(tmp_path / "ada"))
    assert (done.conversations, done.up, done.down, done.without_text) == (1, 2, 1, 1)
    assert "1 conversations in" in str(done)
    (line,) = (tmp_path / "liked.jsonl").read_text().splitlines()
    system, user, assistant = json.loads(line)["messages"]
    assert system["content"].startswith("[1] Work, Norwind, Structural engineer")
    assert (user["content"], assistant["content"]) == (BRIDGE, "[1] Designed the Harlow footbridge, 212 metres long.")
    assert len(conversations(str(tmp_path / "liked.jsonl")).train) == 1  # as `fischgpt sft` reads it
    assert export(tmp_path / "all.jsonl", str(tmp_path / "ada"), "all").conversations == 2
    with pytest.raises(UserError, match="exists already"):
        export(tmp_path / "all.jsonl", str(tmp_path / "ada"))
    monkeypatch.setenv("FISCHGPT_DATA", str(tmp_path / "none"))
    with pytest.raises(UserError, match="no visitor of Ada Example's site"):
        export(tmp_path / "x.jsonl", str(tmp_path / "ada"))


@pytest.mark.parametrize(("shown", "written"), [
    ("It did. [2]", "[2] It did."), ("It did. [1] He too. [2][3]", "[1] It did. [2][3] He too."),
    ("The profile of Ada does not say.", "The profile of Ada does not say."),
])  # fmt: skip
def test_citations_go_to_the_front(shown: str, written: str) -> None:
    assert trained_form(shown) == written


def test_the_file_of_thumbs_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feedback, "MAX_ROWS", 2)
    store = Feedback(tmp_path / "f" / "feedback.sqlite3")
    for id_ in ("a", "b", "b"):
        store.add(Thumb(id_, "up", "tiny"))
    with pytest.raises(Full):
        store.add(Thumb("c", "up", "tiny"))
    store.close()


def test_a_document_is_answered_from_at_once_and_after_a_restart(serve: Callable[..., Any], tmp_path: Path) -> None:
    with serve(data=tmp_path, owner_key="the-owner-has-a-key") as running:
        eventually(lambda: running.service.ready)
        for headers in ({}, {"Authorization": "Bearer the-owner-has-a-kez"}):
            assert running.client.post("/api/documents", json=SAILING, headers=headers).status_code == 401
            assert running.client.delete("/api/documents/000000000000", headers=headers).status_code == 401
        added = running.client.post("/api/documents", json=SAILING, headers=KEY)
        assert added.status_code == 201
        document = added.json()
        assert running.client.post("/api/documents", json=SAILING, headers=KEY).json() == document
        assert running.client.get("/api/documents").json() == {"documents": [document]}
        assert document["title"] == "Sailing" and len(document["passages"]) == 2
        source = running.ask("What is the sloop Petrel?").json()["sources"][0]
        assert (source["id"] in document["passages"], source["organisation"]) == (True, "Sailing")
        for wrong in ({"title": "x", "text": "\n"}, {"title": " ", "text": "A b."}, {"title": "x"}):
            assert running.client.post("/api/documents", json=wrong, headers=KEY).status_code == 400
    with serve(data=tmp_path, owner_key="the-owner-has-a-key") as running:
        eventually(lambda: running.service.ready)
        ids = [passage["id"] for passage in running.client.get("/api/passages").json()["passages"]]
        assert set(document["passages"]) <= set(ids)
        assert running.client.delete(f"/api/documents/{document['id']}", headers=KEY).status_code == 204
        assert running.client.delete(f"/api/documents/{document['id']}", headers=KEY).status_code == 404
        assert not set(document["passages"]) & {
            passage["id"] for passage in running.client.get("/api/passages").json()["passages"]
        }


def test_a_document_that_comes_while_the_model_is_loading_is_answered_from(
    profile: Profile, index: Index, model_folder: Path, tmp_path: Path
) -> None:
    assistant, script = scripted(profile, index, ANSWER)
    came = threading.Event()
    service = Service(profile, describe_model(model_folder), lambda _: (came.wait(60), assistant)[1])
    with running(service, script, data=tmp_path, owner_key="the-owner-has-a-key") as server:
        document = server.client.post("/api/documents", json=SAILING, headers=KEY).json()
        came.set()
        eventually(lambda: service.ready)
        source = server.ask("What is the sloop Petrel?").json()["sources"][0]
        assert source["id"] in document["passages"]


def test_without_an_owners_key_nobody_changes_documents(ready: Running) -> None:
    response = ready.client.post(
        "/api/documents", json={"title": "x", "text": "y"}, headers={"Authorization": "Bearer x"}
    )
    assert response.status_code == 401
    assert "FISCHGPT_OWNER_KEY" in response.json()["error"]["message"]


def test_the_originals_routes_answer(ready: Running) -> None:
    answer = ready.client.post(
        "/api/chat", json={"query": BRIDGE, "temperature": 0.8, "maxTokens": 300, "topP": 0.9}
    ).json()
    assert answer["response"] == ANSWER
    assert answer["sources"][0]["id"] == "work-1-1"
    for wrong in (
        {"query": "x" * 501}, {"query": ""}, {}, {"query": BRIDGE, "temperature": 1.1},
        {"query": BRIDGE, "maxTokens": 301},
    ):  # fmt: skip
        assert ready.client.post("/api/chat", json=wrong).status_code == 400
    assert ready.client.post("/api/wake").json()["status"] == "ready"
    health = ready.client.get("/api/health").json()
    assert (health["status"], health["model"]) == ("ok", "ready")
    assert ready.client.get("/api/info").json()["owner"] == "Ada Example"
    status = ready.client.get("/api/status").json()
    assert (status["status"], status["running"], status["waiting"]) == ("ready", 0, 0)
    assert ready.client.get("/api/version").json().keys() == {"version"}


def test_a_log_line_is_one_json_object_and_escapes_what_it_is_given() -> None:
    record = logging.LogRecord("a", logging.INFO, "", 0, "two\r\nlines", None, None)
    record.fields = {"status": 200}
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line) | {"time": ""} == {
        "time": "", "level": "info", "logger": "a", "message": "two\r\nlines", "status": 200
    }  # fmt: skip
