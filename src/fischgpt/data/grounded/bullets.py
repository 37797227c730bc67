"""One line of a made-up resume, and what may be asked about it.

A line is put together from a verb, a thing and what modifies it (tool, client, partner, place, year, time, cost,
effect, reach), or follows one of the patterns at the end. Every part it holds is a question it answers; every
part it could hold but does not is a question it does not answer, the hardest kind to decline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from fischgpt.data.grounded.trades import VERBS, Trade, Verb
from fischgpt.data.grounded.words import Lists, code, coined

PARTICIPLES = {
    "wrote": "written", "drew up": "drawn up", "flew": "flown", "wove": "woven", "sewed": "sewn", "sank": "sunk",
    "blew": "blown", "ran": "run", "rewrote": "rewritten",
}  # fmt: skip
ADJECTIVES = [
    "new",
    "large",
    "small",
    "portable",
    "cheap",
    "modern",
    "experimental",
    "public",
    "famous",
    "complete",
    "simple",
    "reliable",
    "temporary",
    "quiet",
    "fast",
    "regional",
    "early",
    "unusual",
    "prize-winning",
    "self-made",
    "three-part",
    "two-stage",
    "open",
    "joint",
    "private",
    "municipal",
    "low-cost",
    "lightweight",
    "award-winning",
    "green",
    "annual",
    "mobile",
    "historic",
    "damaged",
    "forgotten",
    "rare",
    "second",
    "national",
    "local",
]
NEVER = ("208.74", "2.9803", "1.7258", "2,9803", "1,7258")
"""Figures of the default profile: they are what this model is asked about, so it must never have seen them."""
DECLINE = ""
"""The answer of an `Ask` that its passage does not hold."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One question about a line: its family of phrasings, what fills their slots, and the answer.

    `anchor` is what ties the question to its passage (lower case); `answer` None means the passage's whole text.
    `thing` marks questions a visitor can shorten in a follow-up ("and when was that?").
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
    return f"{rng.choice(('two', 'three', 'four', 'five', 'six', 'nine', 'eleven')) if rng.random() < 0.4 else rng.randrange(2, 60)} {unit}"


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
        return self.rng.choice(
            (
                coined(self.rng),
                f"{coined(self.rng)} {self.rng.choice(('tools', 'sheets', 'cards', 'software', 'plates'))}",
            )
        )

    def name(self) -> str:
        first, last, _ = self.lists.person(self.rng)
        roll = self.rng.random()
        return (
            f"{first} {last}"
            if roll < 0.8
            else f"{self.rng.choice(('Dr', 'Professor', 'Captain', 'Mrs', 'Mr'))} {last}"
        )

    def client(self) -> str:
        word = self.lists.proper(self.rng)
        return self.rng.choice(
            ("the city of {}", "{} Ltd", "the {} Foundation", "the {} family", "the {} Museum", "{} Group", "the Ministry of {}",
             "the {} Hospital", "{} & Co.", "the Duke of {}", "{} Airlines", "the {} Council", "{}")
        ).format(word)  # fmt: skip

    def thing(self) -> tuple[str, str, str]:
        """An object as the line names it ("a portable glider"), as a question does ("the glider"), and bare."""
        rng = self.rng
        noun = (
            self.objects.pop()
            if self.objects
            else f"{coined(rng).lower()} {rng.choice(('device', 'study', 'plan', 'model', 'map'))}"
        )
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
        direction, past, gerund = rng.choice(
            (("cut", "cut", "cutting"), ("reduce", "reduced", "reducing"), ("lower", "lowered", "lowering"), ("improve", "improved", "improving"),
             ("bring down", "brought down", "bringing down"))
        )  # fmt: skip
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
        tail = rng.choice(
            (f", {used} by {n} {who}" if used not in ("saw",) else f", seen by {n} {who}", f" for {n} {who}", f", reaching {n} {who}",
             f", which {n} {who} {used}", f", serving {n} {who} a year")
        )  # fmt: skip
        return tail, {"who": who, "used": used}

    def made(self, verb: Verb | None = None) -> Line:
        """The common line: verb, thing, and up to three things more."""
        rng = self.rng
        verb = verb or VERBS[rng.choice(self.trade.verbs)]
        text, a, noun = self.thing()
        other = rng.choice(verb.other)
        base = {
            "v": verb.base if rng.random() < 0.65 else other,
            "p": verb.past,
            "g": verb.gerund,
            "pp": PARTICIPLES.get(verb.past, verb.past),
            "a": a,
            "n": an(noun),
            "used": "used",
            "who": rng.choice(self.trade.people),
        }
        anchor = noun.lower()
        line = f"{verb.past[0].upper()}{verb.past[1:]} {text}"
        roll = rng.random()
        kinds: list[str] = []
        fills = dict(base)
        inverse: list[Ask] = []
        wanted = rng.sample(_PARTS, 0 if roll < 0.12 else 1 if roll < 0.5 else 2 if roll < 0.88 else 3)
        if rng.random() < 0.08:
            name = coined(rng)
            line += f" called {name}"
            kinds.append("called")
            inverse.append(Ask("called_inv", {**base, "x": name}, name.lower()))
        for part in _PARTS:  # in the order in which a sentence takes them
            if part not in wanted:
                continue
            kinds.append(part)
            if part == "tool":
                t = self.tool()
                line += (
                    f" {rng.choice(('using', 'with', 'with', 'by means of'))} {t}"
                    if t[0].islower()
                    else f" {rng.choice(('using', 'with', 'in' if self.trade.first > 1980 else 'with'))} {t}"
                )
                bare = t.removeprefix("a ").removeprefix("an ").removeprefix("the ")
                inverse.append(Ask("tool_inv", {**base, "t": bare}, bare.lower()))
            elif part == "client":
                c = self.client()
                line += f" for {c}"
                inverse.append(Ask("client_inv", {**base, "c": c}, c.lower()))
            elif part == "mate":
                m = self.name()
                line += f" {rng.choice(('with', 'together with', 'alongside', 'with the help of'))} {m}"
                inverse.append(Ask("mate_inv", {**base, "m": m}, m.lower()))
            elif part == "place":
                line += f" in {self.lists.place(rng)}"
            elif part == "year":
                year = str(rng.randrange(self.trade.first, self.trade.last))
                line += f" in {year}"
                inverse.append(Ask("in_year", {"y": year}, year))
            elif part == "dur":
                line += f" {rng.choice(('in', 'in only', 'over', 'within'))} {duration(rng)}"
            elif part == "cost":
                line += f" {rng.choice(('for', 'at a cost of', 'on a budget of', 'for less than'))} {money(rng)}"
            elif part == "why":
                line += f" to help {rng.choice(self.trade.people)} {rng.choice(('work', 'learn', 'travel', 'save money', 'stay healthy', 'find help', 'save time'))}"
            elif part == "effect":
                tail, more = self.effect()
                line += tail
                fills |= more
                inverse.append(Ask("effect", {**base, **more}, more["meas"].removeprefix("the ")))
                kinds.append("effect_of")
            elif part == "reach":
                tail, more = self.reach()
                line += tail
                fills |= more
                kinds.append("audience")
        asks = [Ask("about_thing", fills, anchor), *inverse]
        asks += [Ask(kind, fills, anchor) for kind in kinds if kind not in ("effect", "reach")] * 3
        misses = [Ask(kind, fills, anchor) for kind in ("client", "mate", "cost", "dur", "called") if kind not in kinds]
        if {"cost", "client"} & set(kinds) == set() and "reach" not in kinds:
            misses.append(Ask("audience", fills, anchor))
        if {"reach", "client"} & set(kinds):
            misses = [miss for miss in misses if miss.family != "client"]
        return Line(line.rstrip(".") + ".", asks, misses, tuple(kinds))

    # Patterns of their own: a subject that is not the owner, teams, teaching, money, counts.
    def pattern(self) -> Line:
        return self.rng.choice(_PATTERNS)(self)

    def team(self) -> Line:
        rng = self.rng
        verb = VERBS[rng.choice(self.trade.verbs)]
        text, a, noun = self.thing()
        who = rng.choice(self.trade.people + ["engineers", "people", "assistants", "colleagues"])
        n = number(rng)
        lead = rng.choice((f"Led a team of {n} {who} that {verb.past} {text}", f"Headed {n} {who} who {verb.past} {text}",
                           f"{verb.past[0].upper()}{verb.past[1:]} {text} with a team of {n}"))  # fmt: skip
        fills = {
            "v": verb.base,
            "p": verb.past,
            "pp": PARTICIPLES.get(verb.past, verb.past),
            "g": verb.gerund,
            "a": a,
            "n": an(noun),
            "who": who,
        }
        asks = [Ask("team", fills, noun), Ask("team", fills, noun), Ask("about_thing", fills, noun)]
        return Line(
            lead + ".", asks, [Ask("cost", fills, noun), Ask("client", fills, noun), Ask("dur", fills, noun)], ("team",)
        )

    def tally(self) -> Line:
        rng = self.rng
        verb = VERBS[rng.choice(self.trade.verbs)]
        noun = self.objects.pop() if self.objects else "prototype"
        n, ns = number(rng), plural(noun)
        tail = rng.choice(
            (
                "",
                f" in {duration(rng)}",
                f" between {self.trade.first + 9} and {self.trade.first + 19}",
                f" for {self.client()}",
                f" in {self.lists.place(rng)}",
            )
        )
        fills = {
            "v": verb.base,
            "p": verb.past,
            "pp": PARTICIPLES.get(verb.past, verb.past),
            "a": f"the {ns}",
            "n": ns,
            "ns": ns,
            "who": "people",
            "used": "used",
        }
        asks = [Ask("count", fills, noun), Ask("count", fills, noun), Ask("about_thing", fills, noun)]
        return Line(
            f"{verb.past[0].upper()}{verb.past[1:]} {n} {ns}{tail}".rstrip(".") + ".",
            asks,
            [Ask("cost", fills, noun), Ask("mate", fills, noun)],
            ("count",),
        )

    def took(self) -> Line:
        rng = self.rng
        noun = self.objects.pop() if self.objects else "prototype"
        verb = VERBS[rng.choice(self.trade.verbs)]
        fills = {"v": verb.base, "p": verb.past, "pp": PARTICIPLES.get(verb.past, verb.past), "g": verb.gerund, "a": f"the {noun}", "n": an(noun),
                 "who": "people", "used": "used"}  # fmt: skip
        form = rng.randrange(4)
        if form == 0:
            text, kinds = f"The {noun} took {duration(rng)} and cost {money(rng)}", ("dur", "cost")
        elif form == 1:
            text, kinds = f"The {noun} cost {money(rng)} in total", ("cost",)
        elif form == 2:
            text, kinds = f"Work on the {noun} took {duration(rng)} with {self.tool()}", ("dur", "tool")
        else:
            who = rng.choice(self.trade.people)
            fills |= {"who": who, "used": "used"}
            text, kinds = f"In its first year {number(rng)} {who} used the {noun}", ("audience",)
        misses = [Ask(kind, fills, noun) for kind in ("cost", "dur", "mate", "client") if kind not in kinds]
        return Line(
            text + ".",
            [Ask(kind, fills, noun) for kind in kinds] * 2 + [Ask("about_thing", fills, noun)],
            misses,
            kinds,
        )

    def result(self) -> Line:
        rng = self.rng
        effect, fills = self.effect()
        effect = effect.removeprefix(", which ").removeprefix(" and ").removeprefix(", ")
        head, _, rest = effect.partition(" ")
        past = {
            "cutting": "Cut",
            "reducing": "Reduced",
            "lowering": "Lowered",
            "improving": "Improved",
            "bringing": "Brought",
        }.get(head, head.capitalize())
        how = rng.choice(("", f" with {self.tool()}", f" in {duration(rng)}", f" at {self.lists.place(rng)}"))
        measure = fills["meas"].removeprefix("the ")
        return Line(f"{past} {rest}{how}".rstrip(".") + ".", [Ask("effect", fills, measure)], [], ("effect",))

    def taught(self) -> Line:
        rng = self.rng
        subject, who = (
            rng.choice(self.trade.fields).lower(),
            rng.choice(("students", "evening students", "apprentices", "children", "adults")),
        )
        fills = {"f": subject, "who": who}
        if rng.random() < 0.3:
            return Line(
                f"Taught {subject} to {who} in {self.lists.place(rng)}.",
                [Ask("taught", fills, "|taught|courses in")],
                [Ask("taught_many", fills, "|courses in")],
                ("taught",),
            )
        text = rng.choice(
            (f"Taught {subject} to {number(rng)} {who}", f"Gave courses in {subject} for {number(rng)} {who} a year")
        )
        return Line(
            text + ".",
            [Ask("taught", fills, "|taught|courses in"), Ask("taught_many", fills, "|taught|courses in")],
            [],
            ("taught",),
        )

    def raised(self) -> Line:
        rng = self.rng
        text, a, noun = self.thing()
        source = rng.choice(("", f" from {self.client()}", f" in {duration(rng)}"))
        fills = {"a": a, "n": an(noun)}
        return Line(
            f"Raised {money(rng)} for {text}{source}".rstrip(".") + ".", [Ask("raised", fills, noun)], [], ("raised",)
        )

    def member(self) -> Line:
        rng = self.rng
        society = f"the {self.lists.proper(rng)} {rng.choice(('Society', 'Academy', 'Guild', 'Institute', 'Association', 'Council'))}"
        text = rng.choice((f"Elected to {society} in {rng.randrange(self.trade.first, self.trade.last)}", f"Member of {society} since {rng.randrange(self.trade.first, self.trade.last)}",
                           f"Joined {society} and spoke there {number(rng)} times"))  # fmt: skip
        return Line(
            text + ".", [Ask("elected", {"soc": society.removeprefix("the ")}, society.lower())], [], ("elected",)
        )


def poss(name: str) -> str:
    return f"{name}'" if name.endswith("s") else f"{name}'s"


_PARTS = ("tool", "client", "mate", "why", "place", "year", "dur", "cost", "effect", "reach")
_PATTERNS = (
    Bench.team,
    Bench.team,
    Bench.tally,
    Bench.tally,
    Bench.took,
    Bench.took,
    Bench.result,
    Bench.taught,
    Bench.raised,
    Bench.member,
)
