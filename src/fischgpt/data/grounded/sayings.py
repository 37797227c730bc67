"""Lines of a life that no pattern makes, each with its own questions and near misses: the folder `sayings/`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from random import Random

from fischgpt.data.grounded.bench import Ask, Bench, Line, duration, money, number, percent
from fischgpt.data.grounded.words import ABSTRACT, coined

_QUOTES = (
    "a {a} is only as good as its {b}", "nobody learns {a} from books", "{a} is patient, {b} is not",
    "first {a}, then {b}", "we know nothing about {a}", "{a} without {b} is noise",
    "every {a} begins with a mistake", "I would rather have {a} than {b}",
)  # fmt: skip
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
_SLOT = re.compile(r"\{(\w+)\}")
_OWNER = frozenset(("do", "does", "has", "is_", "was", "S", "O", "O_", "poss", "can", "S_", "first", "full"))


@dataclass(frozen=True, slots=True)
class Saying:
    """One line's text, the words that tie slotless questions to it, what it answers, what it does not, its slots."""

    text: str
    key: str
    questions: tuple[str, ...]
    misses: tuple[str, ...]
    slots: tuple[str, ...]


def _read() -> tuple[list[Saying], list[Saying]]:
    """Sayings to train with, and those held out (after a line of dashes in each file)."""
    parts: tuple[list[Saying], list[Saying]] = ([], [])
    for path in sorted(Path(__file__).with_name("sayings").glob("*.txt")):
        held = 0
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("-----"):
                held = 1
            elif line and not line.startswith("#"):
                text, key, questions, misses = line.split(" ## ")
                slots = tuple(dict.fromkeys(_SLOT.findall(text)))
                parts[held].append(Saying(text, key, _several(questions), _several(misses), slots))
    return parts


def _several(questions: str) -> tuple[str, ...]:
    return tuple(questions.split(" | ")) if questions else ()


SAYINGS, HELD_SAYINGS = _read()


def _fill(slot: str, bench: Bench, rng: Random) -> str:
    trade, lists = bench.trade, bench.lists
    match slot:
        case "N" | "M":
            return bench.name()
        case "C" | "D":
            return lists.place(rng)
        case "Y":
            return str(rng.randrange(trade.first, trade.last))
        case "T":
            return f"{rng.choice(_MONTHS)} {rng.randrange(trade.first, trade.last)}"
        case "k":
            return number(rng)
        case "e":
            return str(rng.randrange(4, 30))
        case "m":
            return money(rng)
        case "d":
            return duration(rng)
        case "o" | "u":
            return bench.objects.pop() if bench.objects else f"{coined(rng).lower()} engine"
        case "O":
            return rng.choice(trade.orgs).format(lists.proper(rng)).removeprefix("The ")
        case "X" | "Z":
            return coined(rng)
        case "f":
            return rng.choice(trade.fields).lower()
        case "w" | "z":
            return rng.choice(trade.people)
        case "t":
            return bench.tool()
        case "p":
            return percent(rng)
        case "r":
            return rng.choice(trade.roles).lower()
        case "l":
            return rng.choice(lists.languages)
        case "h":
            return rng.choice(("the violin", "the organ", "the flute", "cards", "the drums", "the accordion"))
        case _:
            return rng.choice(ABSTRACT)


def said(bench: Bench, held_out: bool, pronoun: str) -> Line:
    """A line from `sayings/`, filled, with what may be asked about it and what it does not tell."""
    rng = bench.rng
    saying = rng.choice(HELD_SAYINGS if held_out else SAYINGS)
    fills = {slot: _fill(slot, bench, rng) for slot in saying.slots if slot not in ("q", "W", "them")}
    if "q" in saying.slots:
        a, b = rng.sample(ABSTRACT, 2)
        quote = rng.choice(_QUOTES).format(a=a, b=b)
        fills["q"] = quote
    if "W" in saying.slots:
        fills["w"] = rng.choice(bench.trade.people)
        fills["W"] = fills["w"][0].upper() + fills["w"][1:]
    fills["them"] = {"she": "her", "he": "him"}.get(pronoun, "them")
    text = saying.text.format_map(fills)
    text = text[0].upper() + text[1:]
    asks = [_ask(question, saying.key, fills) for question in saying.questions]
    return Line(text, asks, [_ask(miss, saying.key, fills) for miss in saying.misses], ("said",))


def _ask(question: str, key: str, fills: dict[str, str]) -> Ask:
    """The question, tied to its line by the first slot that it shares with it, or else by the line's key words."""
    own = [slot for slot in _SLOT.findall(question) if slot not in _OWNER and len(fills.get(slot, "")) > 3]
    # Two forms of a slot name exist: {O} is an organisation in these lines, so the owner is {O_} in the questions.
    asked = question.replace("{O}", "{org}").replace("{O_}", "{O}")
    anchor = fills[own[0]].lower() if own else f"|{key}"
    return Ask(f"={asked}", {**fills, "org": fills.get("O", "")}, anchor)
