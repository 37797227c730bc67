"""The answer without a model: one passage whole, several in few words."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fischgpt.assistant.listing import fitted, items, quoted, why
from fischgpt.profile.passages import Passage
from fischgpt.profile.retrieval import Hit, Retrieval, listed


def hit(id_: str, section: str, organisation: str, title: str, dates: str, text: str, score: float = 0.9) -> Hit:
    return Hit(Passage(id_, section, organisation, title, dates, text), score, 0.5, 1.0)


def found(hits: list[Hit], several: float = 0.03, together: int = 1, reread: int = 8) -> Retrieval:
    return Retrieval(hits, True, hits[0].score, 0.05, several, together, reread)


def ids(chosen: list[tuple[Hit, float]]) -> list[str]:
    return [hit.passage.id for hit, _ in chosen]


PRIZES = [
    hit(
        "awards-2",
        "Awards",
        "Royal Society",
        "Davy Medal",
        "1903",
        "Davy Medal, awarded by Royal Society in 1903.",
        0.99,
    ),
    hit("awards-1", "Awards", "Academy", "Nobel Prize", "1911", "Nobel Prize, awarded by Academy in 1911.", 0.97),
    hit("awards-1-1", "Awards", "Academy", "Nobel Prize", "1911", "Given for radium.", 0.96),
    hit("awards-3", "Awards", "City", "Key", "1920", "Key, awarded by City in 1920.", 0.4),
    hit("work-1", "Work", "Academy", "Member", "1911", "Member at Academy in 1911.", 0.99),
]
POSTS = [
    hit("work-1-1", "Work", "Haiti", "Consul", "1889", "Named by Harrison.", 0.9),
    hit("work-2-1", "Work", "Washington", "Recorder", "1881", "Appointed by Garfield.", 0.4),
    hit("publications-1", "Publications", "", "Counsel", "1878", "“Counsel”, published in 1878.", 0.35),
    hit("work-3-1", "Work", "Leeds", "Guest", "1846", "Sailed home.", 0.02),
]


def test_a_list_is_what_probably_belongs_to_the_answer_named_briefly() -> None:
    assert quoted(found([*PRIZES[:2], PRIZES[3]]), PRIZES) == (
        "Davy Medal, awarded by Royal Society in 1903. [1]\n\nNobel Prize, awarded by Academy in 1911. [2]"
    )
    assert quoted(found(PRIZES[:1]), PRIZES) == "Davy Medal, awarded by Royal Society in 1903. [1]"


def test_the_more_several_are_asked_for_the_more_are_listed() -> None:
    assert ids(listed(found(POSTS, several=0.03))) == ["work-1-1"]
    assert ids(listed(found(POSTS, several=0.3))) == ["work-1-1", "work-2-1"]
    assert ids(listed(found(POSTS, several=0.9))) == ["work-1-1", "work-2-1", "publications-1"]
    assert quoted(found(POSTS, several=0.9), POSTS) == (
        "Haiti, Consul (1889): Named by Harrison. [1]\n\nWashington, Recorder (1881): Appointed by Garfield. [2]\n\n"
        "“Counsel”, published in 1878. [3]"
    )
    assert quoted(found(POSTS, several=0.9), [POSTS[2], POSTS[0]]) == (
        "Haiti, Consul (1889): Named by Harrison. [2]\n\n“Counsel”, published in 1878. [1]"
    )


def test_a_line_of_the_same_section_is_listed_sooner_and_one_of_the_best_ones_entry_soonest() -> None:
    best = hit("work-1", "Work", "Haiti", "Consul", "1889", "Consul at Haiti in 1889.", 0.8)

    def from_(id_: str, section: str, first: Hit = best) -> float:
        """How sure it must be that several are asked for."""
        one = replace(best, passage=replace(best.passage, id=id_, section=section), score=0.3)
        return next(n / 100 for n in range(101) if len(listed(found([first, one], several=n / 100))) > 1)

    assert from_("volunteer-1", "Volunteering") > from_("work-2", "Work") > from_("work-1-2", "Work")
    line = replace(best, passage=replace(best.passage, id="work-1-1"))
    assert from_("work-1-2", "Work", line) == from_("work-2", "Work", line)


def test_what_was_read_only_once_is_never_listed() -> None:
    assert len(listed(found(PRIZES, several=0.9))) == 5
    assert len(listed(found(PRIZES, several=0.9, reread=2))) == 2
    assert len(listed(found(PRIZES, several=0.9, reread=0))) == 1


def test_what_answers_together_is_quoted_together_however_unlikely_the_second() -> None:
    assert listed(found([POSTS[0], POSTS[3], POSTS[1]], together=2)) == [(POSTS[0], 1.0), (POSTS[3], 1.0)]
    said = [replace(hit, passage=replace(hit.passage, text=f"Sold {'very ' * 20}well.")) for hit in POSTS[:2]]
    assert quoted(found(said, together=2), said).count("Sold") == 2  # in 60 words, though 30 have room for one


def test_two_lines_of_which_the_readers_cannot_tell_are_both_quoted() -> None:
    def alike(second: float) -> list[str]:
        return ids(listed(found([replace(POSTS[0], score=0.6), replace(POSTS[1], score=second), POSTS[3]])))

    assert alike(0.6) == ["work-1-1", "work-2-1"]
    assert alike(0.1) == ["work-1-1"]


def test_why_there_is_more_than_one_line_is_said() -> None:
    close = [replace(POSTS[0], score=0.6), replace(POSTS[1], score=0.6)]
    assert why(found(POSTS, several=0.9), 2) == why(found(PRIZES[:3]), 3) == "several entries answer"
    assert why(found(close), 2) == "either may answer"
    assert why(found(close, together=2), 2) == "both belong to the answer"


def test_an_item_gets_shorter_at_its_joints_and_says_where_something_was_left_out() -> None:
    text = "Turned chlorine into a liquid under pressure in 1823; exploding glass tubes hurt the eyes more than once."
    forms = items(hit("work-1-1", "Work", "Royal Institution", "Assistant", "1825", text).passage)
    assert forms == (
        f"Royal Institution, Assistant (1825): {text}",
        text,
        "Turned chlorine into a liquid under pressure in 1823…",
        "Turned chlorine into a liquid under pressure…",
        "Turned chlorine into a liquid…",
    )
    prize = ("Nobel Prize, awarded by Academy in 1911.", "Academy, Nobel Prize (1911).", "Nobel Prize (1911).")
    assert items(PRIZES[1].passage) == (*prize, "Nobel Prize.")
    job = hit("work-1", "Work", "Acme", "Engineer", "1921", "Engineer at Acme in 1921.").passage
    assert items(job) == ("Engineer at Acme in 1921.", "Acme, Engineer (1921).", "Acme, Engineer.")
    placed = replace(job, text="Engineer at Acme in Hull, Yorkshire from May 1921 to 1925.")
    assert items(placed) == (placed.text, "Acme, Engineer, Hull, Yorkshire.", "Acme, Engineer.")


def item(words: int, worth: float) -> tuple[str, float]:
    return " ".join(["word"] * words), worth


def test_the_lines_are_picked_that_are_worth_most_together_in_so_many_words() -> None:
    long, short = item(20, 0.9), item(8, 0.7)
    assert fitted([[long, short], [item(10, 0.5)]], 1, 30) == [(0, long[0]), (1, item(10, 0)[0])]
    both = [(0, short[0]), (1, item(20, 0)[0])]
    assert fitted([[long, short], [item(20, 0.5)]], 1, 30) == both  # .7 + .5 is more than .9
    assert fitted([[long, short], [item(20, 0.1)]], 1, 30) == [(0, long[0])]
    assert fitted([[long, short], [item(20, 0.1)]], 2, 30) == both  # both must be there
    assert fitted([[long], [item(11, 0.9)]], 2, 30) == []
    three = [[item(12, 0.3)], [item(12, 0.2)], [item(12, 0.25)]]
    assert [i for i, _ in fitted(three, 1, 30)] == [0, 2]


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 12), st.floats(0.1, 1)), max_size=4), min_size=1, max_size=4),
    st.integers(0, 2),
)
def test_no_other_choice_is_worth_more(lines: list[list[tuple[int, float]]], must: int) -> None:
    forms = [[item(*form) for form in line] for line in lines]
    choices = itertools.product(*([*line, *([None] if i >= must else [])] for i, line in enumerate(forms)))
    fit = [one for one in choices if sum(len(form[0].split()) for form in one if form) <= 20]
    picked = fitted(forms, must, 20)
    if not fit:
        assert picked == []
        return
    said = [max(worth for text, worth in forms[i] if text == chosen) for i, chosen in picked]
    assert sum(said) == pytest.approx(max(sum(form[1] for form in one if form) for one in fit))
    assert (
        sum(len(text.split()) for _, text in picked) <= 20
        and [i for i, _ in picked][:must] == [*range(must)][: len(lines)]
    )


def test_of_lines_too_long_together_the_runs_are_said_that_answer_nearly_as_well_as_the_whole() -> None:
    text = f"Built a bridge in Hull, with {'many ' * 12}men, for the king of Hawaii."
    long = [replace(hit, score=0.9, passage=replace(hit.passage, text=text)) for hit in POSTS[:2]]
    place, king = "Built a tower in Goa…", "…for the king of Hawaii."
    cut = [replace(long[0], runs=((place, 9.0), (king, 9.0))), replace(long[1], runs=((place, 0.5), (king, 5.0)))]
    assert quoted(found(cut, several=0.9), cut) == f"{text} [1]\n\n{place} [2]"
    cut[1] = replace(long[1], runs=((place, 1.0), (king, 0.5)))  # a beginning reads better than an end
    assert quoted(found(cut, several=0.9), cut) == f"{text} [1]\n\n{place} [2]"
    cut[1] = replace(long[1], runs=((place, 9.0), (king, 9.0)))
    assert "\n" not in quoted(found(cut, several=0.9), cut)  # what no longer answers is not listed


def test_a_line_that_says_nothing_new_is_left_out() -> None:
    again = [replace(POSTS[0], score=0.9), replace(POSTS[1], score=0.8), replace(POSTS[2], score=0.7)]
    again = [replace(hit, passage=replace(hit.passage, title="", organisation="", dates="")) for hit in again]
    texts = ("He built FischGPT from scratch.", "Built FischGPT.", "He sold it in Hull.")
    again = [replace(hit, passage=replace(hit.passage, text=text)) for hit, text in zip(again, texts, strict=True)]
    lines = quoted(found(again, several=0.9), again).split("\n\n")
    assert [line[-3:] for line in lines] == ["[1]", "[3]"]


def test_a_passage_cut_by_a_reader_is_quoted_so_alone() -> None:
    long = hit("work-1-1", "Work", "Acme", "", "1921", "Built " + "word " * 30 + "and sold a piano.", 0.6)
    cut = Hit(long.passage, 0.6, 0.5, 1.0, part="…and sold a piano.")
    assert quoted(found([cut]), [cut]) == "Acme (1921): …and sold a piano. [1]"
