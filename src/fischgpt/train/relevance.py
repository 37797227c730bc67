"""Train the reader that tells which passage answers a question, and that none does (profile/relevance.py).

    python -m fischgpt.train.relevance OUT        the shipped one: 27 minutes of one core, 11 of them to read the texts

From made-up owners alone; the same seed gives the same weights on the same machine. The texts are read once by the
embedding model (5 ms each on one core), then each question learns against passages of its own owner: the softmax over
them and "none of these", and a binary loss for each, because several may answer.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from fischgpt.data.grounded.asked import MadeUp, made_up
from fischgpt.profile.bm25 import BM25
from fischgpt.profile.embed import Reading, embedder
from fischgpt.profile.index import indexed_text
from fischgpt.profile.question import strip
from fischgpt.profile.relevance import Pair, Relevance, collate

QUESTIONS_PER_STEP = 32
CANDIDATES = 8
"""Passages a question is learned against: those that answer it, and the ones the search ranks highest."""
LR, WARM_UP, CONSTANT, WEIGHT_DECAY, DROPOUT = 1e-3, 100, 0.3, 0.05, 0.1
SLICES = 4
"""Pairs of a step go through by length, a quarter at a time, which saves padding."""


@dataclass(frozen=True)
class Example:
    """A question with its owner's passages, and which of them answer it."""

    question: Reading
    passages: list[Reading]
    cosines: NDArray[np.float32]
    bm25: NDArray[np.float32]
    answers: NDArray[np.bool_]
    kind: str

    def pairs(self, which: Sequence[int]) -> list[Pair]:
        return [Pair(self.question, self.passages[i], float(self.cosines[i]), float(self.bm25[i])) for i in which]


def read(owners: Sequence[MadeUp]) -> list[Example]:
    """The owners' questions as the search sees them, names stripped. Follow-ups say nothing alone: left out."""
    examples: list[Example] = []
    for owner in owners:
        texts = [indexed_text(passage) for passage in owner.passages]
        questions = [one for one in owner.questions if not one.earlier]
        asked = [strip(one.text, owner.name) for one in questions]
        readings = embedder().read([*texts, *asked])
        passages, bm25 = readings[: len(texts)], BM25(texts)
        vectors = np.stack([passage.vector for passage in passages])
        for question, text, one in zip(readings[len(texts) :], asked, questions, strict=True):
            answers = np.isin(np.arange(len(texts)), one.answers)
            words = np.array(bm25.scores(text), np.float32)
            examples.append(Example(question, passages, vectors @ question.vector, words, answers, one.kind))
    return examples


def loss_of(logits: Tensor, answers: Tensor, question: Tensor) -> Tensor:
    """Mean loss of N pairs: `logits` (N,), `answers` (N,) 0 or 1, `question` (N,) numbers from 0 to Q - 1."""
    Q = int(question.max()) + 1
    # log-sum-exp over a question's passages and "none of these" (logit 0)
    top = torch.zeros(Q).scatter_reduce(0, question, logits.detach(), "amax")
    odds, none = torch.exp(logits - top[question]), torch.exp(-top)
    everything = none + torch.zeros(Q).scatter_add(0, question, odds)
    right = torch.zeros(Q).scatter_add(0, question, odds * answers)
    right = torch.where(torch.zeros(Q).scatter_add(0, question, answers) > 0, right, none)
    chosen = (everything.log() - right.clamp_min(1e-30).log()).mean()
    return chosen + 0.5 * F.binary_cross_entropy_with_logits(logits, answers)


def train(examples: Sequence[Example], epochs: float, seed: int, say: Callable[[str], None] = print) -> Relevance:
    """A reader trained on the examples; AdamW, a warm-up, constant, then linear to 0."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    reader = Relevance().train()
    optimizer = torch.optim.AdamW(reader.parameters(), lr=LR, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98))
    steps, started, mean = int(epochs * len(examples) / QUESTIONS_PER_STEP), time.perf_counter(), 0.0
    order: list[int] = []
    for step in range(1, steps + 1):
        if len(order) < QUESTIONS_PER_STEP:
            order = [*order, *rng.permutation(len(examples)).tolist()]
        batch, order = [examples[i] for i in order[:QUESTIONS_PER_STEP]], order[QUESTIONS_PER_STEP:]
        left = (steps - step) / max(1.0, (1 - CONSTANT) * steps)
        for group in optimizer.param_groups:
            group["lr"] = LR * min(step / WARM_UP, 1.0, max(left, 0.01))
        loss = loss_of(*_logits(reader, batch, rng))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 0 or step == steps:
            took = time.perf_counter() - started
            say(f"step {step:,} of {steps:,}, loss {mean:.3f}, {(steps - step) * took / step / 60:.0f} min left")
    return reader.eval()


def _logits(reader: Relevance, batch: Sequence[Example], rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Logits, answers and question numbers of a step's pairs."""
    pairs: list[Pair] = []
    answers: list[float] = []
    numbers: list[int] = []
    for number, one in enumerate(batch):
        which = _candidates(one, rng)
        pairs += one.pairs(which)
        answers += one.answers[which].astype(float).tolist()
        numbers += [number] * len(which)
    lengths = [len(pair.question.ids) + len(pair.passage.ids) for pair in pairs]
    order = np.argsort(lengths)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        parts = [reader(collate([pairs[i] for i in rows]), DROPOUT).float() for rows in np.array_split(order, SLICES)]
    back = torch.from_numpy(np.argsort(order))
    return torch.cat(parts)[back], torch.tensor(answers), torch.tensor(numbers)


def _candidates(one: Example, rng: np.random.Generator) -> list[int]:
    ranked = np.argsort(-(one.cosines + 0.05 * one.bm25 + rng.normal(0, 0.15, len(one.cosines))))
    right = np.flatnonzero(one.answers).tolist()
    wrong = [int(i) for i in ranked if not one.answers[i]]
    return right + wrong[: max(2, CANDIDATES - len(right))]


def measure(reader: Relevance, examples: Sequence[Example]) -> dict[str, float]:
    """By kind of question: `hit@1` where a passage answers, and where none does the share declined at the threshold
    that loses 3 % of the others."""
    best: dict[str, list[tuple[float, bool]]] = {}
    for one in examples:
        logits = reader.score(one.pairs(range(len(one.passages))))
        best.setdefault(one.kind, []).append((float(logits.max()), bool(one.answers[logits.argmax()])))
    answered = [kind for kind in best if any(hit for _, hit in best[kind])]
    limit = np.quantile([score for kind in answered for score, _ in best[kind]], 0.03)
    found = {f"{kind} hit@1": float(np.mean([hit for _, hit in best[kind]])) for kind in answered}
    declined = {
        f"{kind} declined": float(np.mean([score < limit for score, _ in best[kind]]))
        for kind in best
        if kind not in answered
    }
    return {**found, **declined, "threshold": float(limit)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="a .safetensors file to write; its scores go beside it as .json")
    parser.add_argument("--owners", type=int, default=4500)
    parser.add_argument("--epochs", type=float, default=2.2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="two are slower on a busy machine")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    held = read(list(islice(made_up(args.seed, "held-out"), 200)))
    examples = read(list(islice(made_up(args.seed), args.owners)))
    print(f"{len(examples):,} questions about {args.owners:,} owners, {len(held):,} held out", flush=True)
    reader = train(examples, args.epochs, args.seed, lambda line: print(line, flush=True))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.half().contiguous() for name, value in reader.state_dict().items()}, args.out)
    scores = {"owners": args.owners, "questions": len(examples), "epochs": args.epochs} | measure(reader, held)
    args.out.with_suffix(".json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()
