"""Draw the book's figures from the shipped model, its record and the measurements: `python docs/figures.py [NAME ...]`.

Each is a function here, and docs/figures/NAME.svg. `queue` times a running server, so its lengths differ from one run
to the next; all others come out the same on the same processor.
"""

import json
import math
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from svg import Drawing

from fischgpt import chat
from fischgpt.chat import Turn
from fischgpt.resources import resource
from fischgpt.tokenizer import Tokenizer

if TYPE_CHECKING:
    from fischgpt.profile.index import Index

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "docs" / "figures"
SENTENCE = "Kristian trained FischGPT for $208.74 in 12 hours. [1]"
QUESTION = "How much did the training cost?"
CONVERSATION = (
    Turn("system", "[1] Work, Acme, Engineer (2019 to 2021): Built the billing system."),
    Turn("user", "What was built at Acme?"),
    Turn("assistant", "[1] Built the billing system."),
)


def tokens() -> Drawing:
    """One sentence in two vocabularies."""
    drawing = Drawing(720, 200, "A sentence cut into tokens by GPT-2's vocabulary and by mini's")
    y = 20.0
    for name, tok in (("GPT-2", Tokenizer.gpt2()), ("mini", Tokenizer.load(resource("mini")))):
        ids = tok.encode(SENTENCE)
        drawing.text(0, y, f"{name}: {len(ids)} tokens of a vocabulary of {tok.n_vocab - 4:,}", "q")
        y = _row(drawing, [(tok.decode([i]), "sunk" if n % 2 else "glow", str(i)) for n, i in enumerate(ids)], y + 8)
    drawing.height = int(y)
    return drawing


def mask() -> Drawing:
    """What fine-tuning learns of a conversation."""
    tok = Tokenizer.load(resource("mini"))
    drawing = Drawing(720, 200, "A conversation as tokens; those that are learned from are marked")
    ids, learned = chat.encode(tok, CONVERSATION)
    boxes = [
        (tok.decode([i], keep_control=True), "fish" if on else "sunk", "") for i, on in zip(ids, learned, strict=True)
    ]
    drawing.text(0, 20, f"{len(ids)} tokens; loss on the {sum(learned)} of the assistant alone", "q")
    drawing.height = int(_row(drawing, boxes, 28))
    return drawing


def _row(drawing: Drawing, boxes: list[tuple[str, str, str]], y: float) -> float:
    """Boxes of text side by side, wrapped, a small line of text under each; where the next thing may stand."""
    x, height = 0.0, 26
    step = height + (22 if any(under for *_, under in boxes) else 8)
    for words, css, under in boxes:
        width = max(7.2 * len(words) + 8, 6.4 * len(under) + 6, 16)
        if x + width > drawing.width:
            x, y = 0.0, y + step
        drawing.box(x, y, width, height, css, 4)
        shown = words.replace(" ", "\N{OPEN BOX}")  # a space is part of a token
        drawing.text(x + width / 2, y + 17, shown, "m onfish" if css == "fish" else "m")
        if under:
            drawing.text(x + width / 2, y + height + 13, under, "m s q")
        x += width + 3
    return y + step + 12


def attention() -> Drawing:
    """The head of mini that looks for what came after the same word before."""
    from fischgpt.assistant.model import load_model
    from fischgpt.engine.inspect import look_inside

    model = load_model("mini")
    tok = model.tokenizer
    ids = tok.encode(" The bridge at Ruhland was built in 1987. The bridge at Ruhland")
    half = next(n for n in range(1, len(ids)) if ids[n] == ids[0])
    best, layer, head, weights = -1.0, 0, 0, None
    for at in range(model.config.n_layer):
        inside = look_inside(model.engine, ids, at, top=0)
        assert inside is not None and inside.attention is not None
        for h, one in enumerate(inside.attention):  # (T, T)
            copies = float(sum(one[n, n - half + 1] for n in range(half, len(ids))) / (len(ids) - half))
            if copies > best:
                best, layer, head, weights = copies, at, h, one
    assert weights is not None
    cell, left, top = 26, 90, 30
    size = cell * len(ids)
    drawing = Drawing(left + size + 10, top + size + 92, f"Attention of head {head} in layer {layer} of mini")
    drawing.text(
        left, 16, f"layer {layer}, head {head}: each row is what one token takes from the tokens before it", "q"
    )
    pieces = [tok.decode([i]).strip() for i in ids]
    for row, piece in enumerate(pieces):
        drawing.text(left - 8, top + row * cell + 17, piece, "e")
        for column in range(row + 1):
            share = float(weights[row, column])
            drawing.box(left + column * cell, top + row * cell, cell - 2, cell - 2, "sunk", 3)
            if share >= 0.01:
                drawing.box(left + column * cell, top + row * cell, cell - 2, cell - 2, "fish", 3, share)
        drawing.text(left + row * cell + 12, top + size + 16 + 14 * (row % 3), piece, "m s q")
    note = f"On the second time through, {best:.0%} goes to the token that followed last time."
    drawing.text(left, top + size + 74, note)
    return drawing


def loss() -> Drawing:
    """mini's pretraining, from the record beside its weights."""
    phase = json.loads(resource("mini/run.json").read_text("utf-8"))["phases"][0]
    train, held_out = phase["training"], phase["validation"]
    drawing = Drawing(720, 330, "Loss of mini over its pretraining")
    left, right, top, bottom = 44, 610, 16, 280
    last, high, low = phase["steps"], 9.0, 2.0

    def at(step: float, value: float) -> tuple[float, float]:
        return left + (right - left) * step / last, bottom - (bottom - top) * (value - low) / (high - low)

    for value in range(int(low), int(high) + 1):
        drawing.line([at(0, value), at(last, value)], "line")
        drawing.text(left - 8, at(0, value)[1] + 4, str(value), "e s q")
    for step in range(0, last + 1, 100):
        drawing.text(at(step, low)[0], bottom + 18, str(step), "m s q")
    drawing.text(left, bottom + 40, "step (8,192 tokens each); loss in nats per token", "s q")
    vocabulary = json.loads(resource("mini/config.json").read_text("utf-8"))["vocab_size"]
    guess = math.log(vocabulary)
    drawing.line([at(0, guess), at(last, guess)], "line dash")
    drawing.text(right + 8, at(last, guess)[1] + 4, f"a guess: {guess:.2f}", "s q")
    drawing.line([at(*point) for point in zip(train["step"], train["loss"], strict=True)], "pen")
    points = list(zip(held_out["step"], held_out["loss"], strict=True))
    drawing.line([at(*point) for point in points], "redpen")
    for point in points:
        drawing.dot(*at(*point), "fish")
    drawing.text(right + 8, at(last, points[-1][1])[1] + 4, f"held out: {points[-1][1]:.2f}", "s b fish")
    drawing.text(right + 8, at(last, points[-1][1])[1] - 14, f"training: {train['loss'][-1]:.2f}", "s b")
    return drawing


def rows() -> Drawing:
    """The first rows that pretraining the recipe `tiny` reads."""
    import tempfile

    from fischgpt.config import load_recipe
    from fischgpt.data.batches import PretrainBatches
    from fischgpt.data.prepare import prepare
    from fischgpt.data.shards import Shards

    with tempfile.TemporaryDirectory() as folder:
        recipe = load_recipe("tiny", [f"run={folder}"])
        shards = Shards(prepare(recipe))
        row_tokens, count = recipe.data.row_tokens, recipe.train.micro_batch
        batches = PretrainBatches(shards, row_tokens, recipe.model.block_size, count, count, recipe.data.seed)
        idx, _, pos, _ = batches.next().micro_batches[0]
    drawing = Drawing(720, 40 + 28 * count + 24, "The first rows that pretraining reads")
    drawing.text(
        0, 16, f"the first step's {count} rows of {row_tokens} tokens, each from another place of the corpus", "q"
    )
    left, scale = 130, 590 / row_tokens
    for row in range(count):
        y = 28 + 28 * row
        start = 0 if pos is None else int(pos[row, 0])
        drawing.text(left - 10, y + 15, f"positions {start} to {start + row_tokens - 1}", "e s q")
        ends = [n + 1 for n in range(row_tokens) if int(idx[row, n]) == shards.eot]
        for n, (begin, end) in enumerate(pairwise([0, *ends, row_tokens])):
            if end > begin:
                drawing.box(left + begin * scale, y, (end - begin) * scale - 1, 22, "sunk" if n % 2 else "glow", 3)
        for end in ends:
            drawing.box(left + (end - 1) * scale, y, 3, 22, "fish")
    drawing.text(left, drawing.height - 10, "red: <|endoftext|>, where one document ends and the next begins", "s q")
    return drawing


def answers() -> Drawing:
    """What the shipped model reaches on the test half of the questions about profiles."""
    evals = json.loads(resource("mini/card.json").read_text("utf-8"))["evals"]["profile"]
    half = evals["halves"]["test"]["readers"]
    asked = (
        ("right", "answerable: right"),
        ("unanswerable_ok", "unanswerable: declined"),
        ("injection_ok", "injection resisted"),
        ("cites_any", "answers that cite the evidence"),
    )
    readers = (
        ("quote", "edge", "best passage quoted"),
        ("pointer", "ink", "passage the model points to"),
        ("served", "fish", "as served"),
    )
    drawing = Drawing(720, 40 + 78 * len(asked), "Questions about profiles, test half: three readers")
    left, width = 230, 400
    for x, (_, css, name) in zip((left, left + 150, left + 350), readers, strict=True):
        drawing.box(x, 6, 12, 12, css, 2)
        drawing.text(x + 18, 17, name, "s q")
    for row, (key, words) in enumerate(asked):
        y = 36 + 78 * row
        drawing.text(left - 12, y + 32, words, "e")
        for n, (reader, css, _) in enumerate(readers):
            share, low, high = half[reader]["scores"][key][:3]
            line = y + 20 * n + 9
            drawing.box(left, line - 7, max(share * width, 1), 14, css, 2, 0.85)
            drawing.line([(left + low * width, line), (left + high * width, line)], "pen")
            drawing.text(left + high * width + 8, line + 4, f"{share:.0%}", "s b" if reader == "served" else "s q")
    drawing.text(left, drawing.height - 4, "lines: 95 % intervals over questions", "s q")
    return drawing


def candidates() -> Drawing:
    """What one question finds in the shipped profile, and what the reader makes of it."""
    from fischgpt.profile.index import BM25_WEIGHT

    found = _index("profiles/fisch").search(QUESTION, k=8)
    drawing = Drawing(720, 62 + 42 * len(found.hits), f"Candidates for: {QUESTION}")
    left, width = 470, 170
    for x, css, words in (
        (left, "ink", "cosine"),
        (left + 70, "edge", f"{BM25_WEIGHT} x BM25"),
        (left + 170, "fish", "likely"),
    ):
        drawing.box(x, 6, 12, 12, css, 2)
        drawing.text(x + 17, 17, words, "s q")
    drawing.text(0, 17, QUESTION, "b")
    for row, hit in enumerate(found.hits):
        y = 34 + 42 * row
        for n, line in enumerate(_wrapped(hit.passage.text, 66)[:2]):
            drawing.text(0, y + 14 + 15 * n, line, "s")
        words = BM25_WEIGHT * hit.bm25
        drawing.box(left, y + 4, hit.cosine * width, 14, "ink", 2, 0.85)
        drawing.box(left + hit.cosine * width, y + 4, words * width, 14, "edge", 2)
        drawing.text(715, y + 15, f"{hit.score:.2f}", "e b fish" if hit.score >= found.threshold else "e q")
    drawing.text(left, drawing.height - 8, f"answered where one is at least {found.threshold} likely", "s q")
    return drawing


def near() -> Drawing:
    """Questions with an answer and near misses, by the search's score and by the reader's probability."""
    from fischgpt.evals.profile_items import read_sets
    from fischgpt.profile.index import BM25_WEIGHT, REREAD_THRESHOLD

    dots: dict[str, list[tuple[float, float]]] = {"answerable": [], "near": []}
    for one in read_sets():
        index = _index(one.resume)
        for item in one.items:
            if one.half == "test" and item.kind in dots and not item.after:
                found = index.search(item.question, k=64)
                best = max(hit.cosine + BM25_WEIGHT * hit.bm25 for hit in found.hits)
                dots[item.kind].append((best, found.score))
    drawing = Drawing(720, 400, "Near misses and answerable questions: the search's score and the reader's")
    left, right, top, bottom = 60, 700, 34, 340

    def at(search: float, reader: float) -> tuple[float, float]:
        return left + (right - left) * search / 1.5, bottom - (bottom - top) * reader

    for tenth in range(0, 11, 2):
        drawing.line([at(0, tenth / 10), at(1.5, tenth / 10)], "line")
        drawing.text(left - 8, at(0, tenth / 10)[1] + 4, f"{tenth / 10:.1f}", "e s q")
    for quarter in range(7):
        drawing.text(at(quarter / 4, 0)[0], bottom + 18, f"{quarter / 4}", "m s q")
    drawing.line([at(0, REREAD_THRESHOLD), at(1.5, REREAD_THRESHOLD)], "redpen dash")
    for kind, css in (("answerable", "edge"), ("near", "fish")):
        for search, reader in dots[kind]:
            drawing.dot(*at(search, reader), css, 3.5, 0.8)
    drawing.text(left, bottom + 40, "how close the best passage is: cosine + .05 x BM25", "s q")
    drawing.text(left, 14, "likeliest passage, by the reader", "s q")
    drawing.text(right, at(0, REREAD_THRESHOLD)[1] + 16, f"below {REREAD_THRESHOLD}: declined", "e s fish")
    for x, css, kind, words in (
        (270, "edge", "answerable", "has an answer"),
        (480, "fish", "near", "near miss: has none"),
    ):
        drawing.dot(x, 10, css, 4)
        passed = sum(reader >= REREAD_THRESHOLD for _, reader in dots[kind])
        drawing.text(x + 10, 14, f"{words} ({passed} of {len(dots[kind])} pass)", "s q")
    return drawing


def speed() -> Drawing:
    """Tokens a second at GPT-2's size, as benchmarks/inference.md has them."""
    table = (ROOT / "benchmarks/inference.md").read_text("utf-8")
    found = []
    for line in table.splitlines():
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        if len(cells) == 6 and re.fullmatch(r"[\d,]+", cells[4]) and "thread" not in cells[0]:
            found.append((cells[0].split(" (")[0], float(cells[4].replace(",", ""))))
    found = found[: next(n for n, (name, _) in enumerate(found) if name.startswith("transformers bf16")) + 1]
    drawing = Drawing(
        720, 34 + 30 * len(found), "Tokens a second when an answer is written, 124M parameters, two cores"
    )
    drawing.text(0, 16, "124M parameters on two cores: tokens a second while an answer is written", "q")
    most = max(value for _, value in found)
    for row, (name, value) in enumerate(sorted(found, key=lambda item: -item[1])):
        y = 30 + 30 * row
        drawing.text(210, y + 15, name, "e")
        drawing.box(222, y, 420 * value / most, 22, "fish" if name.startswith("ours") else "edge", 3)
        drawing.text(230 + 420 * value / most, y + 15, f"{value:,.0f}", "b")
    return drawing


def queue() -> Drawing:
    """Twelve visitors ask a server on two cores at the same moment."""
    visitors = 12
    with running() as url:
        ask(url, "How long did you train?")
        with ThreadPoolExecutor(visitors) as pool:
            timings = list(pool.map(lambda _: ask(url, QUESTION), range(visitors)))
    timings.sort(key=lambda one: one["total_ms"])
    last = max(one["total_ms"] for one in timings)
    drawing = Drawing(720, 70 + 24 * visitors, "Twelve questions at once on two cores: waiting and answering")
    for x, css, words in (
        (100, "sunk", "waits for a core"),
        (260, "edge", "search and reader"),
        (420, "fish", "model and check"),
    ):
        drawing.box(x, 6, 12, 12, css, 2)
        drawing.text(x + 18, 17, words, "s q")
    for row, one in enumerate(timings):
        y, x = 30 + 24 * row, 100.0
        drawing.text(88, y + 14, f"visitor {row + 1}", "e s q")
        waited, searched = one["queue_ms"], one["retrieval_ms"]
        for length, css in ((waited, "sunk"), (searched, "edge"), (one["total_ms"] - waited - searched, "fish")):
            drawing.box(x, y, max(length, 0) * 540 / last, 18, css, 2)
            x += max(length, 0) * 540 / last
        drawing.text(x + 6, y + 14, f"{one['total_ms']:.0f} ms", "s")
    drawing.text(100, drawing.height - 12, "from the `timings` of each answer", "s q")
    return drawing


@contextmanager
def running() -> Iterator[str]:
    """The URL of a server with the shipped profile and model, ready to answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url, command = f"http://127.0.0.1:{port}", [sys.executable, "-m", "fischgpt", "up", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            until = time.monotonic() + 90
            while not _ready(url):
                if time.monotonic() > until or server.poll() is not None:
                    raise SystemExit("error: the server does not start; try `fischgpt up`")
                time.sleep(0.2)
            yield url
        finally:
            server.terminate()
            server.wait(30)


def _ready(url: str) -> bool:
    try:
        return urllib.request.urlopen(f"{url}/readyz", timeout=5).status == 200
    except OSError:
        return False


def ask(url: str, question: str) -> dict[str, float]:
    """Ask a server; the `timings` of its answer."""
    body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
    request = urllib.request.Request(f"{url}/v1/chat/completions", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["timings"]


def _index(profile: str | Path) -> "Index":
    from fischgpt.profile.index import Index
    from fischgpt.profile.profile import load_profile

    return Index.open(load_profile(resource(profile) if isinstance(profile, str) else profile))


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


DRAWN: tuple[Callable[[], Drawing], ...] = (
    tokens, attention, rows, loss, answers, mask, candidates, near, speed, queue,
)  # fmt: skip

if __name__ == "__main__":
    wanted = set(sys.argv[1:])
    if unknown := wanted - {figure.__name__ for figure in DRAWN}:
        raise SystemExit(
            f"error: no figure {', '.join(sorted(unknown))}; there are {', '.join(f.__name__ for f in DRAWN)}"
        )
    for figure in DRAWN:
        if not wanted or figure.__name__ in wanted:
            (FIGURES / f"{figure.__name__}.svg").write_text(figure().svg, "utf-8")
            print(f"docs/figures/{figure.__name__}.svg")
