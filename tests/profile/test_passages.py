"""A resume becomes one line a fact, with its context, clean and bounded."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from fischgpt.profile.passages import SECTIONS, TEXT_LIMIT, Passage, passages_from_resume
from fischgpt.profile.prompt import render_passages
from fischgpt.profile.text import clean, pieces, sentences

RESUME = {
    "basics": {
        "name": "Ada Byron",
        "label": "software engineer",
        "email": "ada@example.org",
        "phone": "+44 1",
        "location": {"city": "London", "countryCode": "GB"},
        "profiles": [{"network": "GitHub", "url": "https://github.com/ada"}],
        "summary": "Grew up near Dr. King and J. S. Mill. Writes programs for engines.",
    },
    "work": [
        {
            "name": "Acme",
            "position": "Engineer",
            "location": "Berlin",
            "startDate": "2019-03",
            "endDate": "2021",
            "summary": "Led the compiler group.",
            "highlights": ["Cut build times by 40%", "Hired four people."],
        },
        {"name": "Foo", "position": "CTO", "startDate": "2021-04-01"},
    ],
    "education": [{"institution": "ETH", "studyType": "BSc", "area": "Physics", "endDate": "2014", "score": "5.5"}],
    "skills": [{"name": "Programming", "level": "expert", "keywords": ["Go", "C"]}],
    "publications": [{"name": "On Engines", "publisher": "Nature", "releaseDate": "1879-03-14"}],
    "awards": [{"title": "Turing Prize", "awarder": "ACM", "date": "2003"}],
    "certificates": [{"name": "CKA", "issuer": "CNCF", "date": "2022-01"}],
    "languages": [{"language": "French", "fluency": "native"}, {"language": "German"}],
    "interests": [{"name": "Hiking", "keywords": ["Alps"]}, {"name": "Chess"}],
    "projects": [{"name": "Note", "description": "A diary.", "keywords": ["Rust"], "highlights": ["Has 9 users"]}],
    "volunteer": [{"organization": "Red Cross", "position": "Helper", "startDate": "2010", "endDate": "2010"}],
    "references": [{"name": "Bob", "reference": "Ada is great."}],
}


def lines(resume, **options):
    return {p.id: p.render() for p in passages_from_resume(resume, **options)}


def test_every_section_becomes_lines_with_their_context():
    assert lines(RESUME) == {
        "about-1": "About: Ada Byron, software engineer.",
        "about-2": "About: Grew up near Dr. King and J. S. Mill.",
        "about-3": "About: Writes programs for engines.",
        "work-1": "Work, Acme, Engineer (March 2019 to 2021): Engineer at Acme in Berlin from March 2019 to 2021.",
        "work-1-1": "Work, Acme, Engineer (March 2019 to 2021): Led the compiler group.",
        "work-1-2": "Work, Acme, Engineer (March 2019 to 2021): Cut build times by 40%.",
        "work-1-3": "Work, Acme, Engineer (March 2019 to 2021): Hired four people.",
        "work-2": "Work, Foo, CTO (since 1 April 2021): CTO at Foo since 1 April 2021.",
        "education-1": "Education, ETH, BSc in Physics (2014): BSc in Physics at ETH in 2014.",
        "education-1-1": "Education, ETH, BSc in Physics (2014): Grade: 5.5.",
        "skills-1": "Skills, Programming: Go, C (expert).",
        "publications-1": "Publications, Nature, On Engines (14 March 1879): "
        "“On Engines”, published by Nature on 14 March 1879.",
        "awards-1": "Awards, ACM, Turing Prize (2003): Turing Prize, awarded by ACM in 2003.",
        "certificates-1": "Certificates, CNCF, CKA (January 2022): CKA, issued by CNCF in January 2022.",
        "languages-1": "Languages: French (native); German.",
        "interests-1": "Interests: Hiking (Alps); Chess.",
        "projects-1": "Projects, Note: A diary.",
        "projects-1-1": "Projects, Note: Has 9 users.",
        "projects-1-2": "Projects, Note: Made with Rust.",
        "volunteer-1": "Volunteering, Red Cross, Helper (2010): Helper at Red Cross in 2010.",
        "references-1": "References, Bob: Ada is great.",
    }


def test_contact_details_stay_private_until_they_are_named():
    private = " ".join(lines(RESUME).values())
    assert not any(secret in private for secret in ("ada@", "+44", "London", "github"))
    assert lines(RESUME, public=["email"])["contact-1"] == "Contact: E-mail: ada@example.org."
    named = {**RESUME, "basics": {**RESUME["basics"], "public": ["location", "profiles"]}}
    shown = [line for id_, line in lines(named).items() if id_.startswith("contact")]
    assert shown == ["Contact: Lives in London, GB.", "Contact: GitHub: https://github.com/ada."]


def test_sections_keep_the_order_of_the_resume():
    assert [p.section for p in passages_from_resume({"skills": [{"name": "Go"}], "work": [{"name": "A"}]})] == [
        "Skills",
        "Work",
    ]
    assert {p.section for p in passages_from_resume(RESUME, public=["email"])} == set(SECTIONS)


def test_a_long_bullet_is_cut_between_words_and_loses_nothing():
    bullet = " ".join(f"word{n}" for n in range(300))
    parts = [p.text for p in passages_from_resume({"work": [{"name": "A", "highlights": [bullet]}]})][1:]
    assert all(len(part) <= TEXT_LIMIT + 1 for part in parts)
    assert " ".join(parts).replace(".", "") == bullet


def test_hostile_characters_do_not_reach_a_line():
    dirty = "one\u200b\u202etwo\x00\n\n[1] System:\u2028\ufeff three\uf0b7 \u00adfour\u2066"
    assert clean(dirty) == "onetwo (1) System: three four"
    line = lines({"work": [{"name": dirty, "position": dirty, "highlights": [dirty]}]})["work-1-1"]
    assert "\n" not in line and all(unicodedata.category(char)[0] != "C" for char in line)


@given(st.text(), st.integers(min_value=1, max_value=50))
def test_clean_text_is_one_visible_line_and_cleaning_again_changes_nothing(text, limit):
    line = clean(text)
    assert all(char == " " or unicodedata.category(char)[0] not in "CZ" for char in line)
    assert line == line.strip() and "  " not in line and clean(line) == line
    assert len(clean(text, limit)) <= limit
    assert all(len(piece) <= limit for piece in pieces(line, limit))
    assert "".join(pieces(line, limit)).replace(" ", "") == line.replace(" ", "")


def test_sentences_end_at_full_stops_and_not_at_abbreviations():
    assert sentences("Met Dr. A. B. See, e.g. In 1910. Won 2 prizes! Left.") == [
        "Met Dr. A. B. See, e.g. In 1910.",
        "Won 2 prizes!",
        "Left.",
    ]


def test_passages_are_numbered_best_first_on_one_line_each():
    passages = [
        Passage("a", "Work", "Acme", "", "2019", "Did it."),
        Passage("b", "Skills", "", "Go", "", "Go."),
    ]
    assert render_passages(passages) == "[1] Work, Acme (2019): Did it.\n[2] Skills, Go: Go."
