"""The vectors of one profile on a Chroma server that several replicas share: for more passages than fit into each.

Only `chroma run` (Chroma's own image) is spoken to. Chroma's Python server, up to 1.5.9, runs code that a client names
(CVE-2026-45829), and is refused. Nothing on the server is ever deleted: another replica may be reading it.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar
from urllib.parse import urlsplit

import chromadb
import httpx
import numpy as np
from chromadb.api.client import Client
from chromadb.api.fastapi import FastAPI
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from chromadb.errors import NotFoundError

from fischgpt.errors import Away, IndexAway, UserError
from fischgpt.profile.store import DamagedError, Vectors, collection_of, fill, name, nearest, probe, probes

T = TypeVar("T")
TIMEOUT_S = 5.0
"""The longest silence; a query takes 7 ms, a batch of 5,461 vectors is stored in 1 s."""


class SharedStore:
    """A Store on a server. It keeps no vector here."""

    def __init__(
        self, url: str, fingerprint: str, model: str, ids: Sequence[str], vectors: Callable[[], Vectors]
    ) -> None:
        """Open the profile's collection, and store what it lacks of `vectors()`: several replicas may do so at once.

        Raises IndexAway while the server is not there, and UserError for an address that is none, a server that is no
        `chroma run`, and a collection of that name that somebody else made or changed.
        """
        self._host, self._name = _host(url), name(fingerprint, model)
        self._fingerprint, self._model, self._ids, self._vectors = fingerprint, model, ids, vectors
        self._opening = threading.Lock()
        self.filled = False
        """Whether this replica stored vectors."""
        with self._asking():
            _check_server(url)
            self._client = _client(url)
        self._open()

    def query(self, vector: Vectors, k: int) -> dict[str, float]:
        """As Store."""
        return self._asked(lambda collection: nearest(collection, vector, k))

    def cosines(self, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """As Store."""
        return {id_: float(stored @ vector) for id_, stored in self._stored(ids).items()}

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _open(self) -> None:
        ids = self._ids
        with self._asking():
            collection = collection_of(self._client, self._fingerprint, self._model)
            if collection.metadata != {"profile": self._fingerprint, "model": self._model}:
                raise self._foreign("was made for another profile or by another version of FischGPT")
            stored = set(collection.get(include=[])["ids"])
            missing = set(ids) - stored
            if missing:
                fill(self._client, collection, ids, self._vectors())
                self.filled = True
        if len(stored | missing) > len(ids):
            raise self._foreign("holds passages that are not the profile's")
        self._collection = collection  # whole: until now nobody was answered from it
        try:
            probe(self, ids, self._stored(probes(ids)))
        except DamagedError as error:
            raise self._foreign(f"is damaged: {error}") from error

    def _open_anew(self, lost: Collection) -> None:
        """In place of a collection that is gone. Whoever comes while somebody does that (seconds, for thousands of
        passages) is told that the index is away."""
        if not self._opening.acquire(blocking=False):
            raise IndexAway(f"{self._host} has lost {self._name}, which is being stored anew")
        try:
            if self._collection is lost:
                self._open()
        except Away:
            raise
        except UserError as error:  # names the host, and it is a visitor who waits
            raise IndexAway(str(error)) from error
        finally:
            self._opening.release()

    def _stored(self, ids: Sequence[str]) -> dict[str, Vectors]:
        if not ids:
            return {}
        found = self._asked(lambda collection: collection.get(ids=list(ids), include=["embeddings"]))
        return dict(zip(found["ids"], np.asarray(found["embeddings"], np.float32), strict=True))

    def _asked(self, ask: Callable[[Collection], T]) -> T:
        """What the server answers: also one that lost its volume, and has nothing until we store it anew."""
        collection = self._collection
        with self._asking(), suppress(NotFoundError):
            return ask(collection)
        self._open_anew(collection)
        with self._asking():
            return ask(self._collection)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Raises IndexAway for whatever goes wrong between here and there."""
        try:
            yield
        except UserError:
            raise
        except httpx.HTTPError as error:
            raise IndexAway(f"{self._host} does not answer ({type(error).__name__})") from error
        except Exception as error:  # Chroma's own, and ValueError for answers that it cannot read
            raise IndexAway(f"{self._host} answers {type(error).__name__} about {self._name}") from error

    def _foreign(self, why: str) -> UserError:
        return UserError(
            f"the collection {self._name} on {self._host} {why}; delete it there, or give this site a Chroma of its own"
        )


def _host(url: str) -> str:
    """host:port. Raises UserError."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = 0
    rest = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or rest:
        raise UserError(f"FISCHGPT_INDEX: {url!r} is no address such as http://127.0.0.1:8000")
    return parts.netloc


def _check_server(url: str) -> None:
    """Raises UserError unless a `chroma run` of today answers."""
    answer = httpx.get(f"{url.rstrip('/')}/api/v2/heartbeat", timeout=TIMEOUT_S)
    if answer.status_code != 200 or "nanosecond heartbeat" not in answer.text:
        raise UserError(f"FISCHGPT_INDEX: {url} is no Chroma server, or one older than 1.0")
    if "uvicorn" in answer.headers.get("server", ""):
        raise UserError(
            f"FISCHGPT_INDEX: {url} is Chroma's Python server, which runs code that clients name (CVE-2026-45829): "
            "start `chroma run` in its place"
        )


def _client(url: str) -> Client:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    client = chromadb.HttpClient(
        parts.hostname or "",
        parts.port or (443 if secure else 80),
        secure,
        settings=Settings(anonymized_telemetry=False),
    )
    assert isinstance(client, Client) and isinstance(client._server, FastAPI)
    client._server._session.timeout = TIMEOUT_S  # it has no setting, and waits for ever
    return client
