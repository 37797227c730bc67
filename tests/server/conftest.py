from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assistant_samples import scripted, write_model, write_profile
from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.model import describe_model
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server.service import Service
from server_samples import Running, eventually, running

TRUE = "[1] Designed the Harlow footbridge, 212 metres long."


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return write_profile(tmp_path_factory.mktemp("ada"))


@pytest.fixture(scope="session")
def index(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Index:
    return Index.open(profile, tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def serve(profile: Profile, index: Index, model_folder: Path) -> Callable[..., Any]:
    """`with serve(says=..., slots=...) as running:` a server whose model says that."""

    @contextmanager
    def start(says: str | Callable[[], str] = TRUE, **options: Any) -> Iterator[Running]:
        assistant, script = scripted(profile, index, says)

        def loader(_: Service) -> Assistant:
            return assistant

        with running(Service(profile, describe_model(model_folder), loader), script, **options) as server:
            _loaded(server)
            yield server

    return start


@pytest.fixture(scope="module")
def ready(profile: Profile, index: Index, model_folder: Path) -> Iterator[Running]:
    """One server for the tests that only ask."""
    assistant, script = scripted(profile, index, TRUE)
    with running(Service(profile, describe_model(model_folder), lambda _: assistant), script) as server:
        _loaded(server)
        yield server


def _loaded(server: Running) -> None:
    """Wait until nothing of the loading is left to do: its last collection of garbage holds everybody up."""
    eventually(lambda: server.service.ready and server.service.progress.step == "ready")
