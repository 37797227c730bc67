"""What onnxruntime-web's WebGPU makes of the shipped model: sizes, where nodes run, dispatches, logits, answers.

    python benchmarks/webgpu.py                 needs Chromium and web/node_modules; docs/static-site.md
    python benchmarks/webgpu.py --questions     the site's answers to the questions about two owners, on both
    python benchmarks/webgpu.py --adapter ""    on the machine's own GPU, where there is one

Two forms of the same 8-bit weights: as they are shipped, and with the function that the site puts in for a GPU. By
default Chromium computes on an adapter made of software (SwiftShader), whose times say nothing of a GPU.
"""

import argparse
import functools
import gzip
import http.server
import json
import os
import re
import shutil
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from playwright.sync_api import Browser, Page, sync_playwright

from fischgpt.assistant.model import describe_model
from fischgpt.chat import Turn, encode_prompt
from fischgpt.config import GPTConfig
from fischgpt.evals.profile_items import read_sets
from fischgpt.publish.onnx import export_onnx
from fischgpt.publish.onnx_graph import linear8_on_gpu
from fischgpt.server.static import export_site
from fischgpt.tagged import load_tokenizer

DIST = Path(__file__).parent.parent / "web" / "node_modules" / "onnxruntime-web" / "dist"
TOKENS = 12
PROMPT = [Turn("system", "[1] Ada Lovelace wrote Note G in 1843."), Turn("user", "When did she write Note G?")]
ASK = """async ([server, questions]) => {
  const { answer, secondReading } = await import(server);
  const told = [];
  for (const question of questions) {
    const body = JSON.stringify({ messages: [{ role: "user", content: question }] });
    const lines = (await (await answer("/v1/chat/completions", { body })).text()).split("\\n\\n");
    const chunks = lines.filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)));
    const { fischgpt: { answer_kind }, timings } = chunks.at(-1);
    told.push([chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), answer_kind, timings]);
  }
  return { told, gpu: secondReading.now().writes === "gpu" };
}"""
RUN = """async ([build, file, provider, { nLayer, nHead, headDim }, ids, n]) => {
  if (build !== "jspi") for (const name of ["Suspending", "promising"]) delete WebAssembly[name];
  const ort = await import(`/dist/ort.${build}.min.mjs`);
  ort.env.wasm.wasmPaths = "/dist/";
  ort.env.wasm.numThreads = 1;
  let [dispatches, reads] = [0, 0];
  const counted = (type, name, count) => {
    const old = type.prototype[name];
    type.prototype[name] = function (...given) { count(); return old.apply(this, given); };
  };
  counted(GPUComputePassEncoder, "dispatchWorkgroups", () => dispatches++);
  counted(GPUBuffer, "mapAsync", () => reads++);
  const weights = new Uint8Array(await (await fetch(`/${file}`)).arrayBuffer());
  const names = [...Array(nLayer).keys()].flatMap((i) => [`${i}.key`, `${i}.value`]);
  const gpu = provider === "webgpu";
  const session = await ort.InferenceSession.create(weights, {
    executionProviders: [provider],
    ...(gpu && { logSeverityLevel: 0, logVerbosityLevel: 0 }),  // where nodes run is said in the console
    ...(gpu && { preferredOutputLocation: Object.fromEntries(names.map((name) => [`present.${name}`, "gpu-buffer"])) }),
  });
  const empty = () => new ort.Tensor("float32", new Float32Array(), [1, nHead, 0, headDim]);
  let cache = Object.fromEntries(names.map((name) => [`past_key_values.${name}`, empty()]));
  const written = [];
  let [pending, first] = [ids, null];
  while (written.length < n) {
    [dispatches, reads] = [0, 0];
    const { logits, ...present } = await session.run({
      input_ids: new ort.Tensor("int64", BigInt64Array.from(pending, BigInt), [1, pending.length]),
      num_logits_to_keep: new ort.Tensor("int64", BigInt64Array.of(1n), []),
      ...cache,
    });
    const renamed = ([name, one]) => [name.replace("present", "past_key_values"), one];
    cache = Object.fromEntries(Object.entries(present).map(renamed));
    const scores = await logits.getData();
    first ??= Array.from(scores);
    pending = [scores.indexOf(scores.reduce((one, other) => Math.max(one, other)))];
    written.push(pending[0]);
  }
  return { first, written, dispatches, reads };
}"""


def exchanged(shipped: onnx.ModelProto) -> onnx.ModelProto:
    """The same file with the function that a browser puts in for a GPU."""
    model = onnx.ModelProto.FromString(shipped.SerializeToString())
    del model.functions[:]
    return onnx.ModelProto.FromString(model.SerializeToString() + linear8_on_gpu())


@contextmanager
def served(folder: Path) -> Iterator[str]:
    class Files(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def run(page: Page, url: str, given: list[Any]) -> tuple[dict[str, Any], str]:
    """What RUN returns, and what onnxruntime said meanwhile."""
    said: list[str] = []
    page.goto(url)
    page.on("console", lambda message: said.append(message.text))
    return page.evaluate(RUN, given), "\n".join(said)


def compare_forms(browser: Browser) -> None:
    """Where each form runs, what a token takes, and what is computed; the last with a WebAssembly that cannot wait."""
    info = describe_model("mini")
    config: GPTConfig = info.config
    shape = {"nLayer": config.n_layer, "nHead": config.n_head, "headDim": config.n_embd // config.n_head}
    ids = encode_prompt(load_tokenizer(info.folder), PROMPT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dist").symlink_to(DIST)
        (folder / "index.html").write_text("<!doctype html><title>WebGPU</title>")
        shipped = onnx.load(export_onnx("mini", folder / "onnx", "int8").path)
        for form, model in (("shipped", shipped), ("gpu", exchanged(shipped))):
            (folder / f"{form}.onnx").write_bytes(model.SerializeToString())
        page = browser.new_page()
        page.set_default_timeout(170_000)
        with served(folder) as url:
            expected, _ = run(page, url, ["wasm", "shipped.onnx", "wasm", shape, ids, TOKENS])
            for build, form in (("jspi", "shipped"), ("jspi", "gpu"), ("webgpu", "gpu")):
                gpu, log = run(page, url, [build, f"{form}.onnx", "webgpu", shape, ids, TOKENS])
                placed = dict(re.findall(r"placed on \[(\w+)\]\. Number of nodes: (\d+)", log))
                apart = np.abs(np.subtract(gpu["first"], expected["first"])).max()
                same = gpu["written"] == expected["written"]
                copies = len(re.findall(r"Add Memcpy", log))
                print(f"{form} in the build {build}: nodes {json.dumps(placed)}")
                print(f"  a token: {gpu['dispatches']} dispatches, {gpu['reads']} reads back, {copies} copies")
                print(f"  logits {apart:.6f} from WebAssembly's, {TOKENS} tokens {same = }")


def compare_answers(wasm: Browser, gpu: Browser) -> None:
    """All questions about two owners, on the site as it is written in WebAssembly and on the GPU."""
    for one in read_sets():
        questions = [item.question for item in one.items]
        with tempfile.TemporaryDirectory() as name:
            site = export_site("mini", Path(name) / "site", one.resume).folder
            server = next((site / "assets").glob("server-*.js")).name
            found = []
            with served(site) as url:
                for browser in (wasm, gpu):
                    page = browser.new_page()
                    page.set_default_timeout(600_000)
                    page.on("console", lambda message: print(message.text) if "WebGPU" in message.text else None)
                    page.goto(f"{url}?gpu=forced")
                    page.evaluate(ASK, [f"{url}assets/{server}", questions[:1]])
                    page.get_by_text("The best passages are read twice.").wait_for()
                    if browser is gpu:
                        page.get_by_text("Answers are written on the GPU.").wait_for()
                    found.append(page.evaluate(ASK, [f"{url}assets/{server}", questions]))
                    page.close()
        here, there = (one["told"] for one in found)
        same = sum(ours[:2] == theirs[:2] for ours, theirs in zip(here, there, strict=True))
        assert [one["gpu"] for one in found] == [False, True]
        print(f"{one.name}: {same} of {len(questions)} answers are the same word for word, and of the same kind")
        for where, told in (("WebAssembly", here), ("WebGPU", there)):
            first, speed = (
                statistics.median(timings[key] for _, kind, timings in told if kind == "model")
                for key in ("first_token_ms", "tokens_per_second")
            )
            print(f"  {where}: the model's answers begin after {first:.0f} ms, {speed:.0f} tokens/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", action="store_true", help="the answers of the site")
    parser.add_argument("--adapter", default="swiftshader", help="Chromium's adapter; empty: the machine's own")
    given = parser.parse_args()
    for build in ("", ".jspi", ".asyncify"):
        data = (DIST / f"ort-wasm-simd-threaded{build}.wasm").read_bytes()
        print(
            f"runtime {build or 'WASM alone':<11}{len(data) / 1e6:6.2f} MB, packed {len(gzip.compress(data)) / 1e6:.2f}"
        )
    chromium = os.environ.get("FISCHGPT_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        start = functools.partial(playwright.chromium.launch, executable_path=chromium)
        own = [f"--use-webgpu-adapter={given.adapter}"] if given.adapter else []
        gpu = start(args=["--no-sandbox", "--enable-unsafe-webgpu", *own])
        if given.questions:
            compare_answers(start(args=["--no-sandbox", "--disable-gpu"]), gpu)
        else:
            compare_forms(gpu)


if __name__ == "__main__":
    main()
