"""The built site, the owner's API, headers, and what is served before the model is there."""

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assistant_samples import BRIDGE, Script, scripted, tiny_tokenizer
from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.model import TextModel, describe_model, load_model
from fischgpt.engine import Batch
from fischgpt.errors import UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server.errors import INTERNAL
from fischgpt.server.service import Progress, Service
from server_samples import Running, eventually, running

HTML = {"Accept": "text/html"}


@pytest.fixture(scope="module")
def site(
    profile: Profile, index: Index, model_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    """A server with a built site of two files."""
    web = tmp_path_factory.mktemp("web")
    (web / "assets").mkdir()
    (web / "index.html").write_text(
        '<!doctype html><title>FischGPT</title><meta property="og:title" content="FischGPT" />'
        '<meta property="og:image" content="/social.png" />' + " " * 2000
    )
    (web / "assets" / "app-abc123.js").write_text("console.log(1);" * 500)
    (web / "assets" / "page-def456.js").write_text("console.log(2);" * 500)
    (web / "assets" / "page-def456.js.br").write_bytes(b"as the build packs it")
    (web.parent / "secret.txt").write_text("hidden words")
    assistant, script = scripted(profile, index, "")
    with running(Service(profile, describe_model(model_folder), lambda _: assistant), script, web=web) as server:
        eventually(lambda: server.service.assistant is not None)
        yield server


def test_the_site_and_its_deep_links_are_served(site: Running) -> None:
    for path in ("/", "/story", "/learn", "/design/deep?x=1"):
        response = site.client.get(path, headers=HTML)
        assert response.status_code == 200
        assert "FischGPT</title>" in response.text
        assert response.headers["cache-control"] == "no-cache"
    assert site.client.get("/nothing.js").status_code == 404


def test_a_preview_of_a_shared_link_shows_whose_site_it_is(site: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in ("/", "/story", "/learn", "/inside"):
        for headers in ({}, HTML):  # previews ask for anything
            shown = site.client.get(path, headers=headers).text
            assert "<title>Ask about Ada Example · FischGPT</title>" in shown
            assert '<meta property="og:title" content="Ask about Ada Example · FischGPT" />' in shown
            assert f'content="{site.url}/social.png"' in shown
        assert site.client.head(path).status_code == 200
    hostile = site.client.get("/", headers={"Host": 'x"><script>1</script>'})
    assert "<script>" not in hostile.text
    monkeypatch.setattr(site.service, "profile", replace(site.service.profile, name='<b>"A"</b>'))
    shown = site.client.get("/").text
    assert shown.count("Ask about &lt;b&gt;&quot;A&quot;&lt;/b&gt; ·") == 2 and "<b>" not in shown


def test_assets_are_immutable_and_compressed(site: Running) -> None:
    response = site.client.get("/assets/app-abc123.js")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-encoding"] == "gzip"
    assert "immutable" not in site.client.get("/assets/nothing.js").headers["cache-control"]


@pytest.mark.parametrize(
    ("accepts", "gets"),
    [("br", "br"), ("gzip, deflate, br, zstd", "br"), ("gzip, br;q=0.5", "br"), ("gzip, br;q=0", "gzip"),
     ("gzip", "gzip"), ("", None), ("brotli", None)],
)  # fmt: skip
def test_what_the_build_has_packed_goes_to_whoever_takes_it(site: Running, accepts: str, gets: str | None) -> None:
    for method in ("GET", "HEAD"):
        request = site.client.build_request(method, "/assets/page-def456.js", headers={"Accept-Encoding": accepts})
        response = site.client.send(request, stream=True)
        raw = b"".join(response.iter_raw())
        assert response.status_code == 200
        if method == "GET" or gets == "br":  # what is packed on the way is so only with a body
            assert response.headers.get("content-encoding") == gets
        assert response.headers["content-type"].startswith(("text/javascript", "application/javascript"))
        assert "accept-encoding" in response.headers["vary"].lower()
        assert "immutable" in response.headers["cache-control"]
        if method == "GET":
            assert (raw == b"as the build packs it") == (gets == "br")
            assert raw.startswith(b"console") == (gets is None)


@pytest.mark.parametrize(
    "path", ["/", "/assets/app-abc123.js", "/healthz", "/api/profile", "/v1/models", "/v1/nothing", "/nothing"]
)
def test_every_response_carries_the_security_headers(path: str, site: Running) -> None:
    headers = site.client.get(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe-eval" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "referrer-policy" in headers
    assert "server" not in headers
    assert "access-control-allow-origin" not in headers
    assert len(headers["x-request-id"]) == 16


@pytest.mark.parametrize("path", [
    "/../secret.txt", "/%2e%2e/secret.txt", "/..%2fsecret.txt", "/assets/../../secret.txt",
    "/assets/..%5c..%5csecret.txt",
    "//secret.txt", "/%252e%252e/secret.txt", "/assets/%00", "/api/resume/file/../../../secret.txt",
])  # fmt: skip
def test_nothing_outside_the_site_is_served(path: str, site: Running) -> None:
    with socket.create_connection(("127.0.0.1", int(site.url.rpartition(":")[2]))) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"hidden words" not in answer
    assert answer.split()[1] in (b"404", b"400")


def test_without_a_built_site_a_page_says_how_to_build_it(ready: Running) -> None:
    response = ready.client.get("/", headers=HTML)
    assert response.status_code == 200
    assert "make up" in response.text
    assert ready.url in response.text


def test_the_owner_is_told(site: Running, profile: Profile) -> None:
    about = site.client.get("/api/profile").json()
    assert (about["name"], about["first_name"], about["pronouns"]) == ("Ada Example", "Ada", "she/her")
    assert about["starters"] == [BRIDGE]
    assert about["resume_url"] == "/api/resume/file"
    assert about["model"]["name"] == "tiny"
    assert about["model"].keys() == {
        "name", "n_params", "n_layer", "n_head", "n_embd", "block_size", "vocab_size", "trained_tokens",
        "computes", "figures",
    }  # fmt: skip
    assert about["model"]["computes"] == "a script"
    passages = site.client.get("/api/passages").json()["passages"]
    assert [passage["id"] for passage in passages] == [passage.id for passage in profile.passages]
    assert passages[0].keys() == {"id", "section", "organisation", "title", "dates", "text"}


def test_the_resume_file_is_as_the_owner_gave_it(site: Running, profile: Profile) -> None:
    response = site.client.get("/api/resume/file")
    assert response.content == profile.resume_file.read_bytes()
    assert response.headers["content-disposition"] == 'inline; filename="resume.json"'


def test_a_resume_with_private_details_is_not_handed_out(index: Index, model_folder: Path, tmp_path: Path) -> None:
    from fischgpt.profile.profile import load_profile

    file = tmp_path / "resume.json"
    file.write_text('{"basics": {"name": "A B", "phone": "12345", "summary": "Builds."}}')
    private = load_profile(file)
    assistant, script = scripted(private, index, "")
    with running(Service(private, describe_model(model_folder), lambda _: assistant), script) as server:
        assert server.client.get("/api/profile").json()["resume_url"] is None
        assert server.client.get("/api/resume/file").status_code == 404
        assert "12345" not in server.client.get("/api/passages").text


def test_while_loading_the_site_answers_and_questions_are_told_to_wait(
    profile: Profile, index: Index, model_folder: Path
) -> None:
    go = threading.Event()
    assistant, script = scripted(profile, index, "")

    def load(service: Service) -> Any:
        service.progress = Progress(0.4, "indexing the profile")
        go.wait(60)
        return assistant

    with running(Service(profile, describe_model(model_folder), load), script) as server:
        assert server.client.get("/healthz").json() == {"status": "ok"}
        assert server.client.get("/api/profile").json()["model"]["n_layer"] == 2
        response = server.client.get("/readyz")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json() == {"status": "loading", "progress": 0.4, "step": "indexing the profile"}
        asked = server.ask(BRIDGE)
        assert (asked.status_code, asked.headers["retry-after"]) == (503, "1")
        assert asked.json()["error"]["message"] == "not ready yet: indexing the profile"
        go.set()
        eventually(lambda: server.client.get("/readyz").status_code == 200)
        assert server.client.get("/readyz").json()["status"] == "ready"
        assert server.ask(BRIDGE).status_code == 200


def test_a_model_that_cannot_be_loaded_is_said_and_not_waited_for(
    profile: Profile, model_folder: Path, serve: Callable[..., Any]
) -> None:
    def load(service: Service) -> Any:
        raise UserError("model.safetensors is damaged at /home/me")

    service = Service(profile, describe_model(model_folder), load)
    with running(service, Script(tiny_tokenizer(), "")) as server:
        eventually(lambda: service.failure is not None)
        step = "the model could not be loaded"
        assert server.client.get("/readyz").json() == {"status": "failed", "progress": 0.0, "step": step}
        answer = server.ask(BRIDGE)
        assert (answer.status_code, answer.json()["error"]["message"]) == (503, step)


def test_where_nothing_writes_any_more_everybody_is_told_and_no_balancer_sends_anyone(
    profile: Profile, index: Index, model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that has ended comes back with the process alone: liveness probes hear of it too."""
    died: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def load(service: Service) -> Assistant:
        model = load_model(model_folder)
        return Assistant(profile, index, replace(model, batch=Batch(model.engine, 0)))

    def broken(parts: Any) -> Any:
        if threading.current_thread().name == "batch":
            raise SystemExit
        return read_many(parts)

    service = Service(profile, describe_model(model_folder), load)
    with running(service, Script(tiny_tokenizer(), "")) as server:
        eventually(lambda: server.client.get("/readyz").status_code == 200)
        assert service.assistant is not None and isinstance(service.assistant.model, TextModel)
        prompt = {"prompt": "The bridge", "max_tokens": 8, "model": service.model.name}
        assert server.client.post("/v1/completions", json=prompt).status_code == 200
        monkeypatch.setattr(threading, "excepthook", died.put)
        read_many = service.assistant.model.engine.reader.read_many
        monkeypatch.setattr(service.assistant.model.engine.reader, "read_many", broken)
        under_way = server.client.post("/v1/completions", json=prompt)
        assert (under_way.status_code, under_way.json()["error"]["message"]) == (500, INTERNAL)
        assert died.get(timeout=60).exc_type is SystemExit
        step = "what writes the answers has broken off"
        for probe in ("/readyz", "/healthz"):
            told = server.client.get(probe)
            assert (told.status_code, told.json()["status"], told.json()["step"]) == (503, "failed", step)
        for _ in range(2):
            refused = server.ask(BRIDGE)
            assert (refused.status_code, refused.json()["error"]["message"]) == (503, step)
        assert server.client.get("/api/profile").status_code == 200
