"""A profile as everybody may have it: what a folder that leaves this machine holds."""

import json
import shutil
from pathlib import Path
from typing import Any

import tomli_w

from fischgpt.profile.passages import CONTACT_FIELDS, PLACE_FIELDS
from fischgpt.profile.profile import Profile


def public_resume(profile: Profile) -> dict[str, Any]:
    """The owner's JSON Resume without the contact details that no visitor sees; of a public location, the place but
    not the street. Its passages are the profile's."""
    basics = {key: value for key, value in (profile.resume.get("basics") or {}).items() if key not in profile.private}
    if isinstance(location := basics.get("location"), dict):
        basics["location"] = {key: location[key] for key in PLACE_FIELDS if key in location}
    return {key: basics if key == "basics" else value for key, value in profile.resume.items()}


def write_public(profile: Profile, folder: Path) -> None:
    """Write a profile folder that gives visitors what `profile` gives them: the same passages, texts and story.

    It holds the document that the resume was read from only where visitors may download that; otherwise a resume.json
    in its place (`public_resume`). Nothing else of the profile's own folder goes along.
    """
    folder.mkdir()
    if profile.download:
        shutil.copyfile(profile.resume_file, folder / f"resume{profile.resume_file.suffix.lower()}")
    else:
        text = json.dumps(public_resume(profile), indent=2, ensure_ascii=False)
        (folder / "resume.json").write_text(text + "\n", "utf-8")
    basics = profile.resume.get("basics") or {}
    settings = {key: getattr(profile, key) for key in _SETTINGS}
    settings["public"] = [key for key in CONTACT_FIELDS if basics.get(key) and key not in profile.private]
    (folder / "profile.toml").write_text(tomli_w.dumps(settings), "utf-8")
    if profile.story_markdown:
        (folder / "story.md").write_text(profile.story_markdown, "utf-8")


def what_goes_along(profile: Profile) -> str:
    """One line that says what `write_public` writes of the resume."""
    if profile.download:
        return f"{profile.resume_file.name} goes along whole: visitors may download it"
    kept = f" without {', '.join(profile.private)}" if profile.private else ""
    return f"The resume goes along{kept}; its original stays here (`download` and `public` in profile.toml)"


_SETTINGS = ("name", "first_name", "pronouns", "headline", "greeting", "starters", "links", "download")
