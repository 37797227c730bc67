"""Words of a page, as pdfplumber gives them, to rows and lines."""

from typing import Any

import pytest

from fischgpt.profile import pdf_lines
from fischgpt.profile.pdf_columns import Row, columns
from fischgpt.profile.pdf_lines import lines_of


def words(text: str, x: float, top: float, size: float = 10.0, font: str = "Helvetica") -> list[dict[str, Any]]:
    """Words with an ordinary space between them, six tenths of `size` a letter."""
    made = []
    for word in text.split():
        width = 0.6 * size * len(word)
        made.append({"text": word, "x0": x, "x1": x + width, "top": top, "bottom": top + size, "size": size,
                     "fontname": font})  # fmt: skip
        x += width + 0.3 * size
    return made


def test_a_document_without_headings_takes_time_in_proportion_to_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0
    section_of = pdf_lines.section_of

    def counted(text: str) -> str | None:
        nonlocal asked
        asked += 1
        return section_of(text)

    monkeypatch.setattr(pdf_lines, "section_of", counted)
    rows = [Row(words(f"nothing but prose in row {n}", 72, 12.0 * n)) for n in range(300)]
    assert lines_of(rows)
    assert asked < 5 * len(rows)


def test_short_lines_beside_a_name_of_two_rows_stay_lines_of_their_own() -> None:
    """They do not wrap, which the rows that are left when the name is taken out must still know."""
    first = words("Ada", 72, 100, 24) + words("Physicist and chemist", 200, 112)
    second = words("Example", 72, 126, 24) + words("Lives near Paris", 200, 126)
    heading = words("SKILLS", 72, 170, 14, "Helvetica-Bold")
    rows = [Row(row, 330.0, wraps=False) for row in (first, second, heading, words("Chess", 72, 190))]
    assert [line.text for line in lines_of(rows)][:3] == ["Ada Example", "Physicist and chemist", "Lives near Paris"]


def test_what_stands_beside_a_wrapped_period_knows_whether_its_column_wraps() -> None:
    page = [
        *words("2012", 72, 100), *words("Engineer at the mill of the whole wide valley and town", 150, 100),
        *words("2014", 72, 114), *words("Engineer at Acme", 150, 114),
        *words("2016", 72, 128), *words("Baker", 150, 128),
        *words("03/2019 –", 72, 142), *words("Manager of mills", 150, 142),
        *words("today", 72, 156), *words("and of others", 150, 156),
    ]  # fmt: skip
    rows, _ = columns(page, 595)
    assert rows[3].parts == ["03/2019 – today", "Manager of mills"] and rows[4].text == "and of others"
    assert [row.wraps for row in rows] == [False] * 5
