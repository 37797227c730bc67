"""A browser, the site of a real server, and a server whose model says what a test tells it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from assistant_samples import scripted, write_model
from fischgpt.assistant.model import ModelInfo, describe_model
from fischgpt.assistant.remote import RemoteInfo
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile, load_profile
from fischgpt.server.service import Service
from fischgpt.server.site import built_site
from fischgpt.server.static import export_site
from ports import free_port
from server_samples import Running, running
from site_samples import Visitor

MODEL = os.environ.get("FISCHGPT_E2E_MODEL", "mini")
_CHROMIUM = os.environ.get("FISCHGPT_CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
expect.set_options(timeout=15_000)  # a loaded machine of two cores; as long as a script's gate holds a token
_QUIET = "--no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-quic"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's own Chromium; in a container there is neither its sandbox nor a GPU."""
    own = {"executable_path": _CHROMIUM} if _CHROMIUM else {}
    return {**browser_type_launch_args, **own, "args": ["--no-sandbox", "--disable-gpu", *_QUIET.split()]}


@pytest.fixture(scope="session")
def web() -> Path:
    """The built site."""
    built = built_site()
    assert built is not None, "the site is not built: install the package without FISCHGPT_SKIP_WEB"
    return built


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def site(web: Path, cache: Path) -> Iterator[str]:
    """The URL of `fischgpt up` with the shipped profile and model, ready to answer."""
    port = free_port()
    command = [sys.executable, "-m", "fischgpt", "up", "--model", MODEL, "--port", str(port)]
    env = os.environ | {"FISCHGPT_CACHE": str(cache), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    log = cache / "up.log"
    with log.open("w") as out, subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 180
            while not _is_ready(url):
                assert server.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait(30)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="session")
def fisch() -> Profile:
    return load_profile()


@pytest.fixture(scope="session")
def index(fisch: Profile, cache: Path) -> Index:
    return Index.open(fisch, cache / "index")


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> ModelInfo:
    return describe_model(write_model(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def serve(fisch: Profile, index: Index, tiny: ModelInfo, web: Path) -> Callable[..., AbstractContextManager[Running]]:
    """`with serve(says) as running:` the real server and profile, with a model that says that.

    options: of Settings; `model` and `profile`: what the server says it runs, and for whom.
    """

    @contextmanager
    def start(
        says: str, model: ModelInfo | RemoteInfo = tiny, profile: Profile = fisch, **options: Any
    ) -> Iterator[Running]:
        assistant, script = scripted(profile, index if profile is fisch else Index.open(profile), says)
        service = Service(profile, model, lambda _: assistant)
        with running(service, script, web=web, **options) as server:
            try:
                yield server
            finally:
                if script.gate is not None:
                    script.gate.release(1000)  # a server stops when its answers have ended

    return start


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """`visit(url, width=390, dark=True)`: a new visitor, with an empty browser."""
    contexts = []

    def start(url: str, width: int = 1280, height: int = 844, dark: bool = False, **more: Any) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion=more.pop("reduced_motion", "reduce"),  # painting without a GPU takes the processor
            **more,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        return Visitor(context.new_page(), url)

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A host's folder with the site in a folder of it, as project pages have them."""
    root = tmp_path_factory.mktemp("host")
    export_site("mini", root / "me" / "site")
    return root
