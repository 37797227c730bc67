"""`/v1/completions`, `/v1/embeddings`, and of the chat `n` and `logprobs`: the official client, a real model."""

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest

from assistant_samples import BRIDGE, Script, tiny_tokenizer
from fischgpt.assistant.model import TextModel, describe_model
from fischgpt.profile import embed
from fischgpt.profile.index import Index
from fischgpt.profile.profile import Profile
from fischgpt.server.service import Service
from server_samples import Running, eventually, running

PROMPT = "She designed the Harlow"


@pytest.fixture(scope="module")
def real(profile: Profile, index: Index, model_folder: Path) -> Iterator[Running]:
    """A server with the tiny model's own loader."""
    with running(
        Service(profile, describe_model(model_folder)), Script(tiny_tokenizer(), ""), max_tokens=900
    ) as server:
        eventually(lambda: server.service.ready, within=60)
        yield server


@pytest.fixture
def client(real: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{real.url}/v1", api_key="none", max_retries=0)


def test_the_raw_model_goes_on_streamed_and_not_the_same(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "tiny", "prompt": PROMPT, "max_tokens": 12, "temperature": 0}
    whole = client.completions.create(**asked)
    assert whole.object == "text_completion"
    assert whole.usage is not None
    assert whole.usage.completion_tokens == 12
    assert whole.choices[0].finish_reason == "length"
    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert chunks[-1].usage == whole.usage
    assert chunks[-2].choices[0].finish_reason == "length"


def test_eight_at_once_are_computed_together_and_get_what_each_gets_alone(real: Running) -> None:
    def write(seed: int) -> str:
        client = openai.OpenAI(base_url=f"{real.url}/v1", api_key="none", max_retries=0)
        tokens = {"max_tokens": 30 + seed, "seed": seed, "stream": True}
        chunks = client.completions.create(model="tiny", prompt=PROMPT * (1 + seed % 3), **tokens)  # type: ignore
        return "".join(chunk.choices[0].text for chunk in chunks)

    alone = [write(seed) for seed in range(8)]
    assert real.service.assistant is not None
    model = real.service.assistant.model
    assert isinstance(model, TextModel) and model.batch is not None and model.batch.max_tokens == 900
    reader = model.engine.reader
    read_many, sizes = reader.read_many, []

    def slowly(parts: Any) -> Any:
        if threading.current_thread().name == "batch":
            if not sizes:
                eventually(lambda: real.admitted > 4)
            sizes.append(len(parts))
            time.sleep(0.003 if max(sizes) > 4 else 0.05)  # that all have the time to join
        return read_many(parts)

    reader.read_many = slowly  # type: ignore[method-assign]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write, range(8))) == alone
    reader.read_many = read_many
    assert max(sizes) > 4
    eventually(lambda: real.admitted == 0)


def test_who_waits_for_room_keeps_no_core_from_others(profile: Profile, index: Index, model_folder: Path) -> None:
    service = Service(profile, describe_model(model_folder))
    with (
        running(service, Script(tiny_tokenizer(), ""), max_tokens=1, slots=4, cores=1) as server,
        ThreadPoolExecutor(3) as pool,
    ):
        eventually(lambda: service.ready, within=60)
        assert service.assistant is not None and isinstance(service.assistant.model, TextModel)
        reader, held, passes = service.assistant.model.engine.reader, threading.Event(), []
        read_many = reader.read_many

        def held_up(parts: Any) -> Any:
            if threading.current_thread().name == "batch":
                passes.append(len(parts))
                assert held.wait(60)
            return read_many(parts)

        reader.read_many = held_up  # type: ignore[method-assign]
        whole = {"prompt": PROMPT, "max_tokens": 100_000}
        try:
            fills = pool.submit(server.client.post, "/v1/completions", json=whole)
            eventually(lambda: passes)
            waiting = [
                pool.submit(server.ask, BRIDGE),
                pool.submit(server.client.post, "/v1/completions", json={**whole, "echo": True, "logprobs": 1}),
            ]
            time.sleep(0.5)  # by now both have searched, or scored
            embedded = server.client.post("/v1/embeddings", json={"input": BRIDGE}, timeout=30)
            assert embedded.status_code == 200
            assert passes == [1] and not any(one.done() for one in waiting)
        finally:
            held.set()
        assert [one.result(60).status_code for one in (fills, *waiting)] == [200] * 3


def test_a_seed_repeats_and_n_differ(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "tiny", "prompt": PROMPT, "max_tokens": 12, "seed": 5}
    first, again = (client.completions.create(**asked, n=3) for _ in range(2))
    texts = [choice.text for choice in first.choices]
    assert [choice.text for choice in again.choices] == texts
    assert len(set(texts)) == 3
    assert client.completions.create(**asked).choices[0].text == texts[0]
    streamed = ["", "", ""]
    for chunk in client.completions.create(**asked, n=3, stream=True):
        streamed[chunk.choices[0].index] += chunk.choices[0].text
    assert streamed == texts


def test_several_prompts_texts_or_ids(client: openai.OpenAI) -> None:
    ids = tiny_tokenizer().encode(PROMPT)
    asked: dict[str, Any] = {"model": "tiny", "max_tokens": 4, "temperature": 0}
    by_text = client.completions.create(**asked, prompt=[PROMPT, "x"])
    by_ids = client.completions.create(**asked, prompt=[ids, tiny_tokenizer().encode("x")])
    assert [c.text for c in by_text.choices] == [c.text for c in by_ids.choices]
    assert [c.index for c in by_text.choices] == [0, 1]
    assert client.completions.create(**asked, prompt=ids).choices[0].text == by_text.choices[0].text


def test_logprobs_are_the_models_and_their_tokens_are_the_text(client: openai.OpenAI, real: Running) -> None:
    assert real.service.assistant is not None
    model = real.service.assistant.model
    assert isinstance(model, TextModel)
    answer = client.completions.create(model="tiny", prompt=PROMPT, max_tokens=8, temperature=0, logprobs=3)
    told = answer.choices[0].logprobs
    assert told is not None
    assert "".join(told.tokens or []) == answer.choices[0].text
    assert all(max(top.values()) == pytest.approx(own, abs=1e-4) for top, own in zip(
        told.top_logprobs or [], told.token_logprobs or [], strict=True))  # fmt: skip
    assert told.text_offset == [len("".join((told.tokens or [])[:i])) for i in range(len(told.tokens or []))]


def test_echo_scores_a_text_as_the_engine_does(client: openai.OpenAI, real: Running) -> None:
    assert real.service.assistant is not None
    model, ids = real.service.assistant.model, tiny_tokenizer().encode(PROMPT)
    answer = client.completions.create(model="tiny", prompt=PROMPT, max_tokens=0, echo=True, logprobs=1)
    told = answer.choices[0].logprobs
    assert told is not None and told.token_logprobs is not None
    assert answer.choices[0].text == PROMPT
    assert told.token_logprobs[0] is None
    assert told.token_logprobs[1:] == pytest.approx(model.engine.score(ids[:1], ids[1:]), abs=1e-4)


def test_a_stop_string_ends_the_text_though_it_spans_tokens(client: openai.OpenAI) -> None:
    asked: dict[str, Any] = {"model": "tiny", "prompt": PROMPT, "max_tokens": 30, "temperature": 0}
    text = client.completions.create(**asked).choices[0].text
    stop = text[7:11]
    for stream in (False, True):
        answer = client.completions.create(**asked, stop=stop, stream=stream)
        got = "".join(c.choices[0].text for c in answer) if stream else answer.choices[0].text  # type: ignore[union-attr]
        assert got == text[: text.index(stop)]


@pytest.mark.parametrize(("change", "line"), [
    ({"max_tokens": 0}, "only allowed with echo"),
    ({"prompt": "x " * 600}, "the context is 512"),
    ({"prompt": [100_000]}, "there is no token 100000"),
    ({"prompt": []}, "prompt"),
    ({"best_of": 3}, "best_of is not supported"),
    ({"logprobs": 6}, "logprobs"),
    ({"suffix": "x"}, "suffix is not supported"),
])  # fmt: skip
def test_what_is_wrong_with_a_completion_is_said(change: dict[str, Any], line: str, real: Running) -> None:
    response = real.client.post("/v1/completions", json={"prompt": PROMPT, **change})
    assert response.status_code == 400, response.text
    assert line in response.json()["error"]["message"]


def test_embeddings_are_the_searchs_own(client: openai.OpenAI, real: Running) -> None:
    texts = ["The Harlow footbridge", "Chess"]
    answer = client.embeddings.create(model="all-MiniLM-L6-v2", input=texts)  # the client asks for base64
    assert np.allclose([row.embedding for row in answer.data], embed.embed(texts), atol=1e-5)
    assert answer.usage.prompt_tokens > 6
    one = client.embeddings.create(model="all-MiniLM-L6-v2", input=texts[0], encoding_format="float")
    assert math.isclose(sum(x * x for x in one.data[0].embedding), 1, abs_tol=1e-4)
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="tiny", input="x")
    with pytest.raises(openai.BadRequestError):
        client.embeddings.create(model="all-MiniLM-L6-v2", input="x", dimensions=100)


def test_the_chat_gives_n_answers_streamed_and_not(ready: Running) -> None:
    client = openai.OpenAI(base_url=f"{ready.url}/v1", api_key="none", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": BRIDGE}]
    whole = client.chat.completions.create(model="tiny", messages=messages, n=2)
    assert [choice.index for choice in whole.choices] == [0, 1]
    texts = ["", ""]
    for chunk in client.chat.completions.create(model="tiny", messages=messages, n=2, stream=True):
        texts[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]


def test_logprobs_of_an_answer_are_those_of_the_words_shown(ready: Running) -> None:
    client = openai.OpenAI(base_url=f"{ready.url}/v1", api_key="none", max_retries=0)
    messages: list[Any] = [{"role": "user", "content": BRIDGE}]
    asked: dict[str, Any] = {"model": "tiny", "messages": messages, "logprobs": True, "top_logprobs": 2}
    choice = client.chat.completions.create(**asked).choices[0]
    assert choice.logprobs is not None and choice.logprobs.content is not None
    assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
    assert b"".join(bytes(token.bytes or []) for token in choice.logprobs.content).decode() == choice.message.content
    assert all(token.logprob == -0.1 for token in choice.logprobs.content)  # what the scripted model says
    streamed = [
        token.token
        for chunk in client.chat.completions.create(**asked, stream=True)
        if chunk.choices and chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content or []
    ]
    assert "".join(streamed) == choice.message.content
    assert client.chat.completions.create(model="tiny", messages=messages).choices[0].logprobs is None


def test_words_that_are_not_the_models_have_no_logprobs(client: openai.OpenAI) -> None:
    messages: list[Any] = [{"role": "user", "content": "hello"}]
    answer = client.chat.completions.create(model="tiny", messages=messages, logprobs=True, top_logprobs=5)
    assert answer.choices[0].message.content
    assert answer.choices[0].logprobs is None
