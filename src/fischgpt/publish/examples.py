"""The recorded examples of the site's page "Inside": what the shipped model makes of five texts.

The page shows them while the server is asleep, or its model is elsewhere. After the shipped model has changed, write
them anew from the repository's root, and build the site:

    python -m fischgpt.publish.examples

A file for each text, so that a visitor loads only those they look at, and `about.json` for what they share. A test
compares them with what the shipped model gives.
"""

import json
import sys
from pathlib import Path
from typing import Any

from fischgpt import chat
from fischgpt.assistant.inspect import inspect, shape_of
from fischgpt.assistant.model import TextModel, load_model
from fischgpt.chat import Turn

FOLDER = Path("web/src/inside/examples")
TEXTS = (
    "Anna works in Paris. Ben works in London. Anna works in",
    "The cat sat on the mat. The cat sat on the",
    "Monday, Tuesday, Wednesday,",
    "Once upon a time there was a little",
)
ASKED = (Turn("system", "[1] Languages: Norwegian, English."), Turn("user", "Which languages does she speak?"))
BEGUN = "[1]"
"""How the answer to ASKED begins: what follows has to be copied from the passage."""


def prompts(model: TextModel) -> list[list[int]]:
    """Ids of the five: first a conversation as the chat's own, with its control tokens, then the texts."""
    tokenizer = model.tokenizer
    return [[*chat.encode_prompt(tokenizer, ASKED), *tokenizer.encode(BEGUN)], *map(tokenizer.encode, TEXTS)]


def record(model: TextModel) -> dict[str, Any]:
    """Name and content of each file. How long a pass took is not kept: that is the machine's, not the model's."""
    files: dict[str, Any] = {}
    for at, ids in enumerate(prompts(model)):
        passes = [inspect(model, ids, layer) for layer in range(model.config.n_layer)]
        first, attention = passes[0], [one["attention"] for one in passes if one]
        kept = ("text", "ids", "pieces", "control_ids", "next", "lens", "norms")
        files[f"{at}.json"] = {key: first[key] for key in kept if first} | {"attention": attention}
    texts = [file["text"] for file in files.values()]
    return {"about.json": {"model": model.name, "shape": shape_of(model.engine.model), "texts": texts}} | files


def write(folder: Path) -> None:
    """Write the files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in record(load_model()).items():
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / name).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) < 2 and not FOLDER.parent.is_dir():
        sys.exit(f"error: there is no {FOLDER.parent} here; run this from the repository's root, or name a folder")
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
