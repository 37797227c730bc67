"""The usual questions are whole, and neither the evaluation nor the benchmark asks one in the same words."""

import json
import re
from pathlib import Path

import pytest

from fischgpt.data.grounded import intents as module
from fischgpt.data.grounded.intents import Intent, answers, intents
from fischgpt.data.grounded.people import FOLDER, person
from fischgpt.errors import UserError
from fischgpt.evals.profile_items import SETS

USUAL = Path(__file__).parents[2] / "benchmarks" / "usual.json"


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_each_has_a_key_a_meaning_and_many_phrasings() -> None:
    asked = intents()
    keys = [one.key for one in asked]
    assert len(set(keys)) == len(keys) == 120
    assert all(one.meaning and len(one.phrasings) > 20 for one in asked)
    assert asked[0].said("Does {name} like {his} job?", "Zed") == ["Does Zed like his job?", "Does Zed like her job?"]


def test_none_is_asked_by_the_evaluation_or_the_benchmark_in_the_same_words() -> None:
    theirs = {
        words(json.loads(line)["question"])
        for file in SETS.glob("*/questions.jsonl")
        for line in file.open(encoding="utf-8")
    }
    measured = json.loads(USUAL.read_text(encoding="utf-8"))["asked"]
    theirs |= {
        words(text)
        for phrasings in measured.values()
        for phrasing in phrasings
        for text in Intent("", "", "", ()).said(phrasing, "Zed")
    }
    ours = {words(text) for one in intents() for said in one.phrasings for text in one.said(said, "Zed")}
    assert len(ours) > 5000 and not ours & theirs


def test_answers_are_passages_of_people_written_by_hand() -> None:
    found = answers()
    assert len(found) > 500
    for stem in sorted(found)[::25]:
        ids = {passage.id for passage in person(FOLDER / f"{stem}.json").passages}
        assert all(of <= ids for of in found[stem].values()), stem
        assert any(found[stem].values())


def test_an_unknown_key_is_named_with_its_line(tmp_path, monkeypatch) -> None:
    for group in module.GROUPS:
        (tmp_path / f"{group}_answers.txt").write_text("@ ann-other\nshoe: work-1\n")
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    with pytest.raises(UserError, match=r"first_answers\.txt, line 2: no usual question has the key 'shoe'"):
        answers()
