"""What onnxruntime-web's WebGPU would make of the shipped model: sizes, where nodes run, dispatches, tokens.

    python benchmarks/webgpu.py          needs Chromium and web/node_modules; about two minutes; docs/static-site.md

Three forms of the same 8-bit weights: as they are shipped, with products in fp32, and with MatMulNBits. Chromium
computes them on its software adapter (SwiftShader): where nodes run, what is counted and what is computed is told, but
no time, which would say nothing of a GPU. The times are WASM's.
"""

import functools
import gzip
import http.server
import json
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from playwright.sync_api import Page, sync_playwright

from fischgpt.assistant.model import describe_model
from fischgpt.chat import Turn, encode_prompt
from fischgpt.config import GPTConfig
from fischgpt.publish.onnx import export_onnx
from fischgpt.publish.onnx_graph import OPSET
from fischgpt.tagged import load_tokenizer

DIST = Path(__file__).parent.parent / "web" / "node_modules" / "onnxruntime-web" / "dist"
BLOCK = 32
TOKENS = 12
PROMPT = [Turn("system", "[1] Ada Lovelace wrote Note G in 1843."), Turn("user", "When did she write Note G?")]
ARGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
RUN = """async ([build, file, provider, { nLayer, nHead, headDim }, ids, n]) => {
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


def fp32_products(shipped: onnx.ModelProto) -> onnx.ModelProto:
    """The same file, of which only the function Linear8 is another: inputs are not rounded, weights widened."""
    model = onnx.ModelProto.FromString(shipped.SerializeToString())
    (old,) = model.functions
    nodes = [
        helper.make_node("Cast", ["weight"], ["wide"], to=onnx.TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "wide"], ["product"]),
        helper.make_node("Mul", ["product", "scales"], ["y"]),
    ]
    opset = [helper.make_opsetid("", OPSET)]
    new = helper.make_function(old.domain, old.name, list(old.input), list(old.output), nodes, opset)
    old.CopyFrom(new)
    return model


def blocks(shipped: onnx.ModelProto) -> onnx.ModelProto:
    """Products by MatMulNBits, onnxruntime's own operator: weights (N, K / BLOCK, BLOCK), a scale for each block."""
    model = onnx.ModelProto.FromString(shipped.SerializeToString())
    graph, given = model.graph, {one.name: one for one in model.graph.initializer}
    for node in graph.node:
        if node.op_type != "Linear8":
            continue
        x, name, _, scales = node.input
        weight = numpy_helper.to_array(given[name])
        K, N = weight.shape
        whole = (weight.T.astype(np.int16) + 128).astype(np.uint8).reshape(N, K // BLOCK, BLOCK)
        repeated = np.repeat(numpy_helper.to_array(given[scales]), K // BLOCK)
        parts = {f"{name}.blocks": whole, f"{name}.block_scales": repeated}
        graph.initializer.extend(numpy_helper.from_array(part, key) for key, part in parts.items())
        sizes = {"K": K, "N": N, "bits": 8, "block_size": BLOCK}
        node.CopyFrom(helper.make_node("MatMulNBits", [x, *parts], list(node.output), domain="com.microsoft", **sizes))
    read = {name for node in graph.node for name in node.input}
    kept = [one for one in graph.initializer if one.name in read]
    del graph.initializer[:], model.functions[:]
    graph.initializer.extend(kept)
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


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


def main() -> None:
    for build in ("", ".jspi", ".asyncify"):
        data = (DIST / f"ort-wasm-simd-threaded{build}.wasm").read_bytes()
        print(
            f"runtime {build or 'WASM alone':<11}{len(data) / 1e6:6.2f} MB, packed {len(gzip.compress(data)) / 1e6:.2f}"
        )
    info = describe_model("mini")
    config: GPTConfig = info.config
    shape = {"nLayer": config.n_layer, "nHead": config.n_head, "headDim": config.n_embd // config.n_head}
    ids = encode_prompt(load_tokenizer(info.folder), PROMPT)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        (folder / "dist").symlink_to(DIST)
        (folder / "index.html").write_text("<!doctype html><title>WebGPU</title>")
        shipped = onnx.load(export_onnx("mini", folder / "onnx", "int8").path)
        forms = {"shipped": shipped, "fp32": fp32_products(shipped), "nbits": blocks(shipped)}
        for form, model in forms.items():
            (folder / f"{form}.onnx").write_bytes(model.SerializeToString())
        chromium = os.environ.get("FISCHGPT_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        with served(folder) as url:
            page = browser.new_page()
            page.set_default_timeout(170_000)
            expected = None
            for form in forms:
                wasm, _ = run(page, url, ["wasm", f"{form}.onnx", "wasm", shape, ids, TOKENS])
                gpu, log = run(page, url, ["jspi", f"{form}.onnx", "webgpu", shape, ids, TOKENS])
                expected = expected or wasm
                placed = dict(re.findall(r"placed on \[(\w+)\]\. Number of nodes: (\d+)", log))
                copies = len(re.findall(r"Add Memcpy\w+", log))
                for where, found in (("WASM", wasm), ("WebGPU", gpu)):
                    apart = np.abs(np.subtract(found["first"], expected["first"])).max()
                    same = found["written"] == expected["written"]
                    print(f"{form:<8}{where:<7} logits {apart:.6f} from the shipped in WASM, {TOKENS} tokens {same = }")
                print(f"{'':<15} nodes: {json.dumps(placed)}")
                print(f"{'':<15} a token: {gpu['dispatches']} dispatches, {gpu['reads']} reads back, {copies} copies")
        browser.close()


if __name__ == "__main__":
    main()
