"""A Hub on loopback with a little FineWeb-Edu, and recipes that read it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fake_hub import FakeHub
from fischgpt.config import Recipe, load_recipe
from hub_samples import fineweb

FINEWEB = "HuggingFaceFW/fineweb-edu"


@pytest.fixture(scope="session")
def pages() -> dict[str, bytes]:
    """Three files of 400 pages, which stand in no order of their own in the listing."""
    return {f"sample/10BT/{number:03d}_00000.parquet": fineweb(400, number) for number in (2, 0, 1)}


@pytest.fixture
def hub(pages: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub({FINEWEB: {**pages, "README.md": b"# FineWeb-Edu"}}) as hub:
        hub.become_the_hub(monkeypatch)
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
