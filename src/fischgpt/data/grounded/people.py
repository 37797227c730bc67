"""Invented people written by hand, each a whole resume with what its visitors ask: `people/NAME.json` and `NAME.txt`.

A line of the .txt is KEY ## question | question | ...: KEY is a piece of the text of the passage that answers (any
passage that holds it; `KEY ;; KEY` where several passages answer together), or `-` for questions that the resume does
not answer. They ask as visitors do, seldom in the resume's words, which no template reaches.

    KEY ## question before => follow-up
    ~ ID ## the text of passage ID without what it is asked for ## a question that it still answers | another

    python -m fischgpt.data.grounded.people FILE.json ...     shows the passages and what is wrong with the questions
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fischgpt.data.grounded.asked import Asked, Bare, MadeUp
from fischgpt.errors import UserError
from fischgpt.profile.passages import Passage, passages_from_resume

FOLDER = Path(__file__).parent / "people"
UNANSWERED, BARE, FOLLOWS = "-", "~ ", " => "


def people(folder: Path = FOLDER) -> Iterator[MadeUp]:
    """All of a folder, in the order of their names."""
    for file in sorted(folder.glob("*.json")):
        yield person(file)


def person(file: Path) -> MadeUp:
    """The owner of `file`, with the questions of the .txt beside it. Raises UserError that names the line."""
    resume = json.loads(file.read_text(encoding="utf-8"))
    passages = passages_from_resume(resume)
    asked: list[Asked] = []
    bare: list[Bare] = []
    questions = file.with_suffix(".txt")
    for number, line in enumerate(questions.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            if line.startswith(BARE):
                bare.append(_bare(line.removeprefix(BARE), passages))
            else:
                asked += _asked(line, passages)
        except UserError as error:
            raise UserError(f"{questions.name}, line {number}: {error}") from None
    known = {one.text for one in asked}
    if unknown := [text for one in bare for text in one.still if text not in known]:
        raise UserError(f"{questions.name}: said to be still answered, never asked: {unknown[0]!r}")
    return MadeUp(resume["basics"]["name"], passages, asked, bare)


def _asked(line: str, passages: list[Passage]) -> list[Asked]:
    key, separator, rest = line.partition(" ## ")
    texts = [text.strip() for text in rest.split(" | ")]
    if not separator or not all(texts):
        raise UserError("not KEY ## question | question")
    answers = _answers(key.strip(), passages)
    if FOLLOWS in rest:
        pairs = [text.split(FOLLOWS) for text in texts]
        if not all(len(pair) == 2 for pair in pairs):
            raise UserError("not KEY ## question before => follow-up")
        return [Asked(text.strip(), earlier.strip(), answers, "follow-up") for earlier, text in pairs]
    kind = "list" if " ;; " in key else "single" if answers else "near"
    return [Asked(text, "", answers, kind) for text in texts]


def _bare(line: str, passages: list[Passage]) -> Bare:
    id_, *rest = line.split(" ## ")
    at = next((i for i, passage in enumerate(passages) if passage.id == id_.strip()), None)
    if at is None or len(rest) not in (1, 2):
        raise UserError("not ~ ID ## text [## question | question], with the ID of a passage")
    still = frozenset(text.strip() for text in rest[1].split(" | ")) if len(rest) == 2 else frozenset()
    return Bare(at, replace(passages[at], text=rest[0].strip()), still)


def _answers(key: str, passages: list[Passage]) -> tuple[int, ...]:
    if key == UNANSWERED:
        return ()
    found: list[int] = []
    for part in key.split(" ;; "):
        at = [i for i, passage in enumerate(passages) if part.strip() in passage.render()]
        if not at:
            raise UserError(f"no passage holds {part.strip()!r}")
        if len(at) > 3:
            raise UserError(f"{len(at)} passages hold {part.strip()!r}: say more of the one that answers")
        found += at
    return tuple(dict.fromkeys(found))


def main() -> None:
    for name in sys.argv[1:]:
        file = Path(name)
        for passage in passages_from_resume(json.loads(file.read_text(encoding="utf-8"))):
            print(f"{passage.id:<16}{passage.render()}")
        try:
            owner = person(file)
        except (UserError, FileNotFoundError) as error:
            print(f"WRONG  {error}")
            continue
        without = [one for one in owner.questions if not one.answers]
        print(
            f"{owner.name}: {len(owner.passages)} passages, {len(owner.bare)} of them bare as well, "
            f"{len(owner.questions)} questions, {len(without)} unanswered"
        )


if __name__ == "__main__":
    main()
