"""Does a question find its passage, and does the gate tell what a profile does not say? How fast?

    python benchmarks/retrieval.py            figures, and the threshold fitted on all of these people
    python benchmarks/retrieval.py --misses   every question that went wrong
    python benchmarks/retrieval.py --words    without the embedding model
    python benchmarks/retrieval.py --speed    seconds and milliseconds alone

Questions and resumes: benchmarks/retrieval/, and two groups written like the people that the reader learned from
(data/grounded/people) and kept out of its training: benchmarks/people/, whose questions ("oblique") seldom use the
resume's words, and benchmarks/makers/, who made models of their own, with questions as they would come into the chat.
The threshold is judged on people it was not fitted on (one left out at a time); the rule for fitting is fixed here,
before the figures.
"""

import argparse
import json
import tempfile
import time
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fischgpt.chat import Turn
from fischgpt.data.grounded.people import person as written
from fischgpt.evals.profile_items import read_sets
from fischgpt.profile.embed import embed
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile
from fischgpt.profile.retrieval import Retrieval
from fischgpt.resources import resource

HERE = Path(__file__).parent / "retrieval"
WRITTEN = {"oblique": HERE.parent / "people", "maker": HERE.parent / "makers"}
"""Kind of question, and the folder of the people they are about."""
ANSWERED = ("answer", "list", "oblique")
"""Kinds of questions that have an answer and stand alone: the threshold is fitted on them."""
NEAR = tuple(f"{kind} near" for kind in WRITTEN)
SHIPPED = ("fisch", "curie")
FALSE_DECLINES = 0.05
"""The threshold is the highest that declines at most this share of the questions that can be answered."""


@dataclass
class Asked:
    """One question about one person, and what came back."""

    person: str
    kind: str
    question: str
    gold: Sequence[str]
    found: Retrieval
    ranks: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        lines = [hit.passage.render() for hit in self.found.hits]
        self.ranks = [next((n for n, line in enumerate(lines, 1) if gold in line), 99) for gold in self.gold]

    def within(self, k: int) -> bool:
        """Whether each passage wanted is among the first k."""
        return all(rank <= k for rank in self.ranks)


def ask_all(cache: Path, words_alone: bool, once: bool) -> list[Asked]:
    """Every question of questions.toml, against its own person's index."""
    asked = []
    for person, sets in tomllib.loads((HERE / "questions.toml").read_text("utf-8")).items():
        path = resource(f"profiles/{person}") if person in SHIPPED else HERE / f"{person}.json"
        profile = load_profile(path)
        index = Index(profile, None, None) if words_alone else Index.open(profile, cache, reread=not once)
        if index.notice:
            raise SystemExit(index.notice)
        lines = [passage.render() for passage in index.profile.passages]
        for question, gold in [*sets["answer"], *sets.get("list", ())]:
            golds = [gold] if isinstance(gold, str) else gold
            assert all(any(g in line for line in lines) for g in golds), (person, question, golds)
            kind = "answer" if isinstance(gold, str) else "list"
            asked.append(Asked(person, kind, question, golds, index.search(question)))
        for kind in ("decline", "near"):
            asked += [Asked(person, kind, q, (), index.search(q)) for q in sets[kind]]
        for before, question, gold in sets["follow"]:
            assert any(gold in line for line in lines), (person, question, gold)
            history = [Turn("user", before), Turn("assistant", "I see.")]
            asked.append(Asked(person, "follow", question, [gold], index.search(question, history)))
            # The same history before a question that stands alone must not lead it astray.
            other, other_gold = sets["answer"][len(asked) % len(sets["answer"])]
            asked.append(Asked(person, "after", other, [other_gold], index.search(other, history)))
            lost = sets["decline"][len(asked) % len(sets["decline"])]
            asked.append(Asked(person, "decline after", lost, (), index.search(lost, history)))
        for before, question in sets["drift"]:
            history = [Turn("user", before), Turn("assistant", "I see.")]
            asked.append(Asked(person, "drift", question, (), index.search(question, history)))
    for written_kind, file in ((kind, file) for kind in WRITTEN for file in sorted(WRITTEN[kind].glob("*.json"))):
        profile = load_profile(file)
        index = Index(profile, None, None) if words_alone else Index.open(profile, cache, reread=not once)
        owner = written(file)
        for one in owner.questions:
            gold = [owner.passages[i].render() for i in one.answers]
            kind = written_kind if gold else f"{written_kind} near"
            asked.append(Asked(file.stem, kind, one.text, gold, index.search(one.text)))
    return asked


def fit(asked: Sequence[Asked]) -> float:
    """The highest threshold that declines at most FALSE_DECLINES of the answerable questions."""
    scores = sorted(one.found.score for one in asked if one.kind in ANSWERED)
    return scores[int(FALSE_DECLINES * len(scores))]


def share(values: Sequence[bool]) -> str:
    return f"{sum(values) / max(len(values), 1):.3f} ({sum(values)}/{len(values)})"


def auc(yes: Sequence[float], no: Sequence[float]) -> float:
    """Chance that a question with an answer scores above one without."""
    return float(np.mean([[(a > b) + 0.5 * (a == b) for b in no] for a in yes]))


def speed(cache: Path) -> Iterator[str]:
    """How long indexing 200 bullets takes, and a search: of these with a short question, and of the dev half's resumes
    with every third question asked of them, a follow-up after the question before it."""
    words = json.loads((HERE / "scientist.json").read_text("utf-8"))
    told = [bullet for entry in words["work"] for bullet in entry["highlights"]]
    bullets = [f"{bullet} in year {1800 + n}" for n in range(40) for bullet in told]
    resume = {"basics": {"name": "Two Hundred"}, "work": [{"name": "Acme", "highlights": bullets[:199]}]}
    path = cache / "resume.json"
    path.write_text(json.dumps(resume), "utf-8")
    profile = load_profile(path)
    embed(["The model is loaded before the clock starts."])
    assert len(profile.passages) == 200
    index, built = clocked(lambda: Index.open(profile, cache / "speed"))
    yield f"indexed in {built / 1000:.2f} s"
    short = [
        clocked(partial(index.search, f"How fast does the glacier move in {1800 + n % 20}?"))[1] for n in range(200)
    ]
    yield f"short question, short bullets: {spread(short)}"
    of: dict[str, list[float]] = defaultdict(list)
    for one in read_sets():
        opened = Index.open(load_profile(one.resume), cache / one.name) if one.half == "dev" else None
        for item in one.items[::3] if opened else ():
            for question in item.after:
                opened.search(question)
            history = [Turn("user", question) for question in item.after]
            found, took = clocked(partial(opened.search, item.question, history))
            of[f"{item.kind}, cut to runs" if any(hit.runs for hit in found.hits) else item.kind].append(took)
    for kind in sorted(of):
        yield f"{kind}: {spread(of[kind])}"


def clocked(do: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the milliseconds it took."""
    start = time.perf_counter()
    return do(), 1e3 * (time.perf_counter() - start)


def spread(times: Sequence[float]) -> str:
    return "p50 {:.0f} ms, p95 {:.0f} ms of {}".format(*np.percentile(times, (50, 95)), len(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="list what went wrong")
    parser.add_argument("--words", action="store_true", help="search by words alone")
    parser.add_argument("--once", action="store_true", help="without the second reading")
    parser.add_argument("--speed", action="store_true", help="how fast, and nothing else")
    options = parser.parse_args()
    if options.speed:
        with tempfile.TemporaryDirectory() as folder:
            for line in speed(Path(folder)):
                print(line, flush=True)
            return
    with tempfile.TemporaryDirectory() as folder:
        asked = ask_all(Path(folder), options.words, options.once)
    people = list(dict.fromkeys(one.person for one in asked))
    of = {kind: [one for one in asked if one.kind == kind] for kind in dict.fromkeys(one.kind for one in asked)}

    made_up = [person for person in people if person not in SHIPPED]
    for name, group in (("all", people), ("shipped", SHIPPED), ("made up", made_up)):
        print(f"{name}:")
        for kind in ("answer", "list", "follow", "after", *WRITTEN):
            ones = [one for one in of[kind] if one.person in group]
            if not ones:
                continue
            print(f"  {kind:<7} hit@1 {share([o.within(1) for o in ones])}  @5 {share([o.within(5) for o in ones])}"
                  f"  @8 {share([o.within(8) for o in ones])}")  # fmt: skip
    scores = {kind: [one.found.score for one in of[kind]] for kind in of}
    yes = [*scores["answer"], *scores["list"]]
    for yes_kind, no_kind in (("answer", "decline"), ("answer", "near"), *((kind, f"{kind} near") for kind in WRITTEN)):
        print(f"AUC {yes_kind} against {no_kind} {auc(scores[yes_kind], scores[no_kind]):.3f}")

    threshold = asked[0].found.threshold
    no = [one.found.score for one in of["decline"]]
    for limit in asked[0].found.threshold + np.arange(-0.06, 0.07, 0.02):
        passed, stopped = np.mean(np.array(yes) >= limit), np.mean(np.array(no) < limit)
        print(f"  at {limit:.2f}: answered {passed:.3f}, declined {stopped:.3f}")
    print(f"threshold in use {threshold}; fitted on all {fit(asked):.3f}")
    fitted = {person: fit([one for one in asked if one.person != person]) for person in people}
    print("left-one-out thresholds " + ", ".join(f"{person} {value:.3f}" for person, value in fitted.items()))
    for label, limit in (("in use", dict.fromkeys(people, threshold)), ("left one out", fitted)):
        print(f"gate, {label}:")
        for kind in (*ANSWERED, "maker", "follow", "after", "decline", "decline after", "drift", "near", *NEAR):
            passed = [one.found.score >= limit[one.person] for one in of[kind]]
            wanted = kind in (*ANSWERED, "maker", "follow", "after")
            print(f"  {kind:<14} {'answered' if wanted else 'declined'} {share([p == wanted for p in passed])}")
    if options.misses:
        for one in asked:
            bad_rank = one.gold and not one.within(5)
            bad_gate = bool(one.gold) != one.found.answerable and one.kind not in ("near", *NEAR)
            if bad_rank or bad_gate:
                first = one.found.hits[0].passage.render() if one.found.hits else "-"
                print(f"{one.person:<9} {one.kind:<13} {one.found.score:.3f} {one.ranks} {one.question} -> {first}")


if __name__ == "__main__":
    main()
