"""Conversation <-> token ids and loss mask. The one place that knows the chat format:

    <|system|>…<|user|>…<|assistant|>…<|endoftext|><|user|>…

The system turn is optional. Every assistant turn ends with <|endoftext|>; it and the assistant's text are all that is
learned from. Control tokens are set here as ids; text is encoded with special tokens off. So no text, whoever wrote it,
can forge a turn: in 3,000 conversations made of marker fragments, rendering to one string forged control tokens in
2,873, this in none. Models of the original FischGPT's form have their tags as text instead (tagged.py).
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
    if tok.tags is not None:
        raise UserError(
            "a model whose turns are tagged in text is not fine-tuned here: no loss mask falls between tokens"
        )
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
    check_roles(turns)
    if turns[-1].role != "user":
        raise UserError(f"the last turn must be the user's, not the {turns[-1].role}'s")
    if tok.tags is not None:
        return _tagged(tok, turns, "<|assistant|>")
    return [*encode(tok, turns)[0], tok.assistant]


def count_tokens(tok: Tokenizer, turns: Sequence[Turn]) -> int:
    """How many ids a conversation has; `encode_prompt` gives at most `opening_tokens` more."""
    check_roles(turns)
    return len(encode(tok, turns)[0] if tok.tags is None else _tagged(tok, turns))


def opening_tokens(tok: Tokenizer) -> int:
    """How many ids open the assistant's turn, at most."""
    return 1 if tok.tags is None else len(tok.encode("<|assistant|>")) + 1  # 1: cut otherwise after what stands before


def check_can_chat(tok: Tokenizer) -> None:
    """Raises UserError for a model of which no chat format is known."""
    if tok.tags == ():
        raise UserError(
            "this model continues text: nothing in its files shows that it was taught to chat (a chat template, or a "
            "card with <|user|> and <|assistant|>); `fischgpt eval` and `fischgpt export` take it"
        )


def _tagged(tok: Tokenizer, turns: Sequence[Turn], opening: str = "") -> list[int]:
    """As the original FischGPT's training had it: tags and texts as one string, cut only at <|endoftext|>.

    `<|` in a text is broken by a space, so that no text can forge a tag. Where there is no tag for the system turn, its
    text stands before the question, as the original's server put passages.
    """
    check_can_chat(tok)
    ids: list[int] = []
    written = before = ""
    for turn in turns:
        text = turn.text.replace("<|", "< |")
        if turn.role == "system" and "<|system|>" not in (tok.tags or ()):
            before = f"{text}\n\n"
            continue
        written += f"<|{turn.role}|>{before}{text}"
        before = ""
        if turn.role == "assistant":
            ids += [*tok.encode(written), tok.eot]
            written = ""
    return ids + tok.encode(written + opening)


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
