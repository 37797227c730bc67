"""The answer without a model: one passage whole, several in few words."""

from dataclasses import replace

from fischgpt.assistant.listing import fitted, items, listed, quoted, why
from fischgpt.profile.index import Hit, Retrieval
from fischgpt.profile.passages import Passage


def hit(id_: str, section: str, organisation: str, title: str, dates: str, text: str, score: float = 0.9) -> Hit:
    return Hit(Passage(id_, section, organisation, title, dates, text), score, 0.5, 1.0)


def found(hits: list[Hit], several: float = 0.0, together: int = 1) -> Retrieval:
    return Retrieval(hits, True, hits[0].score, 0.05, several, together)


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
    hit("work-3-1", "Work", "Leeds", "Guest", "1846", "Sailed home.", 0.1),
]


def test_a_list_is_every_likely_entry_of_the_section_named_briefly() -> None:
    assert quoted(listed(found(PRIZES)), PRIZES) == (
        "Royal Society, Davy Medal (1903). [1] Academy, Nobel Prize (1911). [2]"
    )
    assert quoted(PRIZES[:1], PRIZES) == "Davy Medal, awarded by Royal Society in 1903. [1]"
    assert listed(found(PRIZES[2:])) == [PRIZES[2]]


def test_where_several_are_asked_for_all_that_may_answer_are_listed_lines_of_jobs_too() -> None:
    assert listed(found(POSTS, several=0.1)) == POSTS[:1]
    assert listed(found(POSTS, several=0.9)) == POSTS[:3]
    assert quoted(POSTS[:3], POSTS) == (
        "Haiti, Consul (1889): Named by Harrison. [1] Washington, Recorder (1881): Appointed by Garfield. [2] "
        "Counsel (1878). [3]"
    )


def test_what_answers_together_is_quoted_together_however_unlikely_the_second() -> None:
    assert listed(found([POSTS[0], POSTS[3], POSTS[1]], together=2)) == [POSTS[0], POSTS[3]]


def test_two_lines_of_which_the_readers_cannot_tell_are_both_quoted() -> None:
    def alike(second: float) -> list[Hit]:
        return listed(found([replace(POSTS[0], score=0.6), replace(POSTS[1], score=second), POSTS[3]]))

    assert [one.passage.id for one in alike(0.5)] == ["work-1-1", "work-2-1"]
    assert [one.passage.id for one in alike(0.4)] == ["work-1-1"]


def test_why_there_is_more_than_one_line_is_said() -> None:
    close = [replace(POSTS[0], score=0.6), replace(POSTS[1], score=0.5)]
    assert why(found(PRIZES)) == why(found(POSTS, several=0.9)) == "several entries answer"
    assert why(found(close)) == "either may answer"
    assert why(found(close, together=2)) == "the answer takes both"


def test_projects_are_no_list_because_their_titles_tell_nothing() -> None:
    projects = [
        hit("projects-1", "Projects", "", "Motivation", "", "He built it to understand it.", 0.99),
        hit("projects-2", "Projects", "", "The model", "", "A small model.", 0.98),
    ]
    assert quoted(listed(found(projects)), projects) == "He built it to understand it. [1]"


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
    assert items(PRIZES[1].passage) == ("Academy, Nobel Prize (1911).", "Nobel Prize (1911).", "Nobel Prize.")
    job = hit("work-1", "Work", "Acme", "Engineer", "1921", "Engineer at Acme in 1921.").passage
    assert items(job) == ("Acme, Engineer (1921).", "Acme, Engineer.")


def test_several_items_have_30_words_in_all_where_that_can_be_and_60_at_most() -> None:
    def item(words: int) -> str:
        return " ".join(["word"] * words)

    assert fitted([(item(12),), (item(15), item(9))]) == [item(12), item(15)]
    assert fitted([(item(20), item(14), item(8)), (item(20), item(10))]) == [item(14), item(10)]
    assert fitted([(item(25),), (item(25),), (item(25),)]) == [item(25), item(25)]
    assert fitted([(item(70),)]) == [item(70)]


def test_a_passage_cut_by_a_reader_is_quoted_so_alone() -> None:
    long = hit("work-1-1", "Work", "Acme", "", "1921", "Built " + "word " * 30 + "and sold a piano.", 0.6)
    cut = Hit(long.passage, 0.6, 0.5, 1.0, part="…and sold a piano.")
    assert quoted([cut], [cut]) == "Acme (1921): …and sold a piano. [1]"
