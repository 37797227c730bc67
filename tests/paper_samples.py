"""One made-up resume, written as JSON Resume and set as Markdown, DOCX and PDF in one and two columns."""

from pathlib import Path
from typing import Any

import docx
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

RESUME: dict[str, Any] = {
    "basics": {
        "name": "Mira Okonkwo",
        "email": "mira@example.org",
        "phone": "+49 30 1234567",
        "profiles": [{"network": "GitHub", "url": "github.com/mira-ok"}],
        "label": "Senior Software Engineer",
        "summary": "Builds storage systems that do not lose data. Enjoys teaching newcomers how databases work.",
    },
    "work": [
        {
            "startDate": "2019-03",
            "endDate": "",
            "position": "Senior Software Engineer",
            "name": "Northwind Storage",
            "location": "Berlin",
            "highlights": [
                "Designed a replicated log that survives the loss of a data centre and serves 40,000 writes a second",
                "Cut the storage bill by 31% with erasure coding",
                "Mentors six junior engineers",
            ],
        },
        {
            "startDate": "2015-10",
            "endDate": "2019-02",
            "position": "Backend Developer",
            "name": "Kestrel Maps",
            "location": "Hamburg",
            "highlights": ["Wrote the tile server in Go", "Moved 14 services to Kubernetes without downtime"],
        },
    ],
    "education": [
        {
            "startDate": "2013",
            "endDate": "2015",
            "institution": "Technical University of Munich",
            "studyType": "MSc",
            "area": "Computer Science",
            "highlights": ["Thesis on consensus in lossy networks"],
        },
        {
            "startDate": "2010",
            "endDate": "2013",
            "institution": "University of Lagos",
            "studyType": "BSc",
            "area": "Mathematics",
        },
    ],
    "skills": [
        {"name": "Programming", "keywords": ["Go", "Rust", "Python"]},
        {"name": "Databases", "keywords": ["PostgreSQL", "RocksDB"]},
    ],
    "awards": [{"title": "Best Paper Award", "awarder": "Euro Systems Conference", "date": "2018"}],
    "languages": [
        {"language": "English", "fluency": "native"},
        {"language": "German", "fluency": "fluent"},
        {"language": "Yoruba"},
    ],
    "interests": [{"name": "Bouldering"}, {"name": "Jazz piano"}],
}

MARKDOWN = """\
# Mira Okonkwo

Senior Software Engineer

[mira@example.org](mailto:mira@example.org) | +49 30 1234567 | github.com/mira-ok

Builds storage systems that do not lose data.
Enjoys *teaching* newcomers how databases work.

## Experience

### Senior Software Engineer, Northwind Storage, Berlin
March 2019 – present

- Designed a **replicated log** that survives the loss of a data centre and serves 40,000 writes a second
- Cut the storage bill by 31% with erasure coding
- Mentors six junior engineers

### Backend Developer at Kestrel Maps (10/2015 - 02/2019)
Hamburg

* Wrote the tile server in Go
* Moved 14 services to Kubernetes without downtime

## Education

**Technical University of Munich**, 2013 - 2015
MSc in Computer Science

- Thesis on consensus in lossy networks

**University of Lagos** — BSc in Mathematics (2010–2013)

## Technical Skills

- **Programming:** Go, Rust, Python
- **Databases:** PostgreSQL, RocksDB

## Honours & Awards

- Best Paper Award, Euro Systems Conference, 2018

## Languages

English (native), German (fluent), Yoruba

## Interests

- Bouldering
- Jazz piano
"""


def write_docx(path: Path) -> None:
    """As Word's own styles write it: Title, Heading 1, bold heads with a tab before the dates, List Bullet."""
    paper = docx.Document()
    paper.add_paragraph("Mira Okonkwo", style="Title")
    paper.add_paragraph("mira@example.org | +49 30 1234567 | github.com/mira-ok")
    paper.add_paragraph("Senior Software Engineer")
    paper.add_paragraph(RESUME["basics"]["summary"])
    paper.add_paragraph("Work Experience", style="Heading 1")
    for work, dates in zip(RESUME["work"], ("Mar 2019 – Present", "Oct 2015 – Feb 2019"), strict=True):
        head = paper.add_paragraph()
        head.add_run(f"{work['name']}\t{dates}").bold = True
        paper.add_paragraph(f"{work['position']}, {work['location']}")
        for bullet in work["highlights"]:
            paper.add_paragraph(bullet, style="List Bullet")
    paper.add_paragraph("EDUCATION").runs[0].bold = True
    table = paper.add_table(rows=0, cols=2)
    for school, dates in zip(RESUME["education"], ("2013 – 2015", "2010 – 2013"), strict=True):
        cells = table.add_row().cells
        cells[0].text = dates
        cells[1].text = f"{school['studyType']} in {school['area']}, {school['institution']}"
        for bullet in school.get("highlights", ()):
            cells[1].add_paragraph(f"• {bullet}")
    paper.add_paragraph("Skills", style="Heading 1")
    for skill in RESUME["skills"]:
        paper.add_paragraph(f"{skill['name']}: {', '.join(skill['keywords'])}")
    paper.add_paragraph("Awards", style="Heading 1")
    paper.add_paragraph("Best Paper Award, Euro Systems Conference, 2018", style="List Bullet")
    paper.add_paragraph("Languages", style="Heading 1")
    paper.add_paragraph("English (native), German (fluent), Yoruba")
    paper.add_paragraph("Hobbies", style="Heading 1")
    paper.add_paragraph("Bouldering, Jazz piano")
    paper.save(str(path))


class _Pen:
    """Sets lines downwards in one column of a page."""

    def __init__(self, canvas: Canvas, x: float, width: float, y: float) -> None:
        self.canvas, self.x, self.width, self.y = canvas, x, width, y

    def line(self, text: str, font: str = "Helvetica", size: float = 10, dates: str = "", indent: float = 0) -> None:
        words, row = text.split(), ""
        rows = []
        for word in words:
            if stringWidth(f"{row} {word}", font, size) > self.width - indent and row:
                rows.append(row)
                row = word
            else:
                row = f"{row} {word}".strip()
        for number, told in enumerate([*rows, row]):
            self.y -= size * 1.3
            self.canvas.setFont(font, size)
            self.canvas.drawString(self.x + indent, self.y, told)
            if dates and not number:
                self.canvas.setFont("Helvetica", size)
                self.canvas.drawRightString(self.x + self.width, self.y, dates)

    def heading(self, text: str) -> None:
        self.y -= 8
        self.line(text, "Helvetica-Bold", 13)
        self.y -= 2

    def bullet(self, text: str) -> None:
        self.canvas.setFont("Helvetica", 10)
        self.canvas.drawString(self.x + 4, self.y - 13, "•")
        self.line(text, indent=14)


def _experience(pen: _Pen) -> None:
    pen.heading("Experience")
    for work, dates in zip(RESUME["work"], ("Mar 2019 – Present", "10/2015 – 02/2019"), strict=True):
        pen.line(work["position"], "Helvetica-Bold", dates=dates)
        pen.line(f"{work['name']}, {work['location']}")
        for bullet in work["highlights"]:
            pen.bullet(bullet)
        pen.y -= 5
    pen.heading("Education")
    for school in RESUME["education"]:
        dates = f"{school['startDate']} – {school['endDate']}"
        pen.line(school["institution"], "Helvetica-Bold", dates=dates)
        pen.line(f"{school['studyType']} in {school['area']}")
        for bullet in school.get("highlights", ()):
            pen.bullet(bullet)
        pen.y -= 5
    pen.heading("Awards")
    pen.bullet("Best Paper Award, Euro Systems Conference, 2018")


def _lists(pen: _Pen) -> None:
    pen.heading("Skills")
    for skill in RESUME["skills"]:
        pen.line(f"{skill['name']}: {', '.join(skill['keywords'])}")
    pen.heading("Languages")
    for text in ("English (native)", "German (fluent)", "Yoruba"):
        pen.bullet(text)
    pen.heading("Interests")
    for text in ("Bouldering", "Jazz piano"):
        pen.bullet(text)


def write_pdf_one_column(path: Path) -> None:
    """Name in large letters, dates set flush right, wrapped bullets."""
    canvas = Canvas(str(path), pagesize=A4)
    pen = _Pen(canvas, 60, 475, 790)
    pen.line("Mira Okonkwo", "Helvetica-Bold", 22)
    pen.y -= 4
    pen.line("mira@example.org | +49 30 1234567 | github.com/mira-ok")
    pen.line("Senior Software Engineer")
    pen.y -= 6
    pen.line(RESUME["basics"]["summary"])
    _experience(pen)
    _lists(pen)
    canvas.save()


def write_pdf_two_columns(path: Path) -> None:
    """A side column with contact and lists, a main column with the rest, the name across both."""
    canvas = Canvas(str(path), pagesize=A4)
    top = _Pen(canvas, 40, 515, 800)
    top.line("Mira Okonkwo", "Helvetica-Bold", 26)
    top.line("Senior Software Engineer", size=12)
    side, main = _Pen(canvas, 40, 140, 740), _Pen(canvas, 215, 340, 740)
    side.heading("Contact")
    for text in ("mira@example.org", "+49 30 1234567", "github.com/mira-ok"):
        side.line(text)
    _lists(side)
    main.heading("Profile")
    main.line(RESUME["basics"]["summary"])
    _experience(main)
    canvas.save()


def write_pdf_drawn_bullets(path: Path) -> None:
    """As browsers print: bullets are drawn, not written; the organisation first, the dates on a line of their own."""
    canvas = Canvas(str(path), pagesize=A4)
    pen = _Pen(canvas, 60, 300, 800)
    pen.line("Mira Okonkwo", "Times-Bold", 22)
    pen.line("Senior Software Engineer", "Times-Roman", 12)
    pen.line("mira@example.org | +49 30 1234567 | github.com/mira-ok")
    pen.heading("SUMMARY")
    pen.line(RESUME["basics"]["summary"])

    def bullet(text: str) -> None:
        canvas.circle(pen.x + 6, pen.y - 10, 1.5, fill=1)
        pen.line(text, indent=14)

    pen.heading("EXPERIENCE")
    for work, dates in zip(RESUME["work"], ("March 2019 to present", "10/2015 to 02/2019"), strict=True):
        pen.line(work["name"], "Helvetica-Bold")
        pen.line(dates)
        pen.line(f"{work['position']}, {work['location']}")
        for text in work["highlights"]:
            bullet(text)
    pen.heading("EDUCATION")
    for school in RESUME["education"]:
        pen.line(f"{school['studyType']} in {school['area']}", "Helvetica-Bold")
        pen.line(f"{school['institution']}, {school['startDate']}-{school['endDate']}")
        for text in school.get("highlights", ()):
            bullet(text)
    pen.heading("AWARDS")
    pen.line("Best Paper Award, Euro Systems Conference, 2018")
    pen.heading("SKILLS")
    for skill in RESUME["skills"]:
        bullet(f"{skill['name']}: {', '.join(skill['keywords'])}")
    pen.heading("LANGUAGES")
    pen.line("English (native), German (fluent), Yoruba")
    pen.heading("INTERESTS")
    for text in ("Bouldering", "Jazz piano"):
        bullet(text)
    canvas.save()
