"""Orders stand in the training, and no message of the evaluation or of the benchmark is among them."""

import json
import re
from pathlib import Path
from random import Random

from fischgpt.data.grounded.orders import in_company, orders
from fischgpt.evals.profile_items import SETS

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "orders.txt"


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_none_of_them_is_asked_by_the_evaluation_or_the_benchmark() -> None:
    theirs = {
        words(json.loads(line)["question"])
        for file in SETS.glob("*/questions.jsonl")
        for line in file.open(encoding="utf-8")
    }
    measured = [line.partition(" ## ") for line in BENCHMARK.read_text(encoding="utf-8").splitlines()]
    assert {kind for kind, *_ in measured} == {"order", "ask"} and len(measured) == 395
    ours = {words(order) for order in orders()}
    assert len(ours) > 600
    assert not ours & (theirs | {words(text) for *_, text in measured})


def test_a_question_in_company_keeps_its_words() -> None:
    dice = Random(2)
    said = [in_company("Which school did she go to?", dice) for _ in range(200)]
    assert all("hich school did she go to" in one for one in said)
    beside = [one for one in said if any(order in one for order in orders())]
    assert 80 < len(beside) < 140 and len({one for one in said if "?" not in one}) > 15
