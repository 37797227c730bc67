"""The vectors of one profile in an embedded Chroma: a cache that is thrown away and made again at any doubt.

Where many passages outgrow that, `shared_store.py` has them on a server. Three traps of Chroma 1.5 shape this file.
Without `embedding_function=None` at every create and get it attaches a function that downloads a model. A reader does
not see what another process adds to a collection, so a changed profile gets a new folder and collection, named by
content, and nothing is ever added in place. A deleted segment folder raises nothing and loses results, so at opening
some stored vectors must find themselves.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import chromadb
import numpy as np
from chromadb.api.client import Client
from chromadb.api.models.Collection import Collection
from chromadb.config import Settings
from filelock import FileLock
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
_PROBES = 16
_SETTINGS = Settings(anonymized_telemetry=False, is_persistent=True, allow_reset=False)


class DamagedError(RuntimeError):
    """The stored index is not the one that was written."""


class Store(Protocol):
    """Unit vectors of passages by id, searched by cosine. Safe to use from several threads."""

    def query(self, vector: Vectors, k: int) -> dict[str, float]:
        """Cosines of the k nearest passages to a (384,) unit vector, nearest first. Raises IndexAway."""
        ...

    def cosines(self, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """Cosines of given passages to a (384,) unit vector. Raises IndexAway."""
        ...

    def close(self) -> None:
        """Let go of files or connections."""
        ...


class EmbeddedStore:
    """A Store in a folder of this machine."""

    def __init__(self, folder: Path, fingerprint: str, model: str, ids: Sequence[str]) -> None:
        """Open what `build` wrote. Raises DamagedError, or whatever Chroma raises, when it is not whole."""
        self._client = _client(folder)
        try:
            self._collection = self._client.get_collection(name(fingerprint, model), embedding_function=None)
            self._vectors = self._check({"profile": fingerprint, "model": model}, ids)
        except BaseException:
            self.close()
            raise

    def query(self, vector: Vectors, k: int) -> dict[str, float]:
        """As Store; nobody is away."""
        return nearest(self._collection, vector, k)

    def cosines(self, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """From the vectors read at opening (.01 ms, a get: 3 ms)."""
        return {id_: float(self._vectors[id_] @ vector) for id_ in ids}

    def close(self) -> None:
        """Let go of the files."""
        self._client.close()

    def _check(self, expected: dict[str, str], ids: Sequence[str]) -> dict[str, Vectors]:
        """The stored vectors, once they are found to be the profile's own and to be searchable."""
        metadata = self._collection.metadata or {}
        if any(metadata.get(key) != value for key, value in expected.items()):
            raise DamagedError("the index was made for another profile or model")
        stored = self._collection.get(include=["embeddings"])
        if sorted(stored["ids"]) != sorted(ids):
            raise DamagedError("the index does not hold the profile's passages")
        vectors = dict(zip(stored["ids"], np.asarray(stored["embeddings"], np.float32), strict=True))
        probe(self, ids, vectors)
        return vectors


def probes(ids: Sequence[str]) -> Sequence[str]:
    """Some of the ids, evenly spread."""
    return ids[:: max(1, len(ids) // _PROBES)]


def probe(store: Store, ids: Sequence[str], vectors: Mapping[str, Vectors]) -> None:
    """Let some stored vectors find themselves. Raises DamagedError."""
    k = min(5, len(ids))
    for id_ in probes(ids):
        near = store.query(vectors[id_], k)
        # A passage said twice has the same vector under another id: that one may come first.
        if len(near) < k or next(iter(near.values())) < 0.999:
            raise DamagedError(f"the stored vector of {id_} does not find itself")


def nearest(collection: Collection, vector: Vectors, k: int) -> dict[str, float]:
    """Cosines of the k vectors of a collection nearest to a (384,) one, nearest first."""
    found = collection.query(query_embeddings=[vector], n_results=k, include=["distances"])
    distances = (found["distances"] or [[]])[0]
    return {id_: 1.0 - distance for id_, distance in zip(found["ids"][0], distances, strict=True)}


def open_store(
    cache: Path, fingerprint: str, model: str, ids: Sequence[str], vectors: Callable[[], Vectors]
) -> tuple[EmbeddedStore, bool]:
    """The store of a profile, and whether it had to be built: opened when whole, else made again from `vectors()`.

    Several processes may call this at once: one builds, in a folder of its own, and points `current` to it when it is
    complete. A folder is never built twice under one name: Chroma keeps a broken client for a path it failed to open.
    """
    home = cache / fingerprint[:32]
    home.mkdir(parents=True, exist_ok=True)
    pointer = home / "current"
    with FileLock(home / "lock"):
        old = home / pointer.read_text("utf-8") if pointer.is_file() else None
        if old and old.is_dir():
            try:
                return EmbeddedStore(old, fingerprint, model, ids), False
            except Exception:  # Chroma's errors come from SQLite, Rust and Python alike: any of them means rebuild
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="index-", dir=home))
        try:
            _build(folder, fingerprint, model, ids, vectors())
            store = EmbeddedStore(folder, fingerprint, model, ids)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        new = pointer.with_suffix(".new")
        new.write_text(folder.name, "utf-8")
        new.replace(pointer)
        return store, True


def _build(folder: Path, fingerprint: str, model: str, ids: Sequence[str], vectors: Vectors) -> None:
    with contextlib.closing(_client(folder)) as client:
        fill(client, collection_of(client, fingerprint, model), ids, vectors)


def collection_of(client: Client, fingerprint: str, model: str) -> Collection:
    """The collection of a profile's passages by an embedding model, created if there is none: named by both, so that
    no two fall on one name."""
    return client.get_or_create_collection(
        name(fingerprint, model),
        configuration={"hnsw": {"space": "cosine"}},
        metadata={"profile": fingerprint, "model": model},
        embedding_function=None,
    )


def fill(client: Client, collection: Collection, ids: Sequence[str], vectors: Vectors) -> None:
    """Store the vectors by id; those that stand there already are written again, as they are."""
    batch = client.get_max_batch_size()
    for start in range(0, len(ids), batch):
        rows = slice(start, start + batch)
        collection.upsert(ids=list(ids[rows]), embeddings=vectors[rows])


def name(fingerprint: str, model: str) -> str:
    """Of a collection, in Chroma's letters."""
    return f"profile-{fingerprint[:32]}-{model[:8]}"


def _client(folder: Path) -> Client:
    client = chromadb.PersistentClient(path=str(folder), settings=_SETTINGS)
    assert isinstance(client, Client)  # its declared type lacks close()
    return client
