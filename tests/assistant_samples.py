"""For tests of assistant and server: a made-up owner, a tiny random model, a model that says what a test tells it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.model import TextModel
from fischgpt.config import GPTConfig
from fischgpt.engine import Allow, Sampled, SamplingParams
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import save_pretrained
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile, load_profile
from fischgpt.tokenizer import Tokenizer

RESUME = {
    "basics": {"name": "Ada Example", "label": "Engineer of bridges"},
    "work": [
        {
            "name": "Norwind",
            "position": "Structural engineer",
            "startDate": "2015",
            "endDate": "2019",
            "highlights": ["Designed the Harlow footbridge, 212 metres long, for $4.5 million"],
        }
    ],
    "education": [
        {
            "institution": "University of Bergen",
            "area": "Physics",
            "studyType": "MSc",
            "startDate": "2009",
            "endDate": "2014",
        }
    ],
    "languages": [{"language": "Norwegian", "fluency": "Native"}, {"language": "English", "fluency": "Fluent"}],
    "interests": [{"name": "Chess"}],
}
BRIDGE = "How long is the Harlow footbridge?"
UNKNOWN = "Does she own a horse?"


def tiny_tokenizer() -> Tokenizer:
    """A real BPE of 400 ids."""
    text = json.dumps(RESUME) + " The profile does not say. She designed the Harlow footbridge at Norwind. " * 20
    return Tokenizer.train([text], vocab_size=400)


def write_model(folder: Path, block_size: int = 512) -> Path:
    """A tiny model with random weights, as any model folder."""
    torch.manual_seed(0)
    tokenizer = tiny_tokenizer()
    save_pretrained(GPT(GPTConfig(n_layer=2, n_head=2, n_embd=32, block_size=block_size, vocab_size=448)), folder)
    tokenizer.save(folder)
    return folder


def write_profile(folder: Path) -> Profile:
    """The made-up owner's profile folder, read."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "resume.json").write_text(json.dumps(RESUME))
    (folder / "profile.toml").write_text(f'starters = ["{BRIDGE}"]\npronouns = "she/her"\n')
    return load_profile(folder)


class Script:
    """An engine that says `text`, one token a call; `gate`, if given, is waited for before each token.

    `model`: random weights, for what looks inside of it.
    """

    model: GPT
    device = torch.device("cpu")

    description = "a script"

    def __init__(self, tokenizer: Tokenizer, text: str | Callable[[], str], block_size: int = 512) -> None:
        self.tokenizer, self.text, self.block_size, self.n_vocab = tokenizer, text, block_size, tokenizer.n_vocab
        self.gate: threading.Semaphore | None = None
        self.pause_s = 0.0
        self.prompts: list[str] = []
        self.generated = 0
        self.active = 0
        self.most_active = 0
        self._lock = threading.Lock()

    def generate(
        self,
        prompt_ids: Sequence[int],
        params: SamplingParams | None = None,
        allow: Allow | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Sampled]:
        """As Engine.generate."""
        assert params is not None
        self.prompts.append(self.tokenizer.decode(prompt_ids, keep_control=True))
        text = self.text() if callable(self.text) else self.text
        ids = [*self.tokenizer.encode(text), self.tokenizer.eot][: params.max_tokens]
        with self._lock:
            self.active += 1
            self.most_active = max(self.most_active, self.active)
        try:
            for at, id_ in enumerate(ids, 1):
                if self.gate is not None:
                    self.gate.acquire(timeout=15)  # a test that fails must still end
                time.sleep(self.pause_s)
                self.generated += 1
                stop = id_ in params.stop_ids
                yield Sampled(id_, -0.1, "stop" if stop else "length" if at == len(ids) else None)
        finally:
            with self._lock:
                self.active -= 1


def scripted(profile: Profile, index: Index, text: str | Callable[[], str]) -> tuple[Assistant, Script]:
    """An assistant whose model says `text`."""
    tokenizer = tiny_tokenizer()
    script = Script(tokenizer, text)
    config = GPTConfig(n_layer=2, n_head=2, n_embd=32, block_size=512, vocab_size=448)
    script.model = GPT(config)
    return Assistant(profile, index, TextModel("scripted", tokenizer, script, config)), script  # type: ignore[arg-type]
