"""A real server, uvicorn on a free port in a thread."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import httpx

from assistant_samples import Script
from fischgpt.server import limits
from fischgpt.server.app import create_app
from fischgpt.server.connections import Server, server_config
from fischgpt.server.run import claim
from fischgpt.server.service import Service
from fischgpt.server.settings import Settings


@dataclass
class Running:
    """A server that runs, and what a test looks at."""

    url: str
    server: Server
    app: Any
    service: Service
    script: Script
    client: httpx.Client

    def ask(self, content: str, **more: Any) -> httpx.Response:
        """POST a question."""
        body = {"messages": [{"role": "user", "content": content}], **more}
        return self.client.post("/v1/chat/completions", json=body)

    @property
    def admitted(self) -> int:
        """Answers that run or wait."""
        return self.app.state.slots.admitted


@contextmanager
def running(service: Service, script: Script, **options: Any) -> Iterator[Running]:
    """Serve until the block ends. options: of Settings, and web; cores: as many as slots unless given."""
    web, cores = options.pop("web", None), options.pop("cores", 0)
    app = create_app(service, web, Settings(**options))
    cores = cores or app.state.parts.settings.slots
    # Tests are about slots, whatever machine they run on.
    with patch.object(limits, "available_cores", lambda: cores), claim("127.0.0.1", 0) as claimed:
        server = Server(server_config(app, grace_s=10))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [claimed]}, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{claimed.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, timeout=60) as client:
                eventually(lambda: server.started)
                yield Running(url, server, app, service, script, client)
        finally:
            server.should_exit = True
            thread.join(timeout=60)
            assert not thread.is_alive()


def eventually(condition: Callable[[], object], within: float = 60.0) -> float:
    """Wait until the condition holds; how long it took, in seconds."""
    started = time.perf_counter()
    while not condition():
        assert time.perf_counter() - started < within, "it never happened"
        time.sleep(0.005)
    return time.perf_counter() - started
