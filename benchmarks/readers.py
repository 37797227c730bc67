"""What reading passages twice adds, and with which weights: on people that neither reader learned from.

    python benchmarks/readers.py          the tables of retrieval.md, five minutes

Every third question about the eleven people of `people/` and `makers/`, against the passages that a plain search ranks
highest; the follow-ups of `retrieval/` for the last line. With which weights: benchmarks/weights.py.
"""

import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from retrieval import SHIPPED

from fischgpt.chat import Turn
from fischgpt.data.grounded.asked import Asked, MadeUp
from fischgpt.data.grounded.people import person
from fischgpt.profile.cross_encoder import cross_encoder
from fischgpt.profile.index import BM25_WEIGHT, JUDGED, REREAD, REREAD_SEVERAL, SEVERAL, Index
from fischgpt.profile.judged import RANK_WEIGHT
from fischgpt.profile.profile import load_profile
from fischgpt.profile.question import strip
from fischgpt.profile.relevance import relevance
from fischgpt.profile.several import several
from fischgpt.resources import resource
from fischgpt.train.examples import read

HERE = Path(__file__).parent
KINDS = ("people", "makers")
THIRD = 3


class Judged(NamedTuple):
    """One question and its best passages, as many as are read twice, in the first reader's order."""

    kind: str
    asked: Asked
    search: NDArray[np.float32]
    first: NDArray[np.float32]
    second: NDArray[np.float32]
    answers: NDArray[np.bool_]

    def logits(self, weights: Sequence[float]) -> NDArray[np.floating]:
        """weights: of the second reader, the first, the search, and 1."""
        return np.asarray(weights) @ np.stack([self.second, self.first, self.search, np.ones_like(self.search)])


def judge(kind: str, owner: MadeUp, questions: list[Asked]) -> list[Judged]:
    judged = []
    for asked, one in zip(questions, read(MadeUp(owner.name, owner.passages, questions)), strict=True):
        found = one.cosines + BM25_WEIGHT * one.bm25
        near = np.argsort(-found)[:JUDGED]
        logits = relevance().score(one.pairs(near))
        wants = several(strip(asked.text, owner.name), one.question.vector)
        reread = REREAD_SEVERAL if wants >= SEVERAL else REREAD
        order = np.argsort(-(logits + RANK_WEIGHT * found[near]), kind="stable")[:reread]
        best = near[order]
        second = cross_encoder().score(one.pairs(best))
        judged.append(Judged(kind, asked, found[best], logits[order], second, one.answers[best]))
    return judged


def order_and_gate(judged: Sequence[Judged], weights: Sequence[float]) -> str:
    """hit@1 by kind, AUC, and the share declined of what has no answer where 3 and 6 % of the rest is."""
    best, right, answered = [], [], np.array([bool(one.asked.answers) for one in judged])
    for one in judged:
        logits = one.logits(weights)
        best.append(logits.max())
        right.append(one.answers[logits.argmax()])
    scores, hit = np.array(best), np.array(right)
    hits = [hit[[i for i, one in enumerate(judged) if one.kind == kind and answered[i]]].mean() for kind in KINDS]
    auc = (scores[answered][:, None] > scores[~answered]).mean()
    declined = [(scores[~answered] < np.quantile(scores[answered], lost)).mean() for lost in (0.03, 0.06)]
    return " | ".join(f"{value:.3f}" for value in (*hits, auc, *declined))


def follow_ups() -> list[bool]:
    """Whether the passage of each follow-up of retrieval/questions.toml comes first."""
    found = []
    with tempfile.TemporaryDirectory() as cache:
        for name, sets in tomllib.loads((HERE / "retrieval" / "questions.toml").read_text("utf-8")).items():
            path = resource(f"profiles/{name}") if name in SHIPPED else HERE / "retrieval" / f"{name}.json"
            opened = Index.open(load_profile(path), Path(cache))
            for before, question, gold in sets["follow"]:
                history = [Turn("user", before), Turn("assistant", "I see.")]
                found.append(gold in opened.search(question, history).hits[0].passage.render())
    return found


def main() -> None:
    owners = [(kind, person(file)) for kind in KINDS for file in sorted((HERE / kind).glob("*.json"))]
    judged = [one for kind, owner in owners for one in judge(kind, owner, owner.questions[::THIRD])]
    print(f"{len(judged)} questions: hit@1 people | makers | AUC | declined where 3 % | where 6 % of the rest is")
    for name, weights in (
        ("the first reader + 4 x search", (0, 1, RANK_WEIGHT, 0)),
        ("the cross-encoder", (1, 0, 0, 0)),
        ("+ .5 x first reader + 1 x search", (1, 0.5, 1, 0)),
        ("+ .5 x first reader + 2 x search", (1, 0.5, 2, 0)),
        ("+ 1 x first reader + 4 x search", (1, 1, 4, 0)),
    ):
        print(f"{name} | {order_and_gate(judged, weights)}")
    found = follow_ups()
    print(f"follow-ups: hit@1 {np.mean(found):.3f} of {len(found)}")


if __name__ == "__main__":
    main()
