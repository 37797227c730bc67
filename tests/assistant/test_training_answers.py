"""What the model is taught to write is what the check lets through: else good training would show as quotes."""

import re
from itertools import islice
from typing import Literal

import pytest

from fischgpt.assistant.check import MARKER, declines, grounded
from fischgpt.assistant.release import HeldBack
from fischgpt.data.grounded import conversations
from fischgpt.profile.passages import Passage


def _passage(line: str) -> Passage:
    line = re.sub(r"^\[\d+\] ", "", line)
    return Passage("", re.split(r"[ ,:(]", line)[0], "", "", "", line)


@pytest.mark.parametrize("split", ["train", "held-out"])
def test_every_answer_of_the_training_conversations_stands(split: Literal["train", "held-out"]) -> None:
    n_answers = n_declines = 0
    for turns in islice(conversations(11, split), 400):
        passages = [_passage(line) for line in turns[0].text.split("\n")]
        for question, answer in zip(turns[1::2], turns[2::2], strict=True):
            if MARKER.search(answer.text):
                verdict = grounded(answer.text, question.text, passages)
                assert verdict.ok, (verdict.reason, question.text, answer.text, turns[0].text)
                held = HeldBack(question.text, passages, "")
                assert held.feed(answer.text) + held.finish()
                assert held.failed is None
                n_answers += 1
            else:
                assert declines(answer.text), answer.text
                n_declines += 1
    assert n_answers > 500
    assert n_declines > 100
