"""A passage too long to be quoted is cut down to what answers."""

import json
from pathlib import Path

import pytest

from fischgpt.chat import Turn
from fischgpt.profile.index import Index
from fischgpt.profile.parts import SHORT_WORDS, parts
from fischgpt.profile.passages import Passage
from fischgpt.profile.profile import load_profile
from static_samples import LIBRARIAN, SOLD

TOOLS = "He can use " + ", ".join(f"Tool{n} by Maker{n}" for n in range(20)) + "."


def passage(text: str) -> Passage:
    return Passage("work-1-1", "Work", "Ducal Library", "Librarian", "1770 to 1790", text)


@pytest.mark.parametrize("text", [SOLD, TOOLS, f"It was so. {TOOLS}", "No end " * 14 + "here. It is short."])
def test_parts_are_short_runs_of_its_words_that_leave_out_nothing(text: str) -> None:
    found = parts(passage(text))
    shown = [part.shown.replace("…", "").rstrip(" ,;.") for part in found]
    assert len(found) > 1 and all(len(one.split()) <= SHORT_WORDS and one in text for one in shown)
    assert all(a not in b for a in shown for b in shown if a != b)
    covered = {n for one in shown for n in range(text.index(one), text.index(one) + len(one))}
    assert not [char for n, char in enumerate(text) if n not in covered and char.isalnum()]
    assert all(part.read.startswith("Work, Ducal Library, Librarian (1770 to 1790): ") for part in found)
    for part, one in zip(found, shown, strict=True):
        assert part.shown.startswith("…") != (text[: text.index(one)].strip()[-1:] in ("", "."))
        assert part.shown.endswith("…") != part.shown.endswith(".")


def test_a_short_passage_and_one_without_a_place_to_cut_have_none() -> None:
    assert parts(passage("Sold his own harpsichord.")) == () == parts(passage("word " * 40))


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    folder = tmp_path_factory.mktemp("gotthelf")
    (folder / "resume.json").write_text(json.dumps(LIBRARIAN))
    return Index.open(load_profile(folder / "resume.json"), Path(folder / "index"))


@pytest.mark.parametrize(
    ("question", "before", "wanted", "left_out"),
    [
        ("Which instrument did he sell?", None, "harpsichord", "pheasantry"),
        ("What did the duke need the money for?", None, "pheasantry", "harpsichord"),
        ("And which instrument was that?", "What did Gotthelf sell for the journals?", "harpsichord", "pheasantry"),
    ],
)
def test_the_part_that_answers_is_the_one_chosen(
    index: Index, question: str, before: str | None, wanted: str, left_out: str
) -> None:
    history = [Turn("user", before), Turn("assistant", "I see.")] if before else []
    best, *rest = index.search(question, history).hits
    assert wanted in best.part and left_out not in best.part
    assert not any(hit.part for hit in rest)


def test_nothing_is_cut_where_passages_are_read_once(index: Index) -> None:
    once = Index(index.profile, index._store, None, readings=list(index._readings.values()), reread=False)
    assert once.search("Which instrument did he sell?").hits[0].part == ""
    assert index.search("Which animal did he feed?").hits[0].part == ""
