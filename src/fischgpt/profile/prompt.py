"""Passages and a conversation -> the turns of a prompt that fits the context."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fischgpt.chat import Turn, count_tokens, opening_tokens
from fischgpt.errors import UserError
from fischgpt.profile.passages import Passage
from fischgpt.profile.text import clean
from fischgpt.tokenizer import Tokenizer

if TYPE_CHECKING:  # the index brings Chroma along, which rendering for training does not need
    from fischgpt.profile.retrieval import Hit

_CITATION = re.compile(r"\s*\[\d+\]")


def render_passages(passages: Sequence[Passage]) -> str:
    """The system text: one numbered line a passage, best first: `[1] Work, Acme (2019): Built ...`."""
    return "\n".join(f"[{number}] {passage.render()}" for number, passage in enumerate(passages, 1))


def build_turns(
    question: str,
    hits: "Sequence[Hit]",
    history: Sequence[Turn],
    tok: Tokenizer,
    block_size: int,
    answer_tokens: int,
) -> "tuple[list[Turn], list[Hit]]":
    """The conversation to send to the model, and the hits in it, in the order of their numbers.

    Room is given first to the answer (`answer_tokens`), then to the question, then to passages, best first (one too
    long for what is left is passed over), then to older exchanges, the newest first. The ids of
    `chat.encode_prompt` and the answer together never exceed `block_size`. Raises UserError for an empty question,
    one too long for the context, or an `answer_tokens` that leaves no room.
    """
    asked = Turn("user", clean(question))
    room = block_size - answer_tokens - opening_tokens(tok)
    if not asked.text:
        raise UserError("the question is empty")
    if room < 2:
        raise UserError(f"an answer of {answer_tokens} tokens leaves no room in a context of {block_size}")
    needed = count_tokens(tok, [asked])
    if needed > room:
        raise UserError(f"the question is too long: {needed - 1} tokens, at most {room - 1} fit; ask in fewer words")

    used: list[Hit] = []
    system: list[Turn] = []
    for hit in hits:
        longer = [Turn("system", render_passages([*(h.passage for h in used), hit.passage]))]
        if count_tokens(tok, [*longer, asked]) <= room:
            used.append(hit)
            system = longer
    older: list[Turn] = []
    for exchange in _exchanges(history, used):
        if count_tokens(tok, [*system, *exchange, *older, asked]) > room:
            break
        older = [*exchange, *older]
    return [*system, *older, asked], used


def _exchanges(history: Sequence[Turn], used: "Sequence[Hit]") -> Iterator[list[Turn]]:
    """Questions with their answers, newest first.

    An answer's own citations are dropped, for their numbers meant older passages. If it stands in a passage given
    now, it opens with that one's number, as the model writes answers: an uncited answer in its context is like
    nothing that it was trained on.
    """
    for i in range(len(history) - 2, -1, -1):
        user, answer = history[i], history[i + 1]
        if (user.role, answer.role) == ("user", "assistant"):
            asked, said = clean(user.text), clean(_CITATION.sub("", answer.text))
            if asked and said:
                at = (n for n, hit in enumerate(used, 1) if said.rstrip(".") in hit.passage.render())
                number = next(at, None)
                yield [Turn("user", asked), Turn("assistant", f"[{number}] {said}" if number else said)]
