"""Owners with invented names: nothing of the real one left, everything else as it was."""

import json
import re
from typing import Any

import pytest

from fischgpt.evals import profile_score
from fischgpt.evals.profile_items import ProfileSet, read_sets
from fischgpt.evals.swap import _YEAR, Swap, _strings, kept_words, plain
from fischgpt.profile.passages import Passage, passages_from_resume

SETS = read_sets()
RESUME = {
    "basics": {"name": "Zoë O'Malley-Brandt", "label": "engineer", "summary": "Knows Kraków. Met J. Wexler in Kraków."},
    "work": [{"name": "Acme Institute", "startDate": "1921-02-28", "endDate": "1924", "position": "Engineer",
              "highlights": ["Built three bridges for $4,500 in May 1922 with Wexler of ACME, 1,921 m in all."]}],
}  # fmt: skip


def swapped(one: ProfileSet) -> tuple[Swap, dict[str, Any], dict[str, Any]]:
    resume = json.loads(one.resume.read_text(encoding="utf-8"))
    swap = Swap(one.name, resume)
    return swap, resume, swap.resume(resume)


def test_names_keep_their_shape_and_are_the_same_everywhere() -> None:
    swap = Swap("a", RESUME)
    new = swap.resume(RESUME)
    name = new["basics"]["name"]
    assert re.fullmatch(r"[A-Z][a-z]+ O'[A-Z][a-z]+-[A-Z][a-z]+", name)
    first, last = name.split(" ")[0], name.rpartition("-")[2]
    assert swap.text("is zoe BRANDT's, brandt? and the Brandts") == (
        f"is {first.lower()} {last.upper()}'s, {last.lower()}? and the {last}s"
    )
    assert new["basics"]["label"] == "engineer"
    assert new["work"][0]["name"].endswith(" Institute")
    assert swap.text("Krakow") == swap.text("Kraków") == new["basics"]["summary"].split()[1].rstrip(".")
    assert "Wexler" not in json.dumps(new) and "Acme" not in json.dumps(new)


def test_years_move_together_and_amounts_and_days_stay() -> None:
    swap = Swap("a", RESUME)
    work = swap.resume(RESUME)["work"][0]
    start, end = work["startDate"], work["endDate"]
    assert start == f"{1921 + swap.shift}-02-28" and end == str(1924 + swap.shift)
    assert 18 < abs(swap.shift) < 62
    line = work["highlights"][0]
    assert "$4,500" in line and "1,921 m" in line and f"May {1922 + swap.shift}" in line


def test_the_same_seed_invents_the_same() -> None:
    assert Swap("a", RESUME).names == Swap("a", RESUME).names != Swap("b", RESUME).names


@pytest.mark.parametrize("one", SETS, ids=[one.name for one in SETS])
def test_nothing_of_a_built_in_owner_is_left(one: ProfileSet) -> None:
    swap, resume, new = swapped(one)
    questions = [swap.item(item) for item in one.items]
    values = " ".join(text for _, text in _strings(new))
    asked = [[value for key, value in vars(item).items() if key not in ("id", "kind")] for item in questions]
    shown = f"{values} {json.dumps(asked, ensure_ascii=False)}"
    words = {plain(word) for word in re.findall(r"[^\W\d_]+", shown)}
    assert not words & set(swap.names)
    assert len(set(swap.names.values())) == len(swap.names)
    assert not {plain(name) for name in swap.names.values()} & kept_words()
    years = [int(year) for _, text in _strings(resume) for year in _YEAR.findall(text)]
    moved = [int(year) for year in _YEAR.findall(values)]
    assert moved == [year + swap.shift for year in years]
    assert max(moved) <= 2020
    for part in filter(lambda part: part[0].isupper() and len(part) > 2, resume["basics"]["name"].split()):
        assert not re.search(rf"\b{part}\b", shown, re.IGNORECASE)


@pytest.mark.parametrize("one", SETS, ids=[one.name for one in SETS])
def test_the_answers_stand_where_they_stood(one: ProfileSet) -> None:
    swap, resume, new = swapped(one)

    def by_id(resume: dict[str, Any]) -> dict[str, Passage]:
        return {passage.id: passage for passage in passages_from_resume(resume)}

    passages = by_id(new)
    assert list(passages) == list(by_id(resume))
    for item in map(swap.item, one.items):
        text = " ".join(passages[id_].render() for id_ in item.evidence)
        assert not item.gold or profile_score.holds(text, item.gold, item.need), item.id
        assert all(any(question == swap.item(other).question for other in one.items) for question in item.after)
