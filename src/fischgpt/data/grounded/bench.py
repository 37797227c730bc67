"""What the lines of a made-up owner are put together from: things, tools, people, sums and spans of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from fischgpt.data.grounded.trades import Trade, Verb
from fischgpt.data.grounded.words import ADJECTIVES, Lists, code, coined

PARTICIPLES = {
    "wrote": "written", "drew up": "drawn up", "flew": "flown", "wove": "woven", "sewed": "sewn", "sank": "sunk",
    "blew": "blown", "ran": "run", "rewrote": "rewritten",
}  # fmt: skip
_CLIENTS = (
    "the city of {}", "{} Ltd", "the {} Foundation", "the {} family", "the {} Museum", "{} Group", "the Ministry of {}",
    "the {} Hospital", "{} & Co.", "the Duke of {}", "{} Airlines", "the {} Council", "{}",
)  # fmt: skip
_CHANGES = (
    ("cut", "cut", "cutting"), ("reduce", "reduced", "reducing"), ("lower", "lowered", "lowering"),
    ("improve", "improved", "improving"), ("bring down", "brought down", "bringing down"),
)  # fmt: skip
NEVER = ("208.74", "2.9803", "1.7258", "2,9803", "1,7258")
"""Figures of the default profile: they are what this model is asked about, so it must never have seen them."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question about a line: its family of phrasings, what fills their slots, and the answer.

    `anchor` is what ties the question to its passage (lower case; `|a|b` for any of several); `answer` None means the
    passage's whole text.
    """

    family: str
    fills: dict[str, str]
    anchor: str = ""
    answer: str | None = None


@dataclass(slots=True)
class Line:
    """A line of the resume, the questions it answers, and those of its kind that it does not."""

    text: str
    asks: list[Ask] = field(default_factory=list)
    misses: list[Ask] = field(default_factory=list)
    kinds: tuple[str, ...] = ()
    organisation: str = ""


def an(noun: str) -> str:
    return (
        "an " if noun[0] in "aeiouAEIOU" and not noun.startswith(("uni", "Uni", "eu", "one", "use")) else "a "
    ) + noun


def plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def money(rng: Random) -> str:
    while True:
        n = rng.choice((rng.randrange(20, 999), rng.randrange(1, 99) * 1000, rng.randrange(1, 90) * 100))
        text = rng.choice(
            (f"${n:,}", f"£{n:,}", f"€{n:,}", f"${n}.{rng.randrange(10, 99)}", f"{n:,} francs", f"{n:,} crowns",
             f"{n:,} rupees", f"${rng.randrange(2, 99) / 10} million", f"{n:,} euros", f"${n:,}", f"{n:,} dollars",
             f"{n} bucks")
        )  # fmt: skip
        if not any(figure in text for figure in NEVER):
            return text


def number(rng: Random) -> str:
    roll = rng.random()
    if roll < 0.15:
        return rng.choice(
            [
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
                "twelve",
                "fifteen",
                "twenty",
            ]
        )
    if roll < 0.65:
        return str(rng.randrange(2, 400))
    if roll < 0.85:
        return f"{rng.randrange(1, 99)},{rng.randrange(0, 1000):03}"
    return f"{rng.randrange(2, 99) * 10}" if roll < 0.95 else f"{rng.randrange(2, 90)}00"


def percent(rng: Random) -> str:
    n = rng.randrange(2, 98)
    return rng.choice((f"{n}%", f"{n}%", f"{n} percent", f"{n}.{rng.randrange(1, 9)}%", "a third", "half", "a quarter"))


def duration(rng: Random) -> str:
    unit = rng.choice(("hours", "days", "weeks", "months", "months", "years", "nights", "minutes"))
    word = rng.choice(("two", "three", "four", "five", "six", "nine", "eleven"))
    return f"{word if rng.random() < 0.4 else rng.randrange(2, 60)} {unit}"


class Bench:
    """Where lines of one owner are made: no object, tool, partner or client is used twice."""

    def __init__(self, rng: Random, lists: Lists, trade: Trade) -> None:
        self.rng, self.lists, self.trade = rng, lists, trade
        self.objects = rng.sample(trade.objects, len(trade.objects))
        self.tools = rng.sample(trade.tools, len(trade.tools))
        self.measures = rng.sample(trade.measures, len(trade.measures))

    def tool(self) -> str:
        if self.tools and self.rng.random() < 0.75:
            return self.tools.pop()
        name = coined(self.rng)
        return self.rng.choice((name, f"{name} {self.rng.choice(('tools', 'sheets', 'cards', 'software', 'plates'))}"))

    def name(self) -> str:
        first, last, _ = self.lists.person(self.rng)
        if self.rng.random() < 0.8:
            return f"{first} {last}"
        return f"{self.rng.choice(('Dr', 'Professor', 'Captain', 'Mrs', 'Mr'))} {last}"

    def client(self) -> str:
        word = self.lists.proper(self.rng)
        return self.rng.choice(_CLIENTS).format(word)

    def thing(self) -> tuple[str, str, str]:
        """An object as the line names it ("a portable glider"), as a question does ("the glider"), and bare."""
        rng = self.rng
        noun = self.noun()
        roll = rng.random()
        if roll < 0.34:
            return an(noun), f"the {noun}", noun
        if roll < 0.6:
            adjective = rng.choice(ADJECTIVES)
            return an(f"{adjective} {noun}"), rng.choice((f"the {noun}", f"the {adjective} {noun}")), noun
        if roll < 0.72:
            proper = self.lists.proper(rng)
            return (
                f"the {proper} {noun}",
                rng.choice((f"the {proper} {noun}", f"the {noun}", f"the {proper} {noun}")),
                noun,
            )
        if roll < 0.8:
            mark = code(rng)
            return f"the {noun} {mark}", rng.choice((f"the {noun} {mark}", f"the {noun}", mark)), noun
        if roll < 0.88:
            place = self.lists.place(rng)
            return (
                f"the {noun} of {place}",
                rng.choice((f"the {noun} of {place}", f"the {noun}", f"the {place} {noun}")),
                noun,
            )
        if roll < 0.94:
            adjective, other = rng.choice(ADJECTIVES), rng.choice(self.trade.people)
            return (
                f"{an(f'{adjective} {noun}')} for {other}",
                rng.choice((f"the {noun}", f"the {noun} for {other}")),
                noun,
            )
        return f"{poss(self.lists.person(rng)[1])} {noun}", f"the {noun}", noun

    def effect(self) -> tuple[str, dict[str, str]]:
        rng = self.rng
        measure = self.measures.pop() if self.measures else f"{coined(rng).lower()} count"
        direction, past, gerund = rng.choice(_CHANGES)
        a, b = rng.randrange(30, 900), rng.randrange(2, 30)
        unit = rng.choice(
            ("seconds", "percent", "a week", "grams", "per thousand", "points", "minutes", "days", "a year")
        )
        size = f"by {percent(rng)}" if rng.random() < 0.6 else f"from {a} to {b} {unit}"
        fills = {"dir": direction, "meas": f"the {measure}" if rng.random() < 0.4 else measure}
        return rng.choice(
            (f", {gerund} {measure} {size}", f", which {past} {measure} {size}", f" and {past} {measure} {size}")
        ), fills

    def reach(self) -> tuple[str, dict[str, str]]:
        rng = self.rng
        who = rng.choice(self.trade.people)
        n = number(rng)
        used = rng.choice(("used", "visited", "joined", "saw", "bought", "tried"))
        seen = "seen" if used == "saw" else used
        forms = (f", {seen} by {n} {who}", f" for {n} {who}", f", reaching {n} {who}", f", which {n} {who} {used}")
        tail = rng.choice((*forms, f", serving {n} {who} a year"))
        return tail, {"who": who, "used": used}

    def noun(self) -> str:
        """A thing that no other line names."""
        if self.objects:
            return self.objects.pop()
        return f"{coined(self.rng).lower()} {self.rng.choice(('device', 'study', 'plan', 'model', 'map'))}"

    def year(self) -> str:
        return str(self.rng.randrange(self.trade.first, self.trade.last))


def filled(verb: Verb, asked: str, noun: str, who: str = "people") -> dict[str, str]:
    """What fills the slots of a question about a thing: `asked` as in "the glider", `noun` bare."""
    done = PARTICIPLES.get(verb.past, verb.past)
    slots = {"v": verb.base, "p": verb.past, "pp": done, "g": verb.gerund, "a": asked, "n": an(noun)}
    return {**slots, "who": who, "used": "used"}


def poss(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def stop(text: str) -> str:
    return text.rstrip(".") + "."
