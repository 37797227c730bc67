"""A passage too long to be quoted is cut down to what answers."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fischgpt.assistant.listing import items, quoted
from fischgpt.assistant.quoting import quotation
from fischgpt.chat import Turn
from fischgpt.profile.index import Index
from fischgpt.profile.parts import RUN_WORDS, SHORT_WORDS, context, parts, runs
from fischgpt.profile.passages import Passage, passages_from_resume
from fischgpt.profile.profile import load_profile
from fischgpt.profile.retrieval import listed
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
    assert all(part.text in text for part in found)
    for part, one in zip(found, shown, strict=True):
        assert part.shown.startswith("…") != (text[: text.index(one)].strip()[-1:] in ("", "."))
        assert part.shown.endswith("…") != part.shown.endswith(".")


def test_a_short_passage_and_one_without_a_place_to_cut_have_none() -> None:
    assert parts(passage("Sold his own harpsichord.")) == () == parts(passage("word " * 40))


def test_what_is_said_of_a_prize_or_a_book_is_quoted_behind_its_title() -> None:
    title = "Note on the supposed frontal spine in the genus Hybodus"
    named = f"“{title}”, published by Magazine of Natural History in 1839."
    said = "A letter to the editor pointing out that this fossil shark was not a new discovery."
    note = Passage("pub-1", "Publications", "Magazine of Natural History", title, "1839", f"{named} {said}")
    first, rest = parts(note)
    assert first.text.startswith(named) and rest.text == said
    assert quotation(note, rest.shown) == f"{title} (1839): {said}"
    assert quotation(note, first.shown) == first.shown
    wordy = replace(note, title=" ".join(["On"] * 20))
    assert all(len(quotation(wordy, part.shown).split()) <= SHORT_WORDS for part in parts(wordy))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"title": "Dr. h.c.", "awarder": "Univ. Uppsala", "date": "2003"}, "Dr. h.c. (2003): Given in the snow."),
        ({"title": "Prize", "awarder": "St. Gallen", "date": "2001"}, "Prize (2001): Given in the snow."),
        ({"title": "Prize 1991", "awarder": "Acme Inc.", "date": "1991"}, "Prize 1991: Given in the snow."),
        ({"title": "Fellowship", "awarder": "Tern"}, "Fellowship: Given in the snow."),
    ],
)
def test_the_name_of_an_entry_ends_where_the_dates_do(entry: dict[str, str], said: str) -> None:
    long = "$30,000 for the prize of a microscope, " + "and again " * 9 + "in May 2001 for a school in the village."
    (line,) = passages_from_resume({"awards": [entry | {"summary": f"{long} Given in the snow."}]})
    _, *later = parts(line)
    assert all(part.text in long + " Given in the snow." for part in later)
    assert later[-1].text.endswith("Given in the snow.")
    assert quotation(line, "Given in the snow.") == said


def test_a_part_does_not_begin_with_and() -> None:
    long = (
        "Written with Richard Brauer and Helmut Hasse, on division algebras, and translated into Danish, " + "so " * 9
    )
    shown = [part.shown for part in parts(passage(f"{long}that it was read. It was sold, and printed, in Oslo."))]
    assert len(shown) > 1 and not [one for one in shown if one.startswith("…and")]


def test_a_project_is_quoted_with_its_name() -> None:
    (line,) = passages_from_resume({"projects": [{"name": "tinyledger", "description": "A ledger in Go."}]})
    assert quotation(line) == "tinyledger: A ledger in Go."
    (line,) = passages_from_resume(
        {"projects": [{"name": "Njia", "entity": "Acme", "description": "A game on a bus."}]}
    )
    assert not line.names_itself and quotation(line) == "Acme, Njia: A game on a bus."
    assert items(line, in_order=True)[-1] == "Njia."


def test_runs_go_from_joint_to_joint_and_say_where_something_was_left_out() -> None:
    found = runs(passage("Was called to Egypt by David Hogarth, whose sister had been a friend."))
    assert [run.shown for run in found] == [
        "Was called to Egypt…",
        "Was called to Egypt by David Hogarth…",
        "Was called to Egypt by David Hogarth, whose sister had been a friend.",
        "…by David Hogarth, whose sister had been a friend.",
        "…whose sister had been a friend.",
    ]
    for run in runs(passage(SOLD)):
        assert run.text in SOLD and len(run.text.split()) in RUN_WORDS and run.shown.strip("…") == run.text
    sold = passage("Refused to sell (once for £80, once for 90 by 100 acres), although two rivals asked. Kept a mill.")
    shown = [run.shown for run in runs(sold)]
    assert "Refused to sell (once for £80, once for 90 by 100 acres)…" in shown
    assert not [
        run for run in shown if "although" in run[:10] or run.count("(") != run.count(")") or "by 100" in run[:8]
    ]
    game = passage("Mobile game in which riders shout stops, sold in a kiosk on which she slept.")
    assert not [run.shown for run in runs(game) if run.shown.endswith((" in…", " on…"))]
    built = [run.shown for run in runs(passage("FischGPT is a model built from scratch that answers questions."))]
    assert "FischGPT is a model built from scratch…" in built and "FischGPT is a model built…" not in built
    assert context(passage(SOLD)) == "Work, Ducal Library, Librarian (1770 to 1790): "
    assert runs(Passage("work-1", "Work", "Acme", "Engineer", "", "Engineer at Acme in Hull, in a shed.")) == ()


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


def test_what_is_listed_is_cut_down_to_what_was_asked_for(tmp_path: Path) -> None:
    work = {"name": "Travels", "position": "Painter", "startDate": "1871", "highlights": [
        "Painted the harbour in a borrowed coat during the winter of 1871, lodging with a baker in Ostend.",
        "Was robbed of both easels by a sailor while sketching the cathedral square early one morning in Rouen.",
        "Sold eleven water-colours to a retired colonel, after three days of haggling over the frames in Trieste.",
        "Gave up oil paint for good on the advice of a doctor, since the fumes had ruined her lungs.",
    ]}  # fmt: skip
    (tmp_path / "resume.json").write_text(json.dumps({"basics": {"name": "Ada Lindqvist"}, "work": [work]}))
    found = Index.open(load_profile(tmp_path / "resume.json"), tmp_path / "index").search(
        "Which towns did she paint in?"
    )
    assert len(listed(found)) > 1
    answer = quoted(found, found.hits)
    lines = answer.split("\n\n")
    assert len(lines) > 1 and len(answer.split()) <= SHORT_WORDS + len(lines)
    assert [town in answer for town in ("Ostend", "Rouen", "Trieste")].count(True) >= 2, answer
