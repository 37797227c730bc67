"""Conversation <-> token ids and loss mask. The one place that knows the chat format:

    <|system|>…<|user|>…<|assistant|>…<|endoftext|><|user|>…

The system turn is optional. Every assistant turn ends with <|endoftext|>; it and the assistant's text are all that is
learned from. Control tokens are set here as ids; text is encoded with special tokens off. So no text, whoever wrote it,
can forge a turn: in 3,000 conversations made of marker fragments, rendering to one string forged control tokens in
2,873, this in none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Turn:
    """One message of a conversation."""

    role: Role
    text: str


def encode(tok: Tokenizer, turns: Sequence[Turn]) -> tuple[list[int], list[bool]]:
    """Ids of a conversation and, for each, whether the model learns to write it: assistant text and its end token.

    Raises UserError unless roles are an optional system turn, then user and assistant in turn.
    """
    check_roles(turns)
    marker = {"system": tok.system, "user": tok.user, "assistant": tok.assistant}
    ids: list[int] = []
    mask: list[bool] = []
    for turn in turns:
        text_ids = tok.encode(turn.text)
        learned = turn.role == "assistant"
        if learned:
            text_ids = [*text_ids, tok.eot]
        ids += [marker[turn.role], *text_ids]
        mask += [False, *([learned] * len(text_ids))]
    return ids, mask


def encode_prompt(tok: Tokenizer, turns: Sequence[Turn]) -> list[int]:
    """Ids of a conversation that the assistant answers next: they end with <|assistant|>.

    Raises UserError as `encode` does, or unless the last turn is the user's.
    """
    ids, _ = encode(tok, turns)
    if turns[-1].role != "user":
        raise UserError(f"the last turn must be the user's, not the {turns[-1].role}'s")
    return [*ids, tok.assistant]


def count_tokens(tok: Tokenizer, turns: Sequence[Turn]) -> int:
    """How many ids `encode` gives; `encode_prompt` gives one more."""
    return len(encode(tok, turns)[0])


def check_roles(turns: Sequence[Turn]) -> None:
    """Raises UserError unless roles are an optional system turn, then user and assistant in turn."""
    if not turns:
        raise UserError("a conversation needs at least one turn")
    spoken = turns[1:] if turns[0].role == "system" else turns
    for i, turn in enumerate(spoken):
        expected = "assistant" if i % 2 else "user"
        if turn.role != expected:
            at = i + 1 + (len(turns) - len(spoken))
            raise UserError(f"turn {at} must be the {expected}'s, not {turn.role!r}: user and assistant take turns")
