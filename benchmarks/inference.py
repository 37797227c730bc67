"""Our engine beside transformers, llama.cpp, onnxruntime (where `onnx` is installed) and OpenVINO (where `openvino` and
`nncf` are), on the same weights.

    python benchmarks/inference.py [--rounds 5] [--only ours,openvino] [--json OUT]
    python benchmarks/inference.py --load      seconds and memory of loading, each engine in a process of its own

The weights are a fresh GPT-2 124M of ours: speed does not depend on what they say, and no download is needed.
"""

import argparse
import importlib.util
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
import torch

from fischgpt.config import GPTConfig
from fischgpt.engine import Bits, Engine
from fischgpt.engine.bench import BATCH, PREFILL, PROMPT, one_round
from fischgpt.engine.prefix import PrefixCache
from fischgpt.engine.rounded import Rounded
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import load_pretrained, save_pretrained
from fischgpt.publish import gguf
from fischgpt.publish.llama_cpp import LlamaCpp
from fischgpt.resources import available_cores
from fischgpt.tokenizer import Tokenizer

TOKENS = 48
PAUSE = 0.5
"""Seconds before each engine: threads of one that is done go on spinning for a while, and who came next, our 8 bits,
read a prompt at three quarters of its speed."""
Round = Callable[[int], dict[str, float]]
"""seed -> prefill, decode and batch in tokens/s, first token in ms (again: after a prompt of 512 read before), share of
the memory's speed in percent; what an engine does not do is left out."""


def prompt(n: int, seed: int) -> list[int]:
    return torch.randint(50257, (n,), generator=torch.Generator().manual_seed(seed)).tolist()


def ours(folder: Path, bits: Bits | None, compiled: bool = True) -> Round:
    engine = Engine(load_pretrained(folder), n_vocab=50260, bits=bits, kept_contexts=2)
    if not compiled:
        engine.reader, engine.prefixes = Rounded(engine.model, engine.n_vocab), PrefixCache(0)

    def measure(seed: int) -> dict[str, float]:
        one = one_round(engine, TOKENS if bits and compiled else 12, seed)
        found = {
            "prefill": one.prefill,
            "first": 1000 * one.first,
            "again": 1000 * one.first_again,
            "decode": one.decode,
        }
        if one.decode_8 is None or one.bandwidth_share is None:
            return found
        return found | {"batch": one.decode_8, "share": 100 * one.bandwidth_share}

    return measure


def transformers(folder: Path, dtype: torch.dtype) -> Round:
    from transformers import GPT2LMHeadModel

    model = GPT2LMHeadModel.from_pretrained(folder, dtype=dtype).eval()

    @torch.inference_mode()
    def measure(seed: int) -> dict[str, float]:
        found = {}
        start = time.perf_counter()
        model(torch.tensor([prompt(PREFILL, seed)]), logits_to_keep=1)
        found["prefill"] = PREFILL / (time.perf_counter() - start)
        for name, rows in (("decode", 1), ("batch", BATCH)):
            ids = torch.tensor([prompt(PROMPT, seed)] * rows)
            start = time.perf_counter()
            out = model(ids, use_cache=True, logits_to_keep=1)
            if rows == 1:
                found["first"] = 1000 * (time.perf_counter() - start)
            steps = 12
            start = time.perf_counter()
            for _ in range(steps):
                token = out.logits[:, -1].argmax(-1, keepdim=True)
                out = model(token, past_key_values=out.past_key_values, use_cache=True)
            found[name] = rows * steps / (time.perf_counter() - start)
        return found

    return measure


def llama_cpp(path: Path) -> Round:
    """By llama.cpp's own clock (`timings`), greedy: what its HTTP and sampling chain cost is not counted against it."""
    engine = LlamaCpp(path, threads=available_cores())
    many = LlamaCpp(path, threads=available_cores(), slots=BATCH, context=BATCH * 2 * PROMPT)

    def measure(seed: int) -> dict[str, float]:
        body = {"temperature": 0, "samplers": ["temperature"], "cache_prompt": False, "ignore_eos": True}

        def timings(ids: list[int], n: int) -> dict[str, float]:
            return engine.post("/completion", prompt=ids, n_predict=n, **body)["timings"]

        prefill = timings(prompt(PREFILL, seed), 1)["prompt_per_second"]
        short = timings(prompt(PROMPT, seed), TOKENS)
        prompts = [prompt(PROMPT, BATCH * seed + i) for i in range(BATCH)]
        answers = many.post("/completion", prompt=prompts, n_predict=TOKENS, **body)
        # Each after its own first token; where they do not start together, this counts them as if they did.
        batch = sum(answer["timings"]["predicted_per_second"] for answer in answers)
        return {
            "prefill": prefill,
            "first": short["prompt_ms"],
            "decode": short["predicted_per_second"],
            "batch": batch,
        }

    return measure


def rounded_onnx(folder: Path) -> Path:
    """onnxruntime's dynamic int8 of the same network without a cache: what reads a prompt."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    class LastLogits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = load_pretrained(folder).eval()

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            return self.model(ids, last_only=True)

    exact, rounded = folder / "exact.onnx", folder / "int8.onnx"
    example, axes = (torch.zeros(1, PREFILL, dtype=torch.long),), {"ids": {1: "T"}}
    with torch.no_grad():
        torch.onnx.export(LastLogits(), example, str(exact), dynamo=False, input_names=["ids"], dynamic_axes=axes)
    quantize_dynamic(str(exact), str(rounded), weight_type=QuantType.QInt8)
    return rounded


def onnxruntime_int8(path: Path) -> Round:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    session = onnxruntime.InferenceSession(str(path), options)

    def seconds(ids: list[int]) -> float:
        start = time.perf_counter()
        session.run(None, {"ids": np.array([ids])})
        return time.perf_counter() - start

    return lambda seed: {
        "prefill": PREFILL / seconds(prompt(PREFILL, seed)),
        "first": 1000 * seconds(prompt(PROMPT, seed)),
    }


def openvino_int8(folder: Path) -> Round:
    from inference_openvino import OpenVino

    engine = OpenVino(folder, available_cores())

    def read(prompts: list[list[int]], tokens: int) -> tuple[float, float]:
        """Seconds to the first token, and for each further one of all answers together."""
        engine.start(len(prompts))
        start = time.perf_counter()
        ids = engine.read(prompts)
        first = time.perf_counter()
        for _ in range(tokens):
            ids = engine.read(ids[:, None].tolist())
        return first - start, (time.perf_counter() - first) / max(1, tokens)

    def measure(seed: int) -> dict[str, float]:
        first, decode = read([prompt(PROMPT, seed)], TOKENS)
        return {
            "prefill": PREFILL / read([prompt(PREFILL, seed)], 0)[0],
            "first": 1000 * first,
            "decode": 1 / decode,
            "batch": BATCH / read([prompt(PROMPT, BATCH * seed + i) for i in range(BATCH)], TOKENS)[1],
        }

    return measure


Found = SimpleQueue[tuple[float, float]]


def loaded(load: Callable[[Path], Round], path: Path, found: Found) -> None:
    """Seconds from the files to an engine that can answer, its library's import included, and the process' most memory
    in MB, torch's and Python's own included."""
    torch.set_num_threads(available_cores())
    start = time.perf_counter()
    load(path)
    seconds = time.perf_counter() - start
    # Not getrusage's, which remembers the parent's.
    lines = Path("/proc/self/status").read_text().splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    found.put((seconds, int(kilobytes) / 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="engines whose names contain one of these: 8-bit,openvino")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--load", action="store_true", help="time and memory of loading instead")
    args = parser.parse_args()
    torch.set_num_threads(available_cores())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "124m"
        torch.manual_seed(0)
        config = GPTConfig(n_layer=12, n_head=12, n_embd=768, block_size=1024, vocab_size=50304)
        save_pretrained(GPT(config), folder, n_vocab=50260)
        Tokenizer.gpt2().save(folder)
        gguf.is_installed = lambda: False  # random weights tie everywhere: nothing to compare
        # What is written once, and what loads it.
        makers: dict[str, tuple[Callable[[], Path], Callable[[Path], Round]]] = {
            "ours, 8-bit": (lambda: folder, partial(ours, bits=8)),
            "ours, 4-bit": (lambda: folder, partial(ours, bits=4)),
            "ours, fp32": (lambda: folder, partial(ours, bits=None)),
            "ours, 8-bit without a compiler": (lambda: folder, partial(ours, bits=8, compiled=False)),
            "llama.cpp Q8_0": (lambda: gguf.export_gguf(folder, Path(name) / "q8_0", "q8_0"), llama_cpp),
            "llama.cpp Q4_0": (lambda: gguf.export_gguf(folder, Path(name) / "q4_0", "q4_0"), llama_cpp),
            "transformers fp32": (lambda: folder, partial(transformers, dtype=torch.float32)),
            "transformers bf16": (lambda: folder, partial(transformers, dtype=torch.bfloat16)),
        }
        if importlib.util.find_spec("onnx"):
            makers["onnxruntime int8"] = (lambda: rounded_onnx(folder), onnxruntime_int8)
        if importlib.util.find_spec("openvino") and importlib.util.find_spec("nncf") and not args.load:  # it converts
            makers["OpenVINO int8"] = (lambda: folder, openvino_int8)
        wanted = args.only.lower().split(",")
        chosen = {engine: make for engine, make in makers.items() if any(part in engine.lower() for part in wanted)}
        paths = {engine: write() for engine, (write, _) in chosen.items()}
        if args.load:
            processes = multiprocessing.get_context("spawn")
            print("| engine | loaded, s | most memory, MB |\n|---|---|---|")
            for engine, (_, load) in chosen.items():
                several = []
                for _ in range(args.rounds):
                    found: Found = processes.SimpleQueue()
                    process = processes.Process(target=loaded, args=(load, paths[engine], found))
                    process.start()
                    several.append(found.get())
                    process.join()
                seconds, memory = (statistics.median(values) for values in zip(*several, strict=True))
                print(f"| {engine} | {seconds:.2f} | {memory:,.0f} |", flush=True)
            return
        engines = {engine: load(paths[engine]) for engine, (_, load) in chosen.items()}
        times(engines, args.rounds, args.json)


def times(engines: dict[str, Round], rounds: int, out: Path | None) -> None:
    found: dict[str, list[dict[str, float]]] = {engine: [] for engine in engines}
    for seed in range(rounds + 1):
        print(f"round {seed}", file=sys.stderr, flush=True)
        for engine, measure in engines.items():
            time.sleep(PAUSE)
            result = measure(seed)
            if seed:  # the first round warms up
                found[engine].append(result)
    show(found)
    if out:
        out.write_text(json.dumps(found, indent=2))


def show(found: dict[str, list[dict[str, float]]]) -> None:
    columns = ("prefill", "first", "again", "decode", "batch", "share")
    print(
        "| engine | prefill 512, tokens/s | first token after 128, ms | after a known 512, ms | decode, tokens/s "
        "| batch 8, tokens/s | of the memory's speed, % |"
    )
    print("|---|---|---|---|---|---|---|")
    medians = {
        engine: {c: statistics.median(r[c] for r in rounds) for c in columns if c in rounds[0]}
        for engine, rounds in found.items()
    }
    for engine, row in medians.items():
        print(f"| {engine} | " + " | ".join(f"{row[c]:,.0f}" if c in row else "" for c in columns) + " |")
    mines = [engine for engine in found if engine.startswith("ours,") and engine != "ours, fp32"]
    pairs = [(mine, engine) for mine in mines for engine in found if engine not in mines]
    for mine, engine in pairs:
        a_rounds, rounds = found[mine], found[engine]
        ratios = [
            f"{c} {statistics.median(a[c] / b[c] for a, b in zip(a_rounds, rounds, strict=True)):.2f}"
            for c in columns
            if c in a_rounds[0] and c in rounds[0] and c not in ("first", "again")
        ]
        print(f"{mine} / {engine}, median of the rounds' ratios: {', '.join(ratios)}")


if __name__ == "__main__":
    main()
