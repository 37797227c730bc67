"""A host of static files, for the tests of the site without a server."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOLD = (
    "Duke Ernst Leberecht cut the purchase money from 900 to 250 thalers in 1774 to pay for a pheasantry; the "
    "librarian sold his own harpsichord to keep up the subscription to the Paris journals, and never played again."
)
"""A passage too long to be quoted."""
LIBRARIAN = {
    "basics": {"name": "Gotthelf Immersdorf"},
    "work": [
        {"name": "Ducal Library", "position": "Librarian", "startDate": "1770", "highlights": [SOLD, "Fed a cat."]}
    ],
}
COLLEAGUES = {
    "basics": {"name": "Gotthelf Immersdorf"},
    "work": [
        {
            "name": "Ducal Library",
            "position": "Librarian",
            "highlights": [
                "After the old one had burned down in the winter of 1771, built the reading room with the carpenter "
                "Jakob Stolz.",
                "Although nobody had asked for one in all those years, drew up the first catalogue with the "
                "schoolmaster Konrad Ebeling.",
                "Since the duke wanted to look at Siam before his dinner guests came, repaired the great globe with "
                "the clockmaker Anna Reuss.",
                "Fed a cat.",
            ],
        }
    ],
}
"""Three lines, too long together, that name somebody at their end."""
LOAD_MS = 120_000
"""The most that a browser may take to load the model from it."""

KEPT = """async () => {
  await navigator.serviceWorker.ready;
  for (let tried = 0; tried < 1200; tried++) {
    const name = (await caches.keys()).find((one) => one.startsWith("fischgpt-model "));
    if (name && (await (await caches.open(name)).keys()).length === 7) return;
    await new Promise((wake) => setTimeout(wake, 100));
  }
  throw new Error(`the browser keeps ${await caches.keys()}`);
}"""
"""Resolves when the browser has kept all: what it needs for the first answer, and the second reader."""
TWICE = "The best passages are read twice."
"""What the page says once the second reader is there."""


class Host:
    """What a static host is: files by their names, which a browser may keep for ten minutes.

    asked: the paths asked for. sent: those sent, with their bytes. left: those whose visitor did not wait for them.
    trouble: what is wrong with a kind of file (`model`, `minilm`), the next time that it is asked for: an HTTP status,
    or an event to be waited for before it is sent.
    """

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.sent: list[tuple[str, int]] = []
        self.left: list[str] = []
        self.trouble: dict[str, list[int | threading.Event]] = {}
        host = self

        class Files(http.server.SimpleHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None: ...

            def do_GET(self) -> None:
                host.asked.append(self.path)
                waiting = host.trouble.get(self.path.rpartition("/")[2].partition("-")[0], [])
                while waiting:
                    what = waiting.pop(0)
                    if isinstance(what, int):
                        return self.send_error(what)
                    what.wait(150)
                try:
                    super().do_GET()
                except ConnectionError:
                    host.left.append(self.path)

            def send_response(self, code: int, message: str | None = None) -> None:
                super().send_response(code, message)
                if code == 200:
                    self.send_header("Cache-Control", "max-age=600")

            def send_header(self, keyword: str, value: str) -> None:
                if keyword.lower() == "content-length":
                    host.sent.append((self.path, int(value)))
                super().send_header(keyword, value)

        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Files, directory=str(folder))
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def megabytes(self) -> float:
        return sum(size for _, size in self.sent) / 1e6

    @property
    def model_files(self) -> list[str]:
        return [path for path, _ in self.sent if path.endswith(".gz")]


@contextmanager
def hosted(folder: Path) -> Iterator[Host]:
    host = Host(folder)
    try:
        yield host
    finally:
        host.close()
