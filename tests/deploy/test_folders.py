"""What of a profile and of this checkout goes into a deployed folder, and what does not."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fischgpt
from fischgpt.deploy.site import Target, describe_site
from fischgpt.deploy.targets import deploy
from fischgpt.errors import UserError
from fischgpt.profile.profile import load_profile
from paper_samples import RESUME, write_pdf_one_column


def test_a_folder_that_is_not_empty_is_left_alone_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    with pytest.raises(UserError, match="not empty"):
        deploy(describe_site(), "kubernetes", tmp_path / "out")
    refused: dict[Target, str] = {
        "space": "one process", "container": "for compose and kubernetes", "server": "for compose and kubernetes",
    }  # fmt: skip
    for target, message in refused.items():
        with pytest.raises(UserError, match=message):
            deploy(describe_site(engine="vllm"), target, tmp_path / "new")
    with pytest.raises(UserError, match="set FISCHGPT_INDEX"):
        deploy(describe_site(index="chroma"), "container", tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_no_secret_or_cache_of_the_profile_goes_along(tmp_path: Path) -> None:
    shutil.copytree(fischgpt.resources.resource("profiles/curie"), tmp_path / "me")
    (tmp_path / "me/.env").write_text("FISCHGPT_OWNER_KEY=secret")
    out = deploy(describe_site(str(tmp_path / "me")), "space", tmp_path / "out").folder
    assert sorted(path.name for path in (out / "profile").iterdir()) == ["profile.toml", "resume.json", "story.md"]


PRIVATE = ("mira@", "1234567", "12 Hidden Lane", "10115", "mira-ok")


def own_profile(folder: Path, settings: str = "") -> Path:
    """Mira's profile in a folder: a resume with a street, and what an owner may leave lying beside it."""
    basics = RESUME["basics"] | {"location": {"address": "12 Hidden Lane", "postalCode": "10115", "city": "Berlin"}}
    folder.mkdir()
    (folder / "resume.json").write_text(json.dumps(RESUME | {"basics": basics}))
    (folder / "resume.pdf").write_bytes(b"12 Hidden Lane")
    (folder / "profile.toml").write_text(f"# phone: +49 30 1234567\n{settings}\n")
    (folder / "story.md").write_text("# Mira\n\nA story.\n")
    return folder


@pytest.mark.parametrize("target", ["space", "container"])
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("", "without email, phone, location, profiles; its original stays here"),
        ('public = ["location"]', "without email, phone, profiles; its original stays here"),
        ('public = ["email", "phone", "location", "profiles"]\ndownload = false', "resume goes along; its original"),
    ],
)
def test_what_no_visitor_sees_stays_here(tmp_path: Path, target: Target, settings: str, told: str) -> None:
    mine = own_profile(tmp_path / "me", settings)
    site = describe_site(str(mine))
    written = deploy(site, target, tmp_path / "out")
    assert told in str(written)
    held = written.folder / "profile/resume.json"
    everything = "".join(path.read_text() for path in held.parent.iterdir())
    public = "email" in settings
    for detail in PRIVATE:
        assert (detail in everything) == (public and detail not in ("12 Hidden Lane", "10115")), detail
    assert ("Berlin" in str(json.loads(held.read_text())["basics"].get("location"))) == ("location" in settings)
    # Visitors get the same as from the profile itself.
    theirs = load_profile(held.parent)
    same = ("fingerprint", "greeting", "headline", "starters", "links", "story_markdown", "download")
    assert {key: getattr(theirs, key) for key in same} == {key: getattr(site.profile, key) for key in same}


def test_a_resume_that_visitors_may_download_goes_along_and_another_form_does_not(tmp_path: Path) -> None:
    write_pdf_one_column(tmp_path / "cv.PDF")
    private = deploy(describe_site(str(tmp_path / "cv.PDF")), "space", tmp_path / "private")
    assert sorted(path.name for path in (private.folder / "profile").iterdir()) == ["profile.toml", "resume.json"]
    assert load_profile(private.folder / "profile").fingerprint == load_profile(tmp_path / "cv.PDF").fingerprint
    (tmp_path / "me").mkdir()
    (tmp_path / "cv.PDF").rename(tmp_path / "me/resume.pdf")
    (tmp_path / "me/profile.toml").write_text("download = true")
    offered = deploy(describe_site(str(tmp_path / "me")), "space", tmp_path / "offered")
    assert "resume.pdf goes along whole" in str(offered)
    assert sorted(path.name for path in (offered.folder / "profile").iterdir()) == ["profile.toml", "resume.pdf"]
    assert load_profile(offered.folder / "profile").download


def test_another_profile_of_the_checkout_does_not_go_along(tmp_path: Path) -> None:
    """The container's source is a checkout: one with a profile of the owner's own in it is deployed from."""
    source = deploy(describe_site(), "container", tmp_path / "first").folder / "source"
    own_profile(source / "profiles/me")
    for target, profiles in (("space", "fischgpt/assets/profiles"), ("container", "source/profiles")):
        command = [sys.executable, "-m", "fischgpt", "deploy", target, str(tmp_path / target)]
        done = subprocess.run(
            command, env=os.environ | {"PYTHONPATH": str(source / "src")}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "goes along" in done.stdout
        assert sorted(path.name for path in (tmp_path / target / profiles).iterdir()) == ["curie", "fisch"]
