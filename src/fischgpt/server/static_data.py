"""What the site without a server answers from: the passages, read in advance, and every rule of an answer.

The algorithms are written again in TypeScript (web/src/browser/). What they run on, every threshold, word list and
pattern, is taken from the modules that have it, so that a rule changed there is changed in the browser too.
"""

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from fischgpt.assistant import answer, check, listing, quoting, release, smalltalk
from fischgpt.config import GPTConfig
from fischgpt.profile import (
    bm25,
    compared,
    embed,
    entries_asked,
    index,
    indexed,
    intents,
    judged,
    parts,
    prompt,
    question,
    relevance,
    retrieval,
    several,
    text,
    timeline,
)
from fischgpt.profile.profile import Profile
from fischgpt.tokenizer import Tokenizer

_SMALL_TALK = {"hello": "hello", "thanks": "thanks", "bye": "bye", "who": "who are you", "help": "help"}
"""A message of each kind."""


def rules(profile: Profile, config: GPTConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    """Every rule of an answer about this owner by a model of this shape, as JSON. Patterns are JavaScript's."""
    replies = {kind: smalltalk.small_talk(said, profile.name, profile.starters) for kind, said in _SMALL_TALK.items()}
    block_size = config.block_size
    return {
        "owner": profile.name,
        "declined": answer.declined(profile.name),
        "text": {
            "ligatures": {chr(code): letters for code, letters in text._LIGATURES.items()},
            "marker": javascript(text._MARKER),
            "sentenceEnd": javascript(text._SENTENCE_END),
        },
        "words": {"word": javascript(bm25._WORD), "stop": sorted(bm25.STOP_WORDS)},
        "question": {
            "roleTokens": javascript(question._ROLE_TOKENS),
            "pointing": sorted(question._POINTING),
            "verbs": sorted(question._VERBS),
            "askingBack": javascript(question._ASKING_BACK),
            "who": javascript(question._WHO),
            "you": sorted(question._YOU),
            "they": sorted(question._THEY),
            "another": javascript(question._ANOTHER),
            "opening": javascript(question._OPENING),
            "variants": question._VARIANTS,
            "compared": {
                "born": compared.BORN,
                "died": compared.DIED,
                "age": javascript(compared._AGE),
                "life": javascript(compared._LIFE),
                "when": javascript(compared._WHEN),
                "verb": javascript(compared._VERB),
                "pairs": [javascript(pair) for pair in compared._PAIRS],
            },
            "byDate": {
                "forms": [[kind, javascript(form)] for kind, form in entries_asked.FORMS],
                "which": entries_asked.WHICH,
                "career": entries_asked.CAREER,
            },
        },
        "search": {
            "candidates": index.CANDIDATES,
            "bm25Weight": index.BM25_WEIGHT,
            "sameEntry": index.SAME_ENTRY,
            "judged": index.JUDGED,
            "rankWeight": judged.RANK_WEIGHT,
            "gateWeight": judged.GATE_WEIGHT,
            "even": judged.EVEN,
            "threshold": index.THRESHOLD,
            "reread": index.REREAD,
            "rereadSeveral": index.REREAD_SEVERAL,
            "rereadWeights": judged.REREAD_WEIGHTS.tolist(),
            "rereadGate": judged.REREAD_GATE.tolist(),
            "far": judged.FAR,
            "farWeight": judged.FAR_WEIGHT,
            "usualFirst": judged.USUAL_FIRST.tolist(),
            "usualWeights": judged.USUAL_WEIGHTS.tolist(),
            "usualGate": judged.USUAL_GATE.tolist(),
            "together": index.TOGETHER,
            "outright": index.OUTRIGHT,
            "rereadThreshold": index.REREAD_THRESHOLD,
            "questionTokens": relevance.QUESTION_TOKENS,
            "passageTokens": relevance.PASSAGE_TOKENS,
            "slice": relevance.SLICE,
            "maxTokens": embed.MAX_TOKENS,
        },
        "several": asks_several(),
        "intents": intents.intents().asked.T.round(3).tolist(),
        "prompt": {"citation": javascript(prompt._CITATION)},
        "quoting": {
            "refusals": quoting.REFUSALS,
            "rankWeights": quoting.RANK_WEIGHTS,
            "maxCitations": quoting.MAX_CITATIONS,
            "likely": quoting.LIKELY,
            "maxListed": retrieval.MAX_LISTED,
            "maxWords": parts.MAX_WORDS,
            "moreWords": listing.MORE_WORDS,
            "shortWords": parts.SHORT_WORDS,
            "between": listing.BETWEEN,
            "less": listing.LESS,
            "drop": listing.DROP,
            "cutBefore": listing.CUT_BEFORE,
            "cutBehind": listing.CUT_BEHIND,
            "least": listing.LEAST,
            "belongs": retrieval.BELONGS.tolist(),
            "listed": retrieval.LISTED,
            "several": index.SEVERAL,
        },
        "check": {
            "maxWords": check.MAX_WORDS,
            "marker": javascript(check.MARKER),
            "role": javascript(check._ROLE),
            "token": javascript(check._TOKEN),
            "thousands": javascript(check._THOUSANDS),
            "decline": javascript(check._DECLINE),
            "numberWords": check.NUMBER_WORDS,
            "function": sorted(check._FUNCTION),
            "markerBegun": javascript(release._MARKER_BEGUN),
        },
        "smallTalk": {
            "hello": javascript(re.compile(smalltalk._HELLO)),
            "patterns": [[kind, javascript(pattern)] for kind, pattern in smalltalk._COMPILED],
            "replies": replies,
        },
        "answer": {
            "confident": answer.CONFIDENT,
            "answerTokens": min(answer.ANSWER_TOKENS, block_size // 4),
            "questionTokens": block_size // answer.QUESTION_SHARE,
        },
        "model": {
            "blockSize": block_size,
            "nLayer": config.n_layer,
            "nHead": config.n_head,
            "headDim": config.n_embd // config.n_head,
        },
        "tokenizer": byte_pairs(tokenizer),
        "wordPieces": word_pieces(),
        "passages": passages(profile),
        "timeline": {" ".join(asked): ids for asked, ids in timeline.timeline(profile.passages).items()},
        "postings": postings(profile),
    }


def passages(profile: Profile) -> list[dict[str, Any]]:
    """The passages with all that an answer needs of them: how they are rendered, quoted and retold."""
    read = embed.embedder().read([indexed.indexed_text(passage) for passage in profile.passages])
    answered = intents.intents().answered(read, [passage.id == passage.entry for passage in profile.passages])
    return [
        {
            **{key: getattr(one, key) for key in ("id", "section", "organisation", "title", "dates", "text", "entry")},
            "rendered": one.render(),
            "quotation": quoting.quotation(one),
            "items": listing.items(one),
            "itemsInOrder": listing.items(one, in_order=True),
            "served": quoting.served(one),
            "parts": [
                {"text": part.text, "quotation": quoting.quotation(one, part.shown)} for part in parts.parts(one)
            ],
            "runs": [run.shown for run in parts.runs(one)],
            "namesItself": one.names_itself,
            "answered": [round(float(logit), 3) for logit in of],
            "vocabulary": sorted(check._vocabulary(one)),
            "words": check._words(one.render()),
        }
        for one, of in zip(profile.passages, answered, strict=True)
    ]


def postings(profile: Profile) -> dict[str, list[tuple[int, float]]]:
    """Of each term, which passages hold it, with its weight there (profile/bm25.py)."""
    return bm25.BM25([indexed.indexed_text(passage) for passage in profile.passages])._postings


def asks_several() -> dict[str, Any]:
    """The regression that tells whether a question asks for several things (profile/several.py)."""
    weights, plural, bias = several._fitted()
    return {"weights": weights.tolist(), "plural": plural, "asksPlural": javascript(several.PLURAL), "bias": bias}


def readings(profile: Profile) -> tuple[list[int], bytes]:
    """How many tokens of each passage the reader reads, and, one after the other for all passages: unit vectors
    (N, 384) fp32; token ids int32; states (T, 384) fp16, as profile/embed.py has them. Little-endian."""
    read = embed.embedder().read([indexed.indexed_text(passage) for passage in profile.passages])
    limit = relevance.PASSAGE_TOKENS
    ids = [reading.ids[:limit] for reading in read]
    vectors = np.stack([reading.vector for reading in read]).astype("<f4")
    states = np.concatenate([reading.states[:limit] for reading in read]).astype("<f2")
    return list(map(len, ids)), vectors.tobytes() + np.concatenate(ids).astype("<i4").tobytes() + states.tobytes()


def byte_pairs(tok: Tokenizer) -> dict[str, Any]:
    """The model's byte pairs in the order of their ranks, spelled as in tokenizer.json, and its control tokens."""
    return {
        "tokens": [_spelled(tok.decode_bytes([token])) for token in range(tok.eot)],
        "pattern": tok.plain_pattern,
        "control": {"eot": tok.eot, "user": tok.user, "assistant": tok.assistant, "system": tok.system},
    }


def word_pieces() -> list[str]:
    """The vocabulary of the embedding model, in the order of its ids."""
    return list(embed.embedder().vocabulary)


def _spelled(data: bytes) -> str:
    """Bytes as the characters U+0000 to U+00FF."""
    return data.decode("latin-1")


def javascript(pattern: re.Pattern[str]) -> list[str]:
    r"""[source, flags] of the JavaScript pattern that matches what `pattern` matches.

    Python's `\w`, `\d` and `\b` know all scripts; JavaScript's know ASCII, and with the flag u its pattern may escape
    nothing that has no meaning.
    """
    source = pattern.pattern.replace("(?P<", "(?<")
    word, source, in_class = r"\p{L}\p{N}_", source.replace(r"[^\W\d_]", r"[\p{L}\p{Nl}\p{No}]"), False
    outside = {
        "w": f"[{word}]", "W": f"[^{word}]", "d": r"\p{Nd}", "s": r"\s", "S": r"\S", "p": r"\p",
        "b": f"(?:(?<=[{word}])(?![{word}])|(?<![{word}])(?=[{word}]))",
    }  # fmt: skip
    inside = {**outside, "w": word, "b": r"\b"}
    out: list[str] = []
    for escaped, plain in _pieces(source):
        if escaped:
            known = inside if in_class else outside
            out.append(known.get(escaped) or (f"\\{escaped}" if escaped in "^$\\.*+?()[]{}|/-n" else escaped))
            continue
        in_class = plain == "[" or (in_class and plain != "]")
        out.append(plain)
    return ["".join(out), "gui" if pattern.flags & re.IGNORECASE else "gu"]


def _pieces(source: str) -> Iterable[tuple[str, str]]:
    """(what a backslash stands before, "") or ("", one character)."""
    for match in re.finditer(r"\\(.)|(.)", source, re.DOTALL):
        yield match[1] or "", match[2] or ""
