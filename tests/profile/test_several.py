"""A question for several things is told from one for a single thing."""

import numpy as np
import pytest

from fischgpt.profile.index import Index
from fischgpt.profile.several import PLURAL, several
from fischgpt.train.several import auc, fit


def test_questions_for_several_things_are_told_apart(fisch: Index):
    for question in ("Which models has he published?", "List all the papers that he read.", "Which papers?"):
        assert fisch.search(question).several > 0.15, question
    for question in ("When was he born?", "What did the training cost?", "Why did he build it?"):
        assert fisch.search(question).several < 0.05, question


def test_a_plural_that_is_asked_for_counts_and_a_verb_in_s_is_none():
    still = np.zeros(384, np.float32)
    assert several("Which famous people and rulers did he meet?", still) > several("Whom did he meet?", still)
    for question in ("Which prizes did she win?", "what big cities has he seen", "In which papers is it?"):
        assert PLURAL.search(question), question
    for question in ("What was it?", "What does he do?", "Which is his?", "Who wins prizes?", "What year was this?"):
        assert not PLURAL.search(question), question


def test_the_fit_finds_a_direction_and_auc_counts_pairs():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 384)).astype(np.float32)
    lists = (vectors[:, 3] > 0).astype(np.float32)
    weights, _ = fit(vectors, lists)
    assert np.abs(weights).argmax() == 3
    scores = np.array([0.1, 0.9, 0.4, 0.3], np.float32)
    assert auc(np.array([0, 1, 0, 1], np.float32), scores) == pytest.approx(3 / 4)
