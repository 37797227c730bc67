"""What becomes of the questions that anybody is asked: a job, a home, a weakness, languages, the first post, a salary.

    python benchmarks/usual.py             a quarter of an hour
    python benchmarks/usual.py --show      with each wrong line told and each line not told, to read

121 of them about each of the twenty people of the dev half (usual.json): which passages answer, or that none does, was
written by four who knew nothing of the search, and the phrasings by two; others of one of these are learned from, about
other people (profile/intents.py). The sets of `fischgpt eval` have hardly any such question: their authors were to
avoid the usual.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from fischgpt.evals.profile_items import read_sets
from fischgpt.profile import rereading
from fischgpt.profile.cross_encoder import CrossEncoder
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile
from fischgpt.profile.retrieval import listed

HERE = Path(__file__).parent
HE = frozenset("battuta faraday henson mwangi ostrenko rizal tesla turing".split())  # noqa: SIM905
RIGHT, IN_PART, WRONG, DECLINED = "right line first", "among the lines", "other lines", "declined"


def phrased(asked: list[str], number: int, name: str, first_name: str) -> str:
    """The `number`th phrasing, round and round."""
    words = {"he": "he", "his": "his", "him": "him"} if name in HE else {"he": "she", "his": "her", "him": "her"}
    return asked[number % len(asked)].format(name=first_name, **words)


def ask_all(cache: Path) -> Iterator[tuple[str, str, bool, str]]:
    """(what is asked for, the question and what was told, whether anything answers, the outcome)."""
    usual = json.loads((HERE / "usual.json").read_text(encoding="utf-8"))
    for number, known in enumerate(one for one in read_sets() if one.half == "dev"):
        profile = load_profile(known.resume)
        index = Index.open(profile, cache)
        for k, (key, asked) in enumerate(usual["asked"].items()):
            question = phrased(asked, number + k, known.name, profile.name.split()[0])
            wanted = usual["answers"][known.name].get(key, "").split()
            found = index.search(question)
            told = [hit.passage for hit, _ in listed(found)] if found.answerable else []
            right = [passage.id in wanted for passage in told]
            outcome = DECLINED if not told else RIGHT if right[0] else IN_PART if any(right) else WRONG
            best = found.hits[0].passage.text if found.hits else ""
            yield key, f"{question} [{known.name}] {best} (wanted: {' '.join(wanted)})", bool(wanted), outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reader", type=Path, help="the .onnx of another cross-encoder")
    parser.add_argument("--show", action="store_true")
    args = parser.parse_args()
    if args.reader:
        other = CrossEncoder(args.reader)
        rereading.cross_encoder = lambda: other  # type: ignore[assignment]
    total: Counter[tuple[bool, str]] = Counter()
    of_key: dict[str, Counter[tuple[bool, str]]] = {}
    with tempfile.TemporaryDirectory() as cache:
        for key, told, answerable, outcome in ask_all(Path(cache)):
            total[answerable, outcome] += 1
            of_key.setdefault(key, Counter())[answerable, outcome] += 1
            if args.show and (outcome in (WRONG, DECLINED) if answerable else outcome != DECLINED):
                print(f"{key}, {outcome}: {told}")
    for key, counted in of_key.items():
        good = counted[True, RIGHT] + counted[True, IN_PART]
        print(
            f"{key:<10} told {good} of {sum(n for (has, _), n in counted.items() if has)}, "
            f"declined {counted[False, DECLINED]} of {sum(n for (has, _), n in counted.items() if not has)}"
        )
    for answerable, title in ((True, "answered by the profile"), (False, "not answered by it")):
        counted = {outcome: n for (has, outcome), n in total.items() if has is answerable}
        print(f"{title}, {sum(counted.values())}: {', '.join(f'{n} {outcome}' for outcome, n in counted.items())}")


if __name__ == "__main__":
    main()
