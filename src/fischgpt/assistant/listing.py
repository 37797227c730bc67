"""The answer without a model: the best passage quoted, or of a question for several things each in few words.

Each item of a list is a passage cut down, with … where something was left out: five of 20 words are more than anybody
reads in a chat, and the whole line is one touch on its number away.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from fischgpt.assistant.quoting import head, quotation
from fischgpt.profile.index import Hit, Retrieval
from fischgpt.profile.parts import SHORT_WORDS
from fischgpt.profile.passages import Passage

MAX_LISTED = 6
MAX_WORDS = 60
LISTED = 0.8
"""Probability from which a further entry belongs to a list that was not asked for."""
SEVERAL, LISTED_ASKED = 0.2, 0.3
"""Probability from which a question is taken to ask for several things, and that from which a passage is one of them:
21 of 32 lists about people that no reader learned from are whole then, 18 if none is asked for
(benchmarks/readers.py)."""
CLOSE = 0.7
"""Difference in logits under which two passages are as likely to answer: the odds of one are twice those of the other.
Of the dev half's answers to questions for one thing 8 % have two lines so, of those about the eleven people of
benchmarks/ 20 %, and 1 and 5 % hold their answer that way alone. With twice the difference, seen with the reader of six
stages, no more of them hold it."""
LEAST_WORDS = 4
"""Of a passage as an item: "Turned chlorine into a liquid…" says something, "Turned chlorine…" does not."""
_JOINT = re.compile(
    r"(?<=[,;:])\s|\s(?=[–—(])|\s(?=(?:in|on|at|by|for|from|with|after|before|during|under|over|through|until|since|about|as|and|but"
    r"|or|which|who|whom|whose|where|when|while|because|so|then|that|until)\s)"
)
"""Where a sentence can be broken off."""


def listed(found: Retrieval) -> list[Hit]:
    """The hits to quote: the best one; those that answer together; where several are asked for ("Which prizes did she
    win?") all that answer as well; and where the readers cannot tell which of two answers, both.

    Of a question that does not ask for several only first lines of entries at an organisation (jobs, degrees, prizes)
    and of publications are listed, of one section, and only those that are as good as certain. Not projects: their
    first lines tell what they are, their titles alone tell nothing.
    """
    if found.together > 1:
        return found.hits[: found.together]
    return [found.hits[0], *(_as_good(found) or _undecided(found))][:MAX_LISTED]


def why(found: Retrieval) -> str:
    """Why more than one is listed, for people."""
    if found.together > 1:
        return "the answer takes both"
    return "several entries answer" if _as_good(found) else "either may answer"


def _as_good(found: Retrieval) -> list[Hit]:
    """What belongs to a list with the best hit."""
    best, *rest = found.hits
    asked = found.several >= SEVERAL
    least = LISTED_ASKED if asked else LISTED

    def alike(hit: Hit) -> bool:
        return all(map(names_itself, (best.passage, hit.passage))) and hit.passage.section == best.passage.section

    return [hit for hit in rest if hit.score >= least and (asked or alike(hit))]


def _undecided(found: Retrieval) -> list[Hit]:
    """The second hit, where it may as well be the one that answers."""
    best, *rest = found.hits
    return [hit for hit in rest[:1] if _logit(best.score) - _logit(hit.score) < CLOSE]


def _logit(probability: float) -> float:
    return math.log(max(probability, 1e-6) / max(1 - probability, 1e-6))


def quoted(chosen: Sequence[Hit], shown: Sequence[Hit]) -> str:
    """The answer without a model, each passage with its number among `shown`: one in its own words; of several each as
    an item, SHORT_WORDS in all where that can be, MAX_WORDS at most."""
    if len(chosen) == 1:
        texts = [quotation(chosen[0].passage, chosen[0].part)]
    else:
        texts = fitted([items(hit.passage) for hit in chosen])
    return " ".join(f"{text} [{shown.index(hit) + 1}]" for text, hit in zip(texts, chosen, strict=False))


def fitted(forms: Sequence[Sequence[str]], short: int = SHORT_WORDS, most: int = MAX_WORDS) -> list[str]:
    """One form of each, from its forms by falling length: always the longest is taken down by one, until they have
    `short` words in all or cannot have fewer. The last are left out that go beyond `most`."""
    at = [0] * len(forms)

    def size(i: int) -> int:
        return len(forms[i][at[i]].split())

    while sum(map(size, range(len(forms)))) > short:
        longer = [i for i in range(len(forms)) if at[i] + 1 < len(forms[i])]
        if not longer:
            break
        at[max(longer, key=size)] += 1
    room, texts = most, []
    for i in range(len(forms)):
        room -= size(i)
        if room < 0 and texts:
            break
        texts.append(forms[i][at[i]])
    return texts


@lru_cache(maxsize=4096)
def items(passage: Passage) -> tuple[str, ...]:
    """The passage as one of several, in fewer and fewer words: an entry as where, what and when; any other in its own
    words, then without its context, then broken off at a joint."""
    if names_itself(passage):
        title = passage.title or passage.organisation
        dates = f" ({passage.dates})" if passage.dates else ""
        bare = ", ".join(part for part in (passage.organisation, passage.title) if part)
        few = [f"{title}{dates}", title] if passage.section in ("Awards", "Publications") else [bare]
        return tuple(dict.fromkeys([head(passage), *(f"{text}." for text in few)]))
    text = passage.text
    cuts = [text[: joint.start()].rstrip(" ,;:–—(") for joint in _JOINT.finditer(text)]
    cuts = [f"{cut}…" for cut in cuts if LEAST_WORDS <= len(cut.split()) <= SHORT_WORDS]
    return tuple(dict.fromkeys([quotation(passage), text, *reversed(cuts)]))


def names_itself(passage: Passage) -> bool:
    """Whether it is the first line of an entry that its organisation and title say all of."""
    return passage.id == passage.entry and (bool(passage.organisation) or passage.section == "Publications")
