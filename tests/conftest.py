"""Shared by all tests: one thread for torch, so that results repeat and two workers share two cores."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import itertools

import pytest
import torch

_numbers = itertools.count()

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share one cache folder of their own, never the user's; a data folder each test has for itself."""
    base = tmp_path_factory.getbasetemp().parent / "fischgpt-cache"
    monkeypatch.setenv("FISCHGPT_CACHE", str(base))
    monkeypatch.setenv("FISCHGPT_DATA", str(tmp_path_factory.getbasetemp() / f"data-{next(_numbers)}"))
