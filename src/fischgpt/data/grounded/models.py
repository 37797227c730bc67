"""What a maker of models writes about one: data, machines, hours, money, losses, sizes, steps, hosting."""

from __future__ import annotations

from fischgpt.data.grounded.bench import NEVER, Ask, Bench, Line, an, duration, money, number, poss
from fischgpt.data.grounded.words import coined

_GPUS = ("V100", "H100", "RTX 4090", "T4", "L40S", "MI300", "TPU v3", "A6000", "A10G", "H200", "P100", "A100")
_FRAMEWORKS = ("Next.js", "React", "Vue", "Svelte", "Express.js", "FastAPI", "Django", "Flask", "Rails", "Phoenix")
_METRICS = ("accuracy", "F1 score", "BLEU score", "win rate", "word error rate", "recall")
_OPTIMISERS = ("AdamW", "Adam", "SGD", "Lion", "Muon", "Adafactor")
# Families that a line about a model may lack, and what would answer them after all.
_MISSES = {"loss": "|loss", "params": "|parameters", "hyper": "|learning rate|batch", "metric": "|reached a|ahead of"}


def model_lines(bench: Bench, name: str, inspiration: str) -> list[Line]:
    """One to three lines about a model called `name`."""
    rng = bench.rng
    pick, upto = rng.choice, rng.randrange
    gpu = pick(_GPUS) + pick((" GPUs", " GPUs", "s", " cards"))
    word = coined(rng)
    data = pick((word, f"{word}-{upto(2, 99)}B", f"Open{word}", f"{word}Web", f"the {word} corpus"))
    hours, n = pick((duration(rng), f"{upto(2, 90)} hours")), upto(2, 129)
    maker = f"{coined(rng)} {pick(('Cloud', 'Compute', 'Labs', 'Works'))}"
    metric = pick(_METRICS)
    fills = {"x": name if rng.random() < 0.6 else "the model", "gpu": gpu, "data": data, "metric": metric}
    value, loss = f"{upto(1, 99)}.{upto(1, 10)}", f"{upto(0, 5)}.{upto(100, 9999)}"
    loss = "2.5" if loss in NEVER else loss
    front, back = rng.sample((*_FRAMEWORKS, coined(rng), coined(rng)), 2)
    cost = pick(("", f" at {maker}", f" and cost {money(rng)}", f" and cost {money(rng)} in total"))
    took = pick(("Training took", "Pretraining took", "The run took"))
    read = pick(("Trained on", "Saw", "Read", "Learned from"))
    reached = pick(("Final validation loss:", "Reached a validation loss of", "The loss came down to"))
    size = f"{upto(2, 990)}{pick(('M', 'B', ' million'))} parameters, {upto(2, 96)} layers, {upto(2, 64)} heads"
    rate = f"a learning rate of {upto(1, 9)}.{upto(0, 9)}e-{upto(2, 6)}"
    store = pick(("a vector store", "ChromaDB", "pgvector", coined(rng)))
    speaks = f"{pick(('speaks', 'answers in', 'translates'))} {pick(bench.lists.languages)}"
    place = f"{poss(bench.name())} {pick(('shop', 'school', 'museum'))}"
    told: tuple[tuple[str, tuple[str, ...], str], ...] = (
        (f"{took} {hours} on {n} {gpu}{cost}.", ("gpus", "gpus"), "|training took|pretraining took|run took"),
        (
            f"{pick(('Trained', 'Ran'))} for {hours} on {n} {gpu} rented from {maker}.",
            ("gpus",),
            "|trained for|ran for",
        ),
        (f"Total {pick(('training ', ''))}cost: {money(rng)}.", ("gpus",), "|cost"),
        (f"{read} {upto(2, 990)}{pick(('B', 'M', ' billion'))} tokens of {data}.", ("data", "data"), "|tokens of"),
        (f"Fine-tuned on {number(rng)} conversations from {data}.", ("data",), "|conversations from"),
        (f"{size} and a context of {2 ** upto(7, 17)} tokens.", ("params", "params"), "|parameters"),
        (f"{pick(_OPTIMISERS)} with {rate} and {upto(100, 9000)} warm-up steps.", ("hyper",), "|learning rate"),
        (f"Ran {number(rng)} steps with a batch size of {2 ** upto(3, 20)} tokens.", ("hyper",), "|batch size"),
        (f"{reached} {loss}.", ("loss", "loss"), "|loss"),
        (f"Reached {an(metric)} of {value}{pick(('%', ''))} on {data}.", ("metric", "metric"), "|reached a"),
        (f"{metric[0].upper()}{metric[1:]} on {data}: {value}%, ahead of {coined(rng)}.", ("metric",), "|ahead of"),
        (f"Front end in {front}, back end in {back}.", ("stack",), "|front end"),
        (f"Served through {back} on {maker}, with answers from {store}.", ("stack",), "|served"),
        (f"Inspired by the {pick(('lectures', 'paper', 'video'))} “{inspiration}”.", ("inspired",), "|inspired"),
        (f"The first {pick(('model', 'program', 'chatbot'))} that {speaks} for {place}.", ("proj",), name.lower()),
    )
    lines = []
    for text, families, anchor in rng.sample(told, pick((1, 2, 2, 3))):
        missing = pick([family for family in _MISSES if family not in families])
        asks = [Ask(family, fills, anchor) for family in families]
        lines.append(Line(text, asks, [Ask(missing, fills, _MISSES[missing])], ("ml",), name))
    return lines
