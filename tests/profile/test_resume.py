"""The same resume is read from JSON, Markdown, DOCX and PDF; what cannot be read gets one clear line."""

import json

import docx
import pytest
from reportlab.pdfgen.canvas import Canvas

from fischgpt.errors import UserError
from fischgpt.profile.dates import find_period, iso
from fischgpt.profile.passages import passages_from_resume
from fischgpt.profile.resume import read_resume
from fischgpt.profile.sections import section_of
from paper_samples import (
    MARKDOWN,
    RESUME,
    write_docx,
    write_pdf_drawn_bullets,
    write_pdf_one_column,
    write_pdf_two_columns,
)


def write_json(path):
    path.write_text(json.dumps(RESUME))


def write_markdown(path):
    path.write_text(MARKDOWN)


FORMS = {
    "resume.json": write_json,
    "resume.md": write_markdown,
    "resume.docx": write_docx,
    "one column.pdf": write_pdf_one_column,
    "two columns.pdf": write_pdf_two_columns,
    "drawn bullets.pdf": write_pdf_drawn_bullets,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_resume(tmp_path, form):
    path = tmp_path / form
    FORMS[form](path)
    found = read_resume(path)
    assert set(found) == set(RESUME)
    for section, expected in RESUME.items():
        assert found[section] == expected, section


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_passages(tmp_path, form):
    path = tmp_path / form
    FORMS[form](path)
    assert {p.render() for p in passages_from_resume(read_resume(path))} == {
        p.render() for p in passages_from_resume(RESUME)
    }


def refused(path):
    with pytest.raises(UserError) as error:
        read_resume(path)
    message = str(error.value)
    assert "\n" not in message and str(path) in message
    return message.replace(str(path), "FILE")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "FILE is empty"),
        ("  \n", "FILE is empty: write a JSON Resume into it (https://jsonresume.org/schema)"),
        ("{", "FILE is not JSON, line 1: Expecting property name enclosed in double quotes"),
        ("[]", "FILE must hold one JSON object with basics, work, education …, not a list"),
        ('{"work": {"name": "x"}}', "FILE: work must be a list, not an object"),
        ('{"work": [{}, {"highlights": "x"}]}', "FILE: work[1].highlights must be a list, not a text"),
        ('{"work": [{"highlights": ["x", {}]}]}', "FILE: work[0].highlights[1] must be a text, not an object"),
        ('{"work": ["Acme"]}', "FILE: work[0] must be an object with named fields, not a text"),
        ('{"basics": {"name": ["x"]}}', "FILE: basics.name must be a text, not a list"),
        ('{"basics": {"name": true}}', "FILE: basics.name must be a text, not true"),
        ("[" * 5000, "FILE is not JSON"),
    ],
)
def test_a_wrong_json_resume_is_refused_with_the_place_of_the_fault(tmp_path, text, message):
    path = tmp_path / "resume.json"
    path.write_text(text)
    assert refused(path).startswith(message)


def test_a_json_resume_of_unknown_sections_names_the_known_ones(tmp_path):
    path = tmp_path / "resume.json"
    path.write_text('{"experience": []}')
    assert "work, volunteer, education" in refused(path)


def test_numbers_nulls_and_unknown_keys_are_taken_as_editors_write_them(tmp_path):
    path = tmp_path / "resume.json"
    path.write_text('{"x": 1, "work": [{"name": "A", "startDate": 2019, "endDate": null, "highlights": null, "z": 1}]}')
    assert [p.render() for p in passages_from_resume(read_resume(path))] == ["Work, A (since 2019): A since 2019."]


def test_files_that_are_no_resume_are_refused(tmp_path):
    assert refused(tmp_path / "none.json") == "FILE does not exist"
    assert "use .json, .md, .pdf, .docx" in refused(tmp_path / "resume.odt")
    (tmp_path / "folder.json").mkdir()
    assert refused(tmp_path / "folder.json") == "FILE is not a file"
    for name in ("a.pdf", "a.docx"):
        (tmp_path / name).write_bytes(b"\x00\xff not what the name says")
        assert "is not a readable" in refused(tmp_path / name)
    for name in ("latin.md", "latin.json"):
        (tmp_path / name).write_bytes("é".encode("latin-1"))
        assert "not UTF-8" in refused(tmp_path / name)
    (tmp_path / "blank.md").write_text("\n \n")
    assert refused(tmp_path / "blank.md") == "FILE holds no text"
    docx.Document().save(str(tmp_path / "blank.docx"))
    assert refused(tmp_path / "blank.docx") == "FILE holds no text"


def test_a_scan_and_a_locked_pdf_are_refused(tmp_path):
    canvas = Canvas(str(tmp_path / "scan.pdf"))
    canvas.rect(10, 10, 100, 100, fill=1)
    canvas.save()
    assert "holds no text (a scan?)" in refused(tmp_path / "scan.pdf")
    canvas = Canvas(str(tmp_path / "locked.pdf"), encrypt="secret")
    canvas.drawString(100, 700, "hidden")
    canvas.save()
    assert "remove its password" in refused(tmp_path / "locked.pdf")


@pytest.mark.parametrize("glyph", ["•", "-", "–", "▪", "\uf0b7"])
def test_bullets_are_known_by_every_usual_mark(tmp_path, glyph):
    paper = docx.Document()
    paper.add_paragraph("Ada Byron")
    paper.add_paragraph("Experience", style="Heading 1")
    paper.add_paragraph("Engineer at Acme, 2019 - 2020")
    paper.add_paragraph(f"{glyph} Built it")
    paper.save(str(tmp_path / "resume.docx"))
    (work,) = read_resume(tmp_path / "resume.docx")["work"]
    assert work["highlights"] == ["Built it"] and work["name"] == "Acme"


def test_an_unusual_section_is_kept_under_its_own_name(tmp_path):
    path = tmp_path / "resume.md"
    path.write_text("# Ada\n\n## Work\n\n### Engineer at Acme\n- x\n\n## Superpowers\n- Sees in the dark\n")
    assert [p.render() for p in passages_from_resume(read_resume(path))][
        -1
    ] == "Projects, Superpowers: Sees in the dark."


@pytest.mark.parametrize(
    ("line", "start", "end"),
    [
        ("Acme, Mar 2019 – Present", "2019-03", ""),
        ("(2010-2013)", "2010", "2013"),
        ("since 2021", "2021", ""),
        ("10/2015 to 02/2019", "2015-10", "2019-02"),
        ("2019-03-14 – 2020-01", "2019-03-14", "2020-01"),
        ("14 March 1879", "1879-03-14", "1879-03-14"),
        ("März 2001 bis heute", "2001-03", ""),
        ("Summer 2018", "Summer 2018", "Summer 2018"),
    ],
)
def test_dates_are_read_as_people_write_them(line, start, end):
    period = find_period(line)
    assert period is not None and (period.start, period.end) == (start, end)


def test_numbers_that_are_no_dates_are_left_alone():
    assert find_period("Served 40,000 requests on 2,019 machines, version 3.2019b") is None
    assert iso("Sept. 2019") == "2019-09"


def test_section_names_are_known_in_their_usual_spellings():
    assert [section_of(t) for t in ("WORK EXPERIENCE", "Honours & Awards", "Ausbildung", "Skills:", "Acme")] == [
        "work", "awards", "education", "skills", None,
    ]  # fmt: skip
