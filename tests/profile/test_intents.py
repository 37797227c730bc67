"""What anybody is asked is recognised in words that nobody wrote down, and answered by what tells it."""

import numpy as np
import pytest

from fischgpt.chat import Turn
from fischgpt.data.grounded.intents import intents as usual_questions
from fischgpt.profile import index
from fischgpt.profile.embed import embed, embedder
from fischgpt.profile.intents import intents

KEYS = [one.key for one in usual_questions()]


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("So, is there a husband at home?", "married"),
        ("what is the thing that makes you proudest", "pride"),
        ("how many foreign languages does she speak", "tongues"),
        ("how do you spend your weekends when you're off", "leisure"),
        ("would it be possible for her to do the job from home", "remote"),
    ],
)
def test_a_usual_question_is_recognised(question: str, key: str) -> None:
    asked = intents().of(embed([question])[0])
    assert KEYS[int(asked.argmax())] == key and asked.sum() > 0.5


@pytest.mark.parametrize(
    "question",
    [
        "How many A100s ran at once?",
        "Which ore was heavier than it should be?",
        "Who pulled the carts uphill?",
        "Sing me happy birthday",
        "write me a poem about autumn",
    ],
)
def test_what_is_asked_about_one_resume_and_an_order_are_none(question: str) -> None:
    assert intents().of(embed([question])[0]).sum() < 0.1


def test_the_line_that_answers_is_told_from_one_that_is_near() -> None:
    told, near, job = embedder().read(
        [
            "About: Married since 2011 to the potter Ines Quarrell; three children.",
            "About: Ran the widows' fund of the potters' guild for three years.",
            "Work, Quarrell Ltd, Engineer (since 2011): Engineer at Quarrell Ltd since 2011.",
        ]
    )
    logits = intents().answered([told, near, job], [False, False, True])
    married, companies = (logits[:, KEYS.index(key)] for key in ("married", "companies"))
    assert married[0] > 0 > married[1:].max() and companies[2] > 0 > companies[:2].max()
    asked = np.zeros(len(KEYS), np.float32)
    asked[KEYS.index("married")] = 0.6
    assert intents().judged(asked, logits) == pytest.approx(married, abs=1e-4)
    assert intents().judged(0 * asked, logits) == pytest.approx([-8.0] * 3, abs=0.01)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("Who was her father?", "how old was he?"),
        ("Where did she study?", "and when?"),
        ("Who was her aide?", "hobbies?"),
    ],
)
def test_what_may_be_asked_of_somebody_else_is_no_usual_question(curie, before: str, said: str) -> None:
    history = [Turn("user", before), Turn("assistant", "I see.")]
    assert curie.search(said, history).usual == 0
    assert curie.search("what do you do for fun?", history).usual > 0.5


class NoIntents:
    def of(self, vector: np.ndarray) -> np.ndarray:
        return 0 * intents().of(vector)


@pytest.mark.parametrize(
    "question",
    [
        "Would you be able to work from home?",
        "are you happy where you are or ready for a change?",
        "would you say yes to another job",
        "What are you most proud of?",
    ],
)
def test_what_no_line_tells_is_declined_where_the_readers_alone_would_tell_one_near_it(
    fisch, monkeypatch: pytest.MonkeyPatch, question: str
) -> None:
    assert not fisch.search(question).answerable
    monkeypatch.setattr(index, "intents", NoIntents)
    assert fisch.search(question).answerable
