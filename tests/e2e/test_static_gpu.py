"""The site without a server where the browser has a GPU, here one made of software: it writes only where it is right
and sooner, and whatever goes wrong with it, the answer is there."""

import gzip
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import numpy_helper
from playwright.sync_api import Browser, BrowserType, expect

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.publish.onnx_graph import linear8_on_gpu
from server_samples import eventually
from site_samples import COST, Visitor
from static_samples import LOAD_MS, Host, hosted

GPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"]
FORCED = "/?gpu=forced"
"""Whatever time the GPU takes, one made of software too."""
ON_GPU = "Answers are written on the GPU."
SLOWER = "Answers are written in WebAssembly: the GPU takes longer."
FAILED = "Answers are written in WebAssembly: the GPU failed."
GPU_MS = 240_000
"""The most that a GPU made of software may take for an answer: 0.7 to 2 s a token."""
pytestmark = pytest.mark.timeout(900)
ASK = """async ([server, question]) => {
  const { answer } = await import(server);
  const body = JSON.stringify({ messages: [{ role: "user", content: question }] });
  const lines = (await (await answer("/v1/chat/completions", { body })).text()).split("\\n\\n");
  const chunks = lines.filter((line) => line.startsWith("data: {")).map((line) => JSON.parse(line.slice(6)));
  const text = chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join("");
  const { fischgpt, timings } = chunks.at(-1);
  return [text, fischgpt.answer_kind, timings.tokens_per_second];
}"""


@pytest.fixture(scope="module")
def with_gpu(browser_type: BrowserType, browser_type_launch_args: dict[str, Any]) -> Iterator[Browser]:
    args = [one for one in browser_type_launch_args["args"] if one != "--disable-gpu"]
    browser = browser_type.launch(**{**browser_type_launch_args, "args": [*args, *GPU]})
    yield browser
    browser.close()


class Guest(Visitor):
    """A visitor of a static site."""

    def __init__(self, browser: Browser, site: Path, host: Host) -> None:
        super().__init__(browser.new_context(reduced_motion="reduce").new_page(), f"{host.url}/me/site")
        self.script = f"{self.url}/assets/{next((site / 'assets').glob('server-*.js')).name}"
        self.page.set_default_timeout(GPU_MS)
        self.page.on("console", lambda message: print(message.text))

    def says(self, text: str) -> None:
        expect(self.page.get_by_text(text)).to_be_visible(timeout=GPU_MS)

    def asks(self, question: str) -> tuple[str, str, float]:
        """Text and kind of the answer, and its tokens per second."""
        text, kind, speed = self.page.evaluate(ASK, [self.script, question])
        print(f"{kind}, {speed:.1f} tokens/s: {text}")
        return text, kind, speed


@contextmanager
def guest(browser: Browser, folder: Path, path: str = "/") -> Iterator[tuple[Guest, Host]]:
    with hosted(folder) as host:
        visitor = Guest(browser, folder / "me" / "site", host)
        visitor.open(path)
        try:
            yield visitor, host
        finally:
            visitor.page.context.close()


def for_gpu(host: Host) -> list[str]:
    return [path for path in host.asked if re.search("/(jspi|linear8|gpuWorker)-", path)]


def test_the_gpu_writes_the_server_s_answer_and_when_it_is_lost_in_the_midst_of_one_too(
    exported: Path, with_gpu: Browser, fisch: Profile, index: Index
) -> None:
    expected = Assistant(fisch, index, load_model("mini")).reply([Turn("user", COST)])
    assert expected.done.kind == "model"
    with guest(with_gpu, exported, FORCED) as (visitor, host):
        visitor.page.wait_for_timeout(1000)
        assert for_gpu(host) == []  # not before WebAssembly has answered
        text, kind, in_wasm = visitor.asks(COST)
        assert (text, kind) == (expected.text, "model")
        visitor.says(ON_GPU)
        started = time.monotonic()
        text, kind, on_gpu = visitor.asks(COST)
        took = time.monotonic() - started
        assert (text, kind) == (expected.text, "model")
        assert on_gpu < in_wasm / 3  # it was this GPU: one made of software is many times slower
        visitor.says(ON_GPU)

        for part in (2, 4, 8):  # in its midst: another one may take less time than the one that was measured
            visitor.ask(COST)
            visitor.page.wait_for_timeout(1000 * took / part)
            if visitor.answer.get_attribute("data-answer") != "done":
                break
        assert visitor.answer.get_attribute("data-answer") != "done"
        with_gpu.new_browser_cdp_session().send("Browser.crashGpuProcess")
        visitor.says(FAILED)
        expect(visitor.answer).to_have_attribute("data-answer", "done", timeout=LOAD_MS)
        expect(visitor.answer).to_contain_text(expected.text.removesuffix(" [1]"))
        assert visitor.asks(COST)[:2] == (expected.text, "model")
        assert visitor.faults == []


def test_a_gpu_that_is_slower_is_turned_down_and_questions_do_not_wait_for_that(
    exported: Path, with_gpu: Browser
) -> None:
    with guest(with_gpu, exported) as (visitor, host):
        text, kind, _ = visitor.asks(COST)
        eventually(lambda: [visitor.page.wait_for_timeout(50), for_gpu(host)][1] != [], LOAD_MS / 1000)
        assert visitor.asks(COST)[:2] == (text, kind) and kind == "model"
        visitor.says(SLOWER)
        expect(visitor.page.get_by_text(ON_GPU)).to_have_count(0)
        assert visitor.asks(COST)[:2] == (text, kind)
        assert visitor.faults == []


def test_a_gpu_that_writes_other_tokens_is_never_chosen(exported: Path, with_gpu: Browser, tmp_path: Path) -> None:
    shutil.copytree(exported, tmp_path / "host")
    site = tmp_path / "host" / "me" / "site"
    file = json.loads((site / "data" / "files.json").read_text())["gpu"]["linear8"]
    other = onnx.ModelProto.FromString(linear8_on_gpu())
    (steps,) = (node for node in other.functions[0].node if node.output[0] == "steps")
    steps.attribute[0].t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(steps.attribute[0].t) / 64))
    (site / file["path"]).write_bytes(gzip.compress(other.SerializeToString()))
    with guest(with_gpu, tmp_path / "host", FORCED) as (visitor, _):
        answer = visitor.asks(COST)[:2]
        visitor.says("Answers are written in WebAssembly: the GPU writes others.")
        assert visitor.asks(COST)[:2] == answer


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
    with guest(with_gpu, tmp_path / "host", FORCED) as (visitor, _):
        answer = visitor.asks(COST)[:2]
        visitor.says(FAILED)
        assert visitor.asks(COST)[:2] == answer


def test_who_has_no_gpu_or_saves_data_is_sent_nothing_for_one(
    exported: Path, browser: Browser, with_gpu: Browser
) -> None:
    for one in (browser, with_gpu):
        with hosted(exported) as host:
            visitor = Guest(one, exported / "me" / "site", host)
            if one is with_gpu:
                saver = visitor.page.context.new_cdp_session(visitor.page)
                saver.send("Emulation.setDataSaverOverride", {"dataSaverEnabled": True})
            visitor.open(FORCED)
            assert "$208.74" in visitor.asks(COST)[0]
            visitor.page.wait_for_timeout(1000)
            visitor.page.evaluate("navigator.serviceWorker.ready")
            assert for_gpu(host) == []
            visitor.page.context.close()
