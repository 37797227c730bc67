"""The site without a server where the browser has a GPU, here one made of software: it writes only where it is right
and sooner, and whatever goes wrong with it, the answer is there."""

import gzip
import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper
from playwright.sync_api import Browser, BrowserType, Worker, expect

from fischgpt.evals.profile_items import read_sets
from fischgpt.publish.onnx_graph import linear8_on_gpu
from server_samples import eventually
from site_samples import COST, Visitor
from static_samples import LOAD_MS, Host, hosted

GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
ON_GPU = "Answers are written on the GPU."
HOOK = """() => {
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (...given) {
    globalThis.device = await requestDevice.apply(this, given);
    return device;
  };
  const { mapAsync } = GPUBuffer.prototype;
  Object.assign(globalThis, { reads: 0, lostAt: Infinity });
  GPUBuffer.prototype.mapAsync = function (...given) {
    if (++reads === lostAt) device.destroy();
    return mapAsync.apply(this, given);
  };
}"""
"""In the worker: counts what is read back from the GPU, once a token, and loses the device at the one that is told."""
ASK = """async ([server, question]) => {
  const { answer } = await import(server);
  const body = JSON.stringify({ messages: [{ role: "user", content: question }] });
  const lines = (await (await answer("/v1/chat/completions", { body })).text()).split("\\n\\n");
  const chunks = lines.filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)));
  const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
  return [text, chunks.at(-1).fischgpt.answer_kind];
}"""


@pytest.fixture(scope="module")
def with_gpu(browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    args = [one for one in browser_type_launch_args["args"] if one != "--disable-gpu"]
    browser = browser_type.launch(**{**browser_type_launch_args, "args": [*args, *GPU]})
    yield browser
    browser.close()


class Guest(Visitor):
    """A visitor of a static site, and what the site's worker tells."""

    def __init__(self, browser: Browser, site: Path, host: Host) -> None:
        super().__init__(browser.new_context(reduced_motion="reduce").new_page(), f"{host.url}/me/site")
        self.script = f"{self.url}/assets/{next((site / 'assets').glob('server-*.js')).name}"
        self.told: list[str] = []
        self.page.set_default_timeout(LOAD_MS)
        self.page.on("console", lambda message: self.told.append(message.text))

    @property
    def worker(self) -> Worker:
        return self.page.workers[0]

    def says(self, pattern: str) -> str:
        """What the worker told of WebGPU, once it is that."""
        eventually(lambda: [self.page.wait_for_timeout(50), any(re.search(pattern, one) for one in self.told)][1], 60)
        return next(one for one in self.told if re.search(pattern, one))

    def asks(self, question: str) -> tuple[str, str]:
        """Text and kind of the answer."""
        text, kind = self.page.evaluate(ASK, [self.script, question])
        return text, kind


@contextmanager
def guest(browser: Browser, folder: Path, how: str = "") -> Iterator[tuple[Guest, Host, threading.Event]]:
    """On the site, with a host that keeps what is for a GPU back until the event."""
    with hosted(folder) as host:
        gate = threading.Event()
        host.trouble = {"jspi": [gate]}
        visitor = Guest(browser, folder / "me" / "site", host)
        visitor.open(f"/{how}")
        try:
            yield visitor, host, gate
        finally:
            gate.set()
            visitor.page.context.close()


def for_gpu(host: Host) -> list[str]:
    return [path for path in host.asked if "/jspi-" in path or "/linear8-" in path]


def test_the_gpu_writes_the_same_answers_and_when_it_is_lost_in_the_midst_of_one_too(
    exported: Path, with_gpu: Browser
) -> None:
    questions = [COST, *(item.question for item in read_sets()[0].items[:4])]
    with guest(with_gpu, exported, "?gpu=always") as (visitor, _, gate):
        expected = {question: visitor.asks(question) for question in questions}  # WebAssembly's: the GPU waits
        assert "model" in {kind for _, kind in expected.values()}
        visitor.worker.evaluate(HOOK)
        gate.set()
        expect(visitor.page.get_by_text(ON_GPU)).to_be_visible(timeout=LOAD_MS)
        print(visitor.says("the same tokens: WebGPU writes"))
        for question in questions:
            before = visitor.worker.evaluate("reads")
            assert visitor.asks(question) == expected[question]
            assert expected[question][1] != "model" or visitor.worker.evaluate("reads") > before
        visitor.worker.evaluate("lostAt = reads + 4")
        assert visitor.asks(COST) == expected[COST]
        assert visitor.says("WebGPU failed") and visitor.worker.evaluate("reads >= lostAt")
        expect(visitor.page.get_by_text(ON_GPU)).to_have_count(0)
        before = visitor.worker.evaluate("reads")
        assert visitor.asks(COST) == expected[COST]
        assert visitor.worker.evaluate("reads") == before and visitor.faults == []


def test_a_gpu_that_is_slower_is_not_chosen_and_questions_do_not_wait_for_the_choice(
    exported: Path, with_gpu: Browser
) -> None:
    with guest(with_gpu, exported) as (visitor, _, gate):
        gate.set()
        visitor.ask(COST)
        expect(visitor.answer).to_have_attribute("data-answer", "done", timeout=LOAD_MS)
        expect(visitor.answer).to_contain_text("$208.74")
        print(visitor.says("WebGPU .* the same tokens: WebAssembly writes"))
        expect(visitor.page.get_by_text(ON_GPU)).to_have_count(0)
        visitor.page.reload()
        visitor.told.clear()
        visitor.says("WebAssembly writes")
        assert visitor.faults == []


def test_a_gpu_that_writes_other_tokens_is_never_chosen(exported: Path, with_gpu: Browser, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path / "host")
    site = tmp_path / "host" / "me" / "site"
    file = json.loads((site / "data" / "files.json").read_text())["gpu"]["linear8"]
    other = onnx.ModelProto.FromString(linear8_on_gpu())
    (steps,) = (node for node in other.functions[0].node if node.output[0] == "steps")
    steps.attribute[0].t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(steps.attribute[0].t) / 64))
    (site / file["path"]).write_bytes(gzip.compress(other.SerializeToString()))
    with guest(with_gpu, tmp_path / "host", "?gpu=always") as (visitor, _, gate):
        gate.set()
        visitor.says("other tokens: WebAssembly writes")
        assert "$208.74" in visitor.asks(COST)[0]


@pytest.mark.parametrize("trouble", ["damaged", "missing"])
def test_without_the_file_for_it_webassembly_writes(
    exported: Path, with_gpu: Browser, tmp_path: Path, trouble: str
) -> None:
    shutil.copytree(exported, tmp_path / "host")
    site = tmp_path / "host" / "me" / "site"
    file = site / json.loads((site / "data" / "files.json").read_text())["gpu"]["jspi"]["path"]
    if trouble == "missing":
        file.unlink()
    else:
        file.write_bytes(gzip.compress(b"\0asm" + bytes(1000)))
    with guest(with_gpu, tmp_path / "host", "?gpu=always") as (visitor, _, gate):
        gate.set()
        print(visitor.says("WebAssembly writes"))
        assert "$208.74" in visitor.asks(COST)[0]


def test_who_has_no_gpu_or_saves_data_is_sent_nothing_for_one(
    exported: Path, browser: Browser, with_gpu: Browser
) -> None:
    for one in (browser, with_gpu):
        with hosted(exported) as host:
            visitor = Guest(one, exported / "me" / "site", host)
            if one is with_gpu:
                saver = visitor.page.context.new_cdp_session(visitor.page)
                saver.send("Emulation.setDataSaverOverride", {"dataSaverEnabled": True})
            visitor.open("/?gpu=always")
            assert "$208.74" in visitor.asks(COST)[0]
            visitor.page.wait_for_timeout(1000)
            assert for_gpu(host) == []
            visitor.page.context.close()
