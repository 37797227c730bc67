"""`fischgpt chat` on a random model: the truth all the same."""

import io
import json
from pathlib import Path

import pytest

from assistant_samples import BRIDGE, UNKNOWN, write_model
from fischgpt.assistant.terminal import ask, converse
from fischgpt.profile.profile import Profile


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model")))


def test_a_question_is_answered_with_its_passage(
    profile: Profile, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder: Path = profile.resume_file.parent
    ask(BRIDGE, str(folder), model)
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("212 metres long, for $4.5 million. [1]  (quoted)")
    assert second.startswith("  [1] Work, Norwind")
    ask(BRIDGE, str(folder), model, as_json=True)
    answer = json.loads(capsys.readouterr().out)
    assert answer["kind"] == "quote"
    assert answer["sources"][0]["organisation"] == "Norwind"


def test_a_conversation_goes_on_after_a_question_that_will_not_do(
    profile: Profile, model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"hi\n{'why ' * 900}\n{UNKNOWN}\n"))
    converse(str(profile.resume_file), model)
    out, err = capsys.readouterr()
    assert "(about this program)" in out
    assert "does not say.  (not in the profile)" in out
    assert "question is too long" in err
