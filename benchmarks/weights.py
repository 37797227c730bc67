"""What the readers say, weighed: REREAD_WEIGHTS, REREAD_GATE and BELONGS fitted again, and what each threshold gives.

    python benchmarks/weights.py                      the fits of retrieval.md, five minutes
    python benchmarks/weights.py --reader OTHER.onnx  with another cross-encoder (train/cross_encoder.py)

On people that no reader learned from: the dev half of the profile questions, nine of whose people are by authors who
knew nothing of the search, and the eleven of `people/` and `makers/` (their lists, their follow-ups and every fourth
other question). Each weighed group is fitted on the two others; the last line of each table on all of them. No question
counts as one that anybody is asked (profile/intents.py): what that counts beside the readers, usual.py fits.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fischgpt.assistant.check import MARKER
from fischgpt.assistant.listing import quoted
from fischgpt.chat import Turn
from fischgpt.data.grounded.people import person
from fischgpt.evals import profile_score
from fischgpt.evals.profile_items import ASKING, Item, read_sets
from fischgpt.profile import index, rereading, retrieval
from fischgpt.profile.cross_encoder import CrossEncoder
from fischgpt.profile.index import Index
from fischgpt.profile.intents import intents
from fischgpt.profile.judged import FAR, FAR_WEIGHT, REREAD_GATE, REREAD_WEIGHTS
from fischgpt.profile.profile import load_profile
from fischgpt.profile.retrieval import BELONGS, Retrieval, belonging, listed
from fischgpt.train.several import auc, fit

HERE = Path(__file__).parent
KINDS = ("people", "makers")
FRESH = ("bell", "henson", "ilves", "meitner", "mwangi", "noether", "okafor", "pereira", "somerville")
"""The people of the dev half that joined it last, by nine authors told to avoid a resume's words."""
FOURTH = 4
SHOWN = 8
"""Hits that an answer is chosen from."""


class NoIntents:
    """Takes no question for one that anybody is asked."""

    def of(self, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        return 0 * intents().of(vector)


@dataclass(frozen=True)
class Answered:
    """A question, what it found, and which passages answer it; `item` where the answer can be scored."""

    group: str
    kind: str
    found: Retrieval
    evidence: frozenset[str]
    item: Item | None = None

    @property
    def signals(self) -> NDArray[np.float64]:
        """(hits read twice, 4)"""
        return np.array([hit.signals for hit in self.found.hits if hit.signals])


def ask_all(cache: Path) -> Iterator[Answered]:
    """Every question that is searched as it stands; not those that are taken apart, or ask who somebody is."""

    def ask(opened: Index, question: str, before: Sequence[str]) -> Retrieval:
        history = [turn for text in before for turn in (Turn("user", text), Turn("assistant", "I see."))]
        return opened.search(question, history, k=index.REREAD_SEVERAL)

    for known in read_sets():
        opened = Index.open(load_profile(known.resume), cache) if known.half == "dev" else None
        for item in known.items if opened else ():
            found = ask(opened, item.question, item.after)
            if item.kind != "injection" and found.reread:
                group = "fresh" if known.name in FRESH else "dev"
                yield Answered(group, item.kind, found, frozenset(item.evidence), item)
    for file in (file for kind in KINDS for file in sorted((HERE / kind).glob("*.json"))):
        owner, opened = person(file), Index.open(load_profile(file), cache)
        rare = [one for one in owner.questions if one.kind == "list" or one.earlier]
        for one in [*rare, *[one for one in owner.questions if one not in rare][::FOURTH]]:
            found = ask(opened, one.text, [one.earlier] if one.earlier else [])
            if found.reread:
                yield Answered("eleven", one.kind, found, frozenset(owner.passages[i].id for i in one.answers))


def fitted(rows: Sequence[Sequence[float]], right: Sequence[bool]) -> NDArray[np.float64]:
    """The weights of a logistic regression; the last thing known in each row is 1."""
    weights, bias = fit(np.array(rows, np.float32)[:, :-1], np.array(right, np.float32))
    return np.append(weights, bias).astype(np.float64)


def fit_order(asked: Sequence[Answered]) -> NDArray[np.float64]:
    """Whether a passage answers."""
    read = [(hit.signals, hit.passage.id in one.evidence) for one in asked for hit in one.found.hits if hit.signals]
    return fitted(*zip(*read, strict=True))


def fit_gate(asked: Sequence[Answered], order: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whether the profile answers, of the best passage."""
    return fitted([one.signals[(one.signals @ order).argmax()] for one in asked], [bool(one.evidence) for one in asked])


def fit_belongs(asked: Sequence[Answered]) -> NDArray[np.float64]:
    """Whether a further passage belongs to the answer."""
    rows, right = [], []
    for one in asked:
        if not one.evidence:
            continue
        best, *rest = one.found.hits[: one.found.reread]
        rows += [belonging(hit, best, one.found.several) for hit in rest]
        right += [hit.passage.id in one.evidence for hit in rest]
    return fitted(rows, right)


def weighed(one: Answered, order: NDArray[np.float64]) -> Answered:
    """With its hits in this order."""
    logits = one.signals @ order
    hits = [
        replace(hit, score=float(1 / (1 + np.exp(-logit)))) for hit, logit in zip(one.found.hits, logits, strict=False)
    ]
    return replace(one, found=replace(one.found, hits=sorted(hits, key=lambda hit: -hit.score)))


def table(title: str, asked: Sequence[Answered], fit: Callable, shipped: NDArray, show: Callable) -> None:
    print(f"\n{title}")
    groups = sorted({one.group for one in asked})
    for group in groups:
        own = [one for one in asked if one.group == group]
        print(f"{group}, shipped | {show(own, shipped)}")
        print(f"{group}, fitted on the others | {show(own, fit([one for one in asked if one.group != group]))}")
    print(f"fitted on all: {np.round(fit(asked), 2).tolist()}; shipped: {shipped.tolist()}")


def show_order(asked: Sequence[Answered], order: NDArray[np.float64]) -> str:
    first = [weighed(one, order).found.hits[0].passage.id in one.evidence for one in asked if one.evidence]
    return f"hit@1 {np.mean(first):.3f} of {len(first)}"


def show_gate(asked: Sequence[Answered], gate: NDArray[np.float64]) -> str:
    best = np.array([one.signals[(one.signals @ REREAD_WEIGHTS).argmax()] for one in asked])
    logits = best @ gate - FAR_WEIGHT * np.maximum(0, FAR - best[:, 2])
    answered = np.array([bool(one.evidence) for one in asked])
    at = ", ".join(
        f"{t}: {(p[answered] < t).mean():.3f} lost {(p[~answered] < t).mean():.3f} declined"
        for p in [1 / (1 + np.exp(-logits))]
        for t in (0.35, 0.4, 0.45, 0.5)
    )
    return f"AUC {auc(answered.astype(np.float32), logits):.3f}; {at}"


def show_belongs(asked: Sequence[Answered], belongs: NDArray[np.float64]) -> str:
    """Right answers of those that have one (in 30 words), right lists, answers to questions for one thing that have
    more than one line; of the eleven, whose answers are not scored, lists of which half is there."""
    told = []
    retrieval.BELONGS = belongs
    for least in (0.15, 0.2, 0.25, 0.3):
        retrieval.LISTED = least
        right, short, whole, more = [], [], [], []
        for one in asked:
            if not one.evidence:
                continue
            told_of = replace(one.found, hits=one.found.hits[:SHOWN])
            chosen = listed(told_of)
            if one.item and one.kind in ASKING:
                text = MARKER.sub(" ", quoted(told_of, told_of.hits)).split()
                right.append(profile_score.holds(" ".join(text[:60]), one.item.gold, one.item.need))
                short.append(right[-1] and len(text) <= 30)
            if one.kind == "list":
                cited = len({hit.passage.id for hit, _ in chosen} & one.evidence)
                whole.append(right[-1] if one.item else cited >= max(2, len(one.evidence) / 2))
            else:
                more.append(len(chosen) > 1)
        of_all = f"right {np.mean(right):.3f} in 30 words {np.mean(short):.3f} " if right else ""
        told.append(f"{least}: {of_all}lists {np.mean(whole):.3f} several lines {np.mean(more):.3f}")
    return ", ".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", type=Path, help="the .onnx of another cross-encoder")
    args = parser.parse_args()
    if args.reader:
        other = CrossEncoder(args.reader)
        rereading.cross_encoder = lambda: other  # type: ignore[assignment]
    index.intents = NoIntents  # type: ignore[assignment]
    retrieval.LISTED = 0.1  # so that whatever may be listed is cut down
    with tempfile.TemporaryDirectory() as cache:
        asked = list(ask_all(Path(cache)))
    print(f"{len(asked)} questions")
    table("REREAD_WEIGHTS", asked, fit_order, REREAD_WEIGHTS, show_order)
    table("REREAD_GATE", asked, lambda some: fit_gate(some, REREAD_WEIGHTS), REREAD_GATE, show_gate)
    table("BELONGS, from LISTED", asked, fit_belongs, BELONGS, show_belongs)


if __name__ == "__main__":
    main()
