"""What is measured and shown while a model trains: validation, samples, benchmarks, and which step was best."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import torch

from fischgpt import chat
from fischgpt.config import Recipe
from fischgpt.data.batches import IGNORE, Batches, text_bytes
from fischgpt.data.chat_batches import ChatBatches
from fischgpt.engine import Engine, SamplingParams
from fischgpt.model.gpt import GPT
from fischgpt.tokenizer import Tokenizer
from fischgpt.train.distributed import World
from fischgpt.train.parallel import moved
from fischgpt.train.track import Tracker


class Benchmark(Protocol):
    """What `evals.hellaswag.HellaSwag` is: measures by name, `acc_norm_token` and its `_stderr` among them."""

    def __call__(
        self,
        model: GPT,
        tok: Tokenizer,
        limit: int | None = None,
        shard: tuple[int, int] = (0, 1),
        add: Callable[[list[int]], list[int]] = ...,
    ) -> dict[str, Any]:
        """Of `limit` items this rank scores its shard (rank, world size); `add` sums its counts over the ranks."""
        ...


class Watch:
    """Looks at the model; keeps the best value of each measure in `best`, as {name: {step, value}}."""

    def __init__(
        self,
        recipe: Recipe,
        model: GPT,
        tokenizer: Tokenizer,
        batches: Batches,
        world: World,
        autocast: Callable[[], torch.autocast],
        tracker: Tracker,
        benchmarks: Mapping[str, Benchmark],
    ) -> None:
        self._recipe, self._model, self._tokenizer, self._batches = recipe, model, tokenizer, batches
        self._world, self._autocast, self._tracker, self._benchmarks = world, autocast, tracker, benchmarks
        self._validation = batches.validation(recipe.eval.val_tokens)
        self._tokens = sum(int((batch.targets != IGNORE).sum()) for batch in self._validation)
        self._bytes = text_bytes(tokenizer, self._validation)
        self.best: dict[str, dict[str, Any]] = {}

    @torch.no_grad()
    def validate(self, step: int) -> bool:
        """Loss and bits per byte of the fixed validation set; True if it was never lower.

        The ranks share the work, and the sum is over the micro-batches in their order: the same whatever their number.
        """
        self._model.eval()
        mine: list[float] = []
        for index, batch in self._world.share(self._validation):
            with self._autocast():
                nats = self._model.loss(**moved(batch, self._world.device)._asdict(), reduction="sum").item()
            mine.append(nats if index < len(self._validation) else 0.0)
        self._model.train()
        by_round = zip(*self._world.gather(mine), strict=True)
        loss = sum(nats for group in by_round for nats in group) / max(1, self._tokens)
        bits_per_byte = loss * self._tokens / math.log(2) / max(1, self._bytes)
        self._tracker.event("val", step, loss=loss, tokens=self._tokens, bits_per_byte=bits_per_byte)
        self._tracker.say(
            f"step {step}  validation loss {loss:.4f}, {bits_per_byte:.4f} bits per byte over {self._tokens:,} tokens"
        )
        return self._is_best("loss", step, loss, lower=True)

    def benchmark(self, step: int) -> list[str]:
        """Run the benchmarks, each rank its share of the items; the names of those that were never better."""
        better = []
        for name, measure in self._benchmarks.items():
            items = self._recipe.eval.hellaswag_items
            result = measure(self._model, self._tokenizer, items, (self._world.rank, self._world.size), self._add)
            self._tracker.event(name, step, **result)
            score, error = result["acc_norm_token"], result["acc_norm_token_stderr"]
            self._tracker.say(f"step {step}  {name} {100 * score:.2f} % ± {100 * error:.2f} (per token)")
            if self._is_best(name, step, score, lower=False):
                better.append(name)
        return better

    def _add(self, counts: list[int]) -> list[int]:
        return [round(total) for total in self._world.sum([float(count) for count in counts])]

    @torch.no_grad()
    def sample(self, step: int) -> None:
        """What the model says, greedily: continuations of eval.prompts, or answers to held-out conversations."""
        engine = Engine(self._model, n_vocab=self._tokenizer.n_vocab, device=self._world.device)
        samples = []
        for prompt, ids in self._prompts():
            params = SamplingParams(max_tokens=self._recipe.eval.sample_tokens, stop_ids=(self._tokenizer.eot,))
            text = self._tokenizer.decode(sampled.id for sampled in engine.generate(ids, params)).strip()
            samples.append({"prompt": prompt, "text": text})
            self._tracker.say(f"  {prompt!r} -> {text!r}")
        self._tracker.event("samples", step, samples=samples)

    def _prompts(self) -> list[tuple[str, list[int]]]:
        room = self._recipe.model.block_size - 1
        if isinstance(self._batches, ChatBatches):
            firsts = [turns[: 3 if turns[0].role == "system" else 2][:-1] for turns in self._batches.held_out(3)]
            found = [(turns[-1].text, chat.encode_prompt(self._tokenizer, turns)) for turns in firsts]
            return [(text, ids) for text, ids in found if len(ids) <= room]
        return [(text, [self._tokenizer.eot, *self._tokenizer.encode(text)]) for text in self._recipe.eval.prompts]

    def _is_best(self, name: str, step: int, value: float, lower: bool) -> bool:
        before = self.best.get(name, {}).get("value")
        if before is not None and (value >= before if lower else value <= before):
            return False
        self.best[name] = {"step": step, "value": value}
        if step:  # the weights nothing was learned by are no find
            self._tracker.event("best", step, name=name, value=value)
        return True
