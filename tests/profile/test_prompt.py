"""Older exchanges in the prompt: answers are cited as the model writes them, by the numbers of today's passages."""

from fischgpt.chat import Turn
from fischgpt.profile.index import Hit
from fischgpt.profile.passages import Passage
from fischgpt.profile.prompt import build_turns
from fischgpt.tokenizer import Tokenizer

HITS = [
    Hit(Passage("work-1", "Work", "Acme", "Engineer", "1921", "Engineer at Acme in 1921."), 1.0, 1.0, 1.0),
    Hit(Passage("work-1-1", "Work", "Acme", "Engineer", "1921", "Built a bridge with Ana."), 1.0, 1.0, 1.0),
]


def older(answer: str) -> str:
    history = [Turn("user", "What did you build?"), Turn("assistant", answer)]
    turns, _ = build_turns("And when?", HITS, history, Tokenizer.gpt2(), 1024, 64)
    return turns[2].text


def test_an_older_answer_is_cited_by_the_passage_it_stands_in_now() -> None:
    assert older("Built a bridge with Ana. [5]") == "[2] Built a bridge with Ana."
    assert older("Acme, Engineer (1921). [1]") == "[1] Acme, Engineer (1921)."


def test_an_older_answer_from_a_passage_not_given_now_loses_its_number() -> None:
    assert older("Sailed to Oslo. [2]") == "Sailed to Oslo."
    assert older("The profile does not say.") == "The profile does not say."
