"""OASST1 in all its shapes: one best-ranked path a tree, whole trees on one side of the split."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fake_hub import FakeHub
from fischgpt.chat import Turn, check_roles
from fischgpt.data import conversations as conversations_module
from fischgpt.data.chat_batches import ChatBatches
from fischgpt.data.conversations import conversations
from fischgpt.errors import UserError
from fischgpt.tokenizer import Tokenizer
from hub_samples import as_messages, as_parquet, as_trees, forest, message

Rows = list[dict[str, Any]]


def best(tree: str) -> list[str]:
    return [f"{tree} question", f"{tree} best", f"{tree} thanks", f"{tree} welcome"]


def texts(found: list[list[Turn]]) -> list[list[str]]:
    return [[turn.text for turn in turns] for turns in found]


def one(rows: Rows, tmp_path: Path) -> list[str]:
    """The path that is taken of the first of two trees; the second is there so that nothing is empty."""
    file = tmp_path / "a.messages.jsonl.gz"
    file.write_bytes(as_messages([*rows, *forest(1, "other")]))
    return next((turns for turns in texts(conversations(str(file), 0.0).train) if "other" not in turns[0]), [])


@pytest.mark.parametrize(
    ("name", "write"),
    [("x.messages.jsonl.gz", as_messages), ("x.trees.jsonl.gz", as_trees), ("x.parquet", as_parquet)],
)
def test_every_shape_gives_the_best_path_of_each_tree_once(
    tmp_path: Path, name: str, write: Callable[[Rows], bytes]
) -> None:
    (tmp_path / name).write_bytes(write(forest(40)))
    found = conversations(str(tmp_path / name), 0.2)
    assert sorted(texts(found.train) + texts(found.held_out)) == sorted(best(f"t{n}") for n in range(40))
    assert 2 < len(found.held_out) < 16
    for turns in found.train:
        check_roles(turns)
        assert turns[-1].role == "assistant"


def test_the_split_without_one_of_its_own_goes_by_the_tree(tmp_path: Path) -> None:
    """By its id: all three shapes hold out the same trees."""
    held = []
    for name, write in (("m.jsonl.gz", as_messages), ("t.jsonl.gz", as_trees), ("p.parquet", as_parquet)):
        (tmp_path / name).write_bytes(write(forest(40)))
        held.append(texts(conversations(str(tmp_path / name), 0.2).held_out))
    assert held[0] == held[1] == held[2]


def test_its_own_validation_split_is_used(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(conversations_module, "hub_folder", lambda: tmp_path / "hub")
    hub.repos["OpenAssistant/oasst1"] = {
        "data/train-00000-of-00001-b42a775f407cee45.parquet": as_parquet(forest(30)),
        "data/validation-00000-of-00001-134b8fd0c89408b6.parquet": as_parquet(forest(5, "v")),
        "2023-04-12_oasst_ready.trees.jsonl.gz": as_trees(forest(35)),
    }
    found = conversations("oasst1")
    assert texts(found.train) == [best(f"t{n}") for n in range(30)]
    assert texts(found.held_out) == [best(f"v{n}") for n in range(5)]
    tok = Tokenizer.train(["question best thanks welcome"] * 9, 300)
    batches = ChatBatches(["oasst1"], tok, 200, 2000, 4, seed=0)
    drawn = [tok.decode(row.tolist()) for _ in range(3) for batch in batches.next().micro_batches for row in batch.idx]
    assert len({text for text in drawn if text.startswith("t")}) == 30 and not any("v" in text for text in drawn)
    assert [turns[0].text for turns in batches.held_out(9)] == [f"v{n} question" for n in range(5)]
    before = hub.requests.copy()
    conversations("oasst1")  # from the cache
    assert hub.requests == before


def test_what_must_not_be_learned_is_left_out(tmp_path: Path) -> None:
    def tree(**best_reply: Any) -> Rows:
        rows = [message("q", None, "q", "ask"), message("q.a", "q", "q", "second", rank=1)]
        return [*rows, message("q.b", "q", "q", "first") | {"rank": 0} | best_reply]

    assert one(tree(), tmp_path) == ["ask", "first"]
    for wrong in ({"deleted": True}, {"review_result": False}, {"lang": "de"}, {"text": " "}, {"rank": 2}):
        assert one(tree(**wrong), tmp_path) == ["ask", "second"], wrong
    assert one(tree(review_result=None), tmp_path) == ["ask", "first"]
    for wrong in ({"tree_state": "aborted_low_grade"}, {"lang": "es"}, {"deleted": True}):
        rows = tree()
        rows[0] |= wrong
        assert one(rows, tmp_path) == [], wrong


def test_without_a_rank_the_oldest_reply_is_taken(tmp_path: Path) -> None:
    rows = [
        message("q", None, "q", "ask"),
        message("q.b", "q", "q", "late", created_date="2023-03-01"),
        message("q.a", "q", "q", "early", created_date="2023-02-01"),
    ]
    assert one(rows, tmp_path) == ["ask", "early"]
    assert one([*rows, message("q.c", "q", "q", "ranked", rank=1, created_date="2023-04-01")], tmp_path)[1] == "ranked"


def test_a_question_without_an_answer_gives_nothing(tmp_path: Path) -> None:
    assert one([message("q", None, "q", "ask")], tmp_path) == []


def test_a_broken_record_or_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "a.trees.jsonl.gz"
    whole = as_trees(forest(30))
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a\.trees\.jsonl\.gz, after line \d+: damaged"):
        conversations(str(file))
    (tmp_path / "c.jsonl").write_text('{"message_tree_id": "x", "parent_id": "x", "role": "prompter"}\n{"text": "x"}\n')
    with pytest.raises(UserError, match=r"c\.jsonl, line 2: not a record of OASST1"):
        conversations(str(tmp_path / "c.jsonl"))
