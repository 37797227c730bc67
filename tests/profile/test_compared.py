"""Questions that need two lines are taken apart, and both lines come back first."""

from pathlib import Path

import pytest

from fischgpt.evals.profile_items import SETS
from fischgpt.profile.compared import BORN, DIED, halves
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile
from fischgpt.profile.retrieval import listed


@pytest.mark.parametrize(("question", "one", "other"), [
    ("How old was she when she opened the shop?", BORN, "When she opened the shop?"),
    ("how old was when got the doctorate", BORN, "When got the doctorate?"),
    ("How old was the first time she saw the sea?", BORN, "When the first time she saw the sea?"),
    ("At what age did you go to sea?", BORN, "When go to sea?"),
    ("what was her age at the time of the flood?", BORN, "When the flood?"),
    ("how old did he become?", BORN, DIED),
    ("At which age did she die?", BORN, DIED),
    ("Which came first, the medal or the pension?", "When the medal?", "When the pension?"),
    ("which did you get first: the Cisco certificate or the Amazon one", "When the Cisco certificate?",
     "When the Amazon one?"),
    ("Did he see Rome before Paris or after?", "When did he see Rome?", "When Paris?"),
    ("Was he in Lyon before or after the war?", "When was he in Lyon?", "When the war?"),
    ("And did she paint before she married?", "When did she paint?", "When she married?"),
    ("how many years lay between the talk in Oslo and the prize?", "When the talk in Oslo?", "When the prize?"),
    ("How many years after the wedding did your daughter leave?", "When the wedding?", "When did your daughter leave?"),
])  # fmt: skip
def test_ages_orders_and_times_between_are_two_questions(question: str, one: str, other: str) -> None:
    assert halves(question) == (one, other)


@pytest.mark.parametrize("question", [
    "", "?", "How old?", "How old are you?", "How old is the drum?", "How old is Daulat?",
    "At what age did Antje marry?", "Did she teach?", "What did he do after the war?", "Which came first?",
    "How long between?",
    "Which prizes did he win?", "How many children did she have?", "When was that?",
])  # fmt: skip
def test_others_are_one(question: str) -> None:
    assert halves(question) is None


def test_both_lines_come_first_and_are_quoted_together(curie: Index) -> None:
    found = curie.search("How old was Marie Curie when she married?")
    first, second = (hit.passage.text for hit, _ in listed(found))
    assert found.answerable and "1867" in first and "1895" in second


def test_a_line_that_tells_the_age_itself_is_the_answer(tmp_path: Path) -> None:
    index = Index.open(load_profile(SETS / "turing" / "resume.json"), tmp_path)
    found = index.search("How old was he when he became a fellow of King's?")
    assert found.together == 1 and "at the age of 22" in found.hits[0].passage.text
    assert index.search("How old was he when he left Princeton?").together == 2


def test_where_one_half_is_not_told_the_question_is_searched_as_it_is(curie: Index) -> None:
    found = curie.search("How old was she when she learned to ski?")
    assert found.together == 1


def test_a_line_that_answers_both_halves_best_is_quoted_once(curie: Index) -> None:
    shown = [hit.passage.id for hit, _ in listed(curie.search("How old was she when she was born in Warsaw?"))]
    assert len(shown) == len(set(shown))
