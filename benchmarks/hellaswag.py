"""HellaSwag here and in lm-evaluation-harness: how long for the same items of the same model, and the same answers?

    python benchmarks/hellaswag.py                          a random GPT-2 124M, 120 items, the table of hellaswag.md
    python benchmarks/hellaswag.py --shape 6,6,384 --items 500      another shape (layers, heads, width)
    python benchmarks/hellaswag.py --model runs/nano --data items.jsonl

Needs `pip install -c constraints.txt -e '.[parity]'`. The harness gets the best of its batch sizes, found first where
several are given; then both take turns, and the figures are medians. Its time is that of `loglikelihood` alone, ours is
that of everything.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TQDM_DISABLE": "1"}

import torch

from fischgpt.config import GPTConfig
from fischgpt.evals.hellaswag import METRICS, HellaSwag, Protocol, score
from fischgpt.evals.hellaswag_items import Item, load_items, pick
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.publish.hf import export_hf
from fischgpt.tokenizer import Tokenizer


def write_task(folder: Path, items: Sequence[Item]) -> str:
    """The harness' own task `hellaswag` on local items: its YAML included, its data set exchanged. Returns the name."""
    import lm_eval

    rows = [asdict(item) | {"label": str(item.label)} for item in items]
    (folder / "items.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    own = Path(lm_eval.__file__).parent / "tasks" / "hellaswag" / "hellaswag.yaml"
    task = {
        "include": str(own),
        "task": "hellaswag_local",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"validation": str(folder / "items.jsonl")}},
        "training_split": None,
    }
    (folder / "hellaswag_local.yaml").write_text(json.dumps(task), encoding="utf-8")  # JSON is YAML
    return str(task["task"])


@dataclass
class Answer:
    """Seconds on the clock and of the processor, and right or wrong of every item by metric."""

    seconds: float
    processor: float
    right: dict[str, list[bool]]
    twice: int = 0
    """Questions scored in bfloat16 and in float32."""


class Harness:
    """lm-evaluation-harness' `hf` model in float32 with one batch size."""

    def __init__(self, model: Path, work: Path, items: Sequence[Item]) -> None:
        self.model, self.work, self.task = model, work, write_task(work, items)

    def answer(self, batch_size: str) -> Answer:
        from lm_eval import simple_evaluate
        from lm_eval.models.huggingface import HFLM
        from lm_eval.tasks import TaskManager

        size = batch_size if batch_size == "auto" else int(batch_size)
        lm = HFLM(pretrained=str(self.model), dtype="float32", device="cpu", batch_size=size)
        inner, spent = lm.loglikelihood, (0.0, 0.0)

        def timed(*args: Any, **kwargs: Any) -> Any:
            nonlocal spent
            start = now()
            found = inner(*args, **kwargs)
            spent = since(start)
            return found

        lm.loglikelihood = timed
        tasks = TaskManager(include_path=str(self.work), include_defaults=False)
        found = simple_evaluate(lm, tasks=[self.task], task_manager=tasks, bootstrap_iters=0, log_samples=True)
        assert found is not None
        samples = sorted(found["samples"][self.task], key=lambda sample: sample["doc_id"])
        return Answer(*spent, {name: [bool(sample[name]) for sample in samples] for name in METRICS["harness"]})


def ours(model: GPT, tok: Tokenizer, items: Sequence[Item], protocols: Sequence[Protocol]) -> Answer:
    start = now()
    result = HellaSwag(items, protocols)(model, tok)
    return Answer(*since(start), {}, result["scored_twice"])


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(start: tuple[float, float]) -> tuple[float, float]:
    return time.perf_counter() - start[0], time.process_time() - start[1]


def random_model(folder: Path, shape: str) -> Path:
    """A GPT-2 with the full vocabulary and opinions, where fresh weights find every token equally likely."""
    n_layer, n_head, n_embd = map(int, shape.split(","))
    torch.manual_seed(5)
    gpt = GPT(GPTConfig(n_layer=n_layer, n_head=n_head, n_embd=n_embd))
    with torch.no_grad():
        for name, parameter in gpt.named_parameters():
            if name.endswith("weight") and ".ln_" not in name:
                parameter.mul_(3)
    tok = Tokenizer.gpt2()
    save_pretrained(gpt, folder, n_vocab=tok.n_vocab)
    tok.save(folder)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", default="12,12,768", help="layers, heads and width of the random model")
    parser.add_argument("--model", help="a model of your own instead: a run, a checkpoint, a folder")
    parser.add_argument("--data", type=Path, help=".jsonl or .arrow of items; otherwise the whole set is downloaded")
    parser.add_argument("--items", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch-sizes", default="1,8,32,auto", help="the harness' best of these takes part")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    items = pick(load_items(args.data), args.items)
    with tempfile.TemporaryDirectory() as work:
        exported = export_hf(args.model or random_model(Path(work) / "random", args.shape), Path(work) / "hf")
        compare(exported, items, Path(work), args.batch_sizes.split(","), args.rounds)


def compare(exported: Path, items: Sequence[Item], work: Path, batch_sizes: list[str], rounds: int) -> None:
    model, tok = load_pretrained(exported).eval(), Tokenizer.load(exported)
    harness = Harness(exported, work, items)
    tried = {size: harness.answer(size) for size in batch_sizes if len(batch_sizes) > 1}
    for size, answer in tried.items():
        print(f"lm_eval batch size {size}: {answer.seconds:.1f} s, processor {answer.processor:.1f} s", flush=True)
    best = min(tried, key=lambda size: tried[size].processor) if tried else batch_sizes[0]
    times: dict[str, list[Answer]] = {"lm_eval": [], "one": [], "both": []}
    for _ in range(rounds):
        times["one"].append(ours(model, tok, items, ("harness",)))
        times["lm_eval"].append(harness.answer(best))
        times["both"].append(ours(model, tok, items, tuple(METRICS)))
    right, _ = score(model, tok, items, ("harness",))
    theirs = times["lm_eval"][-1].right
    different = {name: sum(a != b for a, b in zip(right[name], theirs[name], strict=True)) for name in theirs}
    clock = {key: statistics.median(answer.seconds for answer in answers) for key, answers in times.items()}
    processor = {key: statistics.median(answer.processor for answer in answers) for key, answers in times.items()}
    print(f"\n{len(items)} items, {model.n_params / 1e6:.1f}M parameters, {torch.get_num_threads()} thread(s)\n")
    print("| | seconds | of the processor | times as fast | by the processor |\n|---|---|---|---|---|")
    names = {"lm_eval": f"lm_eval, batch size {best}", "one": "here, its protocol", "both": "here, both protocols"}
    for key, name in names.items():
        ratios = f"{clock['lm_eval'] / clock[key]:.2f} | {processor['lm_eval'] / processor[key]:.2f}"
        print(f"| {name} | {clock[key]:.1f} | {processor[key]:.1f} | {ratios} |")
    print(f"\nquestions scored twice: {times['one'][-1].twice}; of both protocols {times['both'][-1].twice}")
    print(f"items answered otherwise: {', '.join(f'{name} {n}' for name, n in different.items())} of {len(items)}")


if __name__ == "__main__":
    main()
