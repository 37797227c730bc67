"""Which passages answer a question: vectors and words, fused; and whether any of them does."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fischgpt.chat import Turn
from fischgpt.profile import embed
from fischgpt.profile.bm25 import BM25
from fischgpt.profile.passages import Passage
from fischgpt.profile.profile import Profile
from fischgpt.profile.question import resolve
from fischgpt.profile.store import Store, open_store
from fischgpt.resources import cache_dir

RRF_K = 60
"""Reciprocal rank fusion, Cormack 2009: a passage scores the sum of 1 / (60 + rank) over both rankings."""
CANDIDATES = 64
BM25_WEIGHT = 0.05
THRESHOLD = 0.46
"""Best cosine + .05 x best BM25 from which the profile is said to hold an answer: benchmarks/retrieval.md."""
WORDS_THRESHOLD = 0.15
"""The same when only words are searched."""

# What visitors call a section. Part of what is searched, never of what is shown or read by the model.
SYNONYMS = {
    "About": "about, who, biography, summary",
    "Work": "work, job, employment, career, position",
    "Volunteering": "volunteering, unpaid, charity, social engagement",
    "Education": "education, studied, degree, university, school",
    "Projects": "projects, built, made",
    "Skills": "skills, technologies, tools, knows, good at",
    "Publications": "publications, papers, articles, books, wrote",
    "Awards": "awards, prizes, honours, won",
    "Certificates": "certificates, certified, qualifications",
    "References": "references, recommendation, what others say",
    "Languages": "languages, speaks, spoken, mother tongue",
    "Interests": "interests, hobbies, free time, likes",
    "Contact": "contact, reach, e-mail, phone, address, lives",
}


@dataclass(frozen=True)
class Hit:
    """A passage found. `score` is the fused rank score, 1.0 for first in both rankings; `cosine` and `bm25` raw."""

    passage: Passage
    score: float
    cosine: float
    bm25: float


@dataclass(frozen=True)
class Retrieval:
    """What a question found, best first; `answerable` when `score` (best cosine + .05 x best BM25) >= `threshold`."""

    hits: list[Hit]
    answerable: bool
    score: float
    threshold: float


def indexed_text(passage: Passage) -> str:
    """What is embedded and searched for words: the passage in its context, with its section's other names."""
    synonyms = SYNONYMS.get(passage.section)
    return f"{passage.render()} ({synonyms})" if synonyms else passage.render()


class Index:
    """The searchable passages of a profile. Safe to search from several threads."""

    def __init__(self, profile: Profile, store: Store | None, notice: str | None, rebuilt: bool = False) -> None:
        self.profile = profile
        self.notice = notice
        """Why the search is worse than it should be, in one line; None when all is well."""
        self.rebuilt = rebuilt
        self._store = store
        self._passages = {passage.id: passage for passage in profile.passages}
        self._ids = list(self._passages)
        self._bm25 = BM25([indexed_text(passage) for passage in profile.passages])

    @classmethod
    def open(cls, profile: Profile, cache: Path | None = None) -> "Index":
        """The index of a profile, from the cache folder (default: the user's) or made now.

        When the embedding model or the store fails, search goes on by words alone and `notice` says why.
        """
        texts = [indexed_text(passage) for passage in profile.passages]
        ids = [passage.id for passage in profile.passages]
        fingerprint = hashlib.sha256("\0".join([*ids, *texts]).encode()).hexdigest()
        try:
            embed.embedder()
            store, rebuilt = open_store(
                cache or cache_dir() / "index", fingerprint, embed.MODEL_SHA256, ids, lambda: embed.embed(texts)
            )
        except Exception as error:  # whatever fails in onnxruntime, Chroma, SQLite or the disk: words still find
            return cls(profile, None, f"searching by words alone: {error}")
        return cls(profile, store, None, rebuilt)

    def search(self, question: str, history: Sequence[Turn] = (), k: int = 8) -> Retrieval:
        """The k passages that best answer the question. A follow-up question is searched with the one before."""
        wanted = resolve(question, history, self.profile.name)
        words = dict(zip(self._ids, self._bm25.scores(wanted), strict=True))
        by_words = sorted((id_ for id_ in self._ids if words[id_] > 0), key=lambda id_: -words[id_])[:CANDIDATES]
        cosines: dict[str, float] = {}
        vector = embed.embed([wanted])[0] if self._store else None
        if self._store and vector is not None:
            cosines = self._store.query(vector, min(CANDIDATES, len(self._ids)))
        fused: dict[str, float] = {}
        for ranking in (list(cosines), by_words):
            for rank, id_ in enumerate(ranking, 1):
                fused[id_] = fused.get(id_, 0.0) + 1 / (RRF_K + rank)
        best = sorted(fused, key=lambda id_: -fused[id_])[:k]
        if self._store and vector is not None:
            cosines |= self._store.cosines(vector, [id_ for id_ in best if id_ not in cosines])
        full = (2 if self._store else 1) / (RRF_K + 1)
        hits = [Hit(self._passages[i], fused[i] / full, cosines.get(i, 0.0), words[i]) for i in best]
        score = max(cosines.values(), default=0.0) + BM25_WEIGHT * max(words.values(), default=0.0)
        threshold = THRESHOLD if self._store else WORDS_THRESHOLD
        return Retrieval(hits, score >= threshold, score, threshold)

    def close(self) -> None:
        """Let go of the index's files."""
        if self._store:
            self._store.close()
