"""Items that stand in the training text are found, and only these."""

from pathlib import Path

import numpy as np
import pytest

from fischgpt.data.shards import Shards, write_manifest, write_shard
from fischgpt.evals import contamination
from fischgpt.evals.contamination import N, find, ngram_hashes
from fischgpt.evals.hellaswag_items import Item
from fischgpt.tokenizer import Tokenizer
from hellaswag_samples import made_up_rows


@pytest.fixture
def items() -> list[Item]:
    return [Item.read(row) for row in made_up_rows()][:20]


def shards(folder: Path, train: list[list[int]]) -> Shards:
    infos = [
        write_shard(folder, f"{split}-0000{number}.npy", split, np.array(ids, dtype=np.uint16), 1, 50304)
        for split, parts in (("train", train), ("val", [[50256]]))
        for number, ids in enumerate(parts)
    ]
    write_manifest(folder, infos, "", 50304, {})
    return Shards(folder)


def test_an_item_in_the_middle_of_other_text_is_found(
    tmp_path: Path, items: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contamination, "AT_ONCE", 50)  # the item lies across pieces
    tok = Tokenizer.gpt2()
    text = [tok.encode(f"{item.ctx} {item.endings[item.label]}") for item in items]
    other = tok.encode("Nothing of the kind is said here, though many words are used to say that nothing. ") * 10
    alone = [n for n in range(20) if not set(map(tuple, windows(text[n]))) & grams_of_others(text, n)]
    assert len(alone) >= 2
    first, second = alone[:2]
    result = find(shards(tmp_path, [[*other, *text[first], 50256], [*other, *text[second][1:]]]), tok, items)
    assert result.found == sorted({first, second})
    assert f"2 of 20 items (10.00 %) have {N} tokens" in str(result)


def test_twelve_tokens_and_text_across_documents_are_not(tmp_path: Path, items: list[Item]) -> None:
    tok = Tokenizer.gpt2()
    ids = tok.encode(f"{items[0].ctx} {items[0].endings[items[0].label]}")
    train = [[*ids[: N - 1], 50256, *ids[N - 1 : 2 * N - 2]]]
    assert find(shards(tmp_path, train), tok, items).found == []


def test_hashes_differ_by_order_and_are_none_for_short_text() -> None:
    ids = np.arange(N + 1)
    assert len(ngram_hashes(ids[: N - 1])) == 0
    assert len(set(ngram_hashes(ids).tolist() + ngram_hashes(ids[::-1]).tolist())) == 4


def windows(ids: list[int]) -> list[list[int]]:
    return [ids[at : at + N] for at in range(len(ids) - N + 1)]


def grams_of_others(text: list[list[int]], own: int) -> set[tuple[int, ...]]:
    return {tuple(gram) for n, ids in enumerate(text) if n != own for gram in windows(ids)}
