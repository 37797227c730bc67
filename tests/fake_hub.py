"""A small Hugging Face Hub on loopback: what the real client needs to list and to download, and its faults.

with FakeHub({"owner/name": {"folder/file.parquet": content}}) as hub:
    HF_ENDPOINT = hub.url

Data sets alone; `model_hub.py` adds models, and everything that writes.
"""

import hashlib
import re
import threading
from collections import Counter
from typing import Any, Self
from urllib.parse import parse_qs

import huggingface_hub.constants
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

LARGE = (".parquet", ".gz", ".safetensors", ".gguf")
"""What lies in the Hub's large file storage; other files lie in git."""
Files = dict[str, bytes]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves `repos` at `url` while it is entered. `fail` makes the next requests of a kind go wrong."""

    def __init__(self, repos: dict[str, Files] | None = None, commit: str = COMMIT) -> None:
        self.repos = repos or {}
        self.commit = commit
        self.requests: Counter[str] = Counter()
        """How many of each kind came: info, tree, head, get."""
        self.sent: Counter[str] = Counter()
        """Bytes of each file that went out."""
        self.private = False
        self._faults: dict[str, list[Any]] = {}
        config = uvicorn.Config(self._app(), host="127.0.0.1", port=0, log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._server.started:
            pass
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.storage = f"http://localhost:{port}"  # another host, for the client
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def become_the_hub(self, patch: pytest.MonkeyPatch) -> None:
        """Let huggingface_hub in this process speak with this one, without waiting between its attempts."""
        template = self.url + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        patch.setattr(huggingface_hub.constants, "ENDPOINT", self.url)
        patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        patch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 4096)  # 10 MB: what a cut costs at most
        patch.setattr("time.sleep", lambda seconds: None)

    def vanish(self, patch: pytest.MonkeyPatch) -> None:
        """Nobody answers any more."""
        nowhere = "http://127.0.0.1:9"
        template = nowhere + "/{repo_id}/resolve/{revision}/{filename}"
        patch.setattr(huggingface_hub.constants, "ENDPOINT", nowhere)
        patch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    def find(self, kind: str, name: str, revision: str) -> tuple[str, Files] | str:
        """(commit, files) of a repository, or the Hub's name for what is missing. kind: datasets, models."""
        if kind != "datasets" or name not in self.repos:
            return "RepoNotFound"
        return (self.commit, self.repos[name]) if revision in ("main", self.commit) else "RevisionNotFound"

    def fail(self, kind: str, *faults: Any) -> None:
        """The next requests of a kind (info, tree, get): a status, "cut" (half of the bytes), or "wrong" (others)."""
        self._faults[kind] = list(faults)

    def faults_left(self, kind: str) -> int:
        """How many of `fail` have met no request yet."""
        return len(self._faults[kind])

    def fault(self, kind: str) -> Any:
        self.requests[kind] += 1
        faults = self._faults.get(kind)
        return faults.pop(0) if faults else None

    def _app(self) -> FastAPI:
        app = FastAPI()
        self.write_routes(app)

        @app.get("/api/{kind}/{owner}/{name}")
        @app.get("/api/{kind}/{owner}/{name}/revision/{revision}")
        def info(kind: str, owner: str, name: str, revision: str = "main") -> Response:
            fault = self.fault("info")
            if self.private:
                return refuse("GatedRepo", 403)
            if isinstance(fault, int):
                return Response(status_code=fault)
            found = self.find(kind, f"{owner}/{name}", revision)
            if isinstance(found, str):
                return refuse(found)
            commit, files = found
            siblings = [{"rfilename": path} for path in files]
            about = {"id": f"{owner}/{name}", "sha": commit, "siblings": siblings, "tags": [], "private": False}
            return JSONResponse(about)

        @app.get("/api/{kind}/{owner}/{name}/tree/{revision}")
        @app.get("/api/{kind}/{owner}/{name}/tree/{revision}/{path:path}")
        def tree(kind: str, owner: str, name: str, revision: str, path: str = "") -> Response:
            fault = self.fault("tree")
            if isinstance(fault, int):
                return Response(status_code=fault)
            found = self.find(kind, f"{owner}/{name}", revision)
            if isinstance(found, str):
                return refuse(found)
            _, files = found
            listed = [entry(file, files[file]) for file in sorted(files) if file.startswith(f"{path}/" if path else "")]
            return JSONResponse(listed) if listed else refuse("EntryNotFound")

        @app.post("/api/{kind}/{owner}/{name}/paths-info/{revision}")
        async def paths_info(kind: str, owner: str, name: str, revision: str, request: Request) -> Response:
            self.fault("tree")
            found = self.find(kind, f"{owner}/{name}", revision)
            assert not isinstance(found, str)
            paths = parse_qs((await request.body()).decode())["paths"]
            return JSONResponse([entry(path, found[1][path]) for path in paths if path in found[1]])

        @app.api_route("/datasets/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
        def resolve_data(owner: str, name: str, revision: str, path: str, request: Request) -> Response:
            return resolve("datasets", f"{owner}/{name}", revision, path, request)

        @app.api_route("/{owner}/{name}/resolve/{revision}/{path:path}", methods=["GET", "HEAD"])
        def resolve_model(owner: str, name: str, revision: str, path: str, request: Request) -> Response:
            return resolve("models", f"{owner}/{name}", revision, path, request)

        def resolve(kind: str, name: str, revision: str, path: str, request: Request) -> Response:
            found = self.find(kind, name, revision)
            if isinstance(found, str):
                return refuse(found)
            commit, files = found
            if path not in files:
                return refuse("EntryNotFound")
            sums = entry(path, files[path])
            if "lfs" not in sums:
                headers = {"X-Repo-Commit": commit, "ETag": f'"{sums["oid"]}"'}
                return send(path, files[path], headers, request)
            sha256 = sums["lfs"]["oid"]
            headers = {"X-Repo-Commit": commit, "ETag": f'"{sha256}"', "X-Linked-ETag": f'"{sha256}"'}
            headers["X-Linked-Size"] = str(sums["size"])
            # Large files lie on another host, to which the Hub redirects.
            return RedirectResponse(f"{self.storage}/cdn/{kind}/{name}/{commit}/{path}", 302, headers)

        @app.api_route("/cdn/{kind}/{owner}/{name}/{commit}/{path:path}", methods=["GET", "HEAD"])
        def blob(kind: str, owner: str, name: str, commit: str, path: str, request: Request) -> Response:
            found = self.find(kind, f"{owner}/{name}", commit)
            assert not isinstance(found, str)
            return send(path, found[1][path], {}, request)

        def send(path: str, content: bytes, headers: dict[str, str], request: Request) -> Response:
            if request.method == "HEAD":
                return Response(headers=headers | {"Content-Length": str(len(content))})
            fault = self.fault("get")
            if isinstance(fault, int):
                return Response(status_code=fault)
            if fault == "wrong":
                content = content[:-1] + bytes([content[-1] ^ 1])
            span = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
            start = int(span[1]) if span else 0
            body = content[start:]
            headers |= {"Content-Length": str(len(body)), "Accept-Ranges": "bytes"}
            if span:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if fault == "cut":
                body = body[: len(body) // 2]  # and the connection ends: uvicorn closes a response that is too short
            self.sent[path] += len(body)
            return StreamingResponse(iter([body]), 206 if span else 200, headers)

        return app

    def write_routes(self, app: FastAPI) -> None:
        """More routes, which come first."""


def entry(path: str, content: bytes) -> dict[str, Any]:
    """A file as the Hub lists it."""
    listed: dict[str, Any] = {"type": "file", "oid": git_hash(content), "size": len(content), "path": path}
    if path.endswith(LARGE):
        sha256 = hashlib.sha256(content).hexdigest()
        listed["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 134}
    return listed


def git_hash(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def refuse(code: str, status: int = 0) -> Response:
    """The Hub's way to say no. It does not tell a repository that is not there from one that is not shown."""
    status = status or (401 if code == "RepoNotFound" else 404)
    return JSONResponse({"error": code}, status, {"X-Error-Code": code, "X-Error-Message": code})
