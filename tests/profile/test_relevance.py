"""The reader tells whether a passage holds the answer, not only whether it speaks of the same thing."""

from itertools import islice

import numpy as np
import pytest
import torch

from fischgpt.data.grounded.asked import made_up
from fischgpt.profile.embed import embedder
from fischgpt.profile.relevance import Pair, Relevance, collate, relevance
from fischgpt.train.relevance import loss_of, measure, read, train


def pair(question: str, passage: str) -> Pair:
    asked, told = embedder().read([question, passage])
    return Pair(asked, told, float(asked.vector @ told.vector), 1.0)


def test_the_shipped_reader_tells_answers_from_near_misses_about_owners_it_was_not_trained_on():
    found = measure(relevance(), read(list(islice(made_up(7, "held-out"), 30))))
    # Seen on 200 owners of seed 0: .71, .78 and .30; without reading the fact, near misses are declined as often as
    # answerable questions are, 3 in 100 at this threshold.
    assert found["single hit@1"] > 0.6
    assert found["private declined"] > 0.5
    assert found["near declined"] > 0.12


def test_a_pair_scores_the_same_alone_and_padded_among_longer_ones():
    short, long = (
        pair("Who?", "Work, Acme: Built it."),
        pair("How much did the bridge cost?", "Work, Acme: " + "a b " * 40),
    )
    alone, together = relevance().score([short]), relevance().score([short, long])
    assert together[0] == pytest.approx(alone[0], abs=1e-4)
    assert collate([short, long]).mask.sum(1).tolist() == [
        len(p.question.ids) + min(len(p.passage.ids), 100) for p in (short, long)
    ]


def test_none_of_these_has_the_logit_0():
    logits, question = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0, 0, 1])
    answered = loss_of(logits, torch.tensor([1.0, 0.0, 0.0]), question)
    softmax = torch.log(torch.exp(logits[:2]).sum() + 1) - 2.0, torch.log(torch.exp(logits[2]) + 1)
    binary = torch.nn.functional.binary_cross_entropy_with_logits(logits, torch.tensor([1.0, 0.0, 0.0]))
    assert answered == pytest.approx(float(sum(softmax)) / 2 + 0.5 * float(binary), abs=1e-5)


def test_made_up_profiles_are_repeatable_and_their_answers_are_among_their_passages():
    owners = list(islice(made_up(3), 40))
    assert owners[7:9] == list(islice(made_up(3, start=7), 2))
    kinds = [one.kind for owner in owners for one in owner.questions]
    assert {"single", "list", "follow-up", "near", "private", "section", "unknown"} <= set(kinds)
    assert 0.3 < np.mean([not one.answers for owner in owners for one in owner.questions]) < 0.6
    assert all(max(one.answers, default=0) < len(owner.passages) for owner in owners for one in owner.questions)


def test_training_learns_and_repeats_itself():
    examples = read(list(islice(made_up(5), 12)))
    said: list[str] = []
    readers = [train(examples, 10, 1, said.append) for _ in range(2)]
    for a, b in zip(readers[0].state_dict().values(), readers[1].state_dict().values(), strict=True):
        assert torch.equal(a, b)
    torch.manual_seed(1)
    losses = []
    for reader in (Relevance().eval(), readers[0]):
        logits = torch.cat([torch.from_numpy(reader.score(one.pairs(range(len(one.passages))))) for one in examples])
        answers = torch.cat([torch.from_numpy(one.answers).float() for one in examples])
        question = torch.cat([torch.full((len(one.passages),), n) for n, one in enumerate(examples)])
        losses.append(float(loss_of(logits, answers, question)))
    assert losses[1] < 0.8 * losses[0]
