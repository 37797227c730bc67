"""BM25 over a few hundred passages, in plain Python (Robertson and Zaragoza 2009, with Lucene's idf)."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

K1 = 1.2
B = 0.5

_WORD = re.compile(r"[a-z0-9]+(?:[.,'’][a-z0-9]+)*")
STOP_WORDS = frozenset(
    """a about again all also am an and any are as at be been before being but by can could did do does doing done
    ever for from get give had has have having he her hers herself him himself his how i if in into is it its itself
    just kind know let me might more most much many must my no nor not of off on once one only or other our out over
    own please s same say she should so some such t tell than that the their them then there these they thing things
    this those through to too under until up us very was we were what when where which while who whom whose why will
    with would you your yours""".split()  # noqa: SIM905
)


def fold(text: str) -> str:
    """Lower case without accents."""
    decomposed = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("Ł", "L").casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def stem(word: str) -> str:
    """A light stem: "discover", "discovers", "discovered" and "discovering" meet."""
    if word.endswith(("'s", "’s")):
        word = word[:-2]
    if not word.isalpha() or len(word) < 4:
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffixes in (("ing", "ed"), ("er", "or", "ion")):
        for suffix in suffixes:
            if word.endswith(suffix) and len(word) - len(suffix) >= 4:
                word = word[: -len(suffix)]
                break
    if word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]  # planned -> plann -> plan
    return word[:-1] if word.endswith("e") and len(word) > 4 else word


def terms(text: str) -> list[str]:
    """The stems of the content words, in order."""
    return [stem(word) for word in _WORD.findall(fold(text)) if word not in STOP_WORDS]


class BM25:
    """An index over texts; `scores` ranks them for a question."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(terms(text)) for text in texts]
        lengths = [sum(count.values()) for count in counts]
        average = sum(lengths) / max(len(lengths), 1) or 1.0
        self._n = len(texts)
        self._postings: dict[str, list[tuple[int, float]]] = {}
        for i, count in enumerate(counts):
            for term, tf in count.items():
                weight = tf * (K1 + 1) / (tf + K1 * (1 - B + B * lengths[i] / average))
                self._postings.setdefault(term, []).append((i, weight))

    def scores(self, question: str) -> list[float]:
        """(N,) scores, 0.0 for a text that shares no content word with the question."""
        found = [0.0] * self._n
        for term in set(terms(question)):
            postings = self._postings.get(term, ())
            idf = math.log(1 + (self._n - len(postings) + 0.5) / (len(postings) + 0.5))
            for i, weight in postings:
                found[i] += idf * weight
        return found
