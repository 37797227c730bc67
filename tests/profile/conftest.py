"""One index of each shipped profile for all tests of this folder."""

import pytest

from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile
from fischgpt.resources import resource


@pytest.fixture(scope="session")
def index_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("index")


@pytest.fixture(scope="session")
def fisch(index_cache):
    return Index.open(load_profile(), index_cache)


@pytest.fixture(scope="session")
def curie(index_cache):
    return Index.open(load_profile(resource("profiles/curie")), index_cache)
