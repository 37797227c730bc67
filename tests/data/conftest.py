"""A Hub on loopback with a little FineWeb-Edu, and recipes that read it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import huggingface_hub.constants
import pytest

from fake_hub import FakeHub
from fischgpt.config import Recipe, load_recipe
from fischgpt.data import hub as hub_module
from hub_samples import fineweb

FINEWEB = "HuggingFaceFW/fineweb-edu"


@pytest.fixture(scope="session")
def pages() -> dict[str, bytes]:
    """Three files of 400 pages, which stand in no order of their own in the listing."""
    return {f"sample/10BT/{number:03d}_00000.parquet": fineweb(400, number) for number in (2, 0, 1)}


@pytest.fixture
def hub(pages: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    with FakeHub({FINEWEB: {**pages, "README.md": b"# FineWeb-Edu"}}) as hub:
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 4096)  # 10 MB: what a cut costs at most
        monkeypatch.setattr(hub_module.time, "sleep", lambda seconds: None)
        yield hub


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[..., Recipe]:
    """recipe("a.jsonl", "data.workers=2"): small shards, a vocabulary of 300."""

    def make(sources: list[str], *overrides: str) -> Recipe:
        file = tmp_path / "r.toml"
        file.write_text(
            f'run = "{tmp_path}/run"\n[tokenizer]\nkind = "bpe"\nvocab_size = 300\ntrain_characters = 50_000\n'
        )
        small = ["data.shard_tokens=2048", "data.val_fraction=0.1", "data.workers=1", "model.vocab_size=320"]
        return load_recipe(file, [f"data.sources={json.dumps(sources)}", *small, *overrides])

    return make
