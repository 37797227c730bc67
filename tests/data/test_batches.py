"""Rows and conversations: their order, their mask, and that a resumed order is the same order."""

import json
import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from fischgpt import chat
from fischgpt.chat import Turn
from fischgpt.data.batches import IGNORE, Batches, ChatBatches, Prefetch, PretrainBatches, Step, text_bytes
from fischgpt.data.shards import Shards, write_manifest, write_shard
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def tok() -> Tokenizer:
    return Tokenizer.train(["who sat here? The cat sat here. The dog ran."] * 50, 300)


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """Two train shards whose tokens count up, so that a row says where it was cut."""
    infos = [
        write_shard(tmp_path, "train-00000.npy", "train", np.arange(0, 500), 1, 2000),
        write_shard(tmp_path, "train-00001.npy", "train", np.arange(500, 900), 1, 2000),
        write_shard(tmp_path, "val-00000.npy", "val", np.arange(1000, 1200), 1, 2000),
    ]
    write_manifest(tmp_path, infos, "f", 2000, None)
    return Shards(tmp_path)


@pytest.fixture
def talks(tmp_path: Path) -> Path:
    file = tmp_path / "talks.jsonl"
    rng = random.Random(1)
    with file.open("w") as out:
        for number in range(150):
            turns = [("user", f"{number} who sat?"), ("assistant", "The cat. " * rng.randrange(1, 6))]
            out.write(json.dumps({"messages": [{"role": r, "content": t} for r, t in turns]}) + "\n")
    return file


def pretrain(shards: Shards, seed: int = 3) -> PretrainBatches:
    return PretrainBatches(shards, row_tokens=16, block_size=64, rows_per_step=6, micro_batch=4, seed=seed)


def same(a: Step, b: Step) -> bool:
    pairs = zip(a.micro_batches, b.micro_batches, strict=True)
    return all(torch.equal(x, y) for one, two in pairs for x, y in zip(one, two, strict=True) if x is not None)


def test_an_epoch_holds_every_row_once_in_an_order_of_its_own(shards: Shards) -> None:
    batches = pretrain(shards)
    steps = [batches.next() for _ in range(9)]  # 54 rows; an epoch has 54 or 55
    firsts = [int(row[0]) for step in steps for batch in step.micro_batches for row in batch.idx]
    assert len(set(firsts)) == len(firsts) == 54 and firsts != sorted(firsts)
    for step in steps:
        assert step.tokens == step.supervised == 96
        for batch in step.micro_batches:
            assert torch.equal(batch.targets, batch.idx + 1)  # the next token, never across a shard
    other = pretrain(shards, seed=4).next()
    assert not same(steps[0], other)


def test_rows_start_at_0_half_of_the_time_and_reach_every_position(shards: Shards) -> None:
    batches = pretrain(shards)
    starts = []
    for _ in range(80):
        for batch in batches.next().micro_batches:
            pos = torch.zeros(len(batch.idx), 1, dtype=torch.long) if batch.pos is None else batch.pos
            starts += pos[:, 0].tolist()
            assert batch.pos is None or int(batch.pos.max()) < 64
    assert 0.4 < starts.count(0) / len(starts) < 0.65
    assert max(starts) == 48 and len(set(starts)) > 40


@pytest.mark.parametrize("kind", ["pretrain", "chat"])
@pytest.mark.parametrize("after", [0, 1, 7, 13, 40])
def test_a_saved_state_goes_on_with_the_very_next_step(
    shards: Shards, talks: Path, tok: Tokenizer, kind: str, after: int
) -> None:
    def make() -> Batches:
        return pretrain(shards) if kind == "pretrain" else ChatBatches([str(talks)], tok, 100, 200, 4, seed=5)

    through, ahead = make(), Prefetch(make())
    for _ in range(after):
        assert same(through.next(), ahead.next())
    state = json.loads(json.dumps(ahead.state()))
    ahead.close()
    assert state == through.state()
    resumed = make()
    resumed.load_state(state)
    for _ in range(5):
        assert same(resumed.next(), through.next())


def test_validation_is_always_the_same_and_never_trained_on(shards: Shards, talks: Path, tok: Tokenizer) -> None:
    batches = pretrain(shards)
    before = [batch.idx.tolist() for batch in batches.validation(100)]
    batches.next()
    assert [batch.idx.tolist() for batch in batches.validation(100)] == before
    assert min(min(row) for rows in before for row in rows) >= 1000
    talking = ChatBatches([str(talks)], tok, 100, 200, 4, seed=5, val_fraction=0.2)
    held = {tok.decode(row.tolist()) for batch in talking.validation(10_000) for row in batch.idx}
    drawn = {tok.decode(row.tolist()) for _ in range(60) for batch in talking.next().micro_batches for row in batch.idx}
    assert len(held) > 10 and len(drawn) > 100 and not held & drawn


def test_the_bytes_of_a_validation_set_are_those_of_the_text_that_carries_loss(talks: Path, tok: Tokenizer) -> None:
    validation = ChatBatches([str(talks)], tok, 256, 1024, 4, 5, 0.1).validation(2_000)
    supervised = [int(i) for batch in validation for i in batch.targets.flatten() if i != IGNORE]
    assert text_bytes(tok, validation) == len(tok.decode(supervised).encode())
    assert tok.eot in supervised


def test_only_the_assistants_words_and_their_end_carry_loss(tok: Tokenizer, tmp_path: Path) -> None:
    turns = [
        Turn("system", "[1] The cat."),
        Turn("user", "who?"),
        Turn("assistant", "The cat."),
        Turn("user", "sat?"),
        Turn("assistant", "here"),
    ]
    file = tmp_path / "one.jsonl"
    line = json.dumps({"messages": [{"role": turn.role, "content": turn.text} for turn in turns]})
    file.write_text(line + "\n")
    (batch,) = ChatBatches([str(file)], tok, 100, 10, 4, seed=0).next().micro_batches
    learned = [int(t) for t in batch.targets[0] if t != IGNORE]
    assert learned == [*tok.encode("The cat."), tok.eot, *tok.encode("here"), tok.eot]
    # Each target is what comes right after its position.
    ids, _ = chat.encode(tok, turns)
    assert batch.idx[0].tolist() == ids[:-1]
    assert all(t in (IGNORE, ids[place + 1]) for place, t in enumerate(batch.targets[0].tolist()))


def test_padding_carries_no_loss_and_rows_of_a_batch_are_alike_long(talks: Path, tok: Tokenizer) -> None:
    step = ChatBatches([str(talks)], tok, 100, 2000, 8, seed=5).next()
    tokens = sum(batch.idx.numel() for batch in step.micro_batches)
    assert step.tokens >= 2000 and step.tokens / tokens > 0.8
    assert step.supervised == sum(int((batch.targets != IGNORE).sum()) for batch in step.micro_batches)
    for batch in step.micro_batches:
        for idx, targets in zip(batch.idx, batch.targets, strict=True):
            last = int(torch.nonzero(targets != IGNORE).max())
            assert targets[last] == tok.eot and (idx[last + 1 :] == tok.eot).all()


def test_conversations_that_do_not_fit_are_skipped_and_counted(talks: Path, tok: Tokenizer) -> None:
    batches = ChatBatches([str(talks)], tok, 18, 400, 8, seed=5)
    step = batches.next()
    assert max(batch.idx.size(1) for batch in step.micro_batches) <= 18
    assert batches.skipped > 0 and batches.state()["skipped"] == batches.skipped
    with pytest.raises(UserError, match="block_size of 3"):
        ChatBatches([str(talks)], tok, 3, 400, 8, seed=5).next()


def test_sources_are_drawn_by_weight_and_made_up_people_need_no_replay(
    talks: Path, tok: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fischgpt.data import grounded

    made = 0

    def fake(seed: int, split: str, start: int = 0) -> Iterator[list[Turn]]:
        nonlocal made
        while True:
            made += 1
            yield [Turn("user", f"{seed}?"), Turn("assistant", split)]

    monkeypatch.setattr(grounded, "conversations", fake)
    batches = ChatBatches([f"{talks}*1", "grounded*3"], tok, 100, 2000, 8, seed=5)
    texts = [tok.decode(row.tolist()) for _ in range(60) for batch in batches.next().micro_batches for row in batch.idx]
    share = sum("train" in text for text in texts) / len(texts)
    assert 0.6 < share < 0.9
    resumed = ChatBatches([f"{talks}*1", "grounded*3"], tok, 100, 2000, 8, seed=5)
    resumed.load_state(batches.state())
    made = 0
    resumed.next()
    assert made <= 6 * 64
    assert [turn.text for turns in islice(batches.held_out(2), 2) for turn in turns]
