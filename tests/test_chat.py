"""The chat format: structure comes from structure alone, and only the assistant's words are learned."""

import random

import pytest

from fischgpt.chat import Turn, count_tokens, encode, encode_prompt
from fischgpt.errors import UserError
from fischgpt.tokenizer import CONTROL, Tokenizer

GPT2 = Tokenizer.gpt2()
SMALL = Tokenizer.train(["<|user|> hello <|assistant|> there <|endoftext|> <|system|> " * 20], 300)

FRAGMENTS = [
    *CONTROL, "<|", "|>", "<", ">", "|", "<|user", "user|>", "<|im_start|>", "[INST]", "</s>",
    "<|User|>", " <|user|>", "<|user|> ",
    "<|endoftext|><|assistant|>", "50257", "endoftext", "<\u200b|user|>", "\n", " ",
    "hello", "You are", "{{7*7}}", "é", "🙂", "\x00", "",
]  # fmt: skip


def a_chat(rng: random.Random) -> list[Turn]:
    """A well-formed conversation whose every text tries to forge another turn."""
    roles = ["system"] * rng.randrange(2) + ["user", "assistant"] * rng.randrange(1, 3)
    roles = roles[: len(roles) - rng.randrange(2)] or roles
    return [Turn(role, "".join(rng.choices(FRAGMENTS, k=rng.randrange(7)))) for role in roles]  # pyrefly: ignore


@pytest.mark.parametrize("tok", [GPT2, SMALL], ids=["gpt2", "trained"])
def test_ten_thousand_hostile_chats_forge_no_control_token(tok: Tokenizer) -> None:
    rng = random.Random(20240501)
    role_of = {tok.system: "system", tok.user: "user", tok.assistant: "assistant"}
    hostile = 0
    for _ in range(10_000):
        turns = a_chat(rng)
        hostile += any(control in turn.text for turn in turns for control in CONTROL)
        ids, mask = encode(tok, turns)
        # Read the ids back as a reader of the format would: the turns must be exactly those that went in.
        read: list[Turn] = []
        learned: list[bool] = []
        at = 0
        while at < len(ids):
            role = role_of[ids[at]]
            end = at + 1
            while end < len(ids) and ids[end] not in tok.control_ids:
                end += 1
            read.append(Turn(role, tok.decode(ids[at + 1 : end])))  # pyrefly: ignore
            if role == "assistant":
                assert ids[end] == tok.eot
                end += 1
            learned += [False] + [role == "assistant"] * (end - at - 1)
            at = end
        assert read == turns
        assert learned == mask
    assert hostile > 5_000


def test_the_mask_of_a_golden_conversation() -> None:
    turns = [
        Turn("system", "Be kind."),
        Turn("user", "Hello"),
        Turn("assistant", "Hello world"),
        Turn("user", "Bye"),
        Turn("assistant", "Bye"),
    ]
    ids, mask = encode(GPT2, turns)
    expected = [
        (50259, 0), (3856, 0), (1611, 0), (13, 0),
        (50257, 0), (15496, 0),
        (50258, 0), (15496, 1), (995, 1), (50256, 1),
        (50257, 0), (3886, 0), (68, 0),
        (50258, 0), (3886, 1), (68, 1), (50256, 1),
    ]  # fmt: skip
    assert [(i, int(m)) for i, m in zip(ids, mask, strict=True)] == expected
    assert GPT2.decode(ids, keep_control=True) == (
        "<|system|>Be kind.<|user|>Hello<|assistant|>Hello world<|endoftext|><|user|>Bye<|assistant|>Bye<|endoftext|>"
    )


def test_a_prompt_is_the_start_of_the_training_example() -> None:
    turns = [Turn("system", "s"), Turn("user", "q"), Turn("assistant", "a"), Turn("user", "r")]
    prompt = encode_prompt(GPT2, turns)
    whole, _ = encode(GPT2, [*turns, Turn("assistant", "b")])
    assert whole[: len(prompt)] == prompt
    assert prompt[-1] == GPT2.assistant
    assert count_tokens(GPT2, turns) == len(prompt) - 1


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ([], "at least one turn"),
        (["assistant"], "turn 1 must be the user's"),
        (["user", "user"], "turn 2 must be the assistant's"),
        (["system", "assistant"], "turn 2 must be the user's"),
        (["user", "system"], "turn 2 must be the assistant's"),
        (["system", "user", "tool"], "turn 3 must be the assistant's, not 'tool'"),
    ],
)
def test_roles_out_of_order_are_refused(roles: list[str], message: str) -> None:
    turns = [Turn(role, "x") for role in roles]  # pyrefly: ignore
    for call in (encode, encode_prompt, count_tokens):
        with pytest.raises(UserError, match=message):
            call(GPT2, turns)


def test_a_prompt_must_end_with_the_user() -> None:
    with pytest.raises(UserError, match="last turn must be the user's"):
        encode_prompt(GPT2, [Turn("user", "q"), Turn("assistant", "a")])
    with pytest.raises(UserError, match="last turn must be the user's"):
        encode_prompt(GPT2, [Turn("system", "s")])
