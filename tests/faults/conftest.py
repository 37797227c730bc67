"""Runs of the fault tests live in memory where the system has a place for that: 100 kills write thousands of files."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults_samples import Runs


@pytest.fixture(scope="session")
def memory() -> Iterator[Path]:
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="fischgpt-faults-", dir=shm if shm.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def runs(memory: Path, request: pytest.FixtureRequest) -> Iterator[Runs]:
    folder = memory / request.module.__name__.rpartition(".")[2]
    yield Runs(folder)
    shutil.rmtree(folder)
