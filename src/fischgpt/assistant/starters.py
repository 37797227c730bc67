"""Questions to offer a visitor, each asked as it will be and kept only if the profile answered it."""

from fischgpt.assistant.answer import Answer, Assistant
from fischgpt.assistant.check import MARKER
from fischgpt.chat import Turn
from fischgpt.profile.profile import Starter, starter_candidates

WANTED = 5
MOST_ASKED = 20
"""An answer's first words take 87 ms on two cores (benchmarks/serving.md)."""


def propose_starters(assistant: Assistant, wanted: int = WANTED) -> list[str]:
    """Up to `wanted` questions that this assistant answers from the very entry they ask about, kinds of facts mixed."""
    profile = assistant.profile
    kept: list[str] = []
    for starter in starter_candidates(profile.first_name, profile.passages)[:MOST_ASKED]:
        if len(kept) == wanted:
            break
        if answers(assistant.reply([Turn("user", starter.question)]), starter):
            kept.append(starter.question)
    return kept


def answers(answer: Answer, starter: Starter) -> bool:
    """Whether an answer is one, and cites first a passage of the entry (or, of what is listed, the section) asked
    about."""
    cited = MARKER.search(answer.text)
    if answer.done.kind not in ("model", "quote") or cited is None:
        return False
    passage = answer.sources.hits[int(cited[1]) - 1].passage
    return passage.section == starter.section and starter.entry in ("", passage.entry)
