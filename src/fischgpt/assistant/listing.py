"""The answer without a model: the best passage quoted, or of a question for several things each in few words.

Where they are more than 30 words together each is cut down, with … where something was left out: five of 20 words are
more than anybody reads in a chat, and the whole line is one touch on its number away.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from fischgpt.assistant.quoting import head, quotation
from fischgpt.profile.index import SEVERAL
from fischgpt.profile.parts import JOINT, SHORT_WORDS
from fischgpt.profile.passages import Passage
from fischgpt.profile.retrieval import Hit, Retrieval, listed

MAX_WORDS = 60
LEAST_WORDS = 4
"""Of a passage as an item: "Turned chlorine into a liquid…" says something, "Turned chlorine…" does not."""


def why(found: Retrieval) -> str:
    """Why more than one is listed, for people."""
    if found.together > 1:
        return "the answer takes both"
    return "several entries answer" if found.several >= SEVERAL or len(listed(found)) > 2 else "either may answer"


def quoted(chosen: Sequence[Hit], shown: Sequence[Hit]) -> str:
    """The answer without a model, each passage with its number among `shown`: one in its own words; of several each as
    an item, SHORT_WORDS in all where that can be, MAX_WORDS at most."""
    if len(chosen) == 1:
        texts = [quotation(chosen[0].passage, chosen[0].part)]
    else:
        texts = fitted([_forms(hit) for hit in chosen])
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


def _forms(hit: Hit) -> tuple[str, ...]:
    """One of several in fewer and fewer words: the runs of it that answer, where they were read."""
    passage = hit.passage
    return tuple(dict.fromkeys([quotation(passage), passage.text, *hit.runs])) if hit.runs else items(passage)


@lru_cache(maxsize=4096)
def items(passage: Passage) -> tuple[str, ...]:
    """The passage as one of several, in fewer and fewer words: in its own; then an entry as where, what and when, any
    other without its context and broken off at a joint."""
    if passage.names_itself:
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
    cuts = [text[: joint.start()].rstrip(" ,;:–—(") for joint in JOINT.finditer(text)]
    cuts = [f"{cut}…" for cut in cuts if LEAST_WORDS <= len(cut.split()) <= SHORT_WORDS]
    return tuple(dict.fromkeys([quotation(passage), text, *reversed(cuts)]))


def _place(passage: Passage) -> str:
    """Where a job was, as its first line tells it."""
    dates = r"(?: (?:from|since|until|in) (?:[A-Z]\w+ )?\d{4}.*)?"
    found = re.search(rf" at {re.escape(passage.organisation)} in (?!\w* ?\d)(.+?){dates}\.$", passage.text)
    return found[1] if found and passage.organisation else ""
