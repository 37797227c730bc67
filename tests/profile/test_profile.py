"""A profile is a folder or a bare resume; what it leaves out is derived, what is wrong is named."""

import json
import re

import pytest

from fischgpt.errors import UserError
from fischgpt.profile import manage
from fischgpt.profile.index import Index
from fischgpt.profile.profile import load_profile, slug
from fischgpt.resources import resource
from paper_samples import RESUME, write_pdf_one_column


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("FISCHGPT_CACHE", str(tmp_path_factory.getbasetemp() / "profile-cache"))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "resume.json").write_text(json.dumps(RESUME))
    return tmp_path


def refused(path):
    with pytest.raises(UserError) as error:
        load_profile(path)
    assert "\n" not in str(error.value)
    return str(error.value).replace(str(path), "PATH")


def test_the_default_profile_is_the_original_owners():
    profile = load_profile()
    assert (profile.name, profile.first_name, profile.pronouns) == ("Kristian Fischer", "Kristian", "he/him")
    assert "How much did the training cost?" in profile.starters and 5 <= len(profile.starters) <= 6
    assert "$208.74" in profile.story_markdown and profile.resume_file.name == "resume.json"
    assert profile.download and not profile.private
    assert not any(passage.section == "Contact" for passage in profile.passages)


@pytest.mark.parametrize("name", ["fisch", "curie"])
def test_shipped_profiles_are_complete_and_have_no_line_a_model_cannot_copy(name):
    profile = load_profile(resource(f"profiles/{name}"))
    assert profile.headline and profile.greeting and profile.story_markdown.startswith("# ")
    assert len(profile.passages) >= 50
    assert all(len(passage.text) <= 200 for passage in profile.passages)
    assert len({passage.text for passage in profile.passages}) == len(profile.passages)


def test_the_second_profile_fills_every_usual_section():
    sections = {passage.section for passage in load_profile(resource("profiles/curie")).passages}
    assert sections >= {"Work", "Education", "Publications", "Awards", "Skills", "Languages", "Interests"}


def test_a_bare_resume_is_a_profile(tmp_path):
    path = tmp_path / "resume.pdf"
    write_pdf_one_column(path)
    profile = load_profile(path)
    assert (profile.name, profile.first_name, profile.headline) == ("Mira Okonkwo", "Mira", "Senior Software Engineer")
    assert profile.greeting == "Ask me about Mira. I answer from the resume and show where."
    assert profile.starters == [
        "What did Mira do at Northwind Storage?",
        "Where did Mira study Computer Science?",
        "Which awards has Mira won?",
        "What are Mira's skills in Programming?",
        "Which languages does Mira speak?",
    ]
    assert profile.story_markdown == "" and profile.resume_file == path


def test_derived_starters_are_answered(tmp_path):
    path = tmp_path / "resume.json"
    path.write_text(json.dumps(RESUME))
    index = Index.open(load_profile(path), tmp_path)
    found = {question: index.search(question) for question in index.profile.starters}
    assert all(retrieval.answerable for retrieval in found.values())
    sections = [retrieval.hits[0].passage.section for retrieval in found.values()]
    assert sections == ["Work", "Education", "Awards", "Skills", "Languages"]


def test_contact_details_are_private_and_so_is_the_file_until_the_owner_says_otherwise(folder):
    profile = load_profile(folder)
    assert profile.private == ["email", "phone", "profiles"] and not profile.download
    (folder / "profile.toml").write_text('public = ["email", "phone", "profiles"]')
    profile = load_profile(folder)
    assert profile.private == [] and profile.download
    assert "Contact: E-mail: mira@example.org." in [passage.render() for passage in profile.passages]
    (folder / "profile.toml").write_text("download = true")
    assert load_profile(folder).download


def test_profile_toml_goes_before_the_resume(folder):
    (folder / "profile.toml").write_text(
        'name = "M. O."\nfirst_name = "Em"\nheadline = "H"\nstarters = ["A?"]\nlinks = [{label = "L", url = "https://x"}]'
    )
    profile = load_profile(folder)
    assert (profile.name, profile.first_name, profile.headline, profile.starters) == ("M. O.", "Em", "H", ["A?"])
    assert profile.links == [{"label": "L", "url": "https://x"}]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Ada Éxample", "ada-example"),
        ("../../etc", "etc"),
        ("张伟", "zhangwei"),
        ("Анна", "anna"),
        ("Łucja Żółć", "lucja-zolc"),
        (f"{'a' * 39} b", "a" * 39),
    ],
)
def test_a_name_becomes_a_folders(name, short):
    assert slug(name) == short


def test_names_without_a_letter_are_told_apart():
    signs = {slug(name) for name in ("·", "…", "‽‽")}
    assert len(signs) == 3 and all(re.fullmatch("owner-[0-9a-f]{8}", name) for name in signs)


def test_the_fingerprint_follows_the_content(folder):
    before = load_profile(folder).fingerprint
    assert load_profile(folder).fingerprint == before
    (folder / "story.md").write_text("# Another story")
    assert load_profile(folder).fingerprint == before
    (folder / "resume.json").write_text(json.dumps({**RESUME, "interests": [{"name": "Chess"}]}))
    assert load_profile(folder).fingerprint != before


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ('heading = "x"', "PATH/profile.toml: unknown key heading; did you mean headline?"),
        ("zzz = 1", "PATH/profile.toml: unknown key zzz; known: name, first_name, pronouns"),
        ("name = 3", "PATH/profile.toml: name: Input should be a valid string, got 3"),
        ('public = ["fax"]', "PATH/profile.toml: public.0: Input should be 'email', 'phone', 'url'"),
        ('links = [{label = "L"}]', "PATH/profile.toml: links.0.url:"),
        ("name = ", "PATH/profile.toml is not TOML"),
    ],
)
def test_a_wrong_profile_toml_is_named(folder, toml, message):
    (folder / "profile.toml").write_text(toml)
    assert refused(folder).startswith(message)


def test_a_profile_without_resume_name_or_facts_is_refused(tmp_path):
    assert refused(tmp_path / "none").startswith("profile PATH does not exist: start one with `fischgpt profile init")
    assert refused(tmp_path).startswith("PATH holds no resume")
    (tmp_path / "resume.json").write_text('{"work": [{"name": "Acme"}]}')
    assert "names no person" in refused(tmp_path)
    (tmp_path / "resume.json").write_text('{"basics": {"name": "Ada"}}')
    assert "holds no fact to answer from" in refused(tmp_path)


def test_check_shows_the_passages_and_what_to_mend(folder):
    resume = {**RESUME, "volunteer": [{"organization": "Code Club", "highlights": ["Mentors six junior engineers"]}]}
    (folder / "resume.json").write_text(json.dumps(resume))
    (folder / "profile.toml").write_text('download = true\nstarters = ["Who won the 1998 football World Cup final?"]')
    checked = manage.check(folder)
    assert checked.sections["Work"] == 7 and checked.sections["Languages"] == 1
    report = str(checked)
    assert "  work-2-1         Work, Kestrel Maps, Backend Developer (October 2015 to February 2019): Wrote" in report
    assert checked.warnings == [
        "volunteer-1 (Code Club) has no dates",
        "said 2 times: Mentors six junior engineers.",
        "email, phone, profiles in the resume: kept from visitors (`public` in profile.toml shows them)",
        "visitors can download resume.json, which holds them (download = false)",
        "no passage answers the starter question 'Who won the 1998 football World Cup final?'",
    ]
    assert json.loads(json.dumps(checked.as_dict()))["passages"][0]["id"] == "about-1"


def test_index_and_search_report_what_they_did():
    assert "passages about Kristian Fischer" in str(manage.index())
    again = manage.index()
    assert not again.rebuilt and "were indexed already" in str(again) and again.as_dict()["notice"] is None
    found = manage.search("How much did the training cost?", k=3)
    assert "the profile may answer it" in str(found) and "The training cost $208.74 in total." in str(found)
    data = json.loads(json.dumps(found.as_dict()))
    assert (
        data["answerable"] and len(data["hits"]) == 3 and data["hits"][0]["rendered"].startswith("Projects, FischGPT")
    )
    assert "the profile does not say" in str(manage.search("What is his salary?"))
    with pytest.raises(UserError, match="the question is empty"):
        manage.search("  ")
