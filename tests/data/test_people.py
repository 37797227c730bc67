"""The people written by hand are whole, and none of the evaluation's questions is among theirs."""

import json
import re
from dataclasses import replace

import pytest

from fischgpt.data.grounded.people import FOLDER, people, person
from fischgpt.errors import UserError
from fischgpt.evals.profile_items import SETS


def test_every_line_finds_its_passage_and_a_third_of_the_questions_have_none():
    everyone = list(people())
    assert len(everyone) == len(list(FOLDER.glob("*.json"))) > 20
    questions = [one for owner in everyone for one in owner.questions]
    unanswered = [one for one in questions if not one.answers]
    assert 0.3 < len(unanswered) / len(questions) < 0.4
    for owner in everyone:
        asked = [(one.earlier, one.text) for one in owner.questions]
        assert len(set(asked)) == len(asked), owner.name


def test_no_question_of_the_evaluation_is_among_them():
    """Not even one that anybody might ask: "What languages does he speak?"."""

    def words(text: str) -> str:
        return " ".join(re.findall(r"\w+", text.casefold()))

    theirs = {
        words(json.loads(line)["question"])
        for file in SETS.glob("*/questions.jsonl")
        for line in file.open(encoding="utf-8")
    }
    assert len(theirs) > 300
    assert not theirs & {words(one.text) for owner in people() for one in owner.questions if not one.earlier}


def test_bare_lines_are_about_the_same_entry_and_do_not_hold_what_names_the_answer():
    bare = [(owner, one) for owner in people() for one in owner.bare]
    assert len(bare) > 2000
    for owner, one in bare:
        whole = owner.passages[one.of]
        assert replace(one.passage, text="") == replace(whole, text="") and one.passage.text != whole.text
        assert any(one.of in question.answers for question in owner.questions), (owner.name, one.passage.text)


def test_a_key_that_no_passage_holds_is_named_with_its_line(tmp_path):
    resume = {"basics": {"name": "Ann Other"}, "work": [{"name": "Acme", "highlights": ["Built a mill."]}]}
    (tmp_path / "ann.json").write_text(json.dumps(resume))
    (tmp_path / "ann.txt").write_text("Built a ## what did you build\na bridge ## what else | and then\n")
    with pytest.raises(UserError, match=r"ann\.txt, line 2: no passage holds 'a bridge'"):
        person(tmp_path / "ann.json")
    for line, wrong in (
        ("~ work-9 ## Built.", r"line 2: not ~ ID ## text .*, with the ID of a passage"),
        ("~ work-1-1 ## Built. ## why", "said to be still answered, never asked: 'why'"),
        ("Built a ## what => when => where", "line 2: not KEY ## question before => follow-up"),
        ("Built a", "line 2: not KEY ## question"),
    ):
        (tmp_path / "ann.txt").write_text(f"Built a ## what did you build\n{line}\n")
        with pytest.raises(UserError, match=wrong):
            person(tmp_path / "ann.json")
