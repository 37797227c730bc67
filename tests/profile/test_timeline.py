"""The first, the latest and the present entry of a resume, by its dates, and all of a section in their order."""

import random
import re
from datetime import date
from typing import Any

import pytest

from fischgpt.assistant.listing import quoted, why
from fischgpt.data.grounded.people import people
from fischgpt.profile.entries_asked import asked_for
from fischgpt.profile.index import Index
from fischgpt.profile.parts import MAX_WORDS, SHORT_WORDS
from fischgpt.profile.passages import passages_from_resume
from fischgpt.profile.question import strip
from fischgpt.profile.retrieval import Hit, Retrieval, listed
from fischgpt.profile.timeline import timeline

TODAY = date(2026, 11, 30)


@pytest.mark.parametrize(("question", "asked"), [
    ("What was her first job?", ("Work", "first")),
    ("what was first job", ("Work", "first")),  # of "What was Marie's first job", without the name
    ("And who was your very first employer?", ("Work", "first")),
    ("Where did he work first?", ("Work", "first")),
    ("What is the most recent position she has held?", ("Work", "latest")),
    ("whats her latest role?", ("Work", "latest")),
    ("last job", ("Work", "last")),
    ("What do you do these days?", ("Work", "now")),
    ("Hello there! Where does she work at the moment?", ("Work", "now")),
    ("Which company does he currently work for?", ("Work", "now")),
    ("What is his job now?", ("Work", "now")),
    ("current job title?", ("Work", "now")),
    ("What did she first study?", ("Studies", "first")),
    ("Which university did you go to first?", ("Studies", "first")),
    ("What is she currently studying?", ("Studies", "now")),
    ("What is the highest degree you've earned?", ("Degree", "highest")),
    ("highest level of education", ("Degree", "highest")),
    ("Please tell me your latest publication", ("Publications", "latest")),
    ("What has he published most recently?", ("Publications", "latest")),
    ("Which prize came first?", ("Awards", "first")),
    ("What was the first award that she won?", ("Awards", "first")),
    ("What's his newest project?", ("Projects", "latest")),
    ("What jobs have you had so far?", ("Work", "each")),
    ("Where has she worked?", ("Work", "each")),
    ("Walk me through your CV", ("Career", "each")),
    ("can you give me a short summary of his career?", ("Career", "each")),
    ("work experience?", ("Career", "each")),
    ("What's her educational background?", ("Education", "each")),
    ("Tell me about your education.", ("Education", "each")),
    ("List all of his publications, please", ("Publications", "each")),
    ("which awards did she win", ("Awards", "each")),
    ("What projects have you worked on?", ("Projects", "each")),
    ("Hi , tell us about your career", ("Career", "each")),  # of "Hi Marie, ..."
    (", which prizes have you won?", ("Awards", "each")),
    ("Who have you worked for?", ("Work", "each")),
    ("Which companies has he worked for so far?", ("Work", "each")),
    ("What certificates do you have?", ("Certificates", "each")),
    ("Any awards?", ("Awards", "each")),
    ("Has she won any prizes?", ("Awards", "each")),
    ("What has she published?", ("Publications", "each")),
    ("What about your education?", ("Education", "each")),
])  # fmt: skip
def test_what_the_dates_can_answer_is_told_from(question: str, asked: tuple[str, str]) -> None:
    assert asked_for(question) == asked


@pytest.mark.parametrize("question", [
    "", "?", "first?", "What did he do?", "Where does he work?", "What was her first job like?",
    "What was her first job in Paris?", "What was his first computer?", "How long did the first job last?",
    "When did she finish her first degree?", "Which school did she work at first?", "What will he do now?",
    "Who got him his first job?", "What does the company do now?", "Is this your current job?", "first aid award?",
    # A section holds more than the noun says: talks, memberships, jobs at companies that others founded.
    "What was her first book?", "latest paper?", "Which medal did she win first?", "his first company?",
    "Which company did he start first?", "latest post?", "Which first prize did he win?",
    "What is his latest project built with?", "Who was the first publication written with?",
    "What jobs does she do?", "Which employers does she work for?", "What are your positions?",
    "Who did you work with?", "Where did you work before?", "Which projects are you working on?",
    "How was your education?", "any job?", "What were your jobs like?", "her career in politics", "jobs in Paris?",
    "Tell me about your work with radium", "Which of your jobs did you like best?",
    "What was your career before that?", "Where did you work in Paris?", "How did her career begin?",
    "How many jobs have you had?", "awards for teaching?", "Who paid for your education?",
    "What are you doing right now?", "Who works there now?", "Where was her first publication written?",
])  # fmt: skip
def test_others_are_searched(question: str) -> None:
    assert asked_for(question) is None


def told_of(section: str, *entries: dict[str, str]) -> dict[tuple[str, str], list[str]]:
    """The timeline of entries that have a name of any kind."""
    named: list[dict[str, Any]] = [{"name": "There", "institution": "There"} | entry for entry in entries]
    return timeline(passages_from_resume({section: named}), TODAY)


def work(*periods: tuple[str, str]) -> dict[tuple[str, str], list[str]]:
    return told_of("work", *({"startDate": start, "endDate": end} for start, end in periods))


def degrees(*titles: str) -> dict[tuple[str, str], list[str]]:
    """Each begun a year after the one before."""
    return told_of(
        "education",
        *({"studyType": title, "startDate": f"{2000 + i}", "endDate": f"{2001 + i}"} for i, title in enumerate(titles)),
    )


def test_jobs_are_told_apart_by_their_dates_in_any_order() -> None:
    periods = [("2001-03", "2004"), ("2004-05", "2010"), ("2010", "Present")]
    for order in ([0, 1, 2], [2, 1, 0], random.Random(1).sample(range(3), 3)):
        told = work(*(periods[i] for i in order))
        assert told["Work", "first"] == [f"work-{order.index(0) + 1}"]
        assert told["Work", "latest"] == told["Work", "now"] == [f"work-{order.index(2) + 1}"]
        assert ("Work", "last") not in told  # this one, or the one before


def test_of_jobs_that_have_all_ended_the_last_to_end_is_the_last_and_none_is_current() -> None:
    told = work(("1990", "2005"), ("1999-01", "2003-02"))
    assert told["Work", "last"] == told["Work", "latest"] == ["work-1"] and ("Work", "now") not in told


def test_of_two_jobs_at_once_the_later_is_the_latest_and_both_are_current() -> None:
    told = work(("2015-06", ""), ("2019-01", ""), ("2010", "2015"))
    assert (told["Work", "latest"], told["Work", "now"]) == (["work-2"], ["work-2", "work-1"])


def test_a_contract_that_ends_next_year_is_current_and_a_job_that_begins_then_is_not() -> None:
    told = work(("2015", ""), ("2025-09", "2028-08"), ("2027-02", ""))
    assert told["Work", "latest"] == ["work-2"] and told["Work", "now"] == ["work-2", "work-1"]


def test_what_is_not_sure_is_not_told() -> None:
    assert work(("2019", "2020"), ("2019-03", "2021"))["Work", "first"] == ["work-1", "work-2"]
    assert ("Work", "first") not in work(("2019", "2020"), ("2019", "2021"), ("2019", "2022"))
    assert ("Work", "first") not in work(("", "2005"), ("2004", "2010"))  # begun nobody knows when
    # Nobody may have written down that the old one ended as well.
    assert ("Work", "latest") not in work(("1887", ""), ("1901", "1917"))
    assert (
        set(work(("2019", "2020"), ("", "")))
        == set(work(("about 1340", "1350")))
        == {("Work", "each"), ("Career", "each")}
    )


def test_of_projects_the_newest_is_the_one_begun_last_though_an_older_one_goes_on() -> None:
    told = told_of("projects", {"startDate": "2015"}, {"startDate": "2020", "endDate": "2021"})
    assert told["Projects", "latest"] == ["projects-2"]


def test_degrees_are_compared_and_schools_are_none() -> None:
    told = degrees("High school diploma", "BSc", "Ph.D. in High Energy Physics", "M.A.")
    assert told["Degree", "first"] == told["Studies", "first"] == ["education-2"]
    assert (told["Degree", "highest"], told["Degree", "latest"]) == (["education-3"], ["education-4"])
    assert told["Education", "first"] == ["education-1"]
    # What "Cand.scient." is worth is not known here; more than a doctor's degree there is not.
    assert ("Degree", "highest") not in degrees("Cand.scient.", "BSc")
    assert degrees("Cand.scient.", "Doctorate")["Degree", "highest"] == ["education-2"]
    assert degrees("MBBS", "MSc")["Degree", "first"] == ["education-1"]
    assert ("Degree", "first") not in degrees("BTEC", "MSc")
    assert ("Degree", "highest") not in degrees("BSc", "MITx in Algorithms", "BOOTCAMP")


def test_a_degree_that_is_not_finished_is_none() -> None:
    assert degrees("BSc", "PhD candidate")["Degree", "highest"] == ["education-1"]
    assert degrees("BSc", "PhD (not completed)")["Degree", "highest"] == ["education-1"]
    open_ = {"studyType": "PhD", "startDate": "2025", "endDate": "2028"}
    done = {"studyType": "BSc", "startDate": "2010", "endDate": "2013"}
    told = told_of("education", open_, done)
    assert told["Degree", "highest"] == told["Degree", "latest"] == ["education-2"]
    assert told["Studies", "now"] == ["education-1"]


def test_it_is_the_line_that_the_authors_of_invented_people_had_in_mind() -> None:
    told = []
    for owner in people():
        ids = timeline(owner.passages, TODAY)
        for question in owner.questions:
            asked = None if question.earlier else asked_for(strip(question.text, owner.name))
            if asked in ids:
                told.append(any(owner.passages[i].id in ids[asked] for i in question.answers))
    print(f"\nof {len(told):,} questions {sum(told):,} get the line their authors had in mind")
    assert len(told) > 1000 and sum(told) / len(told) > 0.97


def test_the_entry_is_the_answer_and_a_follow_up_goes_on_from_it(curie: Index) -> None:
    found = curie.search("What was Marie Curie's first job?")
    assert found.answerable and [hit.passage.text for hit, _ in listed(found)] == [
        "Governess at Żorawski family in Szczuki from 1886 to 1889."
    ]
    assert {hit.passage.section for hit in found.hits} == {"Work"}
    assert curie._entry("What was first job?", lambda: False) == found.hits[0].passage.entry


def test_all_of_a_section_are_told_the_latest_first_or_as_the_profile_has_them() -> None:
    told = work(("2012", "2015"), ("2019", ""), ("2015", "2019"), ("2019-03", "2020"), ("2008", "2012"))
    assert told["Work", "each"] == [f"work-{n}" for n in (2, 4, 3, 1, 5)]
    assert work(("2019", "2020"), ("", ""))["Work", "each"] == ["work-1", "work-2"]
    assert ("Awards", "each") not in told


def test_all_of_them_are_quoted_in_as_few_words_as_will_do(curie: Index) -> None:
    found = curie.search("Can you walk me through Marie's career?")
    jobs = [one for one in curie.profile.passages if one.section == "Work" and one.id == one.entry]
    lines = quoted(found, found.hits).split("\n\n")
    assert {hit.passage.id for hit, _ in listed(found)} == {job.id for job in jobs}
    assert [line[-3:] for line in lines] == [f"[{n}]" for n in range(1, len(jobs) + 1)] and len(jobs) > 2
    assert "from 1914 to 1934" in lines[0]  # which in as few words as will do it has not
    assert SHORT_WORDS < len(re.sub(r"\[\d\]", "", " ".join(lines)).split()) <= MAX_WORDS
    assert why(found, len(lines)) == "several entries, in their order"


def test_more_than_can_be_quoted_are_named_as_far_as_they_go() -> None:
    named = " ".join(["word"] * 11)
    passages = passages_from_resume({"work": [{"name": f"{named} {n}", "position": "Cook"} for n in range(8)]})
    found = Retrieval([Hit(one, 1.0, 0.0, 0.0) for one in passages], True, 1.0, 0.5, together=8)
    lines = quoted(found, found.hits).split("\n\n")
    assert len(lines) == MAX_WORDS // 13


def test_a_message_that_says_more_is_searched(curie: Index) -> None:
    assert curie.search("Where did she work first?").reread == 0
    assert curie.search("She spent years in Sèvres. Where did she work first?").reread > 0
