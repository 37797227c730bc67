"""hf://owner/name through the real client, from a Hub on loopback: pinned, verified, kept, never a pickle."""

from collections.abc import Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from assistant_samples import write_model
from fischgpt.assistant.model import describe_model, load_model
from fischgpt.errors import UserError
from model_hub import ModelHub

NAME = "ada/tiny"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ModelHub]:
    with ModelHub() as hub:
        hub.become_the_hub(monkeypatch)
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield hub


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bytes]:
    folder = write_model(tmp_path / "made")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_a_model_is_downloaded_and_loads_under_its_own_name(
    hub: ModelHub, files: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    commit = hub.put_model(NAME, files | {"optimizer.pt": b"no", "train.py": b"import os"})
    model = load_model(f"hf://{NAME}")
    assert model.name == "tiny" and model.config.n_embd == 32
    assert commit in capsys.readouterr().err
    assert set(hub.sent) == set(files), "nothing else was asked for"


def test_a_revision_keeps_to_what_it_names(
    hub: ModelHub, files: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    first = hub.put_model(NAME, files)
    hub.models[NAME].tags["v1"] = first
    card = b'{"name": "second"}'
    second = hub.put_model(NAME, files | {"card.json": card})
    assert describe_model(f"hf://{NAME}").name == "second"
    assert describe_model(f"hf://{NAME}@v1").name == "tiny"
    capsys.readouterr()
    assert describe_model(f"hf://{NAME}@{first}").folder.name == first
    assert capsys.readouterr().err == ""
    assert describe_model(f"hf://{NAME}").folder.name == second
    assert hub.requests["get"] == len(files) + 1, "each file came once"
    with pytest.raises(UserError, match="no such revision"):
        describe_model(f"hf://{NAME}@v9")


def test_what_was_downloaded_loads_without_a_network(
    hub: ModelHub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.put_model(NAME, files)
    load_model(f"hf://{NAME}")
    hub.vanish(monkeypatch)
    assert load_model(f"hf://{NAME}").name == "tiny"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert describe_model(f"hf://{NAME}").folder.name == commit
    with pytest.raises(UserError, match="hf://ada/other is not in the cache"):
        describe_model("hf://ada/other")


def test_damaged_bytes_are_fetched_once_more_and_then_refused(
    hub: ModelHub, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put_model(NAME, files)
    weights = describe_model(f"hf://{NAME}").folder / "model.safetensors"
    content = weights.read_bytes()
    weights.resolve().write_bytes(content[:-1] + bytes([content[-1] ^ 1]))  # a bit of the disk
    describe_model(f"hf://{NAME}")
    assert weights.read_bytes() == content

    weights.resolve().write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    hub.fail("get", "wrong")
    with pytest.raises(UserError, match=r"model\.safetensors came with the sum .* twice; it is not opened"):
        describe_model(f"hf://{NAME}")
    hub.vanish(monkeypatch)
    with pytest.raises(UserError, match="is damaged"):
        describe_model(f"hf://{NAME}")


@pytest.mark.parametrize("faults", [["cut"], [503], ["cut", 500, "cut"]])
def test_a_broken_connection_is_tried_again(hub: ModelHub, files: dict[str, bytes], faults: list[object]) -> None:
    hub.put_model(NAME, files)
    hub.fail("get", *faults)
    assert load_model(f"hf://{NAME}").config.n_layer == 2
    assert hub.faults_left("get") == 0


def test_what_was_changed_after_publishing_is_refused(hub: ModelHub, files: dict[str, bytes]) -> None:
    import hashlib

    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    published = files | {"SHA256SUMS": sums.encode()}
    hub.put_model(NAME, published)
    assert describe_model(f"hf://{NAME}").config.n_layer == 2
    hub.put_model(NAME, published | {"generation_config.json": b"{}"})
    with pytest.raises(UserError, match=r"generation_config\.json was changed since it was published"):
        describe_model(f"hf://{NAME}")


def test_a_pickle_is_refused_with_the_way_out_and_not_downloaded(hub: ModelHub, files: dict[str, bytes]) -> None:
    del files["model.safetensors"]
    hub.put_model(NAME, files | {"pytorch_model.bin": b"\x80\x04."})
    with pytest.raises(UserError, match=r"pickle alone \(pytorch_model\.bin\).*spaces/safetensors/convert"):
        load_model(f"hf://{NAME}")
    assert "pytorch_model.bin" not in hub.sent
    hub.put_model("ada/empty", {"README.md": b"# soon"})
    with pytest.raises(UserError, match=r"has no model\.safetensors"):
        load_model("hf://ada/empty")


def test_code_that_comes_with_weights_is_refused(hub: ModelHub, files: dict[str, bytes]) -> None:
    config = files["config.json"].replace(b"{", b'{"auto_map": {"AutoModel": "evil.Model"},', 1)
    hub.put_model(NAME, files | {"config.json": config, "evil.py": b"raise SystemExit"})
    with pytest.raises(UserError, match="auto_map"):
        load_model(f"hf://{NAME}")
    assert "evil.py" not in hub.sent


@pytest.mark.parametrize("spec", ["hf://", "hf://ada", "hf://ada/tiny/extra", "hf://ada/tiny@", "hf://../x y"])
def test_what_is_no_repository_is_said(spec: str) -> None:
    with pytest.raises(UserError, match=r"is not hf://OWNER/NAME"):
        describe_model(spec)


def test_a_repository_that_is_not_there_is_one_line(hub: ModelHub) -> None:
    with pytest.raises(UserError, match="knows no model ada/nothing") as caught:
        describe_model("hf://ada/nothing")
    assert "\n" not in str(caught.value)
