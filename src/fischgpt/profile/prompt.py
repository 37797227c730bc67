"""Passages and a conversation -> the turns of a prompt that fits the context."""

from collections.abc import Sequence

from fischgpt.profile.passages import Passage


def render_passages(passages: Sequence[Passage]) -> str:
    """The system text: one numbered line a passage, best first: `[1] Work, Acme (2019): Built ...`."""
    return "\n".join(f"[{number}] {passage.render()}" for number, passage in enumerate(passages, 1))
