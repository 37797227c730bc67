"""A made-up owner: a JSON Resume, and for each of its passages what may be asked about it.

Only as much resume is written as one conversation shows: a few entries of a few sections. What is left out of
the prompt afterwards (`conversations`) is what the profile "does not say".
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any

from fischgpt.data.grounded.bench import Ask, Bench, Line, an, plural
from fischgpt.data.grounded.bullets import made, pattern
from fischgpt.data.grounded.career import education, projects, volunteer, work
from fischgpt.data.grounded.sayings import said
from fischgpt.data.grounded.trades import HELD_TRADES, TRADES, Trade
from fischgpt.data.grounded.words import ABSTRACT, FLUENCY, Lists, code, coined

_TRAIN, _HELD = Lists(held_out=False), Lists(held_out=True)
_TITLES = (
    "On the {a} of {b}", "{A} and {B}", "Notes on {a}", "A Short History of {a}", "The {a} Question", "{A} in Practice",
    "Towards Better {a}", "{P}'s {a}",
)  # fmt: skip
_JUDGED = (
    "always finished what {he} started", "the most careful worker I have met", "never missed a deadline",
    "a patient teacher", "quick, honest and kind", "brought order to our chaos", "a rare mind", "worth three of us",
    "saw problems before anybody else", "I would hire {O} again tomorrow",
)  # fmt: skip


class Owner:
    """One made-up person. `resume` is the JSON Resume; `lines` maps a passage's id or text to its `Line`."""

    def __init__(self, rng: Random, held_out: bool) -> None:
        self.rng, self.held_out = rng, held_out
        self.lists = _HELD if held_out else _TRAIN
        self.trade: Trade = rng.choice(HELD_TRADES if held_out else TRADES)
        self.bench = Bench(rng, self.lists, self.trade)
        self.other = Bench(rng, self.lists, rng.choice(HELD_TRADES if held_out else TRADES))
        """A second trade, for the lines that have nothing to do with the first."""
        self.first, self.last, self.pronoun = self.lists.person(rng)
        self.full = f"{self.first} {self.last}"
        self.lines: dict[str, Line] = {}
        self.resume: dict[str, Any] = {}
        first, last = self.trade.first, self.trade.last
        self.year = rng.randrange(first, max(first + 1, last - 24))
        """The year in which studies begin; later entries count on from here."""
        self._about()
        sections: tuple[tuple[Callable[[], None], float], ...] = (
            (partial(work, self), 0.92), (partial(education, self), 0.62), (partial(projects, self), 0.42),
            (self._skills, 0.28), (self._languages, 0.26), (self._interests, 0.3), (self._awards, 0.3),
            (self._publications, 0.26), (partial(volunteer, self), 0.16), (self._certificates, 0.12),
            (self._references, 0.09),
        )  # fmt: skip
        for section, chance in sections:
            if rng.random() < chance:
                section()
        if "work" not in self.resume and "projects" not in self.resume:
            projects(self)

    def dates(self, entry: dict[str, Any], open_end: bool = False) -> None:
        """Give an entry the next years of the life."""
        rng = self.rng
        start = self.year
        self.year += rng.randrange(1, 7)
        month = f"-{rng.randrange(1, 13):02}" if rng.random() < 0.2 else ""
        entry["startDate"] = f"{start}{month}"
        if not open_end:
            entry["endDate"] = f"{self.year}{month}" if rng.random() < 0.9 else entry["startDate"]

    def bullet(self, organisation: str = "") -> str:
        """A new line, with what may be asked about it."""
        rng = self.rng
        bench = self.bench if rng.random() < 0.8 else self.other
        roll = rng.random()
        if roll < 0.24:
            line = made(bench)
        else:
            line = pattern(bench) if roll < 0.36 else said(bench, self.held_out, self.pronoun)
        if rng.random() < 0.09:  # two sentences in one bullet: the answer is the one that was asked for
            more = made(bench) if rng.random() < 0.6 else pattern(bench)
            joined = f"{line.text} {more.text}"
            asks = [Ask(a.family, a.fills, a.anchor, part.text) for part in (line, more) for a in part.asks]
            line = Line(joined, asks, line.misses + more.misses, (*line.kinds, *more.kinds))
        line.organisation = organisation
        self.lines[line.text] = line
        return line.text

    def _about(self) -> None:
        rng, trade = self.rng, self.trade
        basics: dict[str, Any] = {"name": self.full}
        if rng.random() < 0.55:
            role, field = rng.choice(trade.roles), rng.choice(trade.fields)
            from_, love = self.lists.place(rng), rng.choice(self.lists.hobbies)
            forms = (role, f"{role} and {rng.choice(trade.roles).lower()}", f"{field} specialist from {from_}")
            basics["label"] = rng.choice((*forms, f"{role} with a love of {love}"))
            self.lines["about-1"] = Line("", [Ask("who", {}, "")] * 2, [Ask("about_miss", {})], ("about",))
        summary: list[str] = []
        if rng.random() < 0.4:
            years = rng.choice((str(rng.randrange(2, 50)), "ten", "twenty", "five", "twelve", "thirty"))
            f = rng.choice(trade.fields).lower()
            forms = (f"{years} years of experience in {f}", f"Has worked in {f} for {years} years")
            text = rng.choice((*forms, f"{rng.choice(trade.roles)} with {years} years in {f}"))
            self._say(summary, text[0].upper() + text[1:], "years", {"f": f}, "|experience|years")
        if rng.random() < 0.3:
            town = self.lists.place(rng)
            forms = (f"Born in {town} in {trade.first + rng.randrange(40)}", f"Born in {town}")
            text = rng.choice((*forms, f"Grew up in {town} as the child of {an(rng.choice(trade.roles).lower())}"))
            self._say(summary, text, "born", {}, "|born|grew up")
        if rng.random() < 0.25:
            a, b = rng.sample([*trade.fields, *(plural(noun) for noun in trade.objects)], 2)
            forms = (f"Curious about {a.lower()} and {b.lower()}", f"Fascinated by {a.lower()}")
            text = rng.choice((*forms, f"Cares about {rng.choice(trade.people)} and {a.lower()}"))
            self._say(summary, text, "likes", {}, "|curious|cares|fascinated")
        if rng.random() < 0.3:
            line = said(self.other, self.held_out, self.pronoun)
            summary.append(line.text)
            self.lines[line.text] = line
        if summary:
            basics["summary"] = " ".join(summary)
        if rng.random() < 0.2:
            self._contact(basics)
        self.resume["basics"] = basics

    def _contact(self, basics: dict[str, Any]) -> None:
        rng = self.rng
        basics["public"] = ["location", "email", "url"]
        basics["location"] = {"city": self.lists.place(rng), "region": coined(rng)}
        self.keyed("Lives in", "live")
        if rng.random() < 0.6:
            host = f"{coined(rng).lower()}.{rng.choice(('org', 'com', 'net', 'io'))}"
            basics["email"] = f"{self.first.lower()}@{host}"
            self.keyed("E-mail:", "email")
        if rng.random() < 0.4:
            basics["url"] = f"https://{coined(rng).lower()}.{rng.choice(('org', 'com', 'dev'))}"
            self.keyed("Website:", "site")

    def _say(self, summary: list[str], text: str, family: str, fills: dict[str, str], anchor: str) -> None:
        summary.append(f"{text}.")
        self.lines[f"{text}."] = Line(text, [Ask(family, fills, anchor)] * 2, [Ask("about_miss", {})])

    def keyed(self, start: str, family: str) -> None:
        """Questions of one family about the passage that begins with `start`."""
        misses = [Ask("contact_miss", {})] if family in ("live", "email", "site") else []
        self.lines[start] = Line(start, [Ask(family, {}, "|" + start.lower())] * 3, misses)

    def _skills(self) -> None:
        rng = self.rng
        groups: list[dict[str, Any]] = []
        names = rng.sample(
            (*self.trade.fields, "Programming", "Tools", "Methods", "Crafts", "Management", "Writing"),
            rng.choice((1, 2, 2)),
        )
        for i, name in enumerate(names):
            words = list(dict.fromkeys(self.bench.tool() for _ in range(rng.randrange(1, 5))))
            group: dict[str, Any] = {"name": name, "keywords": words}
            if rng.random() < 0.3:
                group["level"] = rng.choice(("Advanced", "Expert", "Beginner", "Intermediate", "Master"))
            bare = rng.choice(words)
            known = [Ask("skill_word", {"t": bare}, bare.lower())] * 2
            asks = [*known, Ask("skill", {"x": name.lower()}, name.lower()), Ask("skills", {}, "|skills, ")]
            misses = [Ask("skill_miss", {"t": bare}, bare.lower())]
            self.lines[f"skills-{i + 1}"] = Line("", asks, misses, ("skill",))
            groups.append(group)
        self.resume["skills"] = groups

    def _languages(self) -> None:
        rng = self.rng
        pool = rng.sample(self.lists.languages, 6)
        spoken = pool[: rng.randrange(1, 5)]
        levels = rng.random() < 0.75
        self.resume["languages"] = [
            {"language": word, **({"fluency": rng.choice(FLUENCY)} if levels else {})} for word in spoken
        ]
        one, other = rng.choice(spoken), pool[-1]
        asks = [Ask("langs", {}, "|languages:")] * 2 + [Ask("lang", {"l": one}, one.lower())]
        if len(spoken) > 1:
            asks.append(Ask("langs_more", {}, "|languages:"))
        native = ("Native speaker", "Mother tongue")
        if any(entry.get("fluency") in native for entry in self.resume["languages"]):
            asks.append(Ask("lang_native", {}, "|native|mother tongue"))
        misses = [Ask("lang", {"l": other}, other.lower()), *[Ask("lang_miss", {"l": one}, one.lower())] * 3]
        self.lines["languages-1"] = Line("", asks, misses, ("langs",))

    def _interests(self) -> None:
        rng = self.rng
        liked = rng.sample(self.lists.hobbies, rng.randrange(2, 6))
        mine, other = liked[: max(1, len(liked) - 1)], liked[-1]
        entries = [{"name": word[0].upper() + word[1:] if rng.random() < 0.6 else word} for word in mine]
        if rng.random() < 0.25:
            entries[0]["keywords"] = [coined(rng), rng.choice(ABSTRACT)]  # type: ignore[assignment]
        self.resume["interests"] = entries
        one = rng.choice(mine)
        asks = [Ask("hobbies", {}, "|interests:")] * 2 + [Ask("hobby", {"h": one}, one.lower())]
        if "keywords" in entries[0]:
            asks.append(Ask("hobby_detail", {"h": mine[0]}, mine[0].lower()))
        misses = [Ask("hobby", {"h": other}, other.lower()), *[Ask("hobby_miss", {"h": one}, one.lower())] * 2]
        self.lines["interests-1"] = Line("", asks, misses, ("hobbies",))

    def _awards(self) -> None:
        rng = self.rng
        awards: list[dict[str, Any]] = []
        for i in range(rng.choice((1, 1, 2))):
            kind = rng.choice(("Prize", "Medal", "Award", "Cup", "Fellowship", "Cross", "Scholarship"))
            prize = f"{self.lists.proper(rng)} {kind}"
            prize = prize if rng.random() < 0.6 else f"{prize} for {rng.choice(self.trade.fields)}"
            giver = rng.choice(("Society", "Academy", "Foundation", "Chamber of Commerce", "Association", "Council"))
            org, year = f"{self.lists.proper(rng)} {giver}", str(self.year + rng.randrange(9))
            entry: dict[str, Any] = {"title": prize, "date": year, "awarder": org}
            fills = {"x": prize, "org": f"the {org}"}
            told = f"{prize}, awarded by {org} in {year}."  # the entry's own sentence, as its passage says it
            asks = [Ask("award", fills, prize.lower(), told), Ask("award_by", fills, org.lower(), told)]
            asks = [*asks, Ask("awards", {}, "|awards, ", told)] * 2 + [Ask("in_year", {"y": year}, year, told)]
            misses = [Ask("award_miss", fills, prize.lower())] * 4
            if rng.random() < 0.45:
                text = self.bench.thing()[0]
                entry["summary"] = rng.choice(
                    (f"Given for {text}.", f"In recognition of {text}.", f"For work on {text}.")
                )
                asks += [Ask("award_why", fills, prize.lower(), entry["summary"])] * 2
            else:
                misses.append(Ask("award_why", fills, prize.lower()))
            self.lines[f"awards-{i + 1}"] = Line("", asks, misses, ("award",), org)
            awards.append(entry)
        self.resume["awards"] = awards

    def title(self) -> str:
        a, b = self.rng.sample(ABSTRACT, 2)
        a = a.capitalize()
        return self.rng.choice(_TITLES).format(a=a, b=b.capitalize(), A=a, B=b.capitalize(), P=coined(self.rng))

    def _publications(self) -> None:
        rng = self.rng
        pubs: list[dict[str, Any]] = []
        n = rng.choice((1, 1, 2))
        for i in range(n):
            name, year = self.title(), str(self.year + rng.randrange(9))
            house = rng.choice(("Press", "Verlag", "Review", "Journal", "Proceedings", "Letters", "Books"))
            press = f"{self.lists.proper(rng)} {house}"
            entry: dict[str, Any] = {"name": name, "publisher": press, "releaseDate": year}
            fills = {"x": name if rng.random() < 0.7 else f'"{name}"'}
            told = f"“{name}”, published by {press} in {year}."
            asks = [Ask("pub", fills, name.lower(), told), Ask("pubs", {}, "|publications, ", told)] * 2 + [
                Ask("in_year", {"y": year}, year, told)
            ]
            if n == 1 and house in ("Press", "Verlag", "Books"):
                asks += [Ask("pub_book", {}, "|publications, |book|wrote", told)] * 2
            elif n == 1:
                asks += [Ask("pub_paper", {}, "|publications, |paper|article|wrote", told)] * 2
            misses = [Ask("pub_miss", fills, name.lower())] * 4
            if rng.random() < 0.45:
                text = self.bench.thing()[0]
                entry["summary"] = rng.choice((f"Describes {text}.", f"A study of {text}.", f"How {text} came about."))
                asks += [Ask("pub_about", fills, name.lower(), entry["summary"])] * 2
            else:
                misses.append(Ask("pub_about", fills, name.lower()))
            self.lines[f"publications-{i + 1}"] = Line("", asks, misses, ("pub",), press)
            pubs.append(entry)
        self.resume["publications"] = pubs

    def _certificates(self) -> None:
        rng = self.rng
        name = f"{rng.choice(('Certified', 'Licensed', 'Registered', 'Chartered'))} {rng.choice(self.trade.roles)}"
        name = (
            name
            if rng.random() < 0.5
            else f"{coined(rng)} {rng.choice(('Licence', 'Certificate', 'Diploma'))} {code(rng)}"
        )
        issuer = f"{self.lists.proper(rng)} {rng.choice(('Board', 'Institute', 'Authority', 'Guild'))}"
        self.resume["certificates"] = [{"name": name, "date": str(self.year), "issuer": issuer}]
        asks = [Ask("cert", {"x": name}, name.lower()), Ask("certs", {}, "|certificates, ")] * 2
        misses = [Ask("cert_miss", {"x": name}, name.lower())]
        self.lines["certificates-1"] = Line("", asks, misses, ("cert",), issuer)

    def _references(self) -> None:
        rng = self.rng
        name = self.bench.name()
        he, obj = {"she": ("she", "her"), "he": ("he", "him"), "they": ("they", "them")}[self.pronoun]
        said = rng.choice(_JUDGED).format(he=he, O=obj)
        text = f"“{said[0].upper()}{said[1:]}.”"
        self.resume["references"] = [{"name": name, "reference": text}]
        self.lines["references-1"] = Line(
            "",
            [Ask("ref", {"m": name}, name.lower())] * 2,
            [Ask("ref_miss", {"m": name}, name.lower())],
            ("ref",),
            name,
        )
