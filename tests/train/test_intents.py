"""What tells usual questions learns from what it is given, and is read back as it was written."""

from pathlib import Path

import numpy as np
import pytest

from fischgpt.data.grounded.intents import intents as usual_questions
from fischgpt.data.grounded.orders import orders
from fischgpt.profile.embed import embed, embedder
from fischgpt.profile.intents import Intents
from fischgpt.train import intents as fitting
from fischgpt.train.intents import Resume, fit_answered, fit_asked, phrased, save

NOTHING = np.zeros(0), np.zeros(0), {}


def test_questions_among_the_others_that_are_usual_ones_are_not_learned_as_none() -> None:
    asked = [one for one in usual_questions() if one.key in ("married", "music", "salary", "school", "war")]
    texts, numbers = phrased(asked)
    married = [text for text, number in zip(texts, numbers, strict=True) if asked[number].key == "married"]
    theirs = sorted(set(married[::6]))
    kept = [i for i, text in enumerate(texts) if text not in theirs]
    usual, others, sure = embed([texts[i] for i in kept]), embed([*theirs, *orders()[::2]]), embed(orders()[1::2])
    model = Intents(fit_asked(usual, numbers[kept], others, sure), *NOTHING)
    shares = [float(model.of(vector).sum()) for vector in others]
    assert len(theirs) > 5 and np.median(shares[: len(theirs)]) > 0.8 and np.mean(shares[len(theirs) :]) < 0.01


def test_lines_that_were_not_looked_through_for_a_question_count_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "RARE", 1)
    monkeypatch.setattr(fitting, "STEPS", 300)
    lines = ["Married the potter Ines.", "Built a mill.", "Plays the harp.", "Sold the mill."]
    married, plays = [1, 0, 0, 0], [0, 0, 1, 0]
    read = embedder().read(lines)

    def fitted(second: list[float]) -> np.ndarray:
        answers = np.array([married, second], np.float32).T
        tensors = fit_answered([Resume(read, [False] * 4, answers, [])])
        known = {id_: row for row, id_ in enumerate(tensors["known"].tolist())}
        return Intents(np.zeros(0), tensors["vectors"], tensors["pieces"], known).answered(read, [False] * 4)

    both, one = fitted(plays), fitted([np.nan] * 4)
    assert both[:, 0].argmax() == 0 and both[:, 1].argmax() == 2 and both[0, 0] > 0 > both[0, 1]
    assert one[:, 0].argmax() == 0 and abs(one[:, 1]).max() < abs(both[:, 1]).min()


def test_weights_are_read_back_as_they_were_however_they_lie_in_memory(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).normal(size=(3, 385)).astype(np.float16)
    tensors = {"asked": drawn.T, "vectors": drawn.T, "pieces": drawn.T, "known": np.array([4, 2], np.int32)}
    save(tensors, tmp_path / "intents.safetensors")
    read = Intents.load(tmp_path / "intents.safetensors")
    assert np.array_equal(read.asked, drawn.T) and np.array_equal(read.pieces, drawn.T) and read.known == {4: 0, 2: 1}
