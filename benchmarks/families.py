"""Does what the second reader learns carry over to families of questions that it never saw?

    R="python -m fischgpt.train.cross_encoder reranker_en/model.onnx"           where that file is from: its --help
    $R runs/all.onnx --steps 300
    $R runs/some.onnx --steps 300 --without who when "how long" yes-no
    python benchmarks/families.py runs/all.onnx runs/some.onnx who when "how long" yes-no

Both readers order the sixteen best passages of a plain search for every question about people that neither learned from
(`people/`, `makers/`, evals/profile_sets/), alone, without the first reader, which has seen all families. A question is
right whose passage comes first with a logit that 95 % of all answerable questions reach. Several families left out at
once are a harder test than one: the others have to carry all of them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fischgpt.data.grounded.asked import Asked, MadeUp
from fischgpt.data.grounded.families import FAMILIES, family
from fischgpt.data.grounded.people import person
from fischgpt.evals.profile_items import read_sets
from fischgpt.evals.profile_score import interval
from fischgpt.profile.cross_encoder import CrossEncoder
from fischgpt.profile.index import BM25_WEIGHT, JUDGED
from fischgpt.profile.profile import load_profile
from fischgpt.train.examples import read

HERE = Path(__file__).parent
ANSWERED = 0.95


def owners() -> Iterator[MadeUp]:
    """The people, with the questions that have an answer and stand alone."""
    for kind in ("people", "makers"):
        for file in sorted((HERE / kind).glob("*.json")):
            owner = person(file)
            yield MadeUp(owner.name, owner.passages, [one for one in owner.questions if one.answers][::2])
    for one in read_sets():
        profile = load_profile(one.resume)
        at = {passage.id: i for i, passage in enumerate(profile.passages)}
        asked = [
            Asked(item.question, "", tuple(at[id_] for id_ in item.evidence), item.kind)
            for item in one.items
            if item.kind in ("answerable", "list")
        ]
        yield MadeUp(profile.name, list(profile.passages), asked)


def main() -> None:
    files, left_out = sys.argv[1:3], sys.argv[3:]
    if not left_out or not set(left_out) <= set(FAMILIES):
        raise SystemExit(f"which families were left out? Of: {', '.join(FAMILIES)}")
    readers = [CrossEncoder(Path(file)) for file in files]
    families: list[str] = []
    tops: list[list[tuple[float, bool]]] = [[], []]
    for owner in owners():
        for asked, one in zip(owner.questions, read(owner), strict=True):
            families.append(family(asked))
            near = np.argsort(-(one.cosines + BM25_WEIGHT * one.bm25))[:JUDGED]
            for reader, best in zip(readers, tops, strict=True):
                logits = reader.score(one.pairs(near.tolist()))
                best.append((float(logits.max()), bool(one.answers[near[logits.argmax()]])))
    scores, hits = np.array(tops)[..., 0], np.array(tops)[..., 1].astype(bool)
    right = hits & (scores >= np.quantile(scores, 1 - ANSWERED, axis=1, keepdims=True))
    of = np.array(families)
    print(f"{len(of)} questions | family | n | right with it | without | lost, 95 % interval")
    for name in (*FAMILIES, "left out", "learned"):
        rows = np.isin(of, left_out) == (name == "left out") if name in ("left out", "learned") else of == name
        if rows.any():
            lost, low, high, n = interval((right[0] * 1.0 - right[1])[rows].tolist())
            mark = "*" if name in left_out else ""
            print(
                f"{name}{mark} | {n} | {right[0][rows].mean():.3f} | {right[1][rows].mean():.3f} | "
                f"{lost:+.3f} ({low:+.3f} to {high:+.3f})"
            )


if __name__ == "__main__":
    main()
