"""What is deployed, in one configuration: every target is filled from a Site."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fischgpt import __version__
from fischgpt.assistant.model import KEPT_CONTEXTS, MINI, ModelInfo
from fischgpt.assistant.remote import RemoteInfo, describe
from fischgpt.config import GPTConfig
from fischgpt.engine.native import LANES, NativeCache
from fischgpt.errors import UserError
from fischgpt.profile.profile import Profile, load_profile, slug
from fischgpt.server.settings import Settings

Target = Literal["container", "space", "server", "compose", "kubernetes"]
Engine = Literal["here", "llama.cpp", "vllm"]
IndexPlace = Literal["here", "chroma"]
PORT = 7860
"""What a Space expects; the same everywhere."""
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_IMAGE = re.compile(
    r"(?=.{1,400}$)[a-z0-9][a-z0-9._/-]*(?::\d{1,5}/[a-z0-9][a-z0-9._/-]*)?"
    r"(?P<version>(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?)",
    re.ASCII,
)
"""A host and its port, a path, a tag (which may have capitals), a digest."""
_BASE_MB = 700
"""Resident before weights: Python, torch, onnxruntime, Chroma; 620 MB were seen with the 9M model."""


@dataclass(frozen=True)
class Site:
    """One owner's site."""

    owner: str
    name: str
    """For containers and Kubernetes: lower case, digits and dashes, a letter first."""
    starter: str
    """A question that the profile answers."""
    profile: Profile
    model: str
    """As the command got it."""
    model_name: str
    """As visitors see it."""
    folder: Path | None
    """The model's folder where it goes along; None: it comes with the package, or another server has it."""
    n_params: int
    config: GPTConfig | None
    """The model's shape; None: another server has it."""
    domain: str
    image: str
    """With a tag or digest: two versions of package or profile are two images."""
    replicas: int
    engine: Engine
    index: IndexPlace

    @property
    def served(self) -> str:
        """`--model` of the replicas."""
        if self.engine != "here":
            return f"openai+http://{self.engine_name}:{ENGINE_PORT[self.engine]}/v1"
        return self.model if self.folder is None else "/srv/model"

    @property
    def engine_name(self) -> str:
        """The host name of the engine's own server; the owner is in it, since two sites may share a namespace."""
        return f"{self.name}-model"

    @property
    def index_name(self) -> str:
        """The host name of Chroma's server."""
        return f"{self.name}-index"

    @property
    def memory_mb(self) -> int:
        """What a replica needs: fp32 weights once while they become 8 bits, and both; keys and values of as many tokens
        as are written at once where nothing is set, and of those that are remembered."""
        model = 0.0
        if self.engine == "here" and self.config is not None:
            context = self.config.block_size
            tokens = max(Settings.max_tokens, context) + KEPT_CONTEXTS * context
            model = 5 * self.n_params + tokens * NativeCache(self.config, LANES).nbytes / LANES
        return round((_BASE_MB + model / 1e6) / 100) * 100

    @property
    def cpus(self) -> int:
        """Of a replica: two cores; one where another server computes."""
        return 2 if self.engine == "here" else 1


ENGINE_PORT = {"llama.cpp": 8080, "vllm": 8000}


def describe_site(
    profile_path: str | None = None,
    model: str = MINI,
    domain: str = "localhost",
    image: str | None = None,
    replicas: int = 2,
    engine: Engine = "here",
    index: IndexPlace = "here",
) -> Site:
    """Read profile and model. Raises UserError for either, for a domain or an image's name that is none, and for an
    engine that would serve a model which another server has."""
    profile = load_profile(profile_path)
    info = describe(model)
    if engine != "here" and isinstance(info, RemoteInfo):
        raise UserError(f"{model} is another server's already: leave out --engine")
    if not _DOMAIN.fullmatch(domain):
        raise UserError(f"--domain {domain!r} is no host name such as ask.example.org")
    name = slug(profile.name)
    name = name if name[0].isalpha() else f"site-{name}"
    image = image or f"fischgpt-{name}"
    if not (parts := _IMAGE.fullmatch(image)):
        raise UserError(f"--image {image!r} is no image's name such as registry.example.org/me/fischgpt:1")
    if not parts["version"]:
        image += f":{__version__}-{profile.fingerprint[:8]}"
    here = info if isinstance(info, ModelInfo) else None
    return Site(
        owner=profile.name,
        name=name,
        starter=profile.starters[0],
        profile=profile,
        model=model,
        model_name=info.name,
        folder=here.folder if here and model != MINI else None,
        n_params=here.n_params if here else 0,
        config=here.config if here else None,
        domain=domain,
        image=image,
        replicas=replicas,
        engine=engine,
        index=index,
    )
