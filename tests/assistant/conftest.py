import pytest

from assistant_samples import write_profile
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile


@pytest.fixture(scope="session")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return write_profile(tmp_path_factory.mktemp("ada"))


@pytest.fixture(scope="session")
def index(profile: Profile, tmp_path_factory: pytest.TempPathFactory) -> Index:
    opened = Index.open(profile, tmp_path_factory.mktemp("index"))
    assert opened.notice is None
    return opened
