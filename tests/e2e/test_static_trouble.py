"""The site without a server when files do not come, are damaged, or a visitor does not wait."""

import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, expect

from server_samples import eventually
from site_samples import COST, Visitor
from static_samples import KEPT, LOAD_MS, TWICE, hosted

Visit = Callable[..., Visitor]
BY_SCRIPT = """(server) => {
  const ask = async (question, signal) => {
    const { answer } = await import(server);
    const body = JSON.stringify({ messages: [{ role: "user", content: question }] });
    const response = await answer("/v1/chat/completions", { body, signal });
    const said = await response.text();
    return response.ok ? said : `${response.status} ${JSON.parse(said).error.message}`;
  };
  const hangs = () => new Promise((resolve) => setTimeout(resolve, 120000, "no answer in 120 s"));
  window.asks = (question, signal) => Promise.race([ask(question, signal).catch((error) => error.name), hangs()]);
}"""
"""`asks(question, signal)` on the page: the answer's stream, or the status and the message, or an error's name."""

HEARD = """(() => {
  window.heard = [];
  window.Worker = class extends Worker {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (data.type === "chunk") window.heard.push(data.chunk.sources ? "sources" : "more");
        if (data.type === "end") window.heard.push("end");
        window.onheard?.(window.heard.at(-1));
      });
    }
  };
})()"""
"""What the worker told of answers, in `heard`."""


def scripted(visitor: Visitor, folder: Path) -> Visitor:
    server = next((folder / "assets").glob("server-*.js")).name
    visitor.page.evaluate(BY_SCRIPT, f"{visitor.url}/assets/{server}")
    return visitor


def test_a_model_that_cannot_be_loaded_is_said_and_no_question_hangs(exported: Path, visit: Visit) -> None:
    with hosted(exported) as host:
        gate = threading.Event()
        host.trouble["model"] = [gate, 404]
        visitor = scripted(visit(f"{host.url}/me/site").open(), exported / "me" / "site")
        visitor.ask(COST)
        visitor.page.evaluate("() => { window.pending = asks('Who is he?'); }")
        gate.set()
        line = visitor.page.get_by_role("status").filter(has_text="The model could not be loaded")
        expect(line).to_contain_text(re.compile(r"reload the page to try again, .*/data/model-\w+\.gz: 404 "))
        expect(visitor.page.get_by_role("progressbar")).to_have_count(0)
        expect(visitor.page.get_by_role("alert")).to_contain_text("the model could not be loaded")
        for found in visitor.page.evaluate("Promise.all([pending, asks('Who is he?')])"):
            assert found.startswith("500 the model could not be loaded: "), found
        visitor.page.reload()  # the host has the file again
        visitor.ask(COST)
        expect(visitor.answer).to_have_attribute("data-answer", "done", timeout=LOAD_MS)


def test_a_host_in_trouble_is_asked_again_and_nothing_is_downloaded_twice_at_once(exported: Path, visit: Visit) -> None:
    with hosted(exported) as host:
        begun, gate = threading.Event(), threading.Event()
        host.trouble |= {"rules": [begun, 503], "minilm": [gate]}
        visitor = visit(f"{host.url}/me/site").open()
        eventually(
            lambda: any("/minilm-" in path for path in host.asked), within=60
        )  # a browser asks for six at a time
        begun.set()
        expect(visitor.page.get_by_text("waiting for the network")).to_be_visible()
        gate.set()
        visitor.ask(COST)
        expect(visitor.answer).to_have_attribute("data-answer", "done", timeout=LOAD_MS)
        eventually(lambda: any("/minilm-" in path for path in host.left), within=60)  # the first attempt's


def test_a_stop_is_heard_before_the_model_is_there_and_while_it_writes(exported: Path, visit: Visit) -> None:
    with hosted(exported) as host:
        gate = threading.Event()
        host.trouble["model"] = [gate]
        visitor = visit(f"{host.url}/me/site")
        visitor.page.add_init_script(HEARD)
        scripted(visitor.open(), exported / "me" / "site")
        page = visitor.page
        assert page.evaluate("asks('Who is he?', AbortSignal.abort())") == "AbortError"
        page.evaluate(f"""() => {{
            const [stop, later] = [new AbortController(), new AbortController()];
            window.first = asks({COST!r}, stop.signal);
            setTimeout(() => stop.abort(), 50);
            window.second = asks({COST!r}, later.signal);
            window.onheard = (what) => what === "sources" && setTimeout(() => later.abort(), 30);
            window.third = first.then(() => asks("thank you"));
        }}""")
        assert page.evaluate("first") == "AbortError"
        gate.set()
        page.set_default_timeout(LOAD_MS)
        assert page.evaluate("second") in ("AbortError", "TypeError")  # of a stream that ends so
        assert "[DONE]" in page.evaluate("third")
        heard = page.evaluate("heard")
        # The first was never begun; of the second there were the sources, and not a word of the model's.
        assert heard[:3] == ["end", "sources", "end"], heard


def test_a_damaged_file_that_the_browser_kept_is_downloaded_again(exported: Path, browser: Browser) -> None:
    context = browser.new_context(reduced_motion="reduce")
    with hosted(exported) as host:
        page = Visitor(context.new_page(), f"{host.url}/me/site").open().page
        page.evaluate(KEPT)
        page.evaluate("""async () => {
            for (const name of await caches.keys()) for (const request of await (await caches.open(name)).keys())
                if (request.url.includes("/reader-")) {
                    const bytes = new Uint8Array(await (await caches.match(request)).arrayBuffer());
                    await (await caches.open(name)).put(request, new Response(bytes.fill(7, 1000, 2000)));
                }
        }""")
        again = Visitor(context.new_page(), f"{host.url}/me/site").open()
        again.ask(COST)
        again.finished()
        again.page.evaluate(KEPT)
        third = Visitor(context.new_page(), f"{host.url}/me/site").open()
        third.ask(COST)
        third.finished()
    context.close()


def test_two_sites_on_one_host_keep_their_files_apart(exported: Path, browser: Browser, tmp_path: Path) -> None:
    shutil.copytree(exported / "me" / "site", tmp_path / "top")
    shutil.copytree(exported / "me" / "site", tmp_path / "top" / "below")
    script = tmp_path / "top" / "below" / "sw.js"
    script.write_text(re.sub(r'"[0-9a-f]{16}"', '"another"', script.read_text()))
    context = browser.new_context(reduced_motion="reduce")
    with hosted(tmp_path / "top") as host:
        for site in ("/below/", "/"):
            page = Visitor(context.new_page(), host.url).open(site).page
            expect(page.get_by_text(TWICE)).to_be_visible(timeout=LOAD_MS)
            page.evaluate("navigator.serviceWorker.ready.then(() => {})")
        sizes = page.evaluate("""async () => Promise.all((await caches.keys()).map(async (name) =>
            [name.slice(0, 14), (await (await caches.open(name)).keys()).length]))""")
    pages = max(size for _, size in sizes)
    assert sorted(sizes) == [["fischgpt-model", 7]] * 2 + [["fischgpt-pages", pages]] * 2, sizes
    context.close()
