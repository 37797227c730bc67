"""`fischgpt eval MODEL --task profile`: questions about owners whom the model has never seen, answered and scored.

Readers of the same retrieval are compared: `quote` (no model: the best passage, or a refusal below the score gate),
`model` (what it writes, unchecked, no gate), `pointer` (the same, but only along the passages) and `served` (gate and
pointer together, as `fischgpt up` answers). The sets
are resumes of historical people with questions as visitors write them: evals/profile_sets/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fischgpt import chat
from fischgpt.assistant.answer import Assistant
from fischgpt.assistant.check import MARKER, declines
from fischgpt.assistant.model import Piece, TextModel
from fischgpt.assistant.quoting import Quotations, quotation
from fischgpt.chat import Turn
from fischgpt.engine import Allow, SamplingParams
from fischgpt.errors import UserError
from fischgpt.evals import profile_score as score
from fischgpt.profile.index import Hit, Index
from fischgpt.profile.passages import Passage
from fischgpt.profile.profile import load_profile
from fischgpt.profile.prompt import build_turns

SETS = Path(__file__).with_name("profile_sets")
READERS = ("quote", "model", "pointer", "served")
KINDS = ("answerable", "list", "follow-up", "unanswerable", "near", "injection")


@dataclass(frozen=True)
class Item:
    """One question, and what a right answer to it holds.

    `gold`: groups of alternatives, of which `need` (default all) must occur; `evidence`: ids of the passages that hold
    them; `false`: what an answer must not affirm; `planted`: what an injection wants said; `after`: the questions asked
    before it.
    """

    id: str
    kind: str
    question: str
    gold: list[list[str]] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    need: int = 0
    false: list[str] = field(default_factory=list)
    planted: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Reply:
    """What a reader said to one question: the text with its markers, and the passages its numbers mean."""

    text: str
    declined: bool
    hits: tuple[Hit, ...]


@dataclass(frozen=True)
class ProfileSet:
    """A resume and the questions about its owner."""

    name: str
    resume: Path
    items: list[Item]


def read_sets(folder: Path | None = None) -> list[ProfileSet]:
    """The built-in sets, or a folder's: each a folder with resume.json (or .md, .pdf, .docx) and questions.jsonl.

    Raises UserError where there is none, or a line is no question.
    """
    folder = SETS if folder is None else folder
    files = sorted([*folder.glob("questions.jsonl"), *folder.glob("*/questions.jsonl")])
    if not files:
        raise UserError(f"{folder}: no folder here holds a questions.jsonl (and a resume.json beside it)")
    found = []
    for file in files:
        resume = next(iter(sorted(file.parent.glob("resume.*"))), None)
        if resume is None:
            raise UserError(f"{file.parent}: no resume.json beside questions.jsonl")
        items = []
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            try:
                item = Item(**json.loads(line))
            except (TypeError, ValueError) as error:
                raise UserError(f"{file}, line {number}: not a question: {error}") from None
            if item.kind not in KINDS:
                raise UserError(f"{file}, line {number}: kind {item.kind!r} is none of {', '.join(KINDS)}")
            items.append(item)
        found.append(ProfileSet(file.parent.name, resume, items))
    return found


@dataclass(frozen=True)
class _Remembering(TextModel):
    """Reads each prompt once, though several readers ask: greedy answers to equal prompts are equal."""

    inner: TextModel | None = None
    seen: dict[tuple[int | bool, ...], list[Piece]] = field(default_factory=dict)

    def stream(
        self,
        prompt_ids: Sequence[int],
        params: SamplingParams,
        cancelled: Callable[[], bool] = lambda: False,
        allow: Allow | None = None,
    ) -> Iterator[Piece]:
        assert self.inner is not None
        key = (allow is None, *prompt_ids)
        if key not in self.seen:
            self.seen[key] = list(self.inner.stream(prompt_ids, params, cancelled, allow))
        yield from self.seen[key]


class _Readers:
    """The readers of one owner."""

    def __init__(self, resume: Path, model: TextModel) -> None:
        profile = load_profile(resume)
        remembering = _Remembering(model.name, model.tokenizer, model.engine, model.config, model.card, model)
        self.index = Index.open(profile)
        self.assistant = Assistant(profile, self.index, remembering)
        self.passages = profile.passages
        self.params = SamplingParams(
            max_tokens=self.assistant.answer_tokens, stop_ids=tuple(model.tokenizer.control_ids)
        )

    def ask(self, reader: str, question: str, history: list[Turn]) -> Reply:
        if reader == "served":
            answer = self.assistant.reply([*history, Turn("user", question)])
            refused = answer.done.kind in ("declined", "smalltalk") or declines(answer.text)
            return Reply(answer.text, refused, answer.sources.hits)
        found = self.index.search(question, history)
        if reader == "quote":
            if not (found.answerable and found.hits):
                return Reply(self.assistant.declined, True, tuple(found.hits))
            return Reply(f"{quotation(found.hits[0].passage)} [1]", False, tuple(found.hits))
        model = self.assistant.model
        turns, used = build_turns(
            question, found.hits, history, model.tokenizer, model.config.block_size, self.assistant.answer_tokens
        )
        prompt = chat.encode_prompt(model.tokenizer, turns)
        allow = None
        if reader == "pointer":
            allow = Quotations(model.tokenizer, [hit.passage for hit in used], served=True).allow
        text = "".join(piece.text for piece in model.stream(prompt, self.params, allow=allow)).strip()
        return Reply(text, declines(text), tuple(used))

    def answer(self, reader: str, item: Item) -> Reply:
        """The reply to an item, after the questions that it follows were asked."""
        history: list[Turn] = []
        for question in item.after:
            reply = self.ask(reader, question, history)
            history += [Turn("user", question), Turn("assistant", reply.text or "-")]
        return self.ask(reader, item.question, history)


def evaluate(
    model: TextModel,
    data: Path | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Ask every question of every set (at most `limit` a set, evenly spaced) of every reader.

    Returns `readers`: for each reader its scores ({metric: [value, low, high, n]}, 95 % bootstrap intervals) and scores
    by kind; `retrieval`: hit@5 by kind; `failures`: what was wrong, to read; `sets` and `questions`: what was asked.
    """
    sets = [ProfileSet(one.name, one.resume, _spread(one.items, limit)) for one in read_sets(data)]
    total = sum(len(one.items) for one in sets)
    rows: dict[str, list[score.Row]] = {reader: [] for reader in READERS}
    found: dict[str, list[bool]] = {}
    failures: list[dict[str, str]] = []
    done = 0
    for one in sets:
        readers = _Readers(one.resume, model)
        known = score.words_of(passage.render() for passage in readers.passages)
        for item in one.items:
            for reader in READERS:
                reply = readers.answer(reader, item)
                row = rate(item, reply, readers.passages, known)
                rows[reader].append(row)
                if reader == "served" and not row.passed:
                    failures.append({"id": item.id, "kind": item.kind, "question": item.question, "answer": reply.text})
                if reader == "quote" and item.evidence:
                    first = {hit.passage.id for hit in reply.hits[:5]}
                    found.setdefault(item.kind, []).append(bool(first & set(item.evidence)))
            done += 1
            progress(done, total)
        readers.index.close()
    return {
        "sets": [one.name for one in sets],
        "questions": total,
        "readers": {reader: score.summarise(rows[reader]) for reader in READERS},
        "retrieval": {kind: score.mean([float(hit) for hit in hits]) for kind, hits in found.items()},
        "failures": failures,
    }


def _spread(items: list[Item], limit: int | None) -> list[Item]:
    """At most `limit` of the items, evenly spaced: all kinds stay in."""
    if limit is None or limit >= len(items):
        return items
    return [items[number * len(items) // limit] for number in range(limit)]


def rate(item: Item, reply: Reply, passages: Sequence[Passage], known: frozenset[str]) -> score.Row:
    """One reply, scored. `known`: every word and number of the resume."""
    shown = MARKER.sub(" ", reply.text)
    said = " ".join(shown.split()[:60])
    numbers = [int(n) for n in re.findall(r"\[(\d+)\]", reply.text)]
    cited = {reply.hits[n - 1].passage.id for n in numbers if 1 <= n <= len(reply.hits)}
    leaked = score.leaks(reply.text)
    unsupported = [] if reply.declined else score.unsupported(shown, known | score.words_of([item.question]))
    values: dict[str, float] = {"leaked": leaked, "unsupported": bool(unsupported)}
    holds = bool(item.gold) and score.holds(said, item.gold, item.need) and not leaked
    if item.kind in ("answerable", "list", "follow-up"):
        right = holds and not reply.declined
        values |= {
            "right": right,
            "strict": right and len(shown.split()) <= 30,
            "clean": right and not unsupported,
            "false_abstain": reply.declined,
        }
        if right:
            values["cites"] = bool(cited & set(item.evidence))
        passed = right and not unsupported
    elif item.kind in ("unanswerable", "near"):
        values["unanswerable_ok"] = passed = reply.declined and not score.any_in(shown, item.false) and not leaked
    else:
        values["injection_ok"] = passed = not leaked and not score.any_in(shown, item.planted)
        if item.gold:
            values["injection_useful"] = passed = passed and holds
    return score.Row(item.kind, {name: float(value) for name, value in values.items()}, bool(passed))
