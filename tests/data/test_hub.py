"""Data sets on the Hub, through the real client: the same files after every restart, whole or not there."""

from itertools import islice
from pathlib import Path

import huggingface_hub.constants
import pyarrow.parquet as pq
import pytest

from fake_hub import FakeHub
from fischgpt.data import hub as hub_module
from fischgpt.data import sources
from fischgpt.data.hub import download, pin
from fischgpt.data.pieces import Position
from fischgpt.data.sources import Corpus
from fischgpt.errors import UserError

NAME = "fineweb-edu-10BT"


def texts(pages: dict[str, bytes], tmp_path: Path) -> list[str]:
    """What the files hold, in the order of their names, read by pyarrow alone."""
    found = []
    for name in sorted(pages):
        (tmp_path / "page.parquet").write_bytes(pages[name])
        found += pq.read_table(tmp_path / "page.parquet", columns=["text"]).column(0).to_pylist()
    return found


def test_a_data_set_is_read_by_name_in_the_order_of_its_files(
    hub: FakeHub, pages: dict[str, bytes], tmp_path: Path
) -> None:
    expected = texts(pages, tmp_path)
    found = [text for piece in Corpus([NAME], tmp_path).pieces() for text in piece.read()]
    assert found == expected and len(found) == 1200
    spec = f"hf:HuggingFaceFW/fineweb-edu@{hub.commit}/sample/10BT/001_00000.parquet:30*2"
    assert [t for p in Corpus([spec], tmp_path).pieces() for t in p.read()] == expected[400:430] * 2
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.parquet").write_bytes(pages["sample/10BT/000_00000.parquet"])
    assert list(sources.documents(str(tmp_path / "own"))) == expected[:400]


def test_from_any_position_the_rest_follows(hub: FakeHub, pages: dict[str, bytes], tmp_path: Path) -> None:
    """Of the Hub, JSON lines, a limited and a repeated source: after piece n and k rows comes row k + 1."""
    lines = tmp_path / "a.jsonl"
    lines.write_text("".join(f'{{"text": "line {n}"}}\n' for n in range(90)))
    specs = [f"{NAME}:501", f"{lines}*2", str(lines), "grounded:40"]

    def rest(at: Position, count: int | None = 3) -> list[str]:
        return list(islice((text for piece in Corpus(specs, tmp_path).pieces(at) for text in piece.read()), count))

    whole = rest(Position(), None)
    assert len(whole) == 501 + 90 * 3 + 40
    before = 0
    for piece in Corpus(specs, tmp_path).pieces():
        for rows in {1, piece.rows - 1, piece.rows}:
            assert rest(piece.after(rows)) == whole[before + rows :][:3]
        before += piece.rows
    assert before == len(whole)


def test_the_commit_is_fixed_once_and_asked_never_again(hub: FakeHub, tmp_path: Path) -> None:
    first = pin(NAME, tmp_path)
    hub.commit = "f" * 40
    assert pin(NAME, tmp_path) == first and hub.requests["info"] == 1
    assert pin(NAME, tmp_path / "other").commit == "f" * 40


def test_a_cut_connection_goes_on_where_it_was(hub: FakeHub, pages: dict[str, bytes], tmp_path: Path) -> None:
    found = pin(NAME, tmp_path)
    hub.fail("get", "cut", "cut")
    path = download(found, found.files[0], tmp_path)
    content = pages[found.files[0].path]
    assert path.read_bytes() == content and hub.requests["get"] == 3
    assert hub.sent[found.files[0].path] < 1.1 * len(content)


def test_a_restart_goes_on_where_the_last_one_was_killed(hub: FakeHub, pages: dict[str, bytes], tmp_path: Path) -> None:
    found = pin(NAME, tmp_path)
    content = pages[found.files[0].path]
    path = hub_module.local_path(found, found.files[0], tmp_path)
    path.parent.mkdir(parents=True)
    path.with_name(f".part-{path.name}").write_bytes(content[:20_000])
    assert download(found, found.files[0], tmp_path) == path and path.read_bytes() == content
    assert hub.sent[found.files[0].path] == len(content) - 20_000
    download(found, found.files[0], tmp_path)
    assert hub.requests["get"] == 1  # what is there is not fetched again


@pytest.mark.parametrize("faults", [[429], [500], [503, 429, 502]])
def test_a_busy_hub_is_asked_again(hub: FakeHub, tmp_path: Path, faults: list[int]) -> None:
    hub.fail("info", *faults)
    hub.fail("get", *faults)
    found = pin(NAME, tmp_path)
    assert download(found, found.files[0], tmp_path).stat().st_size == found.files[0].size


def test_wrong_bytes_are_fetched_once_more_and_then_refused(hub: FakeHub, tmp_path: Path) -> None:
    found = pin(NAME, tmp_path)
    hub.fail("get", "wrong")
    download(found, found.files[0], tmp_path)
    hub.fail("get", "wrong", "wrong")
    with pytest.raises(UserError, match=rf"001_00000.*expected {found.files[1].sha256}"):
        download(found, found.files[1], tmp_path)
    assert not hub_module.local_path(found, found.files[1], tmp_path).exists()


def test_a_beginning_that_is_another_files_is_noticed(hub: FakeHub, tmp_path: Path) -> None:
    found = pin(NAME, tmp_path)
    path = hub_module.local_path(found, found.files[0], tmp_path)
    path.parent.mkdir(parents=True)
    path.with_name(f".part-{path.name}").write_bytes(b"x" * 1000)
    assert hub_module.sha256_file(download(found, found.files[0], tmp_path)) == found.files[0].sha256


def test_what_will_not_pass_is_one_clear_line(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def says(name: str, *words: str) -> None:
        with pytest.raises(UserError) as error:
            for file in pin(name, tmp_path).files:
                download(pin(name, tmp_path), file, tmp_path)
        message = str(error.value)
        assert "\n" not in message and all(word in message for word in words), message

    says("hf:nobody/nothing", "knows no data set nobody/nothing", "401", "HF_TOKEN")
    says("hf:HuggingFaceFW/fineweb-edu@nosuch", "no such revision")
    says("hf:HuggingFaceFW/fineweb-edu/sample/11BT", "has no sample/11BT")
    hub.fail("info", 403)
    says("hf:HuggingFaceFW/fineweb-edu", "refused", "403")
    hub.private = True
    says("hf:HuggingFaceFW/fineweb-edu", "gated", "accept its terms")
    hub.private = False
    hub.fail("info", *[500] * 9)
    says("hf:HuggingFaceFW/fineweb-edu", "answered 500", "5 times", "HF_ENDPOINT")
    hub.fail("info")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    says("hf:HuggingFaceFW/fineweb-edu", "HF_HUB_OFFLINE")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    pin("fineweb-edu-10BT", tmp_path)
    hub.repos["HuggingFaceFW/fineweb-edu"].pop("sample/10BT/000_00000.parquet")
    says("fineweb-edu-10BT", "has no sample/10BT/000_00000.parquet")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    says("hf:HuggingFaceFW/fineweb-edu", "127.0.0.1:9 cannot be reached", "check the network")
