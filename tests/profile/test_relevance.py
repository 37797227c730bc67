"""The reader tells whether a passage holds the answer, not only whether it speaks of the same thing."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from fischgpt.data.grounded.asked import MadeUp, made_up
from fischgpt.data.grounded.people import person
from fischgpt.profile.embed import embedder
from fischgpt.profile.relevance import Pair, Relevance, collate, relevance
from fischgpt.resources import resource
from fischgpt.train.examples import Shown, ahead, read, shown, steps
from fischgpt.train.reader import Reader, export, upper_half
from fischgpt.train.relevance import logits_of, loss_of, measure, pull, train


def pair(question: str, passage: str) -> Pair:
    asked, told = embedder().read([question, passage])
    return Pair(asked, told, float(asked.vector @ told.vector), 1.0)


def test_the_shipped_reader_tells_answers_from_near_misses_about_owners_it_was_not_trained_on():
    found = measure(relevance(), [one for owner in islice(made_up(7, "held-out"), 30) for one in read(owner)])
    # Seen on 200 owners of seed 0: .80, .71 and .45; without reading the fact, near misses are declined as often as
    # answerable questions are, 3 in 100 at this threshold.
    assert found["single hit@1"] > 0.6
    assert found["private declined"] > 0.5
    assert found["near declined"] > 0.35


def test_a_pair_scores_the_same_alone_and_padded_among_longer_ones():
    short, long = (
        pair("Who?", "Work, Acme: Built it."),
        pair("How much did the bridge cost?", "Work, Acme: " + "a b " * 40),
    )
    alone, together = relevance().score([short]), relevance().score([short, long])
    assert together[0] == pytest.approx(alone[0], abs=0.25)  # int8 activations scale with the batch
    exact = Reader().eval()
    assert exact.score([short, long])[0] == pytest.approx(exact.score([short])[0], abs=1e-4)
    assert (collate([short, long]).part > 0).sum(1).tolist() == [
        len(p.question.ids) + min(len(p.passage.ids), 100) for p in (short, long)
    ]


def test_scores_come_back_in_the_order_of_the_pairs_however_they_are_read():
    texts = ["a b " * 30, "Built it.", "The training cost $208.74 in all.", "c d " * 20, "Paid in marks.", "Ran a lab."]
    pairs = [pair("What did the training cost?", f"Work, Acme: {text}") for text in texts]
    together, alone = relevance().score(pairs), np.concatenate([relevance().score([one]) for one in pairs])
    assert together.argmax() == 2 and together == pytest.approx(alone, abs=0.4)
    assert relevance().score([]).shape == (0,)


def test_none_of_these_has_the_logit_0():
    logits, question = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0, 0, 1])
    answered = loss_of(logits, torch.tensor([1.0, 0.0, 0.0]), question)
    softmax = torch.log(torch.exp(logits[:2]).sum() + 1) - 2.0, torch.log(torch.exp(logits[2]) + 1)
    binary = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 0.0, 0.0]))
    assert answered == pytest.approx(float(sum(softmax)) / 2 + 0.5 * float(binary), abs=1e-5)


def test_what_pulls_is_the_slope_of_the_loss():
    """Of a question that is read rightly, one that is not, and one whose answer is found twice."""
    question = torch.tensor([0, 0, 1, 1, 2, 2, 2])
    answers = torch.tensor([1.0, 0, 1, 0, 1, 1, 0])
    logits = torch.tensor([9.0, -9, -3, 4, 2, 1, -1])
    found = pull(logits, answers, question)
    slopes = []
    for step in torch.eye(7) * 0.01:
        slopes.append((loss_of(logits + step, answers, question) - loss_of(logits - step, answers, question)) / 0.02)
    assert found.tolist() == pytest.approx([abs(float(slope)) for slope in slopes], abs=1e-3)
    assert found[:2].max() < 0.001 < 0.1 < found[2:4].min()


def test_made_up_profiles_are_repeatable_and_their_answers_are_among_their_passages():
    owners = list(islice(made_up(3), 40))
    assert owners[7:9] == list(islice(made_up(3, start=7), 2))
    kinds = [one.kind for owner in owners for one in owner.questions]
    assert {"single", "list", "follow-up", "near", "private", "section", "unknown"} <= set(kinds)
    assert 0.3 < np.mean([not one.answers for owner in owners for one in owner.questions]) < 0.6
    assert all(max(one.answers, default=0) < len(owner.passages) for owner in owners for one in owner.questions)


def test_training_learns_and_repeats_itself():
    examples = read(next(made_up(5)))[:8]
    torch.manual_seed(1)
    untrained = Reader().eval()
    readers = []

    def batches() -> Iterator[Shown]:
        rng = np.random.default_rng(1)
        while True:
            yield shown(examples, rng)

    for _ in range(2):
        reader = Reader()
        reader.load_state_dict(untrained.state_dict())
        readers.append(train(reader, batches(), 30, 1, logits_of, lambda line: None, lr=3e-4))
    for a, b in zip(readers[0].state_dict().values(), readers[1].state_dict().values(), strict=True):
        assert torch.equal(a, b)
    losses = []
    for reader in (untrained, readers[0]):
        logits = torch.cat([torch.from_numpy(reader.score(one.pairs(range(len(one.passages))))) for one in examples])
        answers = torch.cat([torch.from_numpy(one.answers).float() for one in examples])
        question = torch.cat([torch.full((len(one.passages),), n) for n, one in enumerate(examples)])
        losses.append(float(loss_of(logits, answers, question)))
    assert losses[1] < 0.7 * losses[0]


def test_the_steps_hold_every_made_up_question_once_and_three_fifths_written_by_hand():
    owners = list(islice(made_up(6), 70))
    by_hand = read(next(made_up(8)))
    found = [one for step in steps(owners, by_hand, 0) for one in step]
    made = [id(one) for one in found if not any(one is other for other in by_hand)]
    assert len(made) == len(set(made))
    expected = sum(not one.earlier for owner in owners for one in owner.questions)
    assert expected - len(made) < 24  # what fills no whole step is left
    assert 0.55 < 1 - len(made) / len(found) < 0.65
    again = [one for step in steps(owners, by_hand, 0) for one in step]
    assert [one.kind for one in again] == [one.kind for one in found]


WRITTEN = """
Adam Chadwick ## who taught you?
forty wheels ## how many wheels did you cut? | did you cut wheels
- ## what did it cost?
forty wheels ## who taught you? => and how many did you make
~ work-1-2 ## Cut wheels by lamplight, and gave them away. ## did you cut wheels
"""


@pytest.fixture
def clockmaker(tmp_path: Path) -> MadeUp:
    lines = ["Learned filing from Adam Chadwick.", "Cut forty wheels by lamplight.", "Swept the shop.", "Sold a cow."]
    work = {"name": "Horner's", "position": "Apprentice", "highlights": lines}
    (tmp_path / "ann.json").write_text(json.dumps({"basics": {"name": "Ann Other"}, "work": [work]}))
    (tmp_path / "ann.txt").write_text(WRITTEN)
    return person(tmp_path / "ann.json")


def test_a_passage_without_its_answer_is_learned_against_and_never_as_an_answer(clockmaker: MadeUp):
    examples = {one.text: example for one, example in zip(clockmaker.questions, read(clockmaker), strict=False)}
    bare = len(clockmaker.passages)
    assert [examples[text].bare for text in examples] == [(), (bare,), (), ()]  # "did you cut wheels" it still answers
    asked, rng = examples["how many wheels did you cut?"], np.random.default_rng(0)
    (right,) = np.flatnonzero(asked.answers)
    seen = Counter()
    for _ in range(400):
        pairs, answers, _ = shown([asked], rng, 4, 1)
        texts = [next(i for i, one in enumerate(asked.passages) if one is pair.passage) for pair in pairs]
        assert [texts[i] for i in np.flatnonzero(answers.numpy())] == [right] * (right in texts)
        seen[right in texts, bare in texts] += 1
    assert len(pairs) == 4
    alone, beside = seen[False, True] / 400, seen[True, True] / 400
    assert 0.3 < beside < 0.45 and 0.35 < alone < 0.55  # .4 x .85 and .4 + .4 x .15


def test_follow_ups_are_read_behind_the_question_before_and_so_are_questions_that_move_on(clockmaker: MadeUp):
    alone, all_of_them = read(clockmaker), read(clockmaker, follow_ups=True)
    assert len(alone) == 4
    (together,) = embedder().read(["who taught you? and how many did you make"])
    assert all_of_them[4].question.ids.tolist() == together.ids.tolist()
    assert np.flatnonzero(all_of_them[4].answers).tolist() == np.flatnonzero(all_of_them[1].answers).tolist()


def test_orders_are_learned_as_what_nothing_answers_and_questions_in_their_company_as_answered(clockmaker: MadeUp):
    many = read(replace(clockmaker, questions=clockmaker.questions[:4] * 50), follow_ups=True)
    given = [one for one in many if one.kind == "order"]
    assert len(given) == 40 and not any(one.answers.any() for one in given)
    assert 0.1 < (len(many) - 200 - 40) / 200 < 0.4  # moved on, or in company
    kinds = Counter(one.kind for one in many[200:-40])
    assert kinds["single"] > kinds["near"] > 0 and not any(one.answers.any() for one in many if one.kind == "near")


def test_what_comes_is_made_ahead_in_its_order_and_an_error_is_not_swallowed():
    assert list(ahead(iter(range(5)))) == list(range(5))
    with pytest.raises(ZeroDivisionError):
        list(ahead(1 // (2 - i) for i in range(5)))


def test_it_begins_as_the_upper_half_of_minilm():
    config = BertConfig(
        vocab_size=50, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
        max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    bert = BertModel(config).eval()
    states = bert(torch.arange(20)[None], output_hidden_states=True).hidden_states
    reader = Reader()
    reader.load_state_dict(upper_half(bert.state_dict()), strict=False)
    x = states[3]
    for layer in reader.layers:
        x = layer(x, torch.zeros(1, 1, 1, 20, dtype=torch.bool), 0.0)
    assert torch.allclose(x, states[6], atol=1e-5)


def test_the_exported_reader_scores_as_the_network_does(tmp_path):
    torch.manual_seed(0)
    reader = Reader().eval()
    export(reader, tmp_path / "reader.onnx")
    examples = [one for owner in islice(made_up(9), 3) for one in read(owner)]
    pairs = [pair for one in examples for pair in one.pairs(range(4))]
    exact, small = reader.score(pairs), Relevance(tmp_path / "reader.onnx").score(pairs)
    assert np.corrcoef(exact, small)[0, 1] > 0.99
    assert np.abs(exact - small).max() < 0.1 * exact.std() + 0.1
    assert (tmp_path / "reader.onnx").stat().st_size < 7_000_000
    assert b".py" not in (tmp_path / "reader.onnx").read_bytes()


@pytest.mark.parametrize("reader", ["relevance", "crossencoder"])
def test_a_shipped_reader_says_nothing_of_the_machine_that_it_was_made_on(reader: str):
    """torch's exporter writes a stack trace, with paths, to each node."""
    assert b".py" not in resource(f"{reader}/model.onnx").read_bytes()
