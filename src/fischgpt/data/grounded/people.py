"""Invented people written by hand, each a whole resume with what its visitors ask: `people/NAME.json` and `NAME.txt`.

A line of the .txt is KEY ## question | question | ...: KEY is a piece of the text of the passage that answers (any
passage that holds it; `KEY ;; KEY` where several passages answer together), or `-` for questions that the resume does
not answer. They ask as visitors do, seldom in the resume's words, which no template reaches.

    python -m fischgpt.data.grounded.people FILE.json ...     shows the passages and what is wrong with the questions
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from fischgpt.data.grounded.asked import Asked, MadeUp
from fischgpt.errors import UserError
from fischgpt.profile.passages import Passage, passages_from_resume

FOLDER = Path(__file__).parent / "people"
UNANSWERED = "-"


def people(folder: Path = FOLDER) -> Iterator[MadeUp]:
    """All of a folder, in the order of their names."""
    for file in sorted(folder.glob("*.json")):
        yield person(file)


def person(file: Path) -> MadeUp:
    """The owner of `file`, with the questions of the .txt beside it. Raises UserError that names the line."""
    resume = json.loads(file.read_text(encoding="utf-8"))
    passages = passages_from_resume(resume)
    asked: list[Asked] = []
    questions = file.with_suffix(".txt")
    for number, line in enumerate(questions.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, separator, rest = line.partition(" ## ")
        texts = [text.strip() for text in rest.split(" | ")]
        if not separator or not all(texts):
            raise UserError(f"{questions.name}, line {number}: not KEY ## question | question")
        try:
            answers = _answers(key.strip(), passages)
        except UserError as error:
            raise UserError(f"{questions.name}, line {number}: {error}") from None
        kind = "list" if " ;; " in key else "single" if answers else "near"
        asked += [Asked(text, "", answers, kind) for text in texts]
    return MadeUp(resume["basics"]["name"], passages, asked)


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
            f"{owner.name}: {len(owner.passages)} passages, {len(owner.questions)} questions, {len(without)} unanswered"
        )


if __name__ == "__main__":
    main()
