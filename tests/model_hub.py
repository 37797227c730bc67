"""The Hub's models, and what writes: repositories, large files, commits, tags, collections. Still on loopback.

with ModelHub() as hub:
    hub.become_the_hub(monkeypatch)     # and HF_TOKEN = TOKEN
    hub.models["ada/tiny"].files        # of its branch main
"""

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from fake_hub import LARGE, FakeHub, Files, git_hash, refuse

TOKEN = "hf_aVerySecretTokenOfATest"


@dataclass
class Model:
    """A repository's history: what each commit holds, newest last."""

    commits: dict[str, Files] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def head(self) -> str:
        return list(self.commits)[-1]

    @property
    def files(self) -> Files:
        return self.commits[self.head]

    def commit(self, files: Files) -> str:
        """A new commit with exactly these files."""
        oid = hashlib.sha1(f"{len(self.commits)} {sorted(map(git_hash, files.values()))}".encode()).hexdigest()
        self.commits[oid] = dict(files)
        return oid


class ModelHub(FakeHub):
    """`fail` knows more kinds: create, preupload, batch, put, commit, tag, collection."""

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[str, Model] = {}
        self.large: Files = {}
        """The large file storage, by sha256."""
        self.accounts = {TOKEN: ("ada", ["norwind"])}
        """Token -> user, organisations."""
        self.collections: dict[str, dict[str, Any]] = {}
        self.meanwhile: Callable[[], object] = lambda: None
        """Happens right before a commit."""
        self.lose_next_answer = False
        """The next commit happens, and its answer does not arrive."""
        self.uploaded: Counter[str] = Counter()
        """Bytes that came in: `large`, and those of each file in a commit."""

    def find(self, kind: str, name: str, revision: str) -> tuple[str, Files] | str:
        if kind != "models":
            return super().find(kind, name, revision)
        if name not in self.models:
            return "RepoNotFound"
        model = self.models[name]
        commit = model.head if revision == "main" else model.tags.get(revision, revision)
        return (commit, model.commits[commit]) if commit in model.commits else "RevisionNotFound"

    def put_model(self, name: str, files: Files) -> str:
        """A repository as somebody else made it; its commit."""
        return self.models.setdefault(name, Model()).commit(files)

    def write_routes(self, app: FastAPI) -> None:
        def user(request: Request) -> tuple[str, list[str]] | None:
            return self.accounts.get(request.headers.get("authorization", "").removeprefix("Bearer "))

        def barrier(request: Request, kind: str, namespace: str) -> Response | None:
            fault = self.fault(kind)
            if isinstance(fault, int):
                return JSONResponse({"error": f"{fault}"}, fault)
            who = user(request)
            if who is None:
                return JSONResponse({"error": "Invalid username or password."}, 401)
            if namespace not in (who[0], *who[1]):
                return JSONResponse({"error": f"no rights in {namespace}"}, 403)
            return None

        @app.get("/api/whoami-v2")
        def whoami(request: Request) -> Response:
            who = user(request)
            if who is None:
                return JSONResponse({"error": "Invalid username or password."}, 401)
            orgs = [{"name": name, "roleInOrg": "admin"} for name in who[1]]
            return JSONResponse({"type": "user", "name": who[0], "orgs": orgs, "auth": {"type": "access_token"}})

        @app.post("/api/validate-yaml")
        async def validate(request: Request) -> Response:
            text = (await request.json())["content"]
            try:
                head = yaml.safe_load(text.split("---\n")[1])
                for model in head.get("model-index", []):
                    for result in model["results"]:
                        assert result["task"]["type"] and result["dataset"]["type"] and result["dataset"]["name"]
                        assert all(m["type"] and isinstance(m["value"], int | float) for m in result["metrics"])
            except (yaml.YAMLError, KeyError, IndexError, AssertionError) as error:
                return JSONResponse({"errors": [{"message": repr(error)}], "warnings": []}, 400)
            return JSONResponse({"errors": [], "warnings": []})

        @app.post("/api/repos/create")
        async def create(request: Request) -> Response:
            asked = await request.json()
            namespace = asked["organization"] or (user(request) or [""])[0]
            if no := barrier(request, "create", namespace):
                return no
            name = f"{namespace}/{asked['name']}"
            about = {"url": f"{self.url}/{name}", "name": name}
            if name in self.models:
                return JSONResponse(about | {"error": "You already created this model repo"}, 409)
            self.put_model(name, {".gitattributes": b"*.safetensors filter=lfs\n"})
            return JSONResponse(about)

        @app.post("/api/models/{owner}/{name}/preupload/{revision}")
        async def preupload(owner: str, name: str, revision: str, request: Request) -> Response:
            if no := barrier(request, "preupload", owner):
                return no
            found = self.find("models", f"{owner}/{name}", revision)
            if isinstance(found, str):
                return refuse(found)
            files = []
            for file in (await request.json())["files"]:
                path = file["path"]
                large = path.endswith(LARGE) or file["size"] > 10_000_000
                there = found[1].get(path)
                oid = there and (hashlib.sha256(there).hexdigest() if large else git_hash(there))
                mode = "lfs" if large else "regular"
                files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
            return JSONResponse({"files": files})

        @app.post("/{owner}/{name}.git/info/lfs/objects/batch")
        async def batch(owner: str, name: str, request: Request) -> Response:
            if no := barrier(request, "batch", owner):
                return no
            objects = []
            for item in (await request.json())["objects"]:
                if item["oid"] not in self.large:
                    item["actions"] = {"upload": {"href": f"{self.storage}/large/{item['oid']}", "header": {}}}
                objects.append(item)
            return JSONResponse({"transfer": "basic", "objects": objects})

        @app.put("/large/{oid}")
        async def put(oid: str, request: Request) -> Response:
            fault = self.fault("put")
            if fault == "cut":  # the connection ends, and nothing was kept
                await request.body()
                return StreamingResponse(iter([b""]), headers={"Content-Length": "9"})
            content = await request.body()
            if isinstance(fault, int):
                return Response(status_code=fault)
            if hashlib.sha256(content).hexdigest() != oid:
                return Response(status_code=422)
            self.large[oid] = content
            self.uploaded["large"] += len(content)
            return Response()

        @app.post("/api/models/{owner}/{name}/commit/{revision}")
        async def commit(owner: str, name: str, revision: str, request: Request) -> Response:
            if no := barrier(request, "commit", owner):
                return no
            self.meanwhile()
            lost = self.lose_next_answer
            self.lose_next_answer = False
            model = self.models[f"{owner}/{name}"]
            files, lines = dict(model.files), [json.loads(line) for line in (await request.body()).splitlines()]
            for value in (line["value"] for line in lines if line["key"] == "header"):
                if value.get("parentCommit", model.head) != model.head:
                    return JSONResponse({"error": "A commit has happened since. Please refresh and try again."}, 412)
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                    self.uploaded[value["path"]] += len(files[value["path"]])
                elif line["key"] == "lfsFile":
                    if value["oid"] not in self.large:
                        return JSONResponse({"error": "LFS object is missing"}, 400)
                    files[value["path"]] = self.large[value["oid"]]
                elif line["key"] == "deletedFile":
                    del files[value["path"]]
            oid = model.commit(files)
            if lost:
                return Response(status_code=502)
            return JSONResponse(
                {"success": True, "commitOid": oid, "commitUrl": f"{self.url}/{owner}/{name}/commit/{oid}"}
            )

        @app.get("/api/models/{owner}/{name}/refs")
        def refs(owner: str, name: str) -> Response:
            model = self.models[f"{owner}/{name}"]
            tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": c} for t, c in model.tags.items()]
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": model.head}
            return JSONResponse({"branches": [main], "converts": [], "tags": tags})

        @app.post("/api/models/{owner}/{name}/tag/{revision}")
        async def tag(owner: str, name: str, revision: str, request: Request) -> Response:
            if no := barrier(request, "tag", owner):
                return no
            found, asked = self.find("models", f"{owner}/{name}", revision), (await request.json())["tag"]
            if isinstance(found, str):
                return refuse(found)
            tags = self.models[f"{owner}/{name}"].tags
            if asked in tags:
                return JSONResponse({"error": "Tag reference exists already"}, 409)
            tags[asked] = found[0]
            return Response()

        @app.post("/api/collections")
        async def collect(request: Request) -> Response:
            asked = await request.json()
            if no := barrier(request, "collection", asked["namespace"]):
                return no
            slug = f"{asked['namespace']}/{asked['title'].lower().replace(' ', '-')}-64f9a55bb3115b4f513ec026"
            if slug in self.collections:
                return JSONResponse({"error": "exists", "slug": slug}, 409)
            owner = {"_id": "1", "avatarUrl": "", "fullname": "", "name": asked["namespace"], "type": "user"}
            made = {"slug": slug, "title": asked["title"], "description": asked.get("description"), "owner": owner}
            made |= {"items": [], "lastUpdated": "2026-11-28T10:00:00.000Z", "position": 0, "private": False}
            self.collections[slug] = made | {"theme": "blue", "upvotes": 0}
            return JSONResponse(self.collections[slug])

        @app.get("/api/collections/{namespace}/{slug}")
        def collection(namespace: str, slug: str) -> Response:
            return JSONResponse(self.collections[f"{namespace}/{slug}"])

        @app.post("/api/collections/{namespace}/{slug}/items")
        async def add(namespace: str, slug: str, request: Request) -> Response:
            if no := barrier(request, "collection", namespace):
                return no
            asked, found = await request.json(), self.collections[f"{namespace}/{slug}"]
            if asked["item"]["id"] in [item["id"] for item in found["items"]]:
                return JSONResponse({"error": "is in it already"}, 409)
            item = {"_id": str(len(found["items"])), "id": asked["item"]["id"], "type": asked["item"]["type"]}
            note = {"note": {"text": asked["note"]}} if "note" in asked else {}
            found["items"].append(item | {"position": len(found["items"])} | note)
            return JSONResponse(found)
