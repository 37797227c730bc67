"""Fit what tells the questions that anybody is asked and the passages that answer them (profile/intents.py).

    python -m fischgpt.train.intents OUT.safetensors          ten minutes of two cores, most of them for vectors

On the usual questions (data/grounded/intents.py) and the people written by hand. Each half of the people is first
judged by a fit on the other, with phrasings that the fit had not seen: that is what is printed.
"""

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from fischgpt.data.grounded.intents import Intent, answers, intents
from fischgpt.data.grounded.orders import orders
from fischgpt.data.grounded.people import FOLDER, person
from fischgpt.profile.embed import Reading, embed, embedder
from fischgpt.profile.indexed import indexed_text
from fischgpt.profile.intents import Intents
from fischgpt.profile.question import strip
from fischgpt.train.several import auc

OTHERS = 100
"""Other questions of each person, which are no usual ones as a rule."""
SUSPECT_WEIGHT, OTHERS_WEIGHT = 0.1, 0.3
"""What each of them counts in the fits that tell those that are usual ones after all, and in the last, which is without
those."""
ASKED_SCALE, PASSAGE_SCALE = 3.0, 2.0
"""Of unit vectors, so that the same regularisation and rate fit them and the rest."""
L2 = 1e-6
RARE = 20
"""Word pieces in fewer passages are not looked at: with 8 the AUC of people left out is the same."""
STEPS, ROWS, LR = 800, 2048, 0.01
NAME = "Zed"
"""A first name for phrasings that have one: names are stripped from questions."""


@dataclass(frozen=True)
class Resume:
    """A person's passages and which of them answer what."""

    readings: list[Reading]
    first: list[bool]
    answers: NDArray[np.float32]
    """(P, K) 1 where a passage answers, NaN where that was not looked for."""
    others: list[str]
    """Questions that are no usual ones, as a rule."""


def resumes() -> list[Resume]:
    """All people with answers to usual questions."""
    asked = intents()
    known = {text.casefold() for text in phrased(asked)[0]}
    found = []
    for stem, of in answers().items():
        owner = person(FOLDER / f"{stem}.json")
        ids = [passage.id for passage in owner.passages]
        columns = [np.isin(ids, list(of[one.key])) if one.key in of else np.full(len(ids), np.nan) for one in asked]
        texts = [strip(one.text, owner.name) for one in owner.questions if not one.earlier]
        others = [text for text in texts if text.casefold() not in known]
        others = random.Random(stem).sample(others, min(OTHERS, len(others)))
        first = [passage.id == passage.entry for passage in owner.passages]
        readings = embedder().read([indexed_text(passage) for passage in owner.passages])
        found.append(Resume(readings, first, np.stack(columns, axis=1).astype(np.float32), others))
    return found


def phrased(asked: Sequence[Intent], part: slice = slice(None)) -> tuple[list[str], Tensor]:
    """N phrasings, as a search sees them, and (N,) which question each is."""
    said = [
        (strip(text, f"{NAME} Zedson"), number)
        for number, one in enumerate(asked)
        for phrasing in one.phrasings[part]
        for text in one.said(phrasing, NAME)
    ]
    texts, numbers = zip(*said, strict=True)
    return list(texts), torch.tensor(numbers)


def fit_asked(
    usual: NDArray[np.float32], numbers: Tensor, others: NDArray[np.float32], orders: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(385, K + 1) `Intents.asked`, of (N, 384) vectors of phrasings, (N,) what they are, and vectors of others and of
    orders, which are none. Those of the others that are usual ones after all (their authors asked "Is he married?" too)
    are left out: what a fit that has not seen them takes for one. (Without the orders, "sing me happy birthday" is to
    .21 the question when somebody was born, and 7 % of them are taken for a usual question; with them 1 %.)"""
    half = np.arange(len(others)) % 2 == 0
    none = np.ones(len(others), bool)
    for judged in (half, ~half):
        suspects = _fit(usual, numbers, np.vstack([others[~judged], orders]), SUSPECT_WEIGHT)
        logits = others[judged] @ suspects[:-1] + suspects[-1]
        none[judged] = logits[:, -1] >= np.logaddexp.reduce(logits[:, :-1], axis=1)
    return _fit(usual, numbers, np.vstack([others[none], orders]), OTHERS_WEIGHT)


def _fit(
    usual: NDArray[np.float32], numbers: Tensor, others: NDArray[np.float32], weight: float
) -> NDArray[np.float32]:
    """As `fit_asked`, where each of the others counts `weight`."""
    K = int(numbers.max()) + 1
    vectors = torch.from_numpy(np.vstack([usual, others])) * ASKED_SCALE
    wanted = torch.cat([numbers, torch.full((len(others),), K)])
    counts = torch.where(wanted == K, weight, 1.0)
    model = nn.Linear(vectors.shape[1], K + 1)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=150, line_search_fn="strong_wolfe")
    optimizer.step(partial(_asked_loss, model, optimizer, vectors, wanted, counts))
    weights = model.weight.detach().numpy().T * ASKED_SCALE
    return np.vstack([weights, model.bias.detach().numpy()]).astype(np.float32)


def _asked_loss(model: nn.Linear, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, counts: Tensor) -> float:
    optimizer.zero_grad()
    wrong = (F.cross_entropy(model(x), y, reduction="none") * counts).sum() / counts.sum()
    loss = wrong + L2 * model.weight.square().sum()
    loss.backward()
    return float(loss.detach())


def fit_answered(people: Sequence[Resume]) -> dict[str, NDArray]:
    """`vectors`, `pieces` and `known` of `Intents`; what was not looked for in a resume counts nothing."""
    torch.manual_seed(0)
    seen = Counter(id_ for one in people for reading in one.readings for id_ in set(reading.ids.tolist()))
    known = sorted(id_ for id_, times in seen.items() if times >= RARE)
    row = {id_: i for i, id_ in enumerate(known)}
    C = people[0].readings[0].vector.shape[0]
    x = torch.zeros(sum(len(one.readings) for one in people), C + 1 + len(known))
    readings = [(reading, first) for one in people for reading, first in zip(one.readings, one.first, strict=True)]
    for i, (reading, first) in enumerate(readings):
        x[i, :C] = torch.from_numpy(reading.vector) * PASSAGE_SCALE
        x[i, C] = first
        rows = [row[id_] for id_ in set(reading.ids.tolist()) if id_ in row]
        x[i, [C + 1 + at for at in rows]] = len(rows) ** -0.5
    y = torch.from_numpy(np.vstack([one.answers for one in people]))
    looked_for, y = ~y.isnan(), y.nan_to_num()
    model = nn.Linear(x.shape[1], y.shape[1])
    nn.init.zeros_(model.weight)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=0.0, betas=(0.9, 0.98))
    for step in range(STEPS):
        at = torch.randint(0, len(x), (ROWS,))
        wrong = F.binary_cross_entropy_with_logits(model(x[at]), y[at], reduction="none")
        loss = (wrong * looked_for[at]).sum(0) / looked_for[at].sum(0).clamp_min(1)
        for group in optimizer.param_groups:
            group["lr"] = LR * (1 - step / STEPS)
        optimizer.zero_grad()
        loss.sum().backward()
        optimizer.step()
    weights = model.weight.detach().numpy().T
    of_vector = np.vstack([weights[:C] * PASSAGE_SCALE, weights[C : C + 1], model.bias.detach().numpy()])
    return {"vectors": of_vector, "pieces": weights[C + 1 :], "known": np.array(known, np.int32)}


def save(tensors: dict[str, NDArray], out: Path) -> None:
    """Write the weights in half precision. (safetensors writes an array's memory, in whatever order that lies.)"""
    half = {name: value if name == "known" else value.astype(np.float16) for name, value in tensors.items()}
    save_file({name: np.ascontiguousarray(value) for name, value in half.items()}, out)


def measure(model: Intents, people: Sequence[Resume], asked: Sequence[Intent], part: slice) -> list[tuple[float, ...]]:
    """Of each usual question about each person, in one of the phrasings of that part: whether anything answers, the
    best passage's logit, whether that one answers, and the probability that it is a usual question."""
    texts, numbers = phrased(asked, part)
    vectors = embed(texts)
    rng, found = random.Random(0), []
    by_number = [np.flatnonzero(numbers.numpy() == k) for k in range(len(asked))]
    for one in people:
        answered = model.answered(one.readings, one.first)
        for k, of in enumerate(one.answers.T):
            if np.isnan(of[0]):
                continue
            usual = model.of(vectors[rng.choice(by_number[k].tolist())])
            logits = model.judged(usual, answered)
            best = int(logits.argmax())
            found.append((of.max(), logits[best], of[best], usual.sum()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the .safetensors file to write")
    args = parser.parse_args()
    torch.set_num_threads(2)
    asked, people = intents(), resumes()
    others = embed(sorted({text for one in people for text in one.others}))
    commands = embed([strip(order, f"{NAME} Zedson") for order in orders()])

    def fitted(people: Sequence[Resume], part: slice) -> dict[str, NDArray]:
        texts, numbers = phrased(asked, part)
        return {"asked": fit_asked(embed(texts), numbers, others, commands), **fit_answered(people)}

    judged = []
    halves = slice(0, None, 2), slice(1, None, 2)
    for i, part in enumerate(halves):
        tensors = fitted(people[1 - i :: 2], halves[1 - i])
        save(tensors, args.out)
        judged += measure(Intents.load(args.out), people[i::2], asked, part)
    has, logits, right, usual = np.array(judged, np.float32).T
    print(
        f"{len(judged):,} questions about people left out: {usual.mean():.3f} taken for usual ones; the best passage "
        f"answers {right[has > 0].mean():.3f} of those with an answer; AUC {auc(has, logits):.3f}"
    )
    save(fitted(people, slice(None)), args.out)


if __name__ == "__main__":
    main()
