"""Answers of the shipped model about two owners, one token a pass and guessed ahead: the same, and how much sooner.

    python benchmarks/quoted_answers.py [--rounds 5] [--bits 8]

Every starter question of profiles/fisch and profiles/curie and some of every profile are searched and answered as the
site does. Then a GPT-2 124M without training, told by its logits to write the same answers, does it at its own speed.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fischgpt import chat
from fischgpt.assistant.model import describe_model, load_model
from fischgpt.assistant.quoting import Quotations, served
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.engine import Engine, Sampled, SamplingParams
from fischgpt.model.gpt import GPT
from fischgpt.profile.index import Index
from fischgpt.profile.passages import Passage
from fischgpt.profile.profile import load_profile
from fischgpt.profile.prompt import build_turns
from fischgpt.tokenizer import Tokenizer

PROFILES = ("profiles/fisch", "profiles/curie")
QUESTIONS = (
    "What was the first job?",
    "What did you study?",
    "Which prizes were won?",
    "What is the newest project?",
    "Which languages are spoken?",
    "What was discovered or built?",
    "Who worked on it too?",
    "How can I get in touch?",
)


@dataclass(frozen=True)
class Asked:
    turns: list[Turn]
    passages: list[Passage]


def asked(tok: Tokenizer) -> list[Asked]:
    found = []
    for path in PROFILES:
        profile = load_profile(path)
        index = Index.open(profile)
        for question in (*profile.starters, *QUESTIONS):
            turns, used = build_turns(question, index.search(question, []).hits, [], tok, 1024, 128)
            if used:
                found.append(Asked(turns, [hit.passage for hit in used]))
    return found


class Told:
    """A reader whose logits say that `text` comes, whatever its weights say; it computes all the same."""

    def __init__(self, engine: Engine) -> None:
        self.text: list[int] = []
        self._read = engine.reader.read
        engine.reader.read = self.read  # type: ignore[method-assign]

    def read(self, ids: Sequence[int], cache: object, wanted: int = 1) -> Tensor:
        logits = self._read(ids, cache, wanted)
        end = cache.pos  # type: ignore[attr-defined]
        for row, at in zip(logits, range(end - wanted + 1, end + 1), strict=True):
            if at < len(self.text):
                row[self.text[at]] += 1000
        return logits


def answer(
    engine: Engine, tok: Tokenizer, job: Asked, params: SamplingParams, guess: bool
) -> tuple[list[Sampled], float]:
    """The answer, and the seconds from its first token to its last."""
    allow = Quotations(tok, list(map(served, job.passages)), ranked=True).allow
    made = engine.generate(chat.encode_prompt(tok, job.turns), params, allow, guess=guess)
    first = next(made)
    start = time.perf_counter()
    rest = list(made)
    return [first, *rest], time.perf_counter() - start


def measure(name: str, engine: Engine, tok: Tokenizer, jobs: list[Asked], texts: list[str] | None, rounds: int) -> None:
    """texts: what to write, where the weights do not know."""
    told = Told(engine) if texts else None
    for kind, given in (("greedy", {}), ("temperature 0.8, seed 1", {"temperature": 0.8, "seed": 1})):
        params = SamplingParams(max_tokens=128, stop_ids=tuple(tok.control_ids), **given)
        speeds: list[tuple[float, float]] = []
        tokens = same = 0
        for number in range(rounds + 1):
            seconds = {True: 0.0, False: 0.0}
            tokens = same = 0
            for at, job in enumerate(jobs):
                if told and texts:
                    told.text = [*chat.encode_prompt(tok, job.turns), *tok.encode(texts[at]), tok.eot]
                answers = {}
                for guess in (False, True):
                    answers[guess], took = answer(engine, tok, job, params, guess)
                    seconds[guess] += took
                tokens += len(answers[True]) - 1
                same += answers[True] == answers[False]
            if number:  # the first warms up
                speeds.append((tokens / seconds[False], tokens / seconds[True]))
        plain, guessed = (statistics.median(speed[which] for speed in speeds) for which in (0, 1))
        ratio = statistics.median(b / a for a, b in speeds)
        print(
            f"| {name}, {kind} | {plain:,.0f} | {guessed:,.0f} | {ratio:.2f} | {same} of {len(jobs)} | "
            f"{tokens / len(jobs):.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bits", type=int, default=8, choices=(8, 4))
    args = parser.parse_args()
    mini = load_model(describe_model(bits=args.bits))
    jobs = asked(mini.tokenizer)
    params = SamplingParams(max_tokens=128, stop_ids=tuple(mini.tokenizer.control_ids))
    answers = [answer(mini.engine, mini.tokenizer, job, params, guess=True)[0] for job in jobs]
    texts = [mini.tokenizer.decode([s.id for s in made if s.id != mini.tokenizer.eot]) for made in answers]
    print("| engine | one by one, tokens/s | guessed ahead | ratio | the same to the bit | tokens an answer |")
    print("|---|---|---|---|---|---|")
    measure(f"mini, {mini.engine.description}", mini.engine, mini.tokenizer, jobs, None, args.rounds)
    torch.manual_seed(0)
    config = GPTConfig(n_layer=12, n_head=12, n_embd=768, block_size=1024, vocab_size=50304)
    large, gpt2 = Engine(GPT(config), n_vocab=50260, bits=args.bits), Tokenizer.gpt2()
    measure(f"GPT-2 124M, {large.description}", large, gpt2, jobs, texts, args.rounds)


if __name__ == "__main__":
    main()
