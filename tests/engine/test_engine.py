"""The engine: transformers' tokens one for one, from a cache that changes nothing, for many callers at once."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import GPT2LMHeadModel

from engine_samples import talkative
from fischgpt.config import GPTConfig
from fischgpt.engine import Engine, SamplingParams
from fischgpt.errors import UserError
from fischgpt.model import save_pretrained

SHAPES = [
    GPTConfig(n_layer=1, n_head=1, n_embd=16, block_size=40, vocab_size=64),
    GPTConfig(n_layer=3, n_head=4, n_embd=48, block_size=64, vocab_size=320),
    GPTConfig(n_layer=4, n_head=5, n_embd=160, block_size=96, vocab_size=512),
]
CONFIG = SHAPES[1]


def ids(engine: Engine, prompt: list[int], **params: Any) -> list[int]:
    return [sampled.id for sampled in engine.generate(prompt, SamplingParams(**params))]


@pytest.mark.parametrize("penalty", [1.0, 1.3, 0.7])
@pytest.mark.parametrize("config", SHAPES, ids=lambda c: f"{c.n_layer}x{c.n_embd}")
def test_greedy_tokens_are_those_of_transformers(config: GPTConfig, penalty: float, tmp_path: Path) -> None:
    model = talkative(config)
    save_pretrained(model, tmp_path)
    hf = GPT2LMHeadModel.from_pretrained(tmp_path).eval()
    engine = Engine(model)
    distinct = set()
    for prompt in ([1], [5, 9, 2, 2, 7], list(range(20, 38))):
        expected = hf.generate(
            torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=False,
            repetition_penalty=penalty,
            max_length=config.block_size,
            pad_token_id=0,
        )[0, len(prompt) :].tolist()
        assert len(expected) == config.block_size - len(prompt)
        assert ids(engine, prompt, max_tokens=10_000, repetition_penalty=penalty) == expected
        distinct |= set(expected)
    if penalty >= 1:
        assert len(distinct) > 8  # or the models just repeat themselves, and nothing was compared


@settings(max_examples=25, deadline=None)
@given(n_prompt=st.integers(1, 63), seed=st.integers(0, 10**6))
def test_the_cache_changes_nothing(n_prompt: int, seed: int) -> None:
    model = talkative(CONFIG)
    engine = Engine(model, n_vocab=300)
    prompt = torch.randint(300, (n_prompt,), generator=torch.Generator().manual_seed(seed)).tolist()
    sampled = list(engine.generate(prompt, SamplingParams(max_tokens=100)))
    text = list(prompt)
    for token in sampled:
        with torch.no_grad():
            log_p = model(torch.tensor([text]))[0, -1, :300].log_softmax(-1)
        assert token.logprob == pytest.approx(log_p.max().item(), abs=2e-3)
        assert token.logprob == pytest.approx(log_p[token.id].item(), abs=2e-3)
        text.append(token.id)
    assert len(text) == 64


def test_padding_is_never_sampled() -> None:
    model = talkative(CONFIG)
    with torch.no_grad():
        model.wte.weight[100:] *= 10  # the padding shouts
    prompt = [1, 2, 3]
    assert max(ids(Engine(model), prompt, max_tokens=60, temperature=1.0, seed=0)) >= 100
    engine = Engine(model, n_vocab=100)
    for params in ({}, {"temperature": 3.0}, {"temperature": 3.0, "top_k": 200}, {"temperature": 3.0, "top_p": 0.999}):
        for seed in range(10):
            assert max(ids(engine, prompt, max_tokens=60, seed=seed, **params)) < 100


def test_a_stop_token_ends_the_answer_and_says_so() -> None:
    engine = Engine(talkative(CONFIG))
    free = list(engine.generate([1, 2], SamplingParams(max_tokens=30)))
    assert [s.finish for s in free] == [None] * 29 + ["length"]
    stop = free[7].id
    first = [s.id for s in free].index(stop)
    stopped = list(engine.generate([1, 2], SamplingParams(max_tokens=30, stop_ids=(999, stop))))
    assert [s.id for s in stopped] == [s.id for s in free[: first + 1]]
    assert [s.finish for s in stopped] == [None] * first + ["stop"]
    # A stop token that comes as the very last one is a stop.
    assert list(engine.generate([1, 2], SamplingParams(max_tokens=first + 1, stop_ids=(stop,))))[-1].finish == "stop"


def test_a_full_context_ends_the_answer() -> None:
    engine = Engine(talkative(CONFIG))
    for n_prompt in (1, 30, 63):
        answer = list(engine.generate([3] * n_prompt, SamplingParams(max_tokens=10_000)))
        assert len(answer) == 64 - n_prompt
        assert answer[-1].finish == "length"


def test_prompts_that_cannot_be_answered_are_refused_at_once() -> None:
    engine = Engine(talkative(CONFIG), n_vocab=300)
    with pytest.raises(UserError, match="prompt has 64 tokens; at most 63"):
        engine.generate([1] * 64)
    with pytest.raises(UserError, match="prompt is empty"):
        engine.generate([])
    for bad in (-1, 300, 10**12):
        with pytest.raises(UserError, match=f"token id {bad}; the vocabulary ends at 299"):
            engine.generate([1, bad])
    with pytest.raises(UserError, match="tokenizer has 321 ids, the model only 320"):
        Engine(talkative(CONFIG), n_vocab=321)


def test_inference_mode_does_not_leak_to_the_reader_of_tokens() -> None:
    engine = Engine(talkative(CONFIG))
    generator = engine.generate([1, 2, 3])
    for _ in range(3):
        next(generator)
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
    generator.close()
    assert not torch.is_inference_mode_enabled()


def test_tokens_come_as_they_are_made() -> None:
    model = talkative(CONFIG)
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    generator = Engine(model).generate([1, 2, 3], SamplingParams(max_tokens=50))
    assert not passes
    next(generator)
    assert len(passes) == 1
    next(generator)
    assert len(passes) == 2


def test_a_model_in_training_is_read_live_and_left_as_it_was() -> None:
    model = talkative(CONFIG)
    engine = Engine(model)
    before = ids(engine, [1, 2], max_tokens=20)
    assert all(p.requires_grad for p in model.parameters())
    model.loss(torch.tensor([[1, 2, 3]]), torch.tensor([[2, 3, 4]])).backward()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.5 * torch.randn_like(parameter)
    assert ids(engine, [1, 2], max_tokens=20) != before


def test_another_precision_is_a_copy() -> None:
    model = talkative(CONFIG)
    engine = Engine(model, dtype=torch.bfloat16)
    assert len(ids(engine, [1, 2], max_tokens=20)) == 20
    assert model.wte.weight.dtype == torch.float32


def test_many_threads_get_what_each_would_get_alone() -> None:
    engine = Engine(talkative(CONFIG))
    jobs = [
        ([seed % 7 + 1] * (seed % 5 + 1), {"max_tokens": 25, "temperature": 1.0, "seed": seed}) for seed in range(8)
    ]
    alone = [ids(engine, prompt, **params) for prompt, params in jobs]
    barrier = threading.Barrier(4)

    def together(job: tuple[list[int], dict[str, Any]]) -> list[int]:
        barrier.wait(timeout=60)
        return ids(engine, job[0], **job[1])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(together, jobs)) == alone
    # And interleaved in one thread.
    open_calls = [engine.generate(prompt, SamplingParams(**params)) for prompt, params in jobs]
    steps = [[next(call).id for call in open_calls] for _ in range(25)]
    assert [list(answer) for answer in zip(*steps, strict=True)] == alone


def test_scores_are_the_log_probabilities_of_the_continuation() -> None:
    model = talkative(CONFIG)
    engine = Engine(model, n_vocab=300)
    prompt, continuation = [5, 6, 7], [10, 299, 0, 44]
    with torch.no_grad():
        log_p = model(torch.tensor([prompt + continuation]))[0, :, :300].log_softmax(-1)
    expected = [log_p[len(prompt) - 1 + i, token].item() for i, token in enumerate(continuation)]
    assert engine.score(prompt, continuation) == pytest.approx(expected, abs=1e-4)
    assert engine.score(prompt, []) == []
    greedy = list(engine.generate(prompt, SamplingParams(max_tokens=61)))
    assert engine.score(prompt, [s.id for s in greedy]) == pytest.approx([s.logprob for s in greedy], abs=1e-3)
    assert len(engine.score([1], [2] * 64)) == 64
    with pytest.raises(UserError, match="66 tokens; at most 65"):
        engine.score([1], [2] * 65)
    with pytest.raises(UserError, match="prompt is empty"):
        engine.score([], [1])
    with pytest.raises(UserError, match="continuation has the token id 300"):
        engine.score([1], [300])


@pytest.mark.parametrize(
    "params", [{}, {"temperature": 2.0, "seed": 1}, {"temperature": 2.0, "top_p": 0.5, "top_k": 9}]
)
def test_only_allowed_tokens_come(params: dict[str, Any]) -> None:
    engine = Engine(talkative(CONFIG), n_vocab=300)
    told: list[list[int]] = []

    def allow(written: Sequence[int]) -> dict[int, float]:
        told.append(list(written))
        return {100 + len(written): 0.0, 200 + len(written): 0.0}

    answer = [s.id for s in engine.generate([1, 2], SamplingParams(max_tokens=20, **params), allow)]
    assert all(token in (100 + i, 200 + i) for i, token in enumerate(answer))
    assert told == [answer[:i] for i in range(20)]
    with pytest.raises(ValueError, match="no token is allowed"):
        next(engine.generate([1], SamplingParams(**params), lambda _: {}))
    heavy = engine.generate([1, 2], SamplingParams(max_tokens=20, **params), lambda _: {7: 1000.0, 8: 0.0, 9: 0.0})
    assert {s.id for s in heavy} == {7}
