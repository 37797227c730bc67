"""What becomes of the questions that anybody is asked: a job, a home, a weakness, languages, the first post, a salary.

    python benchmarks/usual.py              a quarter of an hour
    python benchmarks/usual.py --show       with each wrong line told and each line not told, to read
    python benchmarks/usual.py --readers    what the readers alone would tell, without profile/intents.py
    python benchmarks/usual.py --fit        what that counts beside the readers, fitted again; twenty-five minutes

121 of them about each of the twenty people of the dev half (usual.json): which passages answer, or that none does, was
written by four who knew nothing of the search, and the phrasings by two; others of one of these are learned from, about
other people (profile/intents.py). The sets of `fischgpt eval` have hardly any such question: their authors were to
avoid the usual. `--fit` asks those of the dev half too, each counted as five.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from weights import NoIntents, fitted

from fischgpt.chat import Turn
from fischgpt.evals.profile_items import read_sets
from fischgpt.profile import index, rereading
from fischgpt.profile.cross_encoder import CrossEncoder
from fischgpt.profile.index import REREAD_SEVERAL, Index
from fischgpt.profile.judged import REREAD_WEIGHTS, gate
from fischgpt.profile.profile import load_profile
from fischgpt.profile.retrieval import Retrieval, listed
from fischgpt.train.several import auc

HERE = Path(__file__).parent
HE = frozenset("battuta faraday henson mwangi ostrenko rizal tesla turing".split())  # noqa: SIM905
RIGHT, IN_PART, WRONG, DECLINED = "right line first", "among the lines", "other lines", "declined"
COUNTED = 5
"""Times that a question of the sets counts in a fit: it must not be taken for a usual one that it only resembles."""
USUAL = 0.3
"""Probability of being a usual question from which one is fitted on."""


@dataclass(frozen=True)
class Asked:
    """A question about somebody, what it found, and which passages answer it; `key` for a usual one, or empty."""

    who: int
    key: str
    question: str
    found: Retrieval
    wanted: frozenset[str]

    @property
    def told(self) -> list[str]:
        """The ids of the passages told."""
        return [hit.passage.id for hit, _ in listed(self.found)] if self.found.answerable else []

    @property
    def outcome(self) -> str:
        right = [id_ in self.wanted for id_ in self.told]
        return DECLINED if not right else RIGHT if right[0] else IN_PART if any(right) else WRONG

    @property
    def signals(self) -> NDArray[np.float64]:
        """(hits read twice, 5): that it answers the usual question, then what the readers say."""
        return np.array([[hit.usual, *hit.signals] for hit in self.found.hits if hit.signals])

    @property
    def right(self) -> list[bool]:
        """Of each hit read twice: whether it answers."""
        return [hit.passage.id in self.wanted for hit in self.found.hits if hit.signals]


def phrased(asked: Sequence[str], number: int, name: str, first_name: str) -> str:
    """The `number`th phrasing, round and round."""
    words = {"he": "he", "his": "his", "him": "him"} if name in HE else {"he": "she", "his": "her", "him": "her"}
    return asked[number % len(asked)].format(name=first_name, **words)


def ask_all(cache: Path, sets_too: bool) -> Iterator[Asked]:
    """The usual questions about everybody, and the sets' own with `sets_too`."""
    usual = json.loads((HERE / "usual.json").read_text(encoding="utf-8"))
    for number, known in enumerate(one for one in read_sets() if one.half == "dev"):
        profile = load_profile(known.resume)
        opened = Index.open(profile, cache)
        for k, (key, asked) in enumerate(usual["asked"].items()):
            question = phrased(asked, number + k, known.name, profile.name.split()[0])
            wanted = usual["answers"][known.name].get(key, "").split()
            yield Asked(number, key, question, opened.search(question, k=REREAD_SEVERAL), frozenset(wanted))
        for item in known.items if sets_too else ():
            if item.kind != "injection":
                before = [turn for text in item.after for turn in (Turn("user", text), Turn("assistant", "I see."))]
                found = opened.search(item.question, before, k=REREAD_SEVERAL)
                yield Asked(number, "", item.question, found, frozenset(item.evidence))


def weighed(one: Asked, share: float, order: NDArray, opens: NDArray) -> tuple[bool, float]:
    """Whether the passage that comes first answers, and the gate's logit, with these weights of a usual question."""
    of_readers = one.signals[:, 1:]
    first = int(((1 - share) * (of_readers @ REREAD_WEIGHTS) + share * (one.signals @ order)).argmax())
    return one.right[first], (1 - share) * gate(of_readers[first]) + share * float(one.signals[first] @ opens)


def fit(asked: Sequence[Asked]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(5,) what orders the passages of a usual question, and (5,) what opens the gate for the best of them. The last
    thing known is 1."""
    counted = [one for one in asked for _ in range(1 if one.key else COUNTED) if one.found.usual >= USUAL]
    order = fitted([row for one in counted for row in one.signals], [right for one in counted for right in one.right])
    best = [one.signals[(one.signals @ order).argmax()] for one in counted]
    return order, fitted(best, [bool(one.wanted) for one in counted])


def print_fit(asked: Sequence[Asked]) -> None:
    """The weights, and what they give where each half of the people is weighed by a fit on the other."""
    asked = [one for one in asked if one.found.reread and one.found.together == 1]
    by_half = [fit([one for one in asked if one.who % 2 != half]) for half in (0, 1)]
    print("fitted on all: USUAL_WEIGHTS {}, USUAL_GATE {}".format(*(weights.round(2) for weights in fit(asked))))
    shares: dict[str, Callable[[float], float]] = {
        "the readers alone": lambda usual: 0.0,
        "as likely as it is usual": lambda usual: usual,
        "by the root of that (shipped)": lambda usual: usual**0.5,
        "wholly from .5 on": lambda usual: float(usual >= 0.5),
    }
    for title, share in shares.items():
        print(title)
        for name, which in (
            ("usual", [one for one in asked if one.key]),
            ("sets", [one for one in asked if not one.key]),
        ):
            right, logits = np.array([weighed(one, share(one.found.usual), *by_half[one.who % 2]) for one in which]).T
            has = np.array([bool(one.wanted) for one in which])
            print(
                f"  {name}, {len(which)}: right line first {right[has].mean():.3f}; AUC {auc(has, logits):.3f}; told "
                f"{(right[has] * (logits[has] >= 0)).mean():.3f}; wrongly declined {(logits[has] < 0).mean():.3f}; "
                f"declined {(logits[~has] < 0).mean():.3f}"
            )


def print_outcomes(asked: Sequence[Asked], show: bool) -> None:
    """What is told, by what is asked for."""
    total: Counter[tuple[bool, str]] = Counter()
    of_key: dict[str, Counter[tuple[bool, str]]] = {}
    for one in asked:
        outcome, has = one.outcome, bool(one.wanted)
        total[has, outcome] += 1
        of_key.setdefault(one.key, Counter())[has, outcome] += 1
        if show and (outcome in (WRONG, DECLINED) if has else outcome != DECLINED):
            best = one.found.hits[0].passage.render() if one.found.hits else ""
            print(f"{one.key}, {outcome}: {one.question} {best} (wanted: {' '.join(sorted(one.wanted))})")
    for key, counted in of_key.items():
        good = counted[True, RIGHT] + counted[True, IN_PART]
        print(
            f"{key:<12} told {good} of {sum(n for (has, _), n in counted.items() if has)}, "
            f"declined {counted[False, DECLINED]} of {sum(n for (has, _), n in counted.items() if not has)}"
        )
    for answerable, title in ((True, "answered by the profile"), (False, "not answered by it")):
        counted = {outcome: n for (has, outcome), n in total.items() if has is answerable}
        print(f"{title}, {sum(counted.values())}: {', '.join(f'{n} {outcome}' for outcome, n in counted.items())}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", type=Path, help="the .onnx of another cross-encoder")
    parser.add_argument("--readers", action="store_true", help="the readers alone")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--fit", action="store_true")
    args = parser.parse_args()
    if args.reader:
        other = CrossEncoder(args.reader)
        rereading.cross_encoder = lambda: other  # type: ignore[assignment]
    if args.readers:
        index.intents = NoIntents  # type: ignore[assignment]
    with tempfile.TemporaryDirectory() as cache:
        asked = list(ask_all(Path(cache), args.fit))
    print_outcomes([one for one in asked if one.key], args.show)
    if args.fit:
        print_fit(asked)


if __name__ == "__main__":
    main()
