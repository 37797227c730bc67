"""The assistant of one server: loaded in the background, so that the site answers from the first moment."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.model import ModelInfo, load_model
from fischgpt.errors import UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile

logger = logging.getLogger(__name__)

Loader = Callable[["Service"], Assistant]


@dataclass(frozen=True)
class Progress:
    """How far loading is, 0 to 1, and what is being done."""

    fraction: float
    step: str


class Service:
    """Profile and model of a server. `assistant` is None until it is ready, `failure` set if it never will be."""

    def __init__(self, profile: Profile, model: ModelInfo, loader: Loader | None = None) -> None:
        self.profile, self.model = profile, model
        self.progress = Progress(0.0, "starting")
        self.assistant: Assistant | None = None
        self.failure: BaseException | None = None
        self.on_end: Callable[[], None] = lambda: None
        """Called from the loading thread when it has ended, either way."""
        self._loader = loader or load
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin loading, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="load", daemon=True)
            self._thread.start()

    def _load(self) -> None:
        try:
            self.assistant = self._loader(self)
            self.progress = Progress(1.0, "ready")
        except BaseException as error:
            self.failure = error
            self.progress = Progress(self.progress.fraction, f"failed: {self.progress.step}")
            if not isinstance(error, UserError):
                logger.exception("loading failed")
        self.on_end()


def load(service: Service) -> Assistant:
    """Weights, then the index, then one question of the owner's own, so that no visitor pays for first-time work."""
    service.progress = Progress(0.1, "loading the model")
    model = load_model(service.model)
    service.progress = Progress(0.4, "indexing the profile")
    index = Index.open(service.profile)
    service.progress = Progress(0.8, "warming up")
    assistant = Assistant(service.profile, index, model)
    index.search(service.profile.name)
    return assistant
