"""The first, the last and the present entry of a resume, by its dates."""

import random

import pytest

from fischgpt.profile.index import Index
from fischgpt.profile.passages import passages_from_resume
from fischgpt.profile.retrieval import listed
from fischgpt.profile.timeline import asked_for, timeline


@pytest.mark.parametrize(("question", "asked"), [
    ("What was her first job?", ("Work", "first")),
    ("what was first job", ("Work", "first")),  # of "What was Marie's first job", without the name
    ("Which job did you have first?", ("Work", "first")),
    ("And who was your very first employer?", ("Work", "first")),
    ("Where did he work first?", ("Work", "first")),
    ("What is the most recent position she has held?", ("Work", "last")),
    ("latest role?", ("Work", "last")),
    ("What do you do these days?", ("Work", "now")),
    ("Hi! What are you currently doing for a living?", ("Work", "now")),
    ("where does she work at the moment", ("Work", "now")),
    ("Where does he currently work?", ("Work", "now")),
    ("current job title?", ("Work", "now")),
    ("What did she study first?", ("Studies", "first")),
    ("What is your highest degree?", ("Degree", "highest")),
    ("Which school did you go to first?", ("Education", "first")),
    ("Please tell me your latest publication, please", None),  # says please twice
    ("Please tell me your latest publication", ("Publications", "last")),
    ("Which prize came first?", ("Awards", "first")),
    ("What was the first award that she won?", ("Awards", "first")),
    ("What's his newest project?", ("Projects", "last")),
])  # fmt: skip
def test_what_the_dates_can_answer_is_told_from(question: str, asked: tuple[str, str] | None) -> None:
    assert asked_for(question) == asked


@pytest.mark.parametrize("question", [
    "", "?", "first?", "What did he do?", "Where does he work?", "What was her first job like?",
    "What was her first job in Paris?", "What was his first computer?", "How long did the first job last?",
    "When did she finish her first degree?", "Which school did she work at first?", "What will he do now?",
    "Who got him his first job?", "What does the company do now?", "Is this your current job?", "first aid award?",
])  # fmt: skip
def test_others_are_searched(question: str) -> None:
    assert asked_for(question) is None


def work(*periods: tuple[str, str]) -> dict[tuple[str, str], list[str]]:
    entries = [{"name": f"Firm {i}", "startDate": start, "endDate": end} for i, (start, end) in enumerate(periods)]
    return timeline(passages_from_resume({"work": entries}))


def test_jobs_are_told_apart_by_their_dates_in_any_order() -> None:
    periods = [("2001-03", "2004"), ("2004-05", "2010"), ("2010", "")]
    for order in ([0, 1, 2], [2, 1, 0], random.Random(1).sample(range(3), 3)):
        told = work(*(periods[i] for i in order))
        assert told["Work", "first"] == [f"work-{order.index(0) + 1}"]
        assert told["Work", "last"] == told["Work", "now"] == [f"work-{order.index(2) + 1}"]


def test_of_jobs_that_have_all_ended_the_last_to_end_is_the_last_and_none_is_current() -> None:
    told = work(("1990", "2005"), ("1999-01", "2003-02"))
    assert told["Work", "last"] == ["work-1"] and ("Work", "now") not in told


def test_of_two_jobs_at_once_the_later_is_the_last_and_both_are_current() -> None:
    told = work(("2015-06", ""), ("2019-01", ""), ("2010", "2015"))
    assert (told["Work", "last"], told["Work", "now"]) == (["work-2"], ["work-2", "work-1"])


def test_of_projects_the_newest_is_the_one_begun_last_though_an_older_one_goes_on() -> None:
    entries = [{"name": "Old", "startDate": "2015"}, {"name": "New", "startDate": "2020", "endDate": "2021"}]
    assert timeline(passages_from_resume({"projects": entries}))["Projects", "last"] == ["projects-2"]


def test_where_dates_leave_it_open_both_are_told_and_of_more_or_undated_ones_none() -> None:
    assert work(("2019", "2020"), ("2019-03", "2021"), ("2019-05", "2022"))["Work", "last"] == ["work-3"]
    assert work(("2019", "2020"), ("2019-03", "2021"))["Work", "first"] == ["work-1", "work-2"]
    assert ("Work", "first") not in work(("2019", "2020"), ("2019", "2021"), ("2019", "2022"))
    assert work(("2019", "2020"), ("", "")) == {}
    assert work(("about 1340", "1350")) == {}


def test_degrees_are_compared_and_schools_are_none() -> None:
    def degrees(*titles: str) -> dict[tuple[str, str], list[str]]:
        entries = [
            {"institution": "There", "studyType": title, "startDate": f"{2000 + i}", "endDate": f"{2001 + i}"}
            for i, title in enumerate(titles)
        ]
        return timeline(passages_from_resume({"education": entries}))

    told = degrees("High school diploma", "BSc", "Ph.D.", "M.A.")
    assert told["Degree", "first"] == told["Studies", "first"] == ["education-2"]
    assert (told["Degree", "highest"], told["Degree", "last"]) == (["education-3"], ["education-4"])
    assert told["Education", "first"] == ["education-1"]
    # What "Cand.scient." is worth is not known here; more than a doctor's degree there is not.
    assert ("Degree", "highest") not in degrees("Cand.scient.", "BSc")
    assert degrees("Cand.scient.", "Doctorate")["Degree", "highest"] == ["education-2"]


def test_the_entry_is_the_answer_and_a_follow_up_goes_on_from_it(curie: Index) -> None:
    found = curie.search("What was Marie Curie's first job?")
    assert found.answerable and [hit.passage.text for hit, _ in listed(found)] == [
        "Governess at Żorawski family in Szczuki from 1886 to 1889."
    ]
    assert {hit.passage.section for hit in found.hits} == {"Work"}
    assert curie._entry("What was first job?", lambda: False) == found.hits[0].passage.entry
