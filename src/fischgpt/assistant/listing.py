"""The answer without a model: the best passage quoted, or of a question for several things each in few words.

Where they are more than 30 words together each is cut down, with … where something was left out: five of 20 words are
more than anybody reads in a chat, and the whole line is one touch on its number away.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from fischgpt.assistant.quoting import head, quotation
from fischgpt.profile.index import SEVERAL, Hit, Retrieval
from fischgpt.profile.parts import SHORT_WORDS
from fischgpt.profile.passages import Passage

MAX_LISTED = 6
MAX_WORDS = 60
BELONGS = np.array([0.97, 0.48, -0.53, 0.55, 1.45, 0.77])
"""Whether a further passage belongs to the answer: of its logit, the logit that several things are asked for, the best
passage's logit, whether both are of one section, whether the best is the first line of its entry and this one of its
others, and 1; the sum is a logit, fitted on 780 questions about the dev half and the eleven people of benchmarks/, 105
of them lists (AUC .94)."""
LISTED = 0.3
"""Probability of belonging from which a passage is quoted as well: 9 % of the dev half's answers to questions for one
thing have more than one line so, and 11 % with .25; of its lists 64 % are right with either, 62 with .4."""
LEAST_WORDS = 4
"""Of a passage as an item: "Turned chlorine into a liquid…" says something, "Turned chlorine…" does not."""
_JOINT = re.compile(
    r"(?<=[,;:])\s|\s(?=[–—(])|\s(?=(?:in|on|at|by|for|from|with|after|before|during|under|over|through|until|since|about|as|and|but"
    r"|or|which|who|whom|whose|where|when|while|because|so|then|that|until)\s)"
)
"""Where a sentence can be broken off."""


def listed(found: Retrieval) -> list[Hit]:
    """The hits to quote: the best one and those that answer together with it, or else those that probably belong to
    the answer, of what was read twice: prizes where prizes are asked for, or a second line as likely as the first."""
    best, *rest = found.hits
    if found.together > 1:
        return found.hits[: found.together]
    read_twice = rest[: max(0, found.reread - 1)]
    return [best, *(hit for hit in read_twice if _belongs(hit, best, found.several) >= LISTED)][:MAX_LISTED]


def _belongs(hit: Hit, best: Hit, several: float) -> float:
    """Probability that what answers is told by `hit` too."""
    a, b = hit.passage, best.passage
    alike = (a.section == b.section, b.id == b.entry == a.entry, True)
    known = np.array([*map(_logit, (hit.score, several, best.score)), *alike], float)
    return float(1 / (1 + np.exp(-BELONGS @ known)))


def why(found: Retrieval) -> str:
    """Why more than one is listed, for people."""
    if found.together > 1:
        return "the answer takes both"
    return "several entries answer" if found.several >= SEVERAL or len(listed(found)) > 2 else "either may answer"


def _logit(probability: float) -> float:
    return math.log(max(probability, 1e-4) / max(1 - probability, 1e-4))


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
    """The passage as one of several, in fewer and fewer words: in its own; then an entry as where, what and when, any
    other without its context and broken off at a joint."""
    if names_itself(passage):
        title = passage.title or passage.organisation
        dates = f" ({passage.dates})" if passage.dates else ""
        bare = ", ".join(part for part in (passage.organisation, passage.title) if part)
        if passage.section in ("Awards", "Publications"):
            few = [head(passage), f"{title}{dates}.", f"{title}."]
        elif place := _place(passage):
            few = [f"{bare}, {place}.", f"{bare}."]  # where is asked for more often than when
        else:
            few = [head(passage), f"{bare}."]
        return tuple(sorted(dict.fromkeys([quotation(passage), *few]), key=lambda form: -len(form.split())))
    text = passage.text
    cuts = [text[: joint.start()].rstrip(" ,;:–—(") for joint in _JOINT.finditer(text)]
    cuts = [f"{cut}…" for cut in cuts if LEAST_WORDS <= len(cut.split()) <= SHORT_WORDS]
    return tuple(dict.fromkeys([quotation(passage), text, *reversed(cuts)]))


def names_itself(passage: Passage) -> bool:
    """Whether it is the first line of an entry that its organisation and title say all of."""
    return passage.id == passage.entry and (bool(passage.organisation) or passage.section == "Publications")


def _place(passage: Passage) -> str:
    """Where a job was, as its first line tells it."""
    dates = r"(?: (?:from|since|until|in) (?:[A-Z]\w+ )?\d{4}.*)?"
    found = re.search(rf" at {re.escape(passage.organisation)} in (?!\w* ?\d)(.+?){dates}\.$", passage.text)
    return found[1] if found and passage.organisation else ""
