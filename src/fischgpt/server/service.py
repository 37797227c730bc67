"""The assistant of one server: loaded in the background, so that the site answers from the first moment."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import TypeVar

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.model import ModelInfo, TextModel, load_model
from fischgpt.assistant.remote import RemoteInfo, RemoteModel
from fischgpt.engine import Batch
from fischgpt.errors import Away, ModelAway, UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server.memory import settle
from fischgpt.server.settings import Settings

logger = logging.getLogger(__name__)

T = TypeVar("T")
Loader = Callable[["Service"], Assistant]
PROBE_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Pauses between looks at another server that does not answer; the last one repeats."""


@dataclass(frozen=True)
class Progress:
    """How far loading is, 0 to 1, and what is being done."""

    fraction: float
    step: str


class Service:
    """Profile and model of a server. `assistant` is None until it is loaded, `failure` set if it cannot be."""

    def __init__(self, profile: Profile, model: ModelInfo | RemoteInfo, loader: Loader | None = None) -> None:
        self.profile, self.model = profile, model
        self.max_tokens = Settings.max_tokens
        """Of all answers that are written at once; set before `start`."""
        self.progress = Progress(0.0, "starting")
        self.assistant: Assistant | None = None
        self.failure: BaseException | None = None
        self.away = False
        """Another server has the model, and does not answer; it is asked until it does."""
        self.on_end: Callable[[], None] = lambda: None
        """Called from the loading thread when it has ended, either way."""
        self._loader = loader or load
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    @property
    def ready(self) -> bool:
        """Whether questions are answered now."""
        return self.assistant is not None and not self.away and self.out_of_order is None

    @property
    def out_of_order(self) -> str | None:
        """Why no question will be answered before the server is started again; None where it may be."""
        if self.failure is not None:
            return "the model could not be loaded"
        return "what writes the answers has broken off" if self._batch and self._batch.failure else None

    @property
    def step(self) -> str:
        """What is being done, or that nothing will be."""
        return self.out_of_order or self.progress.step

    @property
    def _batch(self) -> Batch | None:
        model = None if self.assistant is None else self.assistant.model
        return model.batch if isinstance(model, TextModel) else None

    @property
    def computes(self) -> str | None:
        """What reads the weights, once they are loaded, as `Engine.description` has it; None for another server's."""
        model = None if self.assistant is None else self.assistant.model
        return model.engine.description if isinstance(model, TextModel) else None

    def start(self) -> None:
        """Begin loading, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="load", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop asking after another server, and end what is being written here."""
        self._closed.set()
        if self._batch is not None:
            self._batch.close()

    def change(self, profile: Profile) -> None:
        """Answer from another set of the owner's passages from now on; answers under way end with the old one."""
        with self._lock:
            self.profile = profile
            if self.assistant is not None:
                self.assistant = _about(profile, self.assistant)

    def model_is_away(self) -> None:
        """An answer failed for it: refuse questions, and ask after the model until it is back."""
        with self._lock:
            model = None if self.assistant is None else self.assistant.model
            if self.away or not isinstance(model, RemoteModel):
                return
            self.away = True
            self.progress = Progress(0.5, "waiting for the model to wake up")
            threading.Thread(target=self._await, args=(model,), name="await", daemon=True).start()

    def wait_for(self, ask: Callable[[], T]) -> T:
        """What another server says once it answers. Raises Away when this one ends first."""
        for attempt in count():
            try:
                return ask()
            except Away as error:
                if attempt == 0:
                    logger.warning("the %s is away: %s", error.what, error.detail)
                if self._closed.wait(PROBE_S[min(attempt, len(PROBE_S) - 1)]):
                    raise
        raise AssertionError("count() has no end")

    def _await(self, model: RemoteModel) -> None:
        since = time.monotonic()
        try:
            self.wait_for(model.probe)
        except ModelAway:
            return
        self.away, self.progress = False, Progress(1.0, "ready")
        logger.info("the model is back after %.0f s", time.monotonic() - since)

    def _load(self) -> None:
        try:
            began_with = self.profile
            assistant = self._loader(self)
            settle()  # 250 ms in which nobody is answered: before it says that it is ready
            with self._lock:
                came_meanwhile = self.profile is not began_with  # with a document, say
                self.assistant = _about(self.profile, assistant) if came_meanwhile else assistant
            self.progress = Progress(1.0, "ready")
        except BaseException as error:
            self.failure = error
            if not isinstance(error, UserError):
                logger.exception("loading failed")
        self.on_end()


def _about(profile: Profile, assistant: Assistant) -> Assistant:
    """The same model, answering from other passages."""
    return Assistant(profile, Index.open(profile), assistant.model, assistant.along_passages)


def load(service: Service) -> Assistant:
    """Weights, then the index, then one question of the owner's own, so that no visitor pays for first-time work."""
    if isinstance(service.model, RemoteInfo):
        service.progress = Progress(0.1, "waiting for the model to wake up")
        model = RemoteModel(service.model)
        service.wait_for(model.probe)
        service.model = replace(service.model, name=model.name)
    else:
        service.progress = Progress(0.1, "loading the model")
        model = load_model(service.model)
        model = replace(model, batch=Batch(model.engine, service.max_tokens))
    service.progress = Progress(0.4, "indexing the profile")
    profile = service.profile
    index = service.wait_for(lambda: Index.open(profile))
    service.progress = Progress(0.8, "warming up")
    assistant = Assistant(profile, index, model)
    index.search(profile.name)
    return assistant
