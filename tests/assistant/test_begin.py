"""From a resume to a profile that answers: written whole or not at all, private data kept, every starter answered."""

import json
import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import fischgpt
from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.begin import Wishes, init
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.errors import UserError
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile, starter_candidates
from paper_samples import MARKDOWN, RESUME, write_docx, write_pdf_one_column, write_pdf_two_columns

WRITERS = {
    "one column.pdf": write_pdf_one_column,
    "two columns.pdf": write_pdf_two_columns,
    "resume.docx": write_docx,
    "resume.md": lambda path: path.write_text(MARKDOWN),
    "resume.json": lambda path: path.write_text(json.dumps(RESUME)),
}


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("form", WRITERS)
def test_every_form_becomes_a_profile_whose_starters_are_answered(tmp_path: Path, form: str) -> None:
    WRITERS[form](tmp_path / form)
    begun = init(resume=form)
    assert begun.folder == Path("mira-okonkwo")
    profile = load_profile(begun.folder)
    assert (profile.name, profile.headline) == ("Mira Okonkwo", "Senior Software Engineer")
    assert json.loads((begun.folder / "resume.json").read_text()) == RESUME
    assert profile.starters == begun.starters and len(begun.starters) == 5
    assistant = Assistant(profile, Index.open(profile), load_model())
    for starter in profile.starters:
        assert assistant.reply([Turn("user", starter)]).done.kind in ("model", "quote"), starter
    assert profile.private == ["email", "phone", "profiles"]
    assert any("kept from visitors" in warning for warning in begun.checked.warnings)
    for passage in profile.passages:
        assert "1234567" not in passage.text and "@" not in passage.text
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_question_that_the_profile_does_not_answer_is_not_offered(tmp_path: Path) -> None:
    """A project with a language's name: what is asked about it is answered from the languages."""
    resume = {
        "basics": {"name": "Al Ba"},
        "projects": [{"name": "Lao", "highlights": ["Never"]}],
        "languages": [{"language": "Lao"}],
    }
    (tmp_path / "r.json").write_text(json.dumps(resume))
    begun = init(resume="r.json")
    profile = load_profile(begun.folder)
    assistant = Assistant(profile, Index.open(profile), load_model())
    asked = [starter.question for starter in starter_candidates(profile.first_name, profile.passages)]
    assert begun.starters and set(begun.starters) < set(asked) and "What is Lao?" not in begun.starters
    for starter in begun.starters:
        assert assistant.reply([Turn("user", starter)]).done.kind in ("model", "quote")


def test_flags_win_over_the_resume_and_public_details_are_shown(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(RESUME))
    wishes = Wishes(name="Dr. Mira O.", pronouns="she/her", headline="Builder", public=["email"])
    begun = init("here", "r.json", wishes)
    told = tomllib.loads(Path("here/profile.toml").read_text())
    assert (told["name"], told["pronouns"], told["headline"], told["public"]) == (
        "Dr. Mira O.", "she/her", "Builder", ["email"],
    )  # fmt: skip
    assert "E-mail: mira@example.org." in [passage["text"] for passage in begun.checked.passages]


def test_in_a_terminal_the_owner_is_asked(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(json.dumps(RESUME))
    asked = []

    def ask(question: str, default: str) -> str:
        asked.append(question)
        replies = {"Your resume": "r.json", "Pronouns": "she/her", "May visitors see your email": "yes"}
        return next((reply for key, reply in replies.items() if key in question), default)

    begun = init(ask=ask)
    told = tomllib.loads((begun.folder / "profile.toml").read_text())
    assert (told["name"], told["pronouns"], told["public"]) == ("Mira Okonkwo", "she/her", ["email"])
    assert any("(+49 30 1234567)" in question for question in asked)


def test_without_a_resume_an_empty_profile_is_started_that_loads(tmp_path: Path) -> None:
    begun = init("me", wishes=Wishes(name="Ada Example"))
    profile = load_profile(begun.folder)
    assert [passage.render() for passage in profile.passages] == ["About: Ada Example is the owner of this profile."]
    assert profile.private == [] and profile.download
    assert "fischgpt up --profile me" in str(begun)


def test_a_new_profile_is_as_private_as_the_umask() -> None:
    """A resume holds a street and a phone number: it is not for other users of the machine."""
    before = os.umask(0o077)
    try:
        begun = init("it's me; rm", wishes=Wishes(name="Ada Example"))
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o077 for path in (begun.folder, begun.folder / "resume.json")] == [0, 0]
    command = str(begun).rstrip().splitlines()[-1].removesuffix("serves it")
    assert shlex.split(command)[-1] == "it's me; rm"


def test_what_stands_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "me").mkdir()
    (tmp_path / "me" / "diary.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        init("me", wishes=Wishes(name="Ada Example"))
    assert [path.name for path in (tmp_path / "me").iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("wishes", "resume", "model", "message"),
    [
        (Wishes(), None, "mini", "needs its owner's name"),
        (Wishes(), "none.pdf", "mini", "does not exist"),
        (Wishes(name="Ada", public=["fax"]), None, "mini", "--public fax"),
        (Wishes(name="Ada"), None, "no-such-model", "no model"),
    ],
)
def test_what_goes_wrong_leaves_nothing_behind(
    tmp_path: Path, wishes: Wishes, resume: str | None, model: str, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        init("me", resume, wishes, model)
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_the_owner_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "r.md").write_text("# ../../etc/passwd\n\n## Skills\n\nClimbing\n")
    (tmp_path / "inner").mkdir()
    assert init(tmp_path / "inner" / "me", "r.md").folder.parent == tmp_path / "inner"
    assert init(resume="r.md").folder == Path("etc-passwd")


def test_the_command_says_what_was_left_out_and_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "r.md").write_text(
        "# Ada Example\n\nada@example.org\n\n## Personal details\n\nDate of birth: 3 May 1988\n\n"
        "Shoe size forty-three\n\n"
        "## Work\n\n### Engineer, Acme\n- Call me at +49 30 1234567\n"
    )
    command = [sys.executable, "-m", "fischgpt", "profile", "init", "--resume", "r.md"]
    environment = os.environ | {"PYTHONPATH": str(Path(fischgpt.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment)
    assert done.returncode == 0, done.stderr
    for line in (
        "not understood, add it to resume.json: Shoe size forty-three",
        "left out as private: 1 line",
        "work-1 (Engineer at Acme) has no dates",
        "work-1-1 seems to tell a phone number, visitors can read it: Call me at +49 30 1234567.",
    ):
        assert f"warning: {line}" in done.stdout
