"""Rows and conversations: their order, their mask, and that a resumed order is the same order."""

import json
import random
from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from fischgpt import chat
from fischgpt.chat import Turn
from fischgpt.config import GPTConfig
from fischgpt.data.batches import IGNORE, Batches, MicroBatch, Prefetch, PretrainBatches, Step, _Documents, text_bytes
from fischgpt.data.chat_batches import ChatBatches
from fischgpt.data.shards import Shards, write_manifest, write_shard
from fischgpt.errors import UserError
from fischgpt.model.gpt import GPT
from fischgpt.tokenizer import Tokenizer

EOT = 1999


@pytest.fixture(scope="module")
def tok() -> Tokenizer:
    return Tokenizer.train(["who sat here? The cat sat here. The dog ran."] * 50, 300)


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    """Two train shards and one held out, of documents of 1 to 40 tokens that count up and end with EOT."""

    def documents(start: int, stop: int) -> np.ndarray:
        rng, parts = random.Random(start), []
        while start < stop:
            length = min(rng.randrange(1, 41), stop - start)
            parts += [np.arange(start, start + length), [EOT]]
            start += length
        return np.concatenate(parts)

    infos = [
        write_shard(tmp_path, "train-00000.npy", "train", documents(0, 500), 1, 2000),
        write_shard(tmp_path, "train-00001.npy", "train", documents(500, 900), 1, 2000),
        write_shard(tmp_path, "val-00000.npy", "val", documents(1000, 1200), 1, 2000),
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


def pretrain(shards: Shards, seed: int = 3, micro_batch: int = 4, document_mask: bool = False) -> PretrainBatches:
    return PretrainBatches(shards, 16, 64, 6, micro_batch, seed, document_mask)


def same(a: Step, b: Step) -> bool:
    pairs = zip(a.micro_batches, b.micro_batches, strict=True)
    return all(torch.equal(x, y) for one, two in pairs for x, y in zip(one, two, strict=True) if x is not None)


def epoch(batches: PretrainBatches) -> list[list[int]]:
    """The rows of the next epoch that whole steps fill, with the token after each."""
    number, rows = batches.state()["epoch"], []
    while True:
        before = batches.state()
        step = batches.next()
        assert step.tokens == step.supervised == 96
        if batches.state()["epoch"] > number:
            batches.load_state(before | {"epoch": number + 1, "cursor": 0})
            return rows
        for batch in step.micro_batches:
            assert torch.equal(batch.targets[:, :-1], batch.idx[:, 1:])
            rows += torch.cat([batch.idx, batch.targets[:, -1:]], 1).tolist()


def test_an_epoch_holds_every_token_at_most_once_and_nearly_all(shards: Shards) -> None:
    batches = pretrain(shards)
    for _ in range(3):
        seen = [token for row in epoch(batches) for token in row[:-1] if token != EOT]
        assert len(set(seen)) == len(seen) > 800 and max(seen) < 900


def test_documents_stay_whole_and_meet_other_neighbours_every_epoch(shards: Shards) -> None:
    batches = pretrain(shards)
    follows: list[set[tuple[int, int]]] = []
    for _ in range(3):
        rows = epoch(batches)
        follows.append(set())
        for row in rows:
            for place in range(len(row) - 1):
                if row[place] != EOT and row[place + 1] != EOT:
                    assert row[place + 1] == row[place] + 1  # within a document, and never across a shard
            cuts = [place for place, token in enumerate(row) if token == EOT and 0 < place < len(row) - 1]
            follows[-1] |= {(row[place - 1], row[place + 1]) for place in cuts}
        firsts = [row[0] for row in rows]
        assert firsts != sorted(firsts)
    assert all(len(one & two) < 0.3 * len(one) for one, two in pairwise(follows))


def test_rows_are_cut_from_one_stream_of_whole_documents(shards: Shards) -> None:
    for array in shards.arrays("train"):
        documents = _Documents(array, EOT)
        whole = documents.read([1, 2, 3], 0, len(array)).tolist()
        cut = np.split(whole, np.flatnonzero(np.array(whole) == EOT) + 1)[:-1]
        original = np.split(array, np.flatnonzero(array == EOT) + 1)[:-1]
        assert sorted(map(list, cut)) == sorted(map(list, original)) != list(map(list, cut))
        for begin in range(0, len(array) - 17, 7):
            assert documents.read([1, 2, 3], begin, begin + 17).tolist() == whole[begin : begin + 17]


def test_the_order_hangs_on_the_seed_and_not_on_the_micro_batch(shards: Shards) -> None:
    def rows(batches: PretrainBatches) -> list[list[int]]:
        return [row for _ in range(20) for batch in batches.next().micro_batches for row in batch.idx.tolist()]

    assert rows(pretrain(shards)) == rows(pretrain(shards, micro_batch=6)) != rows(pretrain(shards, seed=4))


def test_the_validation_rows_hang_on_neither(shards: Shards) -> None:
    def rows(batches: PretrainBatches) -> list[list[int]]:
        return [row for batch in batches.validation(100) for row in batch.idx.tolist()]

    assert rows(pretrain(shards)) == rows(pretrain(shards, seed=8, micro_batch=1)) and len(rows(pretrain(shards))) == 6


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


@pytest.mark.parametrize("kind", ["pretrain", "masked", "chat", "packed"])
@pytest.mark.parametrize("after", [0, 1, 7, 13, 40])
def test_a_saved_state_goes_on_with_the_very_next_step(
    shards: Shards, talks: Path, tok: Tokenizer, kind: str, after: int
) -> None:
    def make() -> Batches:
        if kind in ("pretrain", "masked"):
            return pretrain(shards, document_mask=kind == "masked")
        return ChatBatches([str(talks)], tok, 100, 200, 4, seed=5, packed=kind == "packed")

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


def test_masked_documents_are_learned_as_if_alone(shards: Shards) -> None:
    """The loss of a row is that of its documents one by one, each from position 0 and beginning with EOT."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=16, block_size=64, vocab_size=2000))
    for batch in pretrain(shards, document_mask=True).next().micro_batches:
        assert batch.pos is not None and batch.doc is not None
        together, alone = model.loss(**batch._asdict(), reduction="sum").item(), 0.0
        for idx, targets in zip(batch.idx, batch.targets, strict=True):
            edges = [0, *(n for n in range(1, len(idx)) if idx[n] == EOT), len(idx)]
            for begin, end in pairwise(edges):
                alone += model.loss(idx[None, begin:end], targets[None, begin:end], reduction="sum").item()
        assert together == pytest.approx(alone, rel=1e-5)


def test_packed_conversations_are_learned_as_if_alone(talks: Path, tok: Tokenizer) -> None:
    torch.manual_seed(0)
    model = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=16, block_size=100, vocab_size=320))
    padded = ChatBatches([str(talks)], tok, 100, 900, 4, seed=5).next()
    packed = ChatBatches([str(talks)], tok, 100, 900, 4, seed=5, packed=True).next()
    assert (packed.tokens, packed.supervised) == (padded.tokens, padded.supervised)

    def loss(batches: list[MicroBatch]) -> float:
        return sum(model.loss(**batch._asdict(), reduction="sum").item() for batch in batches)

    assert loss(packed.micro_batches) == pytest.approx(loss(padded.micro_batches), rel=1e-5)
    rows = sum(len(batch.idx) for batch in packed.micro_batches)
    assert rows < 0.6 * sum(len(batch.idx) for batch in padded.micro_batches)
    assert all(batch.idx.shape[1] == 100 for batch in packed.micro_batches)
    assert packed.tokens / (rows * 100) > 0.8
    for batch in packed.micro_batches:
        assert batch.pos is not None and batch.doc is not None
        begins = torch.cat([torch.ones(len(batch.idx), 1, dtype=torch.bool), batch.doc.diff(dim=1) != 0], 1)
        assert torch.equal(begins, batch.pos == 0)
        assert (batch.idx[begins & (batch.targets[:, :] == IGNORE) & (batch.idx != tok.eot)] == tok.user).all()


def test_validation_is_always_the_same_and_never_trained_on(shards: Shards, talks: Path, tok: Tokenizer) -> None:
    batches = pretrain(shards)
    before = [batch.idx.tolist() for batch in batches.validation(100)]
    batches.next()
    assert [batch.idx.tolist() for batch in batches.validation(100)] == before
    assert min(min(row) for rows in before for row in rows) >= 1000  # EOT too
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


def test_a_conversation_that_does_not_fit_keeps_its_first_exchanges(tmp_path: Path, tok: Tokenizer) -> None:
    exchanges = [turn for n in range(6) for turn in (("user", f"Question {n}?"), ("assistant", f"Answer {n}."))]
    record = {"messages": [{"role": role, "content": text} for role, text in exchanges]}
    (tmp_path / "long.jsonl").write_text(json.dumps(record) + "\n")
    whole = len(chat.encode(tok, [Turn(role, text) for role, text in exchanges])[0])
    three = len(chat.encode(tok, [Turn(role, text) for role, text in exchanges[:6]])[0])
    assert three < whole
    batches = ChatBatches([str(tmp_path / "long.jsonl")], tok, three, tokens_per_step=8, micro_batch=1, seed=0)
    batch = batches.next().micro_batches[0]
    assert batch.idx.size(1) == three - 1 and batches.skipped == 0
    assert int(batch.targets[batch.targets != IGNORE][-1]) == tok.eot
