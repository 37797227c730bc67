"""The vectors of one profile in an embedded Chroma: a cache that is thrown away and made again at any doubt.

Three traps of Chroma 1.5 shape this file. Without `embedding_function=None` at every create and get it attaches a
function that downloads a model. A reader does not see what another process adds to a collection, so a changed profile
gets a new folder and collection, named by content, and nothing is ever added in place. A deleted segment folder raises
nothing and loses results, so at opening some stored vectors must find themselves.
"""

import contextlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import chromadb
import numpy as np
from chromadb.api.client import Client
from chromadb.config import Settings
from filelock import FileLock
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
_PROBES = 16
_SETTINGS = Settings(anonymized_telemetry=False, is_persistent=True, allow_reset=False)


class DamagedError(RuntimeError):
    """The stored index is not the one that was written."""


class Store:
    """Unit vectors of passages by id, searched by cosine."""

    def __init__(self, folder: Path, fingerprint: str, model: str, ids: Sequence[str]) -> None:
        """Open what `build` wrote. Raises DamagedError, or whatever Chroma raises, when it is not whole."""
        self._client = _client(folder)
        try:
            self._collection = self._client.get_collection(_name(fingerprint), embedding_function=None)
            self._vectors = self._check({"profile": fingerprint, "model": model}, ids)
        except BaseException:
            self.close()
            raise

    def query(self, vector: Vectors, k: int) -> dict[str, float]:
        """Cosines of the k nearest passages to a (384,) unit vector, nearest first."""
        found = self._collection.query(query_embeddings=[vector], n_results=k, include=["distances"])
        distances = (found["distances"] or [[]])[0]
        return {id_: 1.0 - distance for id_, distance in zip(found["ids"][0], distances, strict=True)}

    def cosines(self, vector: Vectors, ids: Sequence[str]) -> dict[str, float]:
        """Cosines of given passages to a (384,) unit vector, from the vectors read at opening (.01 ms, a get: 3 ms)."""
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
        step = max(1, len(ids) // _PROBES)
        for id_, vector in list(vectors.items())[::step]:
            near = self.query(vector, min(5, len(ids)))
            # A passage said twice has the same vector under another id: that one may come first.
            if len(near) < min(5, len(ids)) or next(iter(near.values())) < 0.999:
                raise DamagedError(f"the stored vector of {id_} does not find itself")
        return vectors


def open_store(
    cache: Path, fingerprint: str, model: str, ids: Sequence[str], vectors: Callable[[], Vectors]
) -> tuple[Store, bool]:
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
                return Store(old, fingerprint, model, ids), False
            except Exception:  # Chroma's errors come from SQLite, Rust and Python alike: any of them means rebuild
                shutil.rmtree(old, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix="index-", dir=home))
        try:
            _build(folder, fingerprint, model, ids, vectors())
            store = Store(folder, fingerprint, model, ids)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        new = pointer.with_suffix(".new")
        new.write_text(folder.name, "utf-8")
        new.replace(pointer)
        return store, True


def _build(folder: Path, fingerprint: str, model: str, ids: Sequence[str], vectors: Vectors) -> None:
    with contextlib.closing(_client(folder)) as client:
        collection = client.create_collection(
            _name(fingerprint),
            configuration={"hnsw": {"space": "cosine"}},
            metadata={"profile": fingerprint, "model": model},
            embedding_function=None,
        )
        batch = client.get_max_batch_size()
        for start in range(0, len(ids), batch):
            rows = slice(start, start + batch)
            collection.add(ids=list(ids[rows]), embeddings=vectors[rows])


def _client(folder: Path) -> Client:
    client = chromadb.PersistentClient(path=str(folder), settings=_SETTINGS)
    assert isinstance(client, Client)  # its declared type lacks close()
    return client


def _name(fingerprint: str) -> str:
    return f"profile-{fingerprint[:32]}"
