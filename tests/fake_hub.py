"""A small Hugging Face Hub on loopback: what the real client needs to list and to download a data set, and its faults.

with FakeHub({"owner/name": {"folder/file.parquet": content}}) as hub:
    HF_ENDPOINT = hub.url
"""

import hashlib
import re
import threading
from collections import Counter
from typing import Any, Self
from urllib.parse import parse_qs

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse, StreamingResponse

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class FakeHub:
    """Serves `repos` at `url` while it is entered. `fail` makes the next requests of a kind go wrong."""

    def __init__(self, repos: dict[str, dict[str, bytes]], commit: str = COMMIT) -> None:
        self.repos = repos
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
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def fail(self, kind: str, *faults: Any) -> None:
        """The next requests of a kind (info, tree, get): a status, "cut" (half of the bytes), or "wrong" (others)."""
        self._faults[kind] = list(faults)

    def _fault(self, kind: str) -> Any:
        self.requests[kind] += 1
        faults = self._faults.get(kind)
        return faults.pop(0) if faults else None

    def _app(self) -> FastAPI:
        app = FastAPI()

        def missing(code: str, status: int = 404) -> Response:
            return JSONResponse({"error": code}, status, {"X-Error-Code": code, "X-Error-Message": code})

        @app.get("/api/datasets/{owner}/{name}")
        @app.get("/api/datasets/{owner}/{name}/revision/{revision}")
        def info(owner: str, name: str, revision: str = "main") -> Response:
            fault = self._fault("info")
            if self.private:
                return missing("GatedRepo", 403)
            if isinstance(fault, int):
                return Response(status_code=fault)
            if f"{owner}/{name}" not in self.repos:
                return missing("RepoNotFound", 401)
            if revision not in ("main", self.commit):
                return missing("RevisionNotFound")
            return JSONResponse({"id": f"{owner}/{name}", "sha": self.commit, "siblings": [], "tags": []})

        def entry(path: str, content: bytes) -> dict[str, Any]:
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            listed: dict[str, Any] = {"type": "file", "oid": git, "size": len(content), "path": path}
            if path.endswith((".parquet", ".gz")):
                sha256 = hashlib.sha256(content).hexdigest()
                listed["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 134}
            return listed

        @app.get("/api/datasets/{owner}/{name}/tree/{revision}")
        @app.get("/api/datasets/{owner}/{name}/tree/{revision}/{path:path}")
        def tree(owner: str, name: str, revision: str, path: str = "") -> Response:
            fault = self._fault("tree")
            if isinstance(fault, int):
                return Response(status_code=fault)
            files = self.repos[f"{owner}/{name}"]
            found = [entry(file, files[file]) for file in sorted(files) if file.startswith(f"{path}/" if path else "")]
            return JSONResponse(found) if found else missing("EntryNotFound")

        @app.post("/api/datasets/{owner}/{name}/paths-info/{revision}")
        async def paths_info(owner: str, name: str, revision: str, request: Request) -> Response:
            self._fault("tree")
            files = self.repos[f"{owner}/{name}"]
            paths = parse_qs((await request.body()).decode())["paths"]
            return JSONResponse([entry(path, files[path]) for path in paths if path in files])

        @app.get("/datasets/{owner}/{name}/resolve/{revision}/{path:path}")
        def resolve(owner: str, name: str, revision: str, path: str) -> Response:
            content = self.repos.get(f"{owner}/{name}", {}).get(path)
            if content is None or revision != self.commit:
                return missing("EntryNotFound")
            sha256 = hashlib.sha256(content).hexdigest()
            headers = {
                "X-Repo-Commit": self.commit,
                "ETag": f'"{sha256}"',
                "X-Linked-ETag": f'"{sha256}"',
                "X-Linked-Size": str(len(content)),
            }
            # Large files lie on another host, to which the Hub redirects.
            return RedirectResponse(f"/cdn/{owner}/{name}/{path}", 302, headers)

        @app.api_route("/cdn/{owner}/{name}/{path:path}", methods=["GET", "HEAD"])
        def blob(owner: str, name: str, path: str, request: Request) -> Response:
            content = self.repos[f"{owner}/{name}"][path]
            fault = self._fault("get")
            if isinstance(fault, int):
                return Response(status_code=fault)
            if fault == "wrong":
                content = content[:-1] + bytes([content[-1] ^ 1])
            span = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
            start = int(span[1]) if span else 0
            body = content[start:]
            headers = {"Content-Length": str(len(body)), "Accept-Ranges": "bytes"}
            if span:
                headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            if fault == "cut":
                body = body[: len(body) // 2]  # and the connection ends: uvicorn closes a response that is too short
            self.sent[path] += len(body)
            return StreamingResponse(iter([body]), 206 if span else 200, headers)

        return app
