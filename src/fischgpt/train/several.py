"""Fit what tells whether a question asks for several things (profile/several.py).

    python -m fischgpt.train.several OUT.json          six minutes of one core, most of them for the questions' vectors

Of the people written by hand; each fifth of them is first judged by a fit on the others, which is what is printed.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from fischgpt.data.grounded.asked import MadeUp
from fischgpt.data.grounded.people import people
from fischgpt.profile.compared import halves
from fischgpt.profile.embed import embed
from fischgpt.profile.question import strip
from fischgpt.profile.several import PLURAL

L2 = 1e-4
"""1e-5 is as good for these writers' questions and worse for others': AUC .967 and .966, .942 and .955."""
FOLDS = 5


def read(owners: Sequence[MadeUp]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """(N, 385) vectors of all questions and whether a plural is asked for, (N,) 1 for those that ask for several, (N,)
    the number of their owner. Questions that are taken apart (profile/compared.py) and follow-ups are
    left out."""
    asked = [
        (text, one.kind == "list", n)
        for n, owner in enumerate(owners)
        for one in owner.questions
        if not one.earlier and not halves(text := strip(one.text, owner.name))
    ]
    texts, lists, numbers = zip(*asked, strict=True)
    plural = [[bool(PLURAL.search(text))] for text in texts]
    return np.hstack([embed(texts), np.array(plural, np.float32)]), np.array(lists, np.float32), np.array(numbers)


def fit(vectors: NDArray[np.float32], lists: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """(385,) weights and bias of the logistic regression."""
    x, y = torch.from_numpy(vectors), torch.from_numpy(lists)
    weights, bias = torch.zeros(x.shape[1], requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=300)

    def loss() -> float:
        optimizer.zero_grad()
        wrong = F.binary_cross_entropy_with_logits(x @ weights + bias, y) + L2 * weights.square().sum()
        wrong.backward()
        return float(wrong.detach())

    optimizer.step(loss)
    return weights.detach().numpy(), float(bias.detach())


def auc(lists: NDArray[np.float32], scores: NDArray[np.float32]) -> float:
    """How often a question for several scores above one that is not."""
    ranks = np.argsort(np.argsort(scores)) + 1
    n = int(lists.sum())
    return float((ranks[lists == 1].sum() - n * (n + 1) / 2) / (n * (len(lists) - n)))


def main() -> None:
    vectors, lists, owners = read(list(people()))
    scores = np.zeros(len(lists), np.float32)
    for fold in range(FOLDS):
        out = owners % FOLDS == fold
        weights, bias = fit(vectors[~out], lists[~out])
        scores[out] = vectors[out] @ weights + bias
    judged = auc(lists, scores)
    print(f"{len(lists):,} questions, {int(lists.sum()):,} of them for several; AUC of people left out {judged:.3f}")
    weights, bias = fit(vectors, lists)
    *of_vector, plural = (round(float(weight), 4) for weight in weights)
    fitted = {"weights": of_vector, "plural": plural, "bias": round(bias, 4)}
    Path(sys.argv[1]).write_text(json.dumps(fitted) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
