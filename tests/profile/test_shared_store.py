"""A real `chroma run` as the index of several replicas: the embedded one's hits, and one clear line where it fails."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import chromadb
import httpx
import numpy as np
import pytest

from fischgpt.errors import IndexAway, UserError
from fischgpt.profile import embed, shared_store
from fischgpt.profile.index import Index
from fischgpt.profile.manage import index as index_command
from fischgpt.profile.profile import Profile, load_profile
from fischgpt.profile.shared_store import SharedStore
from fischgpt.resources import resource
from ports import free_port
from server_samples import eventually
from serving_samples import QUESTION, up

CHROMA = Path(sys.executable).with_name("chroma")
QUESTIONS = [
    QUESTION,
    "Which papers did he read first?",
    "What is the front end made with?",
    "What is his favourite pizza?",
    "Which languages did she speak?",
    "Who supervised her doctorate?",
    "Why did she receive the Nobel Prize in Chemistry?",
    "Does she have a dog?",
]


@contextmanager
def chroma_run(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Chroma's server until the block ends."""
    command = [str(CHROMA), "run", "--path", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    try:
        eventually(lambda: _beats(port), within=60)
        yield process
    finally:
        process.kill()
        process.wait()


def _beats(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a server listens that all tests here share."""
    there = free_port()
    with chroma_run(tmp_path_factory.mktemp("chroma"), there):
        yield there


@pytest.fixture
def shared(port: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server as the index's place."""
    monkeypatch.setenv("FISCHGPT_INDEX", url := f"http://127.0.0.1:{port}")
    return url


@pytest.mark.parametrize("owner", ["fisch", "curie"])
def test_it_finds_what_the_embedded_index_finds(shared: str, owner: str, tmp_path: Path) -> None:
    profile = load_profile(resource(f"profiles/{owner}"))
    here, there = Index.open(profile, tmp_path), Index.open(profile)
    assert there.rebuilt and not Index.open(profile).rebuilt  # what the first has stored, the second finds
    for question in QUESTIONS:
        mine, theirs = here.search(question), there.search(question)
        assert [hit.passage.id for hit in theirs.hits] == [hit.passage.id for hit in mine.hits], question
        assert theirs.answerable == mine.answerable
        assert [hit.score for hit in theirs.hits] == pytest.approx([hit.score for hit in mine.hits], abs=0.03)
        assert [hit.cosine for hit in theirs.hits] == pytest.approx([hit.cosine for hit in mine.hits], abs=0.01)
    assert there._readings and len(there._readings) <= len(profile.passages)


def test_replicas_that_start_at_once_store_one_collection(shared: str, tmp_path: Path) -> None:
    profile = _profile(tmp_path, "Sailed to Iceland")
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: Index.open(profile), range(4)))
    assert all("Iceland" in index.search("Where did she sail?").hits[0].passage.text for index in opened)
    assert any(index.rebuilt for index in opened) and not Index.open(profile).rebuilt
    changed = Index.open(_profile(tmp_path, "Sailed to Norway"))  # while the others go on with the old one
    assert "Norway" in changed.search("Where did she sail?").hits[0].passage.text
    assert "Iceland" in opened[0].search("Where did she sail?").hits[0].passage.text


def test_what_was_only_half_stored_is_completed(shared: str, tmp_path: Path) -> None:
    profile = _profile(tmp_path, "Climbed in Peru")
    collection = _collection(Index.open(profile))
    collection.delete(ids=collection.get(include=[])["ids"][:1])
    again = Index.open(profile)
    assert again.rebuilt and "Peru" in again.search("Where did she climb?").hits[0].passage.text


def test_a_collection_that_somebody_else_made_or_changed_is_left_alone(shared: str, tmp_path: Path) -> None:
    profile = _profile(tmp_path, "Walked to Rome")
    collection = _collection(Index.open(profile))
    far = np.zeros(embed.DIMENSIONS, np.float32)
    far[0] = 1
    collection.add(ids=["another"], embeddings=far[None])
    with pytest.raises(UserError, match=r"profile-\w+-8199be6f on 127.* holds passages that are not the profile's"):
        Index.open(profile)
    collection.delete(ids=["another"])
    assert not Index.open(profile).rebuilt
    collection.modify(metadata={"profile": "another", "model": embed.MODEL_SHA256})
    with pytest.raises(UserError, match=r"made for another profile or by another version of FischGPT; delete it there"):
        Index.open(profile)
    assert collection.count() == len(profile.passages)


def test_another_versions_embedding_model_gets_a_collection_of_its_own(
    shared: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = _profile(tmp_path, "Rowed to Malta")
    before = _collection(Index.open(profile)).name
    monkeypatch.setattr(embed, "MODEL_SHA256", "f" * 64)
    other = Index.open(profile)
    assert other.rebuilt and _collection(other).name != before


@pytest.mark.parametrize(
    "place", ["chroma:8000", "ftp://h", "http://", "http://h:99999", "http://h:1/path", "http://u:p@h"]
)
def test_an_address_that_is_none_is_said(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISCHGPT_INDEX", place)
    with pytest.raises(UserError, match=r"FISCHGPT_INDEX: .* is no address such as"):
        index_command(str(_profile(tmp_path, "Sang").resume_file))


def test_a_server_that_is_not_there_or_no_chroma_run_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    profile, free = _profile(tmp_path, "Sang"), free_port()
    monkeypatch.setenv("FISCHGPT_INDEX", f"http://127.0.0.1:{free}")
    with pytest.raises(IndexAway) as away:
        Index.open(profile)
    assert away.value.detail == f"127.0.0.1:{free} does not answer (ConnectError)"
    for server, body, said in (
        ("hypercorn", '{"detail": "Not Found"}', "is no Chroma server, or one older than 1.0"),
        ("uvicorn", '{"nanosecond heartbeat": 1}', "is Chroma's Python server.*CVE-2026-45829"),
    ):
        answer = httpx.Response(200, text=body, headers={"server": server})
        monkeypatch.setattr(shared_store.httpx, "get", lambda *_, answer=answer, **__: answer)
        with pytest.raises(UserError, match=said):
            Index.open(profile)


def test_a_server_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_store, "TIMEOUT_S", 0.5)
    with chroma_run(tmp_path, there := free_port()) as server:
        monkeypatch.setenv("FISCHGPT_INDEX", f"http://127.0.0.1:{there}")
        index = Index.open(_profile(tmp_path, "Sang in a choir"))
        server.send_signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(IndexAway) as away:
            index.search("What did she sing in?")
        assert time.monotonic() - started < 3
        assert away.value.detail == f"127.0.0.1:{there} does not answer (ReadTimeout)"
        server.send_signal(signal.SIGCONT)
        assert "choir" in index.search("What did she sing in?").hits[0].passage.text


def test_a_site_says_that_its_index_is_away_and_goes_on_when_it_is_back(tmp_path: Path) -> None:
    data, there = tmp_path / "chroma", free_port()
    data.mkdir()
    with chroma_run(data, there) as chroma, up(tmp_path, INDEX=f"http://127.0.0.1:{there}") as site:
        body = {"messages": [{"role": "user", "content": QUESTION}]}

        def ask() -> httpx.Response:
            return httpx.post(f"{site.url}/v1/chat/completions", json=body, timeout=30)

        assert "$208.74" in ask().text
        chroma.kill()
        chroma.wait()
        refused = ask()
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "index_away")
        assert refused.json()["error"]["message"].startswith("the index behind this site does not answer")
        assert str(there) not in refused.text and int(refused.headers["retry-after"]) > 0
        log = site.log.read_text()
        assert f"the index is away: 127.0.0.1:{there} does not answer" in log and QUESTION not in log
        with chroma_run(data, there):
            assert "$208.74" in ask().text
    command = [sys.executable, "-m", "fischgpt", "profile", "index"]
    own = os.environ | {"FISCHGPT_INDEX": f"http://127.0.0.1:{there}"}
    done = subprocess.run(command, env=own, capture_output=True, text=True)
    said = f"the index is not there: 127.0.0.1:{there} does not answer (ConnectError)"
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr
    # A site that starts before Chroma says so, and is ready once Chroma is.
    log = (tmp_path / "late") / "up.log"
    log.parent.mkdir()

    def begin_late(stack: ExitStack) -> None:
        eventually(lambda: log.is_file() and "the index is away" in log.read_text(), within=100)
        stack.enter_context(chroma_run(data, there))

    with ExitStack() as stack, ThreadPoolExecutor(1) as pool:
        begun = pool.submit(begin_late, stack)
        with up(log.parent, INDEX=f"http://127.0.0.1:{there}") as site:
            begun.result()
            assert "$208.74" in httpx.post(f"{site.url}/v1/chat/completions", json=body, timeout=30).text


def test_a_server_that_has_lost_everything_is_filled_anew_by_the_replicas_that_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = free_port()
    monkeypatch.setenv("FISCHGPT_INDEX", f"http://127.0.0.1:{there}")
    profile = _profile(tmp_path, "Swam to Elba")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    with chroma_run(tmp_path / "one", there):
        replicas = [Index.open(profile), Index.open(profile)]
    with chroma_run(tmp_path / "two", there):
        for replica in replicas:
            assert "Elba" in replica.search("Where did she swim?").hits[0].passage.text
        assert not Index.open(profile).rebuilt
        # What somebody else has put there meanwhile is left alone, and visitors read no host.
        collection = _collection(replicas[0])
        chromadb.HttpClient("127.0.0.1", there).delete_collection(collection.name)
        chromadb.HttpClient("127.0.0.1", there).create_collection(collection.name, metadata={"mine": "yes"})
        with pytest.raises(IndexAway, match="the index behind this site does not answer") as away:
            replicas[0].search("Where did she swim?")
        assert "made for another profile" in away.value.detail and str(there) not in str(away.value)


def _profile(folder: Path, highlight: str) -> Profile:
    path = folder / "ada.md"
    path.write_text(
        f"# Ada Example\n\n## Work\n\n### Acme, Baker (2019 to 2021)\n\n- {highlight}\n- Baked bread in Lyon\n"
    )
    return load_profile(path)


def _collection(index: Index) -> chromadb.Collection:
    assert isinstance(index._store, SharedStore)
    return index._store._collection
