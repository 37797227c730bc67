"""One line of a made-up resume, and what may be asked about it.

A line is put together from a verb, a thing and what modifies it (tool, client, partner, place, year, time, cost,
effect, reach), or follows one of the patterns at the end. Every part it holds is a question it answers; every
part it could hold but does not is a question it does not answer, the hardest kind to decline.
"""

from __future__ import annotations

from collections.abc import Callable

from fischgpt.data.grounded.bench import Ask, Bench, Line, an, duration, filled, money, number, plural, stop
from fischgpt.data.grounded.trades import VERBS
from fischgpt.data.grounded.words import coined

_PARTS = ("tool", "client", "mate", "why", "place", "year", "dur", "cost", "effect", "reach")
"""What a line may hold, in the order in which a sentence takes it."""
_ENDS = ("work", "learn", "travel", "save money", "stay healthy", "find help", "save time")
_SOCIETIES = ("Society", "Academy", "Guild", "Institute", "Association", "Council")
_STARTS = {
    "cutting": "Cut",
    "reducing": "Reduced",
    "lowering": "Lowered",
    "improving": "Improved",
    "bringing": "Brought",
}


def made(bench: Bench) -> Line:
    """The common line: verb, thing, and up to three things more."""
    rng = bench.rng
    verb = VERBS[rng.choice(bench.trade.verbs)]
    text, a, noun = bench.thing()
    other = rng.choice(verb.other)
    base = filled(verb, a, noun, rng.choice(bench.trade.people))
    if rng.random() < 0.35:
        base["v"] = other
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
            t = bench.tool()
            written = (
                "in" if bench.trade.first > 1980 and t[0].isupper() else "by means of"
            )  # in Rust, by means of a drone
            line += f" {rng.choice(('using', 'with', 'with', written))} {t}"
            bare = t.removeprefix("a ").removeprefix("an ").removeprefix("the ")
            inverse.append(Ask("tool_inv", {**base, "t": bare}, bare.lower()))
        elif part == "client":
            c = bench.client()
            line += f" for {c}"
            inverse.append(Ask("client_inv", {**base, "c": c}, c.lower()))
        elif part == "mate":
            m = bench.name()
            line += f" {rng.choice(('with', 'together with', 'alongside', 'with the help of'))} {m}"
            inverse.append(Ask("mate_inv", {**base, "m": m}, m.lower()))
        elif part == "place":
            line += f" in {bench.lists.place(rng)}"
        elif part == "year":
            year = bench.year()
            line += f" in {year}"
            inverse.append(Ask("in_year", {"y": year}, year))
        elif part == "dur":
            line += f" {rng.choice(('in', 'in only', 'over', 'within'))} {duration(rng)}"
        elif part == "cost":
            line += f" {rng.choice(('for', 'at a cost of', 'on a budget of', 'for less than'))} {money(rng)}"
        elif part == "why":
            line += f" to help {rng.choice(bench.trade.people)} {rng.choice(_ENDS)}"
        elif part == "effect":
            tail, more = bench.effect()
            line += tail
            fills |= more
            inverse.append(Ask("effect", {**base, **more}, more["meas"].removeprefix("the ")))
            kinds.append("effect_of")
        elif part == "reach":
            tail, more = bench.reach()
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
    return Line(stop(line), asks, misses, tuple(kinds))


def pattern(bench: Bench) -> Line:
    """A line of another build: a team, a count, a time and a sum, a result, lessons, money, a membership."""
    return bench.rng.choice(_PATTERNS)(bench)


def _asks(families: tuple[str, ...], fills: dict[str, str], anchor: str) -> list[Ask]:
    return [Ask(family, fills, anchor) for family in families]


def _team(bench: Bench) -> Line:
    rng = bench.rng
    verb = VERBS[rng.choice(bench.trade.verbs)]
    text, a, noun = bench.thing()
    who = rng.choice([*bench.trade.people, "engineers", "people", "assistants", "colleagues"])
    n = number(rng)
    did = f"{verb.past[0].upper()}{verb.past[1:]}"
    forms = (f"Led a team of {n} {who} that {verb.past} {text}", f"Headed {n} {who} who {verb.past} {text}")
    line = rng.choice((*forms, f"{did} {text} with a team of {n}"))
    fills = filled(verb, a, noun, who)
    asks = _asks(("team", "team", "about_thing"), fills, noun)
    return Line(stop(line), asks, _asks(("cost", "client", "dur"), fills, noun), ("team",))


def _tally(bench: Bench) -> Line:
    rng = bench.rng
    verb = VERBS[rng.choice(bench.trade.verbs)]
    noun = bench.noun()
    n, ns = number(rng), plural(noun)
    first = bench.trade.first
    where = f" in {bench.lists.place(rng)}"
    tail = rng.choice(
        ("", f" in {duration(rng)}", f" between {first + 9} and {first + 19}", f" for {bench.client()}", where)
    )
    fills = {**filled(verb, f"the {ns}", noun), "n": ns, "ns": ns}
    line = stop(f"{verb.past[0].upper()}{verb.past[1:]} {n} {ns}{tail}")
    asks = _asks(("count", "count", "about_thing"), fills, noun)
    return Line(line, asks, _asks(("cost", "mate"), fills, noun), ("count",))


def _took(bench: Bench) -> Line:
    rng = bench.rng
    noun = bench.noun()
    fills = filled(VERBS[rng.choice(bench.trade.verbs)], f"the {noun}", noun)
    kinds: tuple[str, ...]
    match rng.randrange(4):
        case 0:
            text, kinds = f"The {noun} took {duration(rng)} and cost {money(rng)}", ("dur", "cost")
        case 1:
            text, kinds = f"The {noun} cost {money(rng)} in total", ("cost",)
        case 2:
            text, kinds = f"Work on the {noun} took {duration(rng)} with {bench.tool()}", ("dur", "tool")
        case _:
            fills["who"] = rng.choice(bench.trade.people)
            text, kinds = f"In its first year {number(rng)} {fills['who']} used the {noun}", ("audience",)
    missing = tuple(kind for kind in ("cost", "dur", "mate", "client") if kind not in kinds)
    asks = _asks((*kinds, *kinds, "about_thing"), fills, noun)
    return Line(stop(text), asks, _asks(missing, fills, noun), kinds)


def _result(bench: Bench) -> Line:
    rng = bench.rng
    effect, fills = bench.effect()
    effect = effect.removeprefix(", which ").removeprefix(" and ").removeprefix(", ")
    first, _, rest = effect.partition(" ")
    how = rng.choice(("", f" with {bench.tool()}", f" in {duration(rng)}", f" at {bench.lists.place(rng)}"))
    line = stop(f"{_STARTS.get(first, first.capitalize())} {rest}{how}")
    return Line(line, _asks(("effect",), fills, fills["meas"].removeprefix("the ")), [], ("effect",))


def _taught(bench: Bench) -> Line:
    rng = bench.rng
    subject = rng.choice(bench.trade.fields).lower()
    who = rng.choice(("students", "evening students", "apprentices", "children", "adults"))
    fills, anchor = {"f": subject, "who": who}, "|taught|courses in"
    if rng.random() < 0.3:
        line = f"Taught {subject} to {who} in {bench.lists.place(rng)}."
        return Line(line, _asks(("taught",), fills, anchor), _asks(("taught_many",), fills, "|courses in"), ("taught",))
    n = number(rng)
    line = rng.choice((f"Taught {subject} to {n} {who}.", f"Gave courses in {subject} for {n} {who} a year."))
    return Line(line, _asks(("taught", "taught_many"), fills, anchor), [], ("taught",))


def _raised(bench: Bench) -> Line:
    rng = bench.rng
    text, a, noun = bench.thing()
    source = rng.choice(("", f" from {bench.client()}", f" in {duration(rng)}"))
    line = stop(f"Raised {money(rng)} for {text}{source}")
    return Line(line, _asks(("raised",), {"a": a, "n": an(noun)}, noun), [], ("raised",))


def _member(bench: Bench) -> Line:
    rng = bench.rng
    name = f"{bench.lists.proper(rng)} {rng.choice(_SOCIETIES)}"
    forms = (f"Elected to the {name} in {bench.year()}", f"Member of the {name} since {bench.year()}")
    line = rng.choice((*forms, f"Joined the {name} and spoke there {number(rng)} times"))
    return Line(stop(line), _asks(("elected",), {"soc": name}, name.lower()), [], ("elected",))


_PATTERNS: tuple[Callable[[Bench], Line], ...] = (
    _team, _team, _tally, _tally, _took, _took, _result, _taught, _raised, _member,
)  # fmt: skip
