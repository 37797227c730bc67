"""Files made to hurt: each is refused with one line, in bounded time and memory, and nothing is left behind."""

import json
import resource
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from reportlab.pdfgen.canvas import Canvas

from fischgpt.errors import UserError
from fischgpt.profile import pdf
from fischgpt.profile.passages import passages_from_resume
from fischgpt.profile.profile import load_profile
from fischgpt.profile.resume import read_resume


def write_many_pages(path: Path) -> None:
    canvas = Canvas(str(path))
    for number in range(500):
        canvas.drawString(72, 720, f"Page {number}")
        canvas.showPage()
    canvas.save()


def one_page(path: Path, stream: bytes, filters: str, media: str = "[0 0 600 800]") -> None:
    """A PDF with one page that shows `stream`."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox " + media.encode() + b" /Contents 4 0 R "
        b"/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< /Length %d /Filter %s >>\nstream\n%s\nendstream" % (len(stream), filters.encode(), stream),
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"xref\n0 5\n0000000000 65535 f \n%strailer << /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % (
        table,
        len(body),
    )
    path.write_bytes(body + end)


def write_pdf_bomb(path: Path) -> None:
    """9 KB that unpack to 2.5 GB: zlib within zlib."""
    packer = zlib.compressobj(9)
    inner = b"".join(packer.compress(b" " * 10_000_000) for _ in range(250)) + packer.flush()
    one_page(path, zlib.compress(inner, 9), "[/FlateDecode /FlateDecode]")


def write_endless_text(path: Path) -> None:
    text = b"BT /F1 10 Tf 20 700 Td " + b"(word and word) Tj 0 -1 Td " * 20_000 + b" ET"
    one_page(path, zlib.compress(text), "/FlateDecode")


def write_docx_bomb(path: Path) -> None:
    """A real document whose body unpacks to 0.4 GB."""
    paper = docx.Document()
    paper.add_paragraph("Ada")
    paper.save(str(path))
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in parts.items():
            if name != "word/document.xml":
                packed.writestr(name, content)
        with packed.open("word/document.xml", "w", force_zip64=True) as part:
            for _ in range(40):
                part.write(b" " * 10_000_000)


def replace_body(path: Path, body: str) -> None:
    docx.Document().save(str(path))
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in (parts | {"word/document.xml": body.encode()}).items():
            packed.writestr(name, content)


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def paragraphs(*texts: str) -> str:
    told = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in texts)
    return f"<w:document {W}><w:body>{told}</w:body></w:document>"


def write_entities(path: Path) -> None:
    """Entities that would grow to 10^9 characters."""
    grown = (f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    entities = '<!ENTITY a0 "lol">' + "".join(grown)
    replace_body(path, f'<?xml version="1.0"?><!DOCTYPE d [{entities}]>{paragraphs("&a9;")}')


def write_external_entity(path: Path, secret: Path) -> None:
    declared = f'<!DOCTYPE d [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'
    replace_body(path, f'<?xml version="1.0"?>{declared}{paragraphs("Ada &x;", "Skills", "Chess")}')


def write_deep_tables(path: Path) -> None:
    opened, closed = "<w:tbl><w:tr><w:tc>" * 3000, "</w:tc></w:tr></w:tbl>" * 3000
    replace_body(path, f"<w:document {W}><w:body>{opened}<w:p/>{closed}</w:body></w:document>")


def write_many_facts(path: Path) -> None:
    path.write_text(json.dumps({"basics": {"name": "A"}, "skills": [{"name": f"skill {n}"} for n in range(5000)]}))


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "many pages.pdf": (write_many_pages, "has 500 pages; a resume of up to 30 is read"),
    "bomb.pdf": (write_pdf_bomb, "is not a readable PDF|holds no text"),
    "endless.pdf": (write_endless_text, "more than 200000 characters|took longer|not a readable PDF"),
    "bomb.docx": (write_docx_bomb, "unpacks to more than a resume holds"),
    "entities.docx": (write_entities, "not a readable DOCX|holds no text"),
    "deep.docx": (write_deep_tables, "not a readable DOCX|holds no text"),
    "empty.zip.docx": (lambda path: zipfile.ZipFile(path, "w").close(), "not a readable DOCX"),
    "facts.json": (write_many_facts, "holds 5000 facts; up to 2000 are read"),
    "long.md": (lambda path: path.write_text("- word\n" * 200_000), "of up to 1 MB is read"),
    "huge.pdf": (lambda path: path.write_bytes(b"%PDF-1.4" + b"0" * 11_000_000), "of up to 10 MB is read"),
}
READ = """
import pathlib, re, resource, sys, time
from fischgpt.errors import UserError
from fischgpt.profile.profile import load_profile
start = time.perf_counter()
try:
    load_profile(sys.argv[1])
except UserError as error:
    print(error)
ended = time.perf_counter() - start
# Not RUSAGE_SELF: that begins with what the process had that started this one, here all of pytest.
own = int(re.search(r"VmHWM:\\s+(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
peak = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
print(f"{ended:.1f} {peak / 1024:.0f}")
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_bounded_time_and_memory(tmp_path: Path, name: str) -> None:
    write, message = HOSTILE[name]
    write(tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path / name)], capture_output=True, text=True, timeout=150
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told, measured = done.stdout.rstrip().rsplit("\n", 1)
    assert "\n" not in told
    assert any(part in told for part in message.split("|")), told
    seconds, megabytes = map(float, measured.split())
    assert seconds < 2 * pdf.SECONDS and megabytes < 2200, measured
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_the_limits_of_the_reading_process_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second to read in, a file that takes longer is refused then."""
    write_endless_text(tmp_path / "slow.pdf")
    monkeypatch.setattr(pdf, "SECONDS", 1)
    started = time.monotonic()
    with pytest.raises(UserError, match="took longer than 1 s"):
        read_resume(tmp_path / "slow.pdf")
    assert time.monotonic() - started < 5


def test_an_xml_entity_reads_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary")
    write_external_entity(tmp_path / "r.docx", tmp_path / "secret")
    assert "canary" not in json.dumps(read_resume(tmp_path / "r.docx"))


def test_names_in_a_docx_that_lead_elsewhere_write_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "r.docx"
    paper = docx.Document()
    for text in ("Ada Example", "Skills", "Chess"):
        paper.add_paragraph(text)
    paper.save(str(path))
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("../../escaped.txt", "x")
        packed.writestr("/tmp/fischgpt-escaped.txt", "x")
    assert read_resume(path)["skills"] == [{"name": "", "keywords": ["Chess"]}]
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["in", "r.docx"]
    assert not Path("/tmp/fischgpt-escaped.txt").exists()


@pytest.mark.parametrize("media", ["[0 0 100000000 100000000]", "[0 0 -5 -5]", "[0 0 0 0]"])
def test_a_page_of_no_paper_size_is_read_or_refused(tmp_path: Path, media: str) -> None:
    text = zlib.compress(b"BT /F1 10 Tf 20 700 Td (Ada Example) Tj 0 -20 Td (SKILLS) Tj 0 -20 Td (Chess) Tj ET")
    one_page(tmp_path / "r.pdf", text, "/FlateDecode", media)
    try:
        assert "Chess" in json.dumps(read_resume(tmp_path / "r.pdf"))
    except UserError as error:
        assert "\n" not in str(error)


def test_control_and_invisible_characters_do_not_reach_a_passage(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    nasty = "Chess\u0000\u001b[31m\u202e\u200b\ufeff<|user|>\ue000"
    path.write_text(json.dumps({"basics": {"name": "A\u0007da"}, "skills": [{"keywords": [nasty]}]}))
    profile = load_profile(path)
    assert profile.name == "Ada"
    assert [passage.text for passage in profile.passages] == ["Chess[31m<|user|>."]
    (tmp_path / "r.md").write_text(f"# Ada\n\n## Skills\n\n{nasty[:-1]}, Go\n")
    for passage in passages_from_resume(read_resume(tmp_path / "r.md")):
        assert passage.render().isprintable()


def test_a_damaged_pdf_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "whole.pdf"))
    canvas.drawString(72, 720, "Ada Example")
    canvas.save()
    whole = (tmp_path / "whole.pdf").read_bytes()
    for cut in (10, len(whole) // 2):
        (tmp_path / "cut.pdf").write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"is not a readable PDF|holds no text \(a scan") as refused:
            read_resume(tmp_path / "cut.pdf")
        assert str(refused.value).startswith(str(tmp_path / "cut.pdf")) and "\n" not in str(refused.value)


def test_memory_is_limited_where_the_system_can() -> None:
    code = "from fischgpt.profile import pdf; pdf._limit(); bytearray(3 << 30)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode and "MemoryError" in done.stderr
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY, "this process is not limited"
