"""Small files in exactly the shapes of FineWeb-Edu and OASST1."""

import gzip
import io
import json
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

FINEWEB = pa.schema(
    [
        *((name, pa.string()) for name in ("text", "id", "dump", "url", "file_path", "language")),
        ("language_score", pa.float64()),
        ("token_count", pa.int64()),
        ("score", pa.float64()),
        ("int_score", pa.int64()),
    ]
)


def fineweb(documents: int, seed: int, rows_in_group: int = 50) -> bytes:
    """One parquet file of made-up pages."""
    rng = random.Random(seed)
    words = [
        "the",
        "cell",
        "of",
        "a",
        "plant",
        "turns",
        "light",
        "into",
        "sugar",
        "and",
        "water",
        "rises",
        "from",
        "root",
        "to",
        "leaf",
        "at",
        "noon",
    ]
    rows = []
    for number in range(documents):
        text = f"Page {seed}-{number}. " + " ".join(rng.choices(words, k=rng.randrange(5, 120))).capitalize() + "."
        page = {"text": text, "id": f"<urn:uuid:{seed:04d}-{number:08d}>", "dump": "CC-MAIN-2024-10"}
        page |= {"url": f"https://example.org/{seed}/{number}", "file_path": "s3://commoncrawl/x.warc.gz"}
        page |= {"language": "en", "language_score": 0.97, "token_count": len(text) // 4}
        rows.append(page | {"score": 3.2, "int_score": 3})
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, FINEWEB), out, row_group_size=rows_in_group)
    return out.getvalue()


def message(id: str, parent: str | None, tree: str, text: str, **other: Any) -> dict[str, Any]:
    """One of OASST1's messages; the role follows from the depth, given as the number of dots in the id."""
    role = "assistant" if id.count(".") % 2 else "prompter"
    fields = {
        "message_id": id,
        "parent_id": parent,
        "user_id": "u",
        "created_date": f"2023-02-05T14:23:{len(text):02d}",
    }
    fields |= {"text": text, "role": role, "lang": "en", "review_count": 3, "review_result": True, "deleted": False}
    fields |= {"rank": None, "synthetic": False, "model_name": None, "message_tree_id": tree}
    fields |= {"tree_state": "ready_for_export", "detoxify": {"toxicity": 0.0004, "insult": 0.0002}}
    fields |= {"emojis": {"name": ["+1"], "count": [3]}, "labels": {"name": ["spam"], "value": [0.0], "count": [3]}}
    return fields | other


def forest(trees: int, prefix: str = "t") -> list[dict[str, Any]]:
    """Trees with everything in them that must be left out; the best path of tree n is `prefix n q`, `best`, ..."""
    rows: list[dict[str, Any]] = []
    for number in range(trees):
        t = f"{prefix}{number}"
        rows += [
            message(t, None, t, f"{t} question"),
            message(f"{t}.a", t, t, f"{t} second best", rank=1),
            message(f"{t}.b", t, t, f"{t} best", rank=0),
            message(f"{t}.c", t, t, f"{t} never ranked"),
            message(f"{t}.d", t, t, f"{t} deleted", rank=-1, deleted=True),
            message(f"{t}.b.a", f"{t}.b", t, f"{t} thanks", rank=None),
            message(f"{t}.b.a.a", f"{t}.b.a", t, f"{t} welcome", rank=0),
            message(f"{t}.b.a.a.a", f"{t}.b.a.a", t, f"{t} and one more thing"),  # never answered
            message(f"{t}.a.a", f"{t}.a", t, f"{t} why"),
            message(f"{t}.a.a.a", f"{t}.a.a", t, f"{t} because", rank=0),
        ]
    return rows


def as_messages(rows: list[dict[str, Any]]) -> bytes:
    """`*.messages.jsonl.gz`: labels as {name: {value, count}}, what is null left out, `parent_id` of the roots too."""
    lines = []
    for row in rows:
        labels = row["labels"]
        named = {n: {"value": v, "count": c} for n, v, c in zip(*(labels[k] for k in ("name", "value", "count")))}  # noqa: B905
        lines.append(json.dumps({k: v for k, v in (row | {"labels": named}).items() if v is not None}))
    return gzip.compress("".join(f"{line}\n" for line in lines).encode())


def as_trees(rows: list[dict[str, Any]]) -> bytes:
    """`*.trees.jsonl.gz`."""
    lines = []

    def nested(row: dict[str, Any]) -> dict[str, Any]:
        kept = {
            k: v for k, v in row.items() if k not in ("tree_state", "message_tree_id", "parent_id") and v is not None
        }
        return kept | {"replies": [nested(child) for child in rows if child["parent_id"] == row["message_id"]]}

    for root in (row for row in rows if row["parent_id"] is None):
        record = {"message_tree_id": root["message_tree_id"], "tree_state": root["tree_state"], "prompt": nested(root)}
        lines.append(json.dumps(record))
    return gzip.compress("".join(f"{line}\n" for line in lines).encode())


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    """The Hub's own form: `train-*.parquet`, `validation-*.parquet`."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()
