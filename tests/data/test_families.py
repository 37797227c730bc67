"""Families of questions can be told by their words and left out of training."""

import pytest

from fischgpt.data.grounded.asked import Asked, MadeUp
from fischgpt.data.grounded.families import FAMILIES, family, family_of, without


@pytest.mark.parametrize(("text", "name"), [
    ("Who taught her?", "who"), ("with whom did he write it", "who"), ("When was that?", "when"),
    ("in which year did he move", "when"), ("Where did you grow up?", "where"), ("in what city is it", "where"),
    ("how many people came", "how many"), ("How old was she?", "how long"), ("How did he vote?", "how"),
    ("why did you leave", "why"), ("what made him stop?", "why"), ("Which prize was it?", "which"),
    ("did she ever say who paid?", "yes-no"), ("and is he married?", "yes-no"), ("hobbies?", "words"), ("", "words"),
])  # fmt: skip
def test_a_question_belongs_to_the_word_that_asks(text: str, name: str) -> None:
    assert family_of(text) == name and name in FAMILIES


def test_families_that_are_left_out_are_gone_and_the_others_stay() -> None:
    asked = [
        Asked("Who?", "", (0,), "single"),
        Asked("Who were they?", "", (0, 1), "list"),
        Asked("Why?", "", (), "near"),
    ]
    (kept,) = without([MadeUp("A", [], asked)], ["who"])
    assert kept.questions == asked[1:] and family(asked[1]) == "list"
