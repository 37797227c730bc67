"""`fischgpt deploy`: a folder with everything that a place needs to serve one owner's site.

Texts are the templates of assets/deploy, filled from one Site. The folder appears whole or not at all.
"""

import importlib.metadata
import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fischgpt.assistant.published import FILES, SUMS
from fischgpt.deploy.beside import beside
from fischgpt.deploy.images import CADDY, PYTHON
from fischgpt.deploy.site import PORT, Site, Target
from fischgpt.errors import UserError
from fischgpt.folders import new_folder
from fischgpt.profile.public import what_goes_along, write_public
from fischgpt.publish.gguf import export_gguf
from fischgpt.publish.hf import export_hf
from fischgpt.resources import fill, resource

GRADIO = "6.31.0"
"""Tested with; it pins tomlkit below what our trackers need, so it gets an environment of its own."""
_SHIPPED = ("profiles/curie", "profiles/fisch", "recipes")
"""By name: an owner who keeps a profile of their own under profiles/ would else send it along."""
_SOURCE = ("pyproject.toml", "hatch_build.py", "constraints.txt", "README.md", "LICENSE", "src", *_SHIPPED)


@dataclass(frozen=True)
class Deployed:
    """A written folder."""

    folder: Path
    profile: str
    """What of the profile is in it, in one line; empty where an image has it already."""

    def __str__(self) -> str:
        return "\n".join(filter(None, (str(self.folder), self.profile)))


def deploy(site: Site, target: Target, out: str | Path) -> Deployed:
    """Write the folder of a target. Of the profile it holds what visitors may see: the files of a Space and the layers
    of a pushed image can be read by everybody. Raises UserError if `out` is not new or empty, where the target
    installs from source and this installation has none, and as the exports."""
    if site.index != "here" and target not in ("compose", "kubernetes"):
        raise UserError("--index chroma is for compose and kubernetes; elsewhere set FISCHGPT_INDEX=http://… yourself")
    with new_folder(out) as folder:
        _PARTS[target](site, folder)
        for name, text in render(site, target).items():
            (folder / name).write_text(text, encoding="utf-8")
            if name.endswith(".sh"):
                (folder / name).chmod(0o755)
    return Deployed(Path(out), what_goes_along(site.profile) if target != "kubernetes" else "")


def render(site: Site, target: Target) -> dict[str, str]:
    """The texts of a target, by file name."""
    values = _values(site, target)
    texts = {}
    for name, template in _TEXTS[target].items():
        # A percent sign begins a specifier of systemd's; a dollar sign a variable, in a command alone.
        unit = {key: value.replace("%", "%%") for key, value in values.items()}
        unit["model"] = unit["model"].replace("$", "$$")
        texts[name] = fill(f"deploy/{template}", unit if name.endswith(".service") else values)
    return texts | ({"requirements.txt": requirements()} if target == "space" else {})


def requirements() -> str:
    """The package's own dependencies at the versions installed here, which are those it is tested with."""
    names = [
        re.match(r"[\w.-]+", requirement)[0]  # type: ignore[index]
        for requirement in importlib.metadata.requires("fischgpt") or ()
        if "extra ==" not in requirement
    ]
    pins = [f"{name}=={importlib.metadata.version(name).partition('+')[0]}" for name in names]
    return "".join(f"{pin}\n" for pin in sorted(pins))


_TEXTS: dict[Target, dict[str, str]] = {
    "container": {"Dockerfile": "Dockerfile", ".dockerignore": "dockerignore"},
    "space": {"README.md": "space.md", "app.py": "app.py.in"},
    "server": {
        "install.sh": "install.sh", "fischgpt.service": "fischgpt.service", "Caddyfile": "Caddyfile",
        "nginx.conf": "nginx.conf",
    },
    "compose": {
        "compose.yaml": "compose.yaml", "Caddyfile": "Caddyfile", "Dockerfile": "Dockerfile",
        ".dockerignore": "dockerignore",
    },
    "kubernetes": {"kubernetes.yaml": "kubernetes.yaml"},
}  # fmt: skip


def _values(site: Site, target: Target) -> dict[str, str]:
    inside = site.served if target != "server" else _on_server(site)
    goes_along = site.folder is not None and site.engine == "here"
    return {
        "owner": _one_line(site.owner),
        "title": _one_line(f"Ask about {site.owner}"),
        "starter": _one_line(site.starter),
        "name": site.name,
        "domain": site.domain,
        "image": site.image,
        "python_image": PYTHON,
        "caddy_image": CADDY,
        "replicas": str(site.replicas),
        "port": str(PORT),
        "cpus": str(site.cpus),
        "memory_mb": str(site.memory_mb),
        "memory_limit_mb": str(round(1.5 * site.memory_mb)),
        "model": json.dumps(inside, ensure_ascii=False),  # as systemd, YAML and Docker read it too
        "model_expression": 'HERE / "model"' if goes_along else json.dumps(site.model),
        "gradio": GRADIO,
        "copy_model": "COPY --chown=1000 model /srv/model\n" if goes_along else "",
        "upstream": f"api:{PORT}" if target == "compose" else f"127.0.0.1:{PORT}",
        "parts": shlex.join(["profile", *(["model"] if goes_along else [])]),
        **beside(site),
    }


def _on_server(site: Site) -> str:
    return "/opt/fischgpt/model" if site.folder is not None else site.served


def _one_line(text: str) -> str:
    """Without what ends a quoted string or a comment where it stands in a template."""
    return re.sub(r"[\"\\\n]", "'", text)


def _copy_model(site: Site, out: Path) -> None:
    """The weights, as the engine of the target reads them."""
    if site.engine == "llama.cpp":
        file = export_gguf(site.model, out / "model")
        file.rename(file.with_name("model.gguf"))
    elif site.engine == "vllm":
        export_hf(site.model, out / "model")
    elif site.folder is not None:
        (out / "model").mkdir()
        for name in FILES:
            if name != SUMS and (site.folder / name).is_file():
                shutil.copy(site.folder / name, out / "model" / name)


def _copy_source(out: Path) -> None:
    """What pip builds the package from, with the built site in it."""
    root = Path(__file__).resolve().parents[3]
    if not (root / "pyproject.toml").is_file() or not (root / "constraints.txt").is_file():
        raise UserError("this target installs from the repository: run `fischgpt deploy` from a checkout of it")
    for name in _SOURCE:
        if (root / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "*.so")
            shutil.copytree(root / name, out / "source" / name, ignore=ignore)
        else:
            (out / "source").mkdir(exist_ok=True)
            shutil.copy(root / name, out / "source" / name)


def _compose(site: Site, out: Path) -> None:
    _copy_source(out)
    write_public(site.profile, out / "profile")
    _copy_model(site, out)


def _space(site: Site, out: Path) -> None:
    """The package itself, its compiled code too: a Space installs requirements before it has any file of ours."""
    if site.engine != "here":
        raise UserError(
            "a Space runs one process: leave out --engine, or give --model openai+http://… of your own server"
        )
    package = resource("gpt2.tiktoken").parents[1]
    shutil.copytree(package, out / "fischgpt", ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for name in _SHIPPED:
        if not (out / "fischgpt" / "assets" / name).is_dir():
            shutil.copytree(resource(name), out / "fischgpt" / "assets" / name)
    write_public(site.profile, out / "profile")
    _copy_model(site, out)


def _alone(site: Site, out: Path) -> None:
    if site.engine != "here":
        raise UserError(
            "--engine is for compose and kubernetes; a container or a plain server takes --model openai+http://…"
        )
    _compose(site, out)


def _kubernetes(site: Site, out: Path) -> None:
    if site.engine != "here":
        _copy_model(site, out)


_PARTS: dict[Target, Callable[[Site, Path], None]] = {
    "container": _alone,
    "space": _space,
    "server": _alone,
    "compose": _compose,
    "kubernetes": _kubernetes,
}
