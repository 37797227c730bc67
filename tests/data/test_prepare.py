"""From sources to shards: every document once, in one split, and the same bytes however often it was killed."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import file_download

from fake_hub import FakeHub
from fischgpt.config import Recipe, save_recipe
from fischgpt.data import pieces, sources
from fischgpt.data import prepare as prepare_module
from fischgpt.data.encode import is_validation
from fischgpt.data.pieces import Position
from fischgpt.data.prepare import data_folder, prepare
from fischgpt.data.progress import Progress, describe
from fischgpt.data.shards import Shards
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer

Make = Callable[..., Recipe]


def quiet(progress: object) -> None: ...


@pytest.fixture
def lines(tmp_path: Path) -> str:
    """400 documents, every twentieth blank."""
    file = tmp_path / "text.jsonl"
    texts = (f"document number {n} says hello. " * 3 if n % 20 else " \n" for n in range(400))
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(file)


def contents(folder: Path) -> dict[str, bytes]:
    """What the shards and the manifest say, byte for byte."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir()) if file.suffix == ".npy"}


def test_every_document_is_in_one_split_and_ends_with_endoftext(recipe: Make, lines: str) -> None:
    folder = prepare(recipe([lines]), quiet)
    tok, shards = Tokenizer.load(folder), Shards(folder)
    expected: dict[str, list[str]] = {"train": [], "val": []}
    for text in sources.documents(lines):
        expected["val" if is_validation(text, 0.1, 0) else "train"].append(text)
    assert 20 < len(expected["val"]) < 60 and sum(map(len, expected.values())) == 380
    for split in ("train", "val"):
        found = []
        for array in shards.arrays(split):
            assert array[-1] == tok.eot
            found += [tok.decode(ids) for ids in np.split(array, np.flatnonzero(array == tok.eot) + 1)[:-1]]
        assert found == expected[split]
        assert sum(info.documents for info in shards.infos if info.split == split) == len(found)
    assert len(shards.arrays("train")) > 3
    full = [info.tokens for info in shards.infos if info.split == "train"]
    assert max(full) < 2048 + 200  # a shard ends with the document that fills it


def test_the_shards_do_not_depend_on_the_number_of_workers(
    recipe: Make, lines: str, pages: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in pages.items():
        (tmp_path / name.replace("/", "-")).write_bytes(content)
    named = [str(tmp_path / name.replace("/", "-")) for name in pages]
    monkeypatch.setattr(pieces, "PIECE_BYTES", 30_000)
    found = []
    for workers in (1, 2):
        made = recipe([*named, lines], f"data.workers={workers}", f"run={tmp_path}/w{workers}")
        found.append(contents(prepare(made, quiet)))
    assert found[0] == found[1] and len(found[0]) > 20
    monkeypatch.setattr(pieces, "PIECE_BYTES", 7_000)  # nor on how the work was cut
    assert contents(prepare(recipe([*named, lines], f"run={tmp_path}/small"), quiet)) == found[0]


def test_stopped_after_any_piece_it_goes_straight_on(
    recipe: Make, lines: str, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read again but what the last shard did not hold; files that are safe in shards are gone."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 8_000)
    specs = [f"{lines}*2", "fineweb-edu-10BT"]
    whole = contents(prepare(recipe(specs, f"run={tmp_path}/whole"), quiet))
    read: list[int] = []
    real = sources.Corpus.pieces

    def counted(self: sources.Corpus, at: Position | None = None) -> Any:
        for piece in real(self, at):
            read.append(piece.rows)
            yield piece

    monkeypatch.setattr(sources.Corpus, "pieces", counted)
    again = recipe(specs, f"run={tmp_path}/again")
    stops = 0
    for limit in range(1, 400):
        heard = 0

        def dies(progress: Progress, limit: int = limit) -> None:
            nonlocal heard
            heard += progress.step == "tokenizing"
            if heard == min(limit, 4):
                raise KeyboardInterrupt

        try:
            folder = prepare(again, dies)
            break
        except KeyboardInterrupt:
            stops += 1
            with pytest.raises(UserError, match="no prepared data"):
                Shards(data_folder(again))
    assert contents(folder) == whole and stops > 10
    assert sum(read) < 3 * (800 + 1200)  # each piece once, and again what was held at a stop; the tokenizer's sample
    assert not list((folder / "downloads").rglob("*.parquet*"))
    assert prepare(again, quiet) == folder and sum(hub.sent.values()) < 3.5 * 3 * 85_000


KILLED = """
import os, random, signal, subprocess, sys, time
from pathlib import Path
from fischgpt.config import load_recipe
from fischgpt.data import pieces
from fischgpt.data.prepare import prepare
import fischgpt.data.encode, pyarrow.parquet, huggingface_hub.file_download, huggingface_hub.hf_api

def main():
    pieces.PIECE_BYTES = 20_000
    recipe_file, kills, seed, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(",")
    rng = random.Random(seed)
    killed = number = 0
    while True:
        number += 1
        recipe = load_recipe(recipe_file, [f"data.workers={rng.choice(workers)}"])
        done = Path(recipe.run, "data/manifest.json")
        if done.exists() and killed >= kills:
            break
        if done.exists():  # too fast: once more from the beginning
            os.rename(Path(recipe.run), f"{recipe.run}-{number}")
        child = os.fork()
        if child == 0:
            prepare(recipe, lambda progress: None)
            os._exit(0)
        if killed < kills:
            time.sleep(rng.uniform(0.01, 1.2 if recipe.data.workers > 1 else 0.4))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        killed += os.WIFSIGNALED(status)
    print(killed)

if __name__ == "__main__":
    main()
"""


def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    recipe: Make, lines: str, hub: FakeHub, tmp_path: Path
) -> None:
    """kill -9, of one process or of the parent of a pool, while downloading, tokenizing or writing: 12 times here.

    FISCHGPT_KILLS sets another number. 150 by hand: no difference.
    """
    specs = ["fineweb-edu-10BT", lines]
    whole = contents(prepare(recipe(specs, f"run={tmp_path}/whole"), quiet))
    made = recipe(specs, f"run={tmp_path}/killed")
    save_recipe(made, tmp_path / "killed.toml")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    kills = os.environ.get("FISCHGPT_KILLS", "12")
    command = [sys.executable, str(script), str(tmp_path / "killed.toml"), kills, "7", "1,1,1,2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=220 + 10 * int(kills))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= int(kills)
    finished = [folder for folder in tmp_path.glob("killed*/data") if (folder / "manifest.json").exists()]
    for folder in finished:
        assert contents(folder) == whole
        assert not list(folder.glob(".part*"))


KILLED_SAVING = """
import os, signal, sys
from pathlib import Path
from fischgpt.config import load_recipe
from fischgpt.data import prepare

moves, replace = int(sys.argv[2]), Path.replace

def dies(file, target):
    global moves
    if file.name.startswith("tokenizer"):
        if moves == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        moves -= 1
    return replace(file, target)

def dies_before_it_goes(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGKILL)

Path.replace = dies
prepare.shutil.rmtree = dies_before_it_goes
prepare.prepare(load_recipe(sys.argv[1]), lambda progress: None)
"""


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_killed_while_the_tokenizer_is_saved_nothing_is_left_over(
    recipe: Make, lines: str, tmp_path: Path, moved: int
) -> None:
    """kill -9 before the first of its two files is in its place, before the second, and after it."""
    whole = prepare(recipe([lines], f"run={tmp_path}/whole"), quiet)
    made = recipe([lines], f"run={tmp_path}/killed")
    save_recipe(made, tmp_path / "killed.toml")
    command = [sys.executable, "-c", KILLED_SAVING, str(tmp_path / "killed.toml"), str(moved)]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == -signal.SIGKILL
    folder = data_folder(made)
    assert len([*folder.glob("tokenizer*.json")]) == moved and [*folder.glob(".part-*")]
    assert prepare(made, quiet) == folder and contents(folder) == contents(whole)
    assert {file.name for file in folder.iterdir()} == {file.name for file in whole.iterdir()}


def test_a_parent_killed_leaves_no_process_behind(recipe: Make, tmp_path: Path) -> None:
    big = tmp_path / "big.jsonl"
    big.write_text('{"text": "%s"}\n' % ("word after word " * 100) * 20_000)
    save_recipe(recipe([str(big)], "data.workers=2", "data.shard_tokens=100000"), tmp_path / "r2.toml")
    command = [sys.executable, "-m", "fischgpt", "data", str(tmp_path / "r2.toml")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        progress = tmp_path / "run/data/progress.json"
        while not progress.exists():
            assert process.poll() is None
        process.kill()
        process.wait()
        for _ in range(100):
            if not _group(process.pid):
                break
            signal.sigtimedwait([], 0.1)
        assert not _group(process.pid)
    finally:
        if _group(process.pid):
            os.killpg(process.pid, signal.SIGKILL)


def _group(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_disk_too_small_is_said_before_anything_is_downloaded(
    recipe: Make, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**6, 10**6 - 100, 100))
    with pytest.raises(UserError, match=r"needs about .* GB of disk, 0\.0 GB are free.*data\.folder"):
        prepare(recipe(["fineweb-edu-10BT"]), quiet)
    assert not hub.requests["get"]


def test_a_disk_that_fills_up_is_one_line_and_the_next_start_goes_on(
    recipe: Make, lines: str, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    specs = [lines, "fineweb-edu-10BT"]
    whole = contents(prepare(recipe(specs, f"run={tmp_path}/whole"), quiet))
    made = recipe(specs, f"run={tmp_path}/full")
    for module, name in (
        (prepare_module, "write_shard"),
        (prepare_module, "write_sealed"),
        (file_download, "http_get"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, full)
            with pytest.raises(UserError, match=r"No space left on device|the disk is full") as error:
                prepare(made, quiet)
            assert "\n" not in str(error.value)
    assert contents(prepare(made, quiet)) == whole


def test_another_source_than_the_one_begun_with_is_refused(recipe: Make, lines: str) -> None:
    prepare(recipe([lines]), quiet)
    with pytest.raises(UserError, match="prepared with other sources"):
        prepare(recipe([f"{lines}*2"]), quiet)


def test_a_finished_folder_needs_no_network(recipe: Make, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    made = recipe(["fineweb-edu-10BT:100", "fineweb-edu-10BT:50"])
    folder = prepare(made, quiet)
    before = hub.requests.copy()
    assert prepare(made, quiet) == folder and hub.requests == before


def test_a_download_is_deleted_when_its_text_is_safe_in_shards(recipe: Make, hub: FakeHub) -> None:
    made = recipe(["fineweb-edu-10BT"])
    there: list[tuple[int, list[str]]] = []

    def look(progress: Progress) -> None:
        names = sorted(file.name[:3] for file in data_folder(made).rglob("0*.parquet"))
        there.append((progress.documents, names))

    prepare(made, look)
    assert [names for documents, names in there if documents == 1200] == [["002"]]
    assert all("000" in names for documents, names in there if 0 < documents <= 400)


def test_downloads_are_kept_where_the_recipe_says_so(recipe: Make, hub: FakeHub) -> None:
    folder = prepare(recipe(["fineweb-edu-10BT"], "data.keep_downloads=true"), quiet)
    assert len(list((folder / "downloads").rglob("0*.parquet"))) == 3


def test_progress_goes_forward_to_the_end(
    recipe: Make, pages: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where processes read ahead, into the next file."""
    monkeypatch.setattr(pieces, "PIECE_BYTES", 20_000)
    (tmp_path / "pages").mkdir()
    for number, content in enumerate(pages.values()):
        (tmp_path / "pages" / f"{number}.parquet").write_bytes(content)
    heard: list[Progress] = []
    prepare(recipe([str(tmp_path / "pages")], "data.workers=2"), heard.append)
    done = [progress.done for progress in heard if progress.step == "tokenizing"]
    assert done == sorted(done) and len(set(done)) > 10 and done[-1] > 0.8 * (heard[-1].total or 0)


def test_progress_tells_the_rate_and_what_is_left() -> None:
    first = Progress("tokenizing", 100, 10_000, 50_000, 1000, 10_000)
    now = Progress("tokenizing", 12_000, 4_010_000, 20_050_000, 4000, 10_000)
    said = describe(now, first, 10.0)
    assert said == "tokenizing: 12,000 documents, 4.0M tokens, 0.40M tokens/s, 2.0 MB/s, 40 %, 20 s left"


def test_a_vocabulary_larger_than_the_models_is_refused(recipe: Make, lines: str) -> None:
    with pytest.raises(UserError, match=r"model\.vocab_size"):
        prepare(recipe([lines], "tokenizer.kind=gpt2"), quiet)


def test_a_split_without_a_document_is_refused(recipe: Make, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("one")
    with pytest.raises(UserError, match="no val document"):
        prepare(recipe([str(tmp_path / "one.txt")]), quiet)
