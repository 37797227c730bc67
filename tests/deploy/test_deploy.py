"""Every target from one configuration: its texts as they were approved, checked by the tools that read them."""

import importlib.metadata
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

import fischgpt
from fischgpt import __version__
from fischgpt.config import GPTConfig
from fischgpt.deploy.site import Engine, IndexPlace, Site, Target, describe_site
from fischgpt.deploy.targets import deploy, render, requirements
from fischgpt.errors import UserError
from fischgpt.profile.profile import load_profile

GOLDEN = Path(__file__).parent / "golden"
SITE = Site(
    owner='Ada "Countess" Example',
    name="ada-example",
    starter="What did Ada do?",
    profile=load_profile(),
    model="runs/ada",
    model_name="ada-124m",
    folder=Path("runs/ada"),
    n_params=124_000_000,
    config=GPTConfig(n_layer=12, n_head=12, n_embd=768, block_size=1024, vocab_size=50_304),
    domain="ask.example.org",
    image="registry.example.org/ada:1",
    replicas=3,
    engine="here",
    index="here",
)
CASES: list[tuple[Target, Engine, IndexPlace]] = [
    *((target, "here", "here") for target in get_args(Target)),
    *(
        (target, engine, index)
        for target in ("compose", "kubernetes")
        for engine, index in (("llama.cpp", "here"), ("vllm", "here"), ("here", "chroma"), ("llama.cpp", "chroma"))
    ),
]


def texts(target: Target, engine: Engine = "here", index: IndexPlace = "here") -> dict[str, str]:
    found = render(replace(SITE, engine=engine, index=index), target)
    return {name: text for name, text in found.items() if name != "requirements.txt"}


@pytest.mark.parametrize(("target", "engine", "index"), CASES)
def test_the_texts_are_as_approved(target: Target, engine: Engine, index: IndexPlace) -> None:
    """FISCHGPT_APPROVE=1 writes what it gives now; read the difference before committing it."""
    for name, text in texts(target, engine, index).items():
        assert "@@" not in text
        file = GOLDEN / "-".join([target, engine, *([index] if index != "here" else [])]) / f"{name.lstrip('.')}.txt"
        if os.environ.get("FISCHGPT_APPROVE"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        assert text == file.read_text("utf-8"), name


def images(read: Any) -> Iterator[str]:
    """All that stand under `image` in a manifest."""
    for key, value in read.items() if isinstance(read, dict) else enumerate(read) if isinstance(read, list) else ():
        if key == "image":
            yield value
        else:
            yield from images(value)


@pytest.mark.parametrize(("target", "engine", "index"), CASES)
def test_every_image_is_of_one_version(target: Target, engine: Engine, index: IndexPlace) -> None:
    named: list[str] = []
    for name, text in render(describe_site(engine=engine, index=index), target).items():
        if name == "Dockerfile":
            named += re.findall(r"^FROM (\S+)", text, re.M)
        elif name.endswith(".yaml"):
            named += images(list(yaml.safe_load_all(text)))
    # python twice; api and proxy; api: and one for each server beside.
    own = {"container": 2, "compose": 4, "kubernetes": 1}.get(target, 0)
    assert len(named) == own + (engine != "here") + (index != "here")
    for image in named:
        assert re.fullmatch(r"[a-z0-9./-]+:[\w-]*?(\d+\.\d+\.\d+|b\d{5})[\w-]*", image), image


def tool(name: str) -> str:
    found = shutil.which(name, path=os.pathsep.join([os.environ["PATH"], "/usr/sbin"]))
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def checked(*command: str, text: str | None = None) -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_dockerfile_passes_hadolint() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"  # pinned: where it is absent the test fails
    checked(str(hadolint), "--failure-threshold", "style", "-", text=texts("container")["Dockerfile"])


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    unit = texts("server")["fischgpt.service"].replace("/opt/fischgpt/venv/bin/fischgpt", sys.executable)
    (tmp_path / "fischgpt.service").write_text(unit)
    checked(tool("systemd-analyze"), "verify", "--man=no", str(tmp_path / "fischgpt.service"))
    done = subprocess.run(
        [tool("systemd-analyze"), "security", "--offline=true", str(tmp_path / "fischgpt.service")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert "Overall exposure" in done.stdout, done.stderr
    assert float(done.stdout.rsplit("fischgpt.service: ", 1)[1].split()[0]) < 4.0, done.stdout


def test_memory_is_for_weights_and_for_all_that_is_written_and_remembered_at_once() -> None:
    # 620 MB for fp32 and 8 bits, 8,192 tokens of 37 KB.
    assert SITE.memory_mb == pytest.approx(700 + 620 + 302, abs=50)
    assert replace(SITE, engine="vllm").memory_mb == 700


def test_a_percent_sign_reaches_the_unit_as_it_is(tmp_path: Path) -> None:
    site = replace(SITE, owner="Ada 100%n", model="openai+http://host:1/a%20b/v1", folder=None)
    lines = render(site, "server")["fischgpt.service"].splitlines()
    assert "Description=Ask about Ada 100%%n" in lines
    assert any('--model "openai+http://host:1/a%%20b/v1" --host' in line for line in lines)


@pytest.mark.parametrize("named", ["q$2", 'my "own" model', "a\\b"])
def test_a_models_name_arrives_as_it_is(named: str) -> None:
    """Behind `#` it is whatever the other server calls it."""
    site = replace(SITE, model=f"openai+http://host:1/v1#{named}", folder=None)
    unit = render(site, "server")["fischgpt.service"]
    assert "q$$2" in unit or "$" not in named
    (line,) = (line for line in unit.splitlines() if line.startswith("ExecStart="))
    dockerfile = render(site, "container")["Dockerfile"]
    documents = yaml.safe_load_all(render(site, "kubernetes")["kubernetes.yaml"])
    for command in (
        shlex.split(line.replace("$$", "$")),
        json.loads(dockerfile.rsplit("\nCMD ", 1)[1]),
        next(documents)["spec"]["template"]["spec"]["containers"][0]["args"],
    ):
        assert command[command.index("--model") + 1] == site.model


def test_an_owner_whose_name_begins_with_a_digit_gets_names_that_kubernetes_takes(tmp_path: Path) -> None:
    """A Service is called as a host is in RFC 1035: a letter first."""
    (tmp_path / "resume.md").write_text(
        "# 3Ada Example\n\n## Work\n\n### Acme, Baker (2019 to 2021)\n\n- Baked bread\n"
    )
    site = describe_site(str(tmp_path / "resume.md"), engine="llama.cpp", index="chroma")
    documents = [item for item in yaml.safe_load_all(render(site, "kubernetes")["kubernetes.yaml"]) if item]
    names = [document["metadata"]["name"] for document in documents if document["kind"] == "Service"]
    assert len(names) == 3 and all(re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name) for name in names), names


@pytest.mark.parametrize("engine", ["llama.cpp", "vllm"])
def test_visitors_of_another_engine_see_the_models_name(engine: Engine) -> None:
    option = {"llama.cpp": "--alias", "vllm": "--served-model-name"}[engine]
    services = yaml.safe_load(texts("compose", engine)["compose.yaml"])["services"]
    command = services[SITE.engine_name]["command"]
    assert command[command.index(option) + 1] == "ada-124m"


def test_a_name_with_yamls_own_signs_is_the_spaces_title() -> None:
    head = render(replace(SITE, owner="Ada: #1 - [x]"), "space")["README.md"].split("---\n")[1]
    assert yaml.safe_load(head)["title"] == "Ask about Ada: #1 - [x]"


@pytest.mark.parametrize(
    "image", ["ada", "registry.example.org:5000/me/ada:V1.0-RC2", "me/ada@sha256:" + "0" * 64, "ghcr.io/me/ada:Latest"]
)
def test_an_image_keeps_the_tag_that_it_has_and_gets_one_where_it_has_none(image: str) -> None:
    given = describe_site(image=image).image
    assert given == image if image != "ada" else re.fullmatch(rf"ada:{re.escape(__version__)}-[0-9a-f]{{8}}", given)
    other = describe_site(str(fischgpt.resources.resource("profiles/curie")), image=image).image
    assert (given == other) == (image != "ada"), "another profile is another image"


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    (tmp_path / "site.conf").write_text(texts("server")["nginx.conf"].replace("listen 80", "listen 18080"))
    main = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(main)
    checked(tool("nginx"), "-t", "-q", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"))


@pytest.mark.parametrize("target", ["server", "compose"])
def test_caddy_takes_its_file(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for home in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(home, str(tmp_path))
    (tmp_path / "Caddyfile").write_text(texts(target)["Caddyfile"])
    checked(tool("caddy"), "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile"))


def test_the_shell_is_well_formed() -> None:
    checked("bash", "-n", text=texts("server")["install.sh"])


def test_what_a_private_umask_wrote_is_closed_here_and_open_to_the_service_once_installed(tmp_path: Path) -> None:
    """The install script as far as it copies: its Python is one that makes no environment."""
    before = os.umask(0o077)
    try:
        out = deploy(describe_site(), "server", tmp_path / "out").folder
        assert (out.stat().st_mode & 0o777, (out / "profile/resume.json").stat().st_mode & 0o777) == (0o700, 0o600)
        paths = {"FISCHGPT_ROOT": str(tmp_path / "opt"), "FISCHGPT_UNITS": str(tmp_path / "units")}
        done = subprocess.run(["bash", out / "install.sh"], env=os.environ | paths | {"PYTHON": "false"})
    finally:
        os.umask(before)
    assert done.returncode == 1 and not (tmp_path / "opt/venv").exists()
    for path in (tmp_path / "opt", tmp_path / "opt/profile", *(tmp_path / "opt/profile").iterdir()):
        assert path.stat().st_mode & 0o004 and (path.is_file() or path.stat().st_mode & 0o001), path


@pytest.mark.parametrize("engine", get_args(Engine))
def test_kubernetes_probes_stops_in_time_and_runs_as_nobody_special(engine: Engine) -> None:
    documents = [item for item in yaml.safe_load_all(texts("kubernetes", engine)["kubernetes.yaml"]) if item]
    kinds = [document["kind"] for document in documents]
    assert kinds[:4] == ["Deployment", "Service", "PodDisruptionBudget", "Ingress"]
    pod = documents[0]["spec"]["template"]["spec"]
    (api,) = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > 5 + 15 and pod["securityContext"]["runAsNonRoot"]
    assert api["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert api["livenessProbe"]["httpGet"]["path"] == api["startupProbe"]["httpGet"]["path"] == "/healthz"
    assert documents[0]["spec"]["replicas"] == 3 and api["resources"]["limits"]["memory"].endswith("Mi")
    model = api["args"][api["args"].index("--model") + 1]
    template = documents[0]["spec"]["template"]
    assert documents[0]["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
    if engine == "here":
        assert model == "/srv/model"
    else:
        entrance = documents[-1]
        port = entrance["spec"]["ports"][0]["port"]
        assert model == f"openai+http://{entrance['metadata']['name']}:{port}/v1"
        assert kinds[4:] == ["Deployment", "Service"]
        # The API's Service must not send visitors to the model.
        assert documents[1]["spec"]["selector"].items() - documents[4]["spec"]["template"]["metadata"]["labels"].items()


@pytest.mark.parametrize("engine", get_args(Engine))
def test_two_owners_in_one_namespace_share_no_name(engine: Engine) -> None:
    def names(owner: str) -> set[tuple[str, str]]:
        documents = yaml.safe_load_all(
            render(replace(SITE, engine=engine, name=owner), "kubernetes")["kubernetes.yaml"]
        )
        return {(document["kind"], document["metadata"]["name"]) for document in documents if document}

    assert names("ada") and not names("ada") & names("grace")


@pytest.mark.parametrize("engine", get_args(Engine))
def test_compose_waits_for_health_and_gives_answers_time_to_end(engine: Engine) -> None:
    services = yaml.safe_load(texts("compose", engine)["compose.yaml"])["services"]
    assert services["api"]["deploy"]["replicas"] == 3 and services["api"]["stop_grace_period"] == "20s"
    assert services["proxy"]["depends_on"]["api"]["condition"] == "service_healthy"
    if engine != "here":
        host = SITE.name + "-model"
        assert services["api"]["depends_on"] == [host] and services[host]["volumes"] == ["./model:/model:ro"]
        assert replace(SITE, engine=engine).served.startswith(f"openai+http://{host}:")
    assert services.keys() - {"api", "proxy"} == ({SITE.name + "-model"} if engine != "here" else set())
    docker = shutil.which("docker")
    if docker and subprocess.run([docker, "compose", "version"], capture_output=True).returncode == 0:
        checked(docker, "compose", "-f", str(GOLDEN / f"compose-{engine}" / "compose.yaml.txt"), "config", "--quiet")


def test_chroma_is_reached_by_the_replicas_alone() -> None:
    """It has no passwords: no port of it is published, and a policy keeps other pods away."""
    composed = yaml.safe_load(texts("compose", index="chroma")["compose.yaml"])
    host = f"{SITE.name}-index"
    chroma, api = composed["services"][host], composed["services"]["api"]
    assert "ports" not in chroma and api["environment"]["FISCHGPT_INDEX"] == f"http://{host}:8000"
    assert chroma["volumes"][0].partition(":")[0] in composed["volumes"] and api["depends_on"] == [host]
    documents = [item for item in yaml.safe_load_all(texts("kubernetes", index="chroma")["kubernetes.yaml"]) if item]
    by_kind = {kind: [d for d in documents if d["kind"] == kind] for kind in ("Deployment", "Service", "NetworkPolicy")}
    replica, server = (deployment["spec"]["template"] for deployment in by_kind["Deployment"])
    (container,) = replica["spec"]["containers"]
    place = {"name": "FISCHGPT_INDEX", "value": f"http://{by_kind['Service'][1]['metadata']['name']}:8000"}
    assert place in container["env"]
    (policy,) = by_kind["NetworkPolicy"]
    (rule,) = policy["spec"]["ingress"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= server["metadata"]["labels"].items()
    assert rule["from"][0]["podSelector"]["matchLabels"].items() <= replica["metadata"]["labels"].items()
    version = chroma["image"].rpartition(":")[2]
    assert (
        version == importlib.metadata.version("chromadb") == server["spec"]["containers"][0]["image"].rpartition(":")[2]
    )


def test_what_is_asked_wrongly_is_one_line() -> None:
    for arguments, message in (
        ({"domain": "no such_host; rm"}, "no host name"),
        ({"image": "Bad Image"}, "no image's name"),
        ({"image": "Me/ada:1"}, "no image's name"),
        ({"image": "ada:1\nb"}, "no image's name"),
        ({"model": "no-such-model"}, "no model"),
        ({"model": "openai+http://127.0.0.1:1/v1", "engine": "vllm"}, "leave out --engine"),
    ):
        with pytest.raises(UserError, match=message):
            describe_site(**arguments)  # type: ignore[arg-type]


def test_the_spaces_requirements_are_pinned_to_what_is_tested() -> None:
    lines = requirements().splitlines()
    assert "torch==2.13.0" in lines and all(line.count("==") == 1 for line in lines)
