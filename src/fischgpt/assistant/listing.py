"""The answer without a model: the best passage quoted, or of a question for several things each on a line of its own.

Where they are more than 30 words together some are cut down, with … where something was left out: five of 20 words are
more than anybody reads in a chat, and the whole line is one touch on its number away. Which of them, and how far, is
what keeps most of the answer in 30 words.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from fischgpt.assistant.quoting import head, quotation
from fischgpt.profile.bm25 import terms
from fischgpt.profile.index import SEVERAL
from fischgpt.profile.parts import JOINT, MAX_WORDS, SHORT_WORDS
from fischgpt.profile.passages import Passage
from fischgpt.profile.retrieval import LISTED, Hit, Retrieval, listed

MORE_WORDS = 10
"""An answer gets so many more at a time where SHORT_WORDS are too few for all that answers together."""
LEAST_WORDS = 4
"""Of a passage as an item: "Turned chlorine into a liquid…" says something, "Turned chlorine…" does not."""
LESS = 0.97
"""What is left of a passage's worth with each form that is shorter by its context, or at a joint."""
DROP, CUT_BEFORE, CUT_BEHIND = 0.3, 0.3, 0.05
"""A run is worth exp(-DROP x how much lower its logit is) of its passage, and less by the same of what was cut off
before and behind it: "…in the same year." says little to people. With .05 before as well as behind 100 lines of the
answers to the dev half's 654 questions begin in the middle of a sentence, so 56, and four more are right (seen once).
From .2 to .45 for DROP it is within four questions of that. Before, with .05 twice and the reader of then, 88.1 % were
right in 30 words, and 86.4 when each was cut down alike, to runs of falling length."""
LEAST = LISTED / 2
"""What is worth less is not listed."""

BETWEEN = "\n\n"
"""Between the lines of an answer: a paragraph each, in Markdown too, which would make one of a single line break."""
Form = tuple[str, float]
"""A quotation, and its worth: the probability that it tells what answers."""


def why(found: Retrieval, lines: int) -> str:
    """Why so many lines are quoted, for people."""
    if found.together > 1:
        return "both belong to the answer" if lines == 2 else "several entries, in their order"
    return "several entries answer" if found.several >= SEVERAL or lines > 2 else "either may answer"


def quoted(found: Retrieval, shown: Sequence[Hit]) -> str:
    """The answer without a model, a line for each passage, with its number among `shown`: one in its own words, several
    in SHORT_WORDS together where that can be, and in MAX_WORDS at most."""
    chosen = [one for one in listed(found) if one[0] in shown]
    picked = _said(chosen, min(found.together, len(chosen)), found.words) if len(chosen) > 1 else []
    if len(picked) < 2:
        hit = chosen[0][0]
        picked = [(0, quotation(hit.passage, hit.part))]
    return BETWEEN.join(f"{text} [{shown.index(chosen[i][0]) + 1}]" for i, text in picked)


def _said(chosen: Sequence[tuple[Hit, float]], must: int, words: int) -> list[tuple[int, str]]:
    """Which of the hits, the first `must` in any case, and in which words; without those that say nothing new."""
    lines = [_forms(hit, worth, must > 2) for hit, worth in chosen]
    while True:
        tried = (fitted(lines, must, most) for most in range(words, MAX_WORDS + 1, MORE_WORDS))
        picked = next(filter(None, tried), [])
        if not picked and must > 1:  # the oldest jobs of many are left out
            must -= 1
            lines[must] = []
            continue
        again = [i for at, (i, text) in enumerate(picked) if at >= must and _adds_nothing(text, picked[:at])]
        if not again:
            return picked
        lines[again[-1]] = []


def _adds_nothing(text: str, before: Sequence[tuple[int, str]]) -> bool:
    said = {term for _, other in before for term in terms(other)}
    return said.issuperset(terms(text))


def fitted(lines: Sequence[Sequence[Form]], must: int, most: int) -> list[tuple[int, str]]:
    """Which lines, and each in which of its forms: those worth most together in `most` words, the first `must` in any
    case. Empty where even they have more. The knapsack problem, by dynamic programming."""
    best: dict[int, tuple[float, list[tuple[int, str]]]] = {0: (0.0, [])}
    for i, forms in enumerate(lines):
        longer = {} if i < must else dict(best)
        for used, (worth, picked) in best.items():
            for text, more in forms:
                words = used + len(text.split())
                if words <= most and (words not in longer or worth + more > longer[words][0]):
                    longer[words] = (worth + more, [*picked, (i, text)])
        best = longer
    return max(best.values(), key=lambda one: one[0])[1] if best else []


def _forms(hit: Hit, worth: float, in_order: bool) -> list[Form]:
    """One of several in fewer and fewer words: as an item, or the runs of it that answer, where they were read."""
    passage = hit.passage
    whole = (quotation(passage, hit.part), quotation(passage), passage.text) if hit.runs else items(passage, in_order)
    forms = [(text, worth * LESS**k) for k, text in enumerate(dict.fromkeys(whole))]
    forms += [
        (run, worth * math.exp(-DROP * drop - CUT_BEFORE * run.startswith("…") - CUT_BEHIND * run.endswith("…")))
        for run, drop in hit.runs
    ]
    return [form for form in forms if form[1] >= min(LEAST, worth / 2)]


@lru_cache(maxsize=4096)
def items(passage: Passage, in_order: bool = False) -> tuple[str, ...]:
    """The passage as one of several, in fewer and fewer words: in its own; then an entry as where, what and when, any
    other without its context and broken off at a joint. in_order: of all entries of a section, by their dates."""
    if passage.names_itself or (in_order and passage.title):
        title = passage.title or passage.organisation
        dates = f" ({passage.dates})" if passage.dates else ""
        bare = ", ".join(part for part in (passage.organisation, passage.title) if part)
        if passage.section in ("Awards", "Publications", "Projects"):
            few = [head(passage), f"{title}{dates}.", f"{title}."]
        elif not in_order and (place := _place(passage)):
            few = [f"{bare}, {place}.", f"{bare}."]  # where is asked for more often than when
        else:
            few = [head(passage), f"{bare}."]
        return tuple(sorted(dict.fromkeys([quotation(passage), *few]), key=lambda form: -len(form.split())))
    text = passage.text
    cuts = [text[: joint.start()].rstrip(" ,;:–—(") for joint in JOINT.finditer(text)]
    cuts = [f"{cut}…" for cut in cuts if LEAST_WORDS <= len(cut.split()) <= SHORT_WORDS]
    return tuple(dict.fromkeys([quotation(passage), text, *reversed(cuts)]))


def _place(passage: Passage) -> str:
    """Where a job was, as its first line tells it."""
    dates = r"(?: (?:from|since|until|in) (?:[A-Z]\w+ )?\d{4}.*)?"
    found = re.search(rf" at {re.escape(passage.organisation)} in (?!\w* ?\d)(.+?){dates}\.$", passage.text)
    return found[1] if found and passage.organisation else ""
