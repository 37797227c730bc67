"""fischgpt publish, through the real client to a Hub on loopback: what arrives, what is sent again, what stops it."""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import huggingface_hub.constants
import pytest
import typer.main
import yaml

from fischgpt.assistant.model import describe_model, load_model
from fischgpt.cli import app
from fischgpt.errors import UserError
from fischgpt.publish.publish import publish
from fischgpt.publish.repositories import Publication, prepare
from fischgpt.publish.upload import Uploader
from model_hub import TOKEN, ModelHub
from publish_samples import HELLASWAG, write_run

NAMES = ["ada/fischgpt-tiny-best-loss", "ada/fischgpt-tiny-best-hellaswag", "ada/fischgpt-tiny-chat"]
CHAT = NAMES[-1]


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("somebody") / "notes.txt"
    file.write_text("mine")
    return file


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, own: Path) -> Path:
    return write_run(tmp_path_factory.mktemp("runs") / "tiny", own)


@pytest.fixture(scope="module")
def made(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Publication:
    return prepare(run, "ada", tmp_path_factory.mktemp("made"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelHub]:
    with ModelHub() as hub:
        hub.become_the_hub(monkeypatch)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(huggingface_hub.constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


def python(code: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=200)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.timeout(900)  # five processes, each of which may take a while on a busy machine
def test_from_a_run_to_what_transformers_and_we_load(run: Path, own: Path, hub: ModelHub, tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0"}
    env |= {"HF_HUB_DISABLE_XET": "1", "PYTHONPATH": "src", "HF_TOKEN": TOKEN}
    command = [sys.executable, "-m", "fischgpt", "publish", str(run), "--owner", "ada"]
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=200)
    assert done.returncode == 0, done.stderr
    assert list(hub.models) == NAMES
    assert all(model.tags == {"v1": model.head} for model in hub.models.values())
    (collection,) = hub.collections.values()
    assert collection["title"] == "FischGPT tiny" and [item["id"] for item in collection["items"]] == NAMES
    for said in (
        done.stdout,
        done.stderr,
        *(str(content) for m in hub.models.values() for content in m.files.values()),
    ):
        assert TOKEN not in said and str(run) not in said.replace(" ".join(command), "") and str(own.parent) not in said
    kept = [file for folder in (run, home) if folder.exists() for file in folder.rglob("*") if file.is_file()]
    assert not [file for file in kept if TOKEN.encode() in file.read_bytes()]

    # As a stranger: no token, the code of the card.
    stranger = env | {"HF_TOKEN": "", "HF_HOME": str(tmp_path / "stranger")}
    for name in (CHAT, NAMES[0]):
        card = hub.models[name].files["README.md"].decode()
        (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
        assert python(code, stranger).stdout.strip()
    python(f"from transformers import AutoModelForCausalLM as M; M.from_pretrained({CHAT!r}, revision='v1')", stranger)

    model = load_model(f"hf://{CHAT}@v1")
    assert model.name == "fischgpt-tiny-chat" and model.config.n_embd == 32
    check = subprocess.run(
        ["sha256sum", "--check", "--ignore-missing", "SHA256SUMS"], cwd=describe_model(f"hf://{CHAT}").folder
    )
    assert check.returncode == 0


def test_the_second_time_only_what_changed_is_sent_and_said(
    run: Path, hub: ModelHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []
    again = shutil.copytree(run, tmp_path / "tiny")
    publish(again, "ada", say=said.append)
    heads, sent = {name: model.head for name, model in hub.models.items()}, dict(hub.uploaded)
    assert sum("uploading" in line for line in said) == 3
    said.clear()
    publish(again, "ada", say=said.append)
    assert {name: model.head for name, model in hub.models.items()} == heads and dict(hub.uploaded) == sent
    assert [line for line in said if "are there already" in line] == [
        f"{name}: all {len(hub.models[name].files) - 1} files are there already" for name in NAMES
    ]
    assert [model.tags for model in hub.models.values()] == [{"v1": head} for head in heads.values()]

    scores = {f"{key}_stderr": 0.01 for key in ("acc", "acc_norm", "acc_norm_token")}
    (again / "evals.json").write_text(json.dumps({"hellaswag": HELLASWAG | scores | {"items_in_set": 10042}}))
    before = hub.uploaded.copy()
    said.clear()
    publish(again, "ada", say=said.append)
    assert set(hub.uploaded - before) == {"README.md", "card.json", "SHA256SUMS"}, "no weights, only what tells of them"
    assert f"{CHAT}: uploading 3 files, 0.0 MB, {len(hub.models[CHAT].files) - 4} are there already" in said
    assert hub.models[CHAT].tags == {"v1": heads[CHAT], "v2": hub.models[CHAT].head}
    assert list(hub.models[NAMES[0]].tags) == ["v1"], "the evaluation is the chat model's alone"
    assert "28.00 % ± 1.00" in hub.models[CHAT].files["README.md"].decode()
    with pytest.raises(UserError, match=r"has a tag v1 already, for other content.*choose another --tag"):
        publish(again, "ada", tag="v1", say=said.append)
    assert len(hub.models[CHAT].commits) == 3


def test_a_dry_run_shows_all_of_it_and_needs_neither_network_nor_token(
    run: Path, own: Path, made: Publication, hub: ModelHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    before = sorted(run.rglob("*"))
    said: list[str] = []
    publish(run, "ada", dry_run=True, say=said.append)
    assert sum(hub.requests.values()) == 0 and sorted(run.rglob("*")) == before
    hub.vanish(monkeypatch)
    said.clear()
    publish(run, "ada", dry_run=True, say=said.append)
    text = "\n".join(said)
    assert str(run) not in text and str(own.parent) not in text
    for repository in made.repositories:
        assert repository.card in text, "what is shown is what another preparation makes: the same bytes"
        for file in repository.files:
            assert f"{file.sha256}  {file.size:>13,}  {file.name}" in said
    assert said[-1] == "Nothing was sent: this was a dry run."


def test_the_cards_tell_each_its_own_weights(made: Publication) -> None:
    best, swag, chat = (repository.card for repository in made.repositories)
    heads = [yaml.safe_load(card.split("---")[1]) for card in (best, swag, chat)]
    figures = [
        {(r["dataset"]["name"], m["type"]): m["value"] for r in head["model-index"][0]["results"] for m in r["metrics"]}
        for head in heads
    ]
    own_text, own_chats = "held-out text of its own sources", "held-out conversations of its own sources"
    assert figures[0][own_text, "loss"] == 4.0 and figures[0]["HellaSwag", "acc_norm_token"] == 27.0
    assert figures[1][own_text, "loss"] == 4.1 and figures[1]["HellaSwag", "acc_norm_token"] == 28.0
    assert figures[2] == {(own_chats, "loss"): 4.1}
    assert "lowest validation loss, after 30 of 40 steps" in best and "Fine-tuning" not in best
    assert "best HellaSwag, after 20 of 40 steps" in swag and "| Pretraining | 30 |" not in swag
    assert "| Fine-tuning | 40 |" in chat
    for line in (
        "notes.txt | your own files",
        "![",
        "vllm serve ada/",
        "sources = [",
        "## Limits",
        "hf://ada/fischgpt",
    ):
        assert all(line in card for card in (best, swag, chat)), line
    for line in (f"llama-server -hf {CHAT}:Q8_0", f"ollama run hf.co/{CHAT}:Q8_0", f"fischgpt up --model hf://{CHAT}"):
        assert line in chat
    assert "llama-server" not in best
    names = {file.name for file in made.repositories[2].files}
    assert {"fischgpt-tiny-chat-Q8_0.gguf", "Modelfile", "template", "params", "curves.svg", "SHA256SUMS"} <= names
    for repository in made.repositories:
        drawn = ElementTree.parse(repository.folder / "curves.svg").getroot()
        assert "validation" in "".join(drawn.itertext()) and drawn.findall(".//{*}polyline")
        sums = (repository.folder / "SHA256SUMS").read_text().splitlines()
        assert len(sums) == len(repository.files) - 1
        for line in sums:
            sha256, name = line.split("  ")
            assert hashlib.sha256((repository.folder / name).read_bytes()).hexdigest() == sha256
        assert describe_model(repository.folder).name == repository.repo.name.partition("/")[2]


def test_a_broken_connection_leaves_nothing_half_and_the_next_time_goes_on(made: Publication, hub: ModelHub) -> None:
    chat, said = made.repositories[2], []
    uploader = Uploader("ada", said.append)
    hub.fail("put", None, *["cut"] * 200)  # the first large file arrives, the second never does
    with pytest.raises(UserError, match=r"cannot be reached for model ada/fischgpt-tiny-chat.*start again") as caught:
        uploader.upload(chat)
    assert "\n" not in str(caught.value) and TOKEN not in str(caught.value)
    assert set(hub.models[CHAT].files) == {".gitattributes"} and hub.models[CHAT].tags == {}
    arrived = hub.uploaded["large"]
    assert len(hub.large) == 1 and arrived == len(next(iter(hub.large.values())))
    hub.fail("put")
    uploader.upload(chat)
    assert hub.uploaded["large"] == sum(f.size for f in chat.files if f.name.endswith((".safetensors", ".gguf")))
    assert set(hub.models[CHAT].files) == {".gitattributes", *(file.name for file in chat.files)}


@pytest.mark.parametrize("kind", ["create", "preupload", "batch", "put", "commit", "tag", "collection"])
def test_what_passes_is_tried_again(made: Publication, hub: ModelHub, kind: str) -> None:
    hub.fail(kind, 503, 429)
    uploader = Uploader("ada", lambda line: None)
    done = [uploader.upload(repository) for repository in made.repositories[:1]]
    assert uploader.collect(made, done).startswith(f"{hub.url}/collections/ada/fischgpt-tiny-")
    assert hub.models[NAMES[0]].tags == {"v1": hub.models[NAMES[0]].head}
    assert hub.faults_left(kind) == 0, "nothing was asked of this route"


def test_a_commit_whose_answer_was_lost_is_not_made_twice(made: Publication, hub: ModelHub) -> None:
    hub.lose_next_answer = True
    done = Uploader("ada", lambda line: None).upload(made.repositories[0])
    assert len(hub.models[NAMES[0]].commits) == 2 and done.commit == hub.models[NAMES[0]].head


def test_who_may_not_publish_is_told_before_anything_is_made(
    run: Path, made: Publication, hub: ModelHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fischgpt.publish.publish.prepare", lambda *_: pytest.fail("exported for nothing"))
    with pytest.raises(UserError, match="may not publish as 'bob'; it may as ada, norwind"):
        publish(run, "bob")
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    with pytest.raises(UserError, match="does not accept the token") as caught:
        publish(run, "ada")
    assert "hf_of_nobody" not in str(caught.value)
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match=r"needs a token.*--dry-run needs none"):
        publish(run, "ada")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.fail("create", 403)
    with pytest.raises(UserError, match="does not let the token write to model ada/fischgpt-tiny-best-loss"):
        Uploader("ada", print).upload(made.repositories[0])
    assert hub.models == {}


def test_a_repository_with_other_content_is_left_as_it_is(made: Publication, hub: ModelHub) -> None:
    theirs = {".gitattributes": b"", "README.md": b"# mine", "model.safetensors": b"precious"}
    hub.put_model(NAMES[0], theirs)
    with pytest.raises(UserError, match=r"exists already and holds what fischgpt did not publish \(README.md, model"):
        Uploader("ada", print).upload(made.repositories[0])
    assert hub.models[NAMES[0]].files == theirs
    hub.put_model(NAMES[1], {".gitattributes": b"", "README.md": b"---\nlicense: mit\n---\n"})  # made on its page
    Uploader("ada", print).upload(made.repositories[1])
    assert b"fischgpt-tiny-best-hellaswag" in hub.models[NAMES[1]].files["README.md"]


def test_what_an_earlier_publication_had_goes_and_what_somebody_added_stays(made: Publication, hub: ModelHub) -> None:
    uploader = Uploader("ada", lambda line: None)
    uploader.upload(made.repositories[0])
    files = hub.models[NAMES[0]].files
    sums = files["SHA256SUMS"] + b"0" * 64 + b"  old-Q4_0.gguf\n"
    hub.put_model(NAMES[0], files | {"SHA256SUMS": sums, "old-Q4_0.gguf": b"old", "logo.png": b"theirs"})
    uploader.upload(made.repositories[0])
    assert hub.models[NAMES[0]].files == files | {"logo.png": b"theirs"}


def test_what_changes_meanwhile_is_not_overwritten(made: Publication, hub: ModelHub) -> None:
    theirs = {".gitattributes": b"", "README.md": b"# theirs"}
    hub.meanwhile = lambda: hub.put_model(NAMES[0], theirs)
    with pytest.raises(UserError, match="was changed by somebody else meanwhile; nothing was overwritten"):
        Uploader("ada", lambda line: None).upload(made.repositories[0])
    assert hub.models[NAMES[0]].files == theirs


def test_a_run_that_lacks_something_says_so_and_goes_on(tmp_path: Path) -> None:
    said: list[str] = []
    publish(write_run(tmp_path / "bare", hellaswag=False, tuned=False), "ada", dry_run=True, say=said.append)
    left_out = [line for line in said if line.startswith("left out")]
    assert len(left_out) == 2 and "HellaSwag" in left_out[0] and "not fine-tuned" in left_out[1]
    assert sum(line.startswith("\n== https") for line in said) == 1
    shutil.rmtree(tmp_path / "bare" / "pretrain" / "checkpoints")
    with pytest.raises(UserError, match="has nothing to publish: no best validation loss"):
        publish(tmp_path / "bare", "ada", dry_run=True, say=said.append)
    with pytest.raises(UserError, match="is not a run"):
        publish(tmp_path, "ada", dry_run=True, say=said.append)


def test_damaged_weights_are_not_published(run: Path, tmp_path: Path) -> None:
    bad = shutil.copytree(run, tmp_path / "bad")
    weights = next((bad / "pretrain" / "checkpoints").glob("best-loss-*")) / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-3] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        publish(bad, "ada", dry_run=True, say=lambda line: None)


@pytest.mark.parametrize(
    ("owner", "name"), [("a/b", None), ("", None), ("ada", "x/../y"), ("ada", "-x"), ("ada", "a--b")]
)
def test_names_that_the_hub_does_not_take_are_said(run: Path, owner: str, name: str | None) -> None:
    with pytest.raises(UserError, match="is no name on the Hub"):
        publish(run, owner, name, dry_run=True, say=lambda line: None)


def test_the_commands_of_the_chapter_are_commands() -> None:
    chapter = (Path(__file__).parents[2] / "docs/publishing.md").read_text("utf-8")
    lines = [line for block in re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 7
    for line in lines:
        program, command, *arguments = shlex.split(line, comments=True)
        assert program == "fischgpt"
        typer.main.get_command(app).commands[command].make_context(command, arguments)  # type: ignore[attr-defined]
