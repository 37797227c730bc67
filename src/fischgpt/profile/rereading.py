"""What the cross-encoder is asked: whether a passage answers, and which piece of it answers best."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fischgpt.profile import embed
from fischgpt.profile.cross_encoder import cross_encoder
from fischgpt.profile.embed import Reading
from fischgpt.profile.parts import SHORT_WORDS, Part, context, parts, runs
from fischgpt.profile.passages import Passage
from fischgpt.profile.relevance import Pair


def read_again(pairs: Sequence[Pair], whole: Reading | None) -> NDArray[np.float32]:
    """(N,) logits that the passages answer. whole: a question with the rest of its message, for the higher of both."""
    logits = cross_encoder().score(pairs)
    if whole is None:
        return logits
    return np.maximum(logits, cross_encoder().score([replace(pair, question=whole) for pair in pairs]))


def best_part(pair: Pair, passage: Passage, whole: Reading | None) -> str:
    """What of a passage that is too long to quote answers; of others nothing."""
    if not (found := parts(passage)):
        return ""
    return found[int(np.argmax(_read([(pair, passage, part) for part in found], whole)))].shown


def short_forms(
    pairs: Sequence[Pair], passages: Sequence[Passage], whole: Reading | None
) -> dict[str, list[tuple[str, float]]]:
    """By the id of each passage that is listed its runs as they are quoted, with the logit that each answers; none
    longer than twice its share of SHORT_WORDS."""
    most = 2 * SHORT_WORDS // max(1, len(passages))
    short = [[run for run in runs(passage) if len(run.text.split()) <= most] for passage in passages]
    read = [(pair, passage, run) for pair, passage, some in zip(pairs, passages, short, strict=True) for run in some]
    logits = iter(_read(read, whole).tolist())
    return {
        passage.id: [(run.shown, next(logits)) for run in some] for passage, some in zip(passages, short, strict=True)
    }


def _read(read: Sequence[tuple[Pair, Passage, Part]], whole: Reading | None) -> NDArray[np.float32]:
    """The logits of pieces of passages, each with what the search found of the whole."""
    if not read:
        return np.zeros(0, np.float32)
    ids = embed.embedder().tokens([context(passage) + part.text for _, passage, part in read])
    return read_again(
        [replace(pair, passage=replace(pair.passage, ids=own)) for (pair, *_), own in zip(read, ids, strict=True)],
        whole,
    )
