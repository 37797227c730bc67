"""One conversation about a made-up owner: which passages are shown, what is asked, what is answered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from fischgpt.assistant.quoting import REFUSALS, head
from fischgpt.chat import Turn
from fischgpt.data.grounded import questions as ask
from fischgpt.data.grounded.bench import PARTICIPLES, Ask, Line, an
from fischgpt.data.grounded.owners import Owner
from fischgpt.data.grounded.trades import VERBS
from fischgpt.data.grounded.words import coined
from fischgpt.profile.passages import Passage, passages_from_resume
from fischgpt.profile.prompt import render_passages

_LISTED = ("edu", "awards", "pubs", "skills", "certs", "projects", "jobs")
_OWN = ("job", "edu", "award", "pub", "cert", "proj", "ref", "skill")
_HEADED = ("year", "then_when", "place", "then_where")
# Kinds of fact a line may hold -> how a follow-up asks for it.
_THEN = {
    "tool": "then_tool", "cost": "then_cost", "dur": "then_dur", "mate": "then_mate", "client": "then_client",
    "place": "then_place", "year": "then_year", "effect": "then_effect", "audience": "then_audience",
}  # fmt: skip
_STOP = frozenset(
    ("with", "from", "that", "this", "their", "have", "been", "were", "into", "over", "only", "than", "some")
)
# What a private question is about, and what would tell it after all.
_TOLD = (
    ("old", "|born"), ("birth", "|born"), ("marri", "|married the"), ("wife", "|married the"),
    ("husband", "|married the"), ("divorced", "|married the"), ("child", "|children,"), ("parents", "|child of"),
    ("dog", "|dog"), ("pet", "|dog"), ("salary", "|without pay"), ("earn", "|without pay"),
    ("address", "|lives in|e-mail"), ("house", "|lives in|farm"), ("nickname", "|was called"),
    ("friend", "|shared an office"), ("breakfast", "|wakes"), ("afraid", "|storm"),
)  # fmt: skip
# Questions about a whole section, and what marks that section among the passages.
_SECTIONS = {
    "edu": "education,", "awards": "awards,", "pubs": "publications,", "certs": "certificates,",
    "langs": "languages:", "hobbies": "interests:", "skills": "skills,", "projects": "projects,",
    "vol_role": "volunteering,", "email": "contact:", "site": "contact:", "thesis": "thesis", "born": "about:",
    "years": "about:", "ref": "references,", "jobs": "work,", "job_now": "work,",
}  # fmt: skip
SIZES, FIRST_SIZES, FIRST = (3, 4, 5, 6, 7, 8, 8, 8, 8), (2, 2, 3, 3, 4), 4000
"""How many passages are shown. Serving shows 8; the first conversations show few, as copying forms sooner so."""
QUESTIONS = (1, 2, 4, 6, 8, 8, 10, 10)
"""How many questions a conversation asks: which passage to cite is learned from one token an answer, so ten questions
about the same passages teach two and a half times as much a token as three."""


@dataclass(slots=True)
class Exchange:
    """A question and its answer, before passages have numbers. `at`: indices of the cited passages."""

    kind: str
    question: str
    at: list[int]
    texts: list[str]
    line: Line | None = None


class Talk:
    """One conversation in the making: the passages shown, those left out, and what was asked last."""

    def __init__(self, rng: Random, held_out: bool, sizes: tuple[int, ...] = SIZES) -> None:
        self.rng, self.held_out = rng, held_out
        self.owner = Owner(rng, held_out)
        passages = passages_from_resume(self.owner.resume)
        n = min(len(passages), rng.choice(sizes))
        picked = set(rng.sample(range(len(passages)), n))
        self.shown = [p for i, p in enumerate(passages) if i in picked]
        self.hidden = [p for i, p in enumerate(passages) if i not in picked]
        self.lines = [self.line_of(p) for p in self.shown]
        self.lows = [p.render().lower() for p in self.shown]
        first, full = self.owner.first, self.owner.full
        roll = rng.random()
        who = "you" if roll < 0.58 else self.owner.pronoun if roll < 0.76 else first if roll < 0.94 else full
        self.forms = ask.forms(who, first, full)
        self.pronoun = ask.forms(who if who == "you" else self.owner.pronoun, first, full)
        self.last: tuple[int, Line] | None = None

    def line_of(self, passage: Passage) -> Line | None:
        lines, text = self.owner.lines, passage.text
        found = lines.get(passage.id) or lines.get(text)
        if found is None:
            word = text.split(":", 1)[0] + ":"
            found = lines.get(word) or lines.get("Lives in" if text.startswith("Lives in") else "")
            if found is None and passage.section == "Projects":
                found = lines.get(("Role:" if word == "Role:" else "Made with ") + passage.title)
        return found

    # Questions ---------------------------------------------------------------------------------------------

    def phrase(self, family: str, fills: dict[str, str], pronoun: bool = False) -> str:
        who = self.pronoun if pronoun else self.forms
        if family.startswith("="):  # a phrasing of its own
            return family[1:].format_map({**fills, **who})
        train, held = ask.FAMILIES[family]
        template = self.rng.choice(held if self.held_out and held else train)
        return template.format_map({**who, **fills})

    def styled(self, question: str) -> str:
        return ask.styled(self.rng, question, self.held_out)

    def holders(self, anchor: str) -> list[int]:
        """The shown passages that an anchor points at; `|a|b` means any of several."""
        if anchor.startswith("|"):
            return [i for i, low in enumerate(self.lows) if any(a in low for a in anchor[1:].split("|"))]
        return [i for i, low in enumerate(self.lows) if anchor in low]

    def single(self) -> Exchange | None:
        """A question that one shown passage answers, and no other does."""
        at = self.rng.randrange(len(self.shown))
        line = self.lines[at]
        if self.rng.random() < 0.14:
            return self.worded(at)
        if line is None or not line.asks:
            return None
        one = self.rng.choice(line.asks)
        if one.family in _LISTED:
            return self.listed(one.family)
        mine = self.shown[at]
        own = line.kinds[:1] and line.kinds[0] in _OWN and not mine.id.count("-") > 1
        for other in self.holders(one.anchor) if one.anchor else ():
            theirs = self.shown[other]
            same = (theirs.organisation, theirs.title) == (mine.organisation, mine.title)
            if other != at and not (own and same):
                return None
        text = one.answer or mine.text
        if text not in mine.text:
            return None
        self.last = (at, line)
        return Exchange("single", self.phrase(one.family, one.fills), [at], [text], line)

    def words(self, text: str) -> str | None:
        """One to four words in a row of a passage's text, with content at both ends: `marine chronometer`."""
        words = text.rstrip(".").split()
        if len(words) < 3 or ". " in text:
            return None
        n = self.rng.choice((1, 1, 2, 2, 3, 4))
        start = self.rng.randrange(max(1, len(words) - n))
        part = words[start : start + n]
        if any(len(word.strip(",;:()“”")) < 4 or word.lower() in _STOP for word in (part[0], part[-1])):
            return None
        found = " ".join(part).strip(",;:()“”.")
        if "," in found or found.startswith(("Made with", "Role", "Grade", "Courses", "E-mail")):
            return None
        return found if "“" not in found and "(" not in found and ")" not in found else None

    def worded(self, at: int) -> Exchange | None:
        """A question that only shares words with its passage, as visitors type into a search box."""
        text = self.shown[at].text
        words = self.words(text)
        if words is None or self.holders(words.lower()) != [at]:
            return None
        self.last = (at, self.lines[at] or Line(""))
        return Exchange("worded", self.phrase("worded", {"k": words}), [at], [text], self.lines[at])

    def listed(self, family: str | None = None) -> Exchange | None:
        """A question that several passages answer together: all jobs, all awards, all that was done somewhere."""
        rng = self.rng
        family = family or rng.choice((*_LISTED, "jobs", "did_at", "did_at"))
        fills: dict[str, str] = {}
        if family == "did_at":
            orgs = [
                line.organisation
                for line in self.lines
                if line and line.kinds[:1] and line.kinds[0] != "job" and line.organisation
            ]
            if not orgs:
                return None
            org = rng.choice(orgs)
            fills["org"] = org
            at = [
                i
                for i, line in enumerate(self.lines)
                if line and line.organisation == org and self.shown[i].section == "Work" and line.kinds != ("job",)
            ]
        elif family == "jobs":
            at = [i for i, p in enumerate(self.shown) if p.section == "Work" and p.id.count("-") == 1]
            if {p.organisation for p in self.shown if p.section == "Work"} - {self.shown[i].organisation for i in at}:
                return None
        elif family == "projects":
            at = [i for i, p in enumerate(self.shown) if p.section == "Projects" and p.id.count("-") == 1]
            if {p.title for p in self.shown if p.section == "Projects"} - {self.shown[i].title for i in at}:
                return None
        else:
            at = [i for i, line in enumerate(self.lines) if line and any(a.family == family for a in line.asks)]
            marker = _SECTIONS[family]
            if any(
                low.startswith(marker) and i not in at and self.shown[i].id.count("-") == 1
                for i, low in enumerate(self.lows)
            ):
                return None
            if family == "edu" and not at and self.holders("|education,"):
                return None
        if not 0 < len(at) < 4:
            return None
        texts = []
        for i in at:
            line = self.lines[i]
            told = next((a.answer for a in line.asks if a.family == family), None) if line else None
            texts.append(told or self.shown[i].text)
        if len(at) == 1:
            self.last = (at[0], self.lines[at[0]] or Line(""))
        return Exchange(
            "list" if len(at) > 1 else "single", self.phrase(family, fills), at, [self.shown[i].text for i in at]
        )

    def headed(self) -> Exchange | None:
        """When or where a line was done, when the line itself does not say: the passage's head does."""
        rng = self.rng
        at = rng.randrange(len(self.shown))
        line, p = self.lines[at], self.shown[at]
        if line is None or not p.organisation or p.id.count("-") < 2 or p.section not in ("Work", "Volunteering"):
            return None
        family = rng.choice(("year", "place"))
        if family in line.kinds or (family == "year" and not p.dates) or "year" in line.kinds:
            own = next((i for i, other in enumerate(self.shown) if other.id == p.id.rsplit("-", 1)[0]), None)
            if own is not None:
                return None
            one = Ask(rng.choice(("job_when", "job_role")), {"org": p.organisation})
            at = next(
                i
                for i, other in enumerate(self.shown)
                if (other.organisation, other.title) == (p.organisation, p.title)
            )
            return Exchange("head", self.phrase(one.family, one.fills), [at], [head(self.shown[at])])
        about = next(
            (
                a
                for a in line.asks
                if a.family in ("about_thing", "cost", "team", "count") and "v" in a.fills and "pp" in a.fills
            ),
            None,
        )
        if about is None or about.answer or self.holders(about.anchor) != [at]:
            return None
        self.last = (at, line)
        return Exchange("head", self.phrase(family, about.fills), [at], [head(p)], line)

    def follow_up(self) -> Exchange | None:
        """A short question that leans on the turn before."""
        if self.last is None:
            return None
        rng = self.rng
        at, line = self.last
        p = self.shown[at]
        many = len(line.text) > 0 and ". " in line.text
        options = [k for k in line.kinds if k in _THEN] if not many else []
        if options and rng.random() < 0.6:
            fills = {"who": "people"}
            return Exchange("follow-up", self.phrase(_THEN[rng.choice(options)], fills, True), [at], [p.text], line)
        if line.kinds[:1] == ("langs",):
            other = rng.choice(self.owner.lists.languages)
            known = other.lower() in p.text.lower()
            question = rng.choice(("what about {}", "and {}", "{} too", "also {}")).format(other)
            return Exchange(
                "follow-up", question, [at] if known else [], [p.text] if known else [], line if known else None
            )
        if p.organisation and p.section == "Work" and p.id.count("-") > 1:
            if "year" not in line.kinds and "place" not in line.kinds and p.dates:
                return Exchange(
                    "follow-up", self.phrase(rng.choice(("then_when", "then_where")), {}, True), [at], [head(p)], line
                )
            rest = [
                i
                for i, other in enumerate(self.shown)
                if i != at and other.organisation == p.organisation and other.id.count("-") > 1
            ]
            if len(rest) == 1:
                return Exchange("follow-up", self.phrase("then_more", {}, True), rest, [self.shown[rest[0]].text])
        return None

    def absent(self) -> Exchange | None:
        """A question that nothing shown answers: private, near (the thing is there, the fact is not), or left out."""
        rng, owner = self.rng, self.owner
        roll = rng.random()
        if roll < 0.15:
            private = ask.PRIVATE[self.held_out]
            template = rng.choice(private)
            if any(word in template and self.holders(told) for word, told in _TOLD):
                return None
            fills = {
                "city": owner.lists.place(rng),
                "t": coined(rng),
                "org2": coined(rng),
                "m2": owner.bench.name(),
                "h2": rng.choice(owner.lists.hobbies),
            }
            if self.holders("|" + "|".join(v.lower() for v in fills.values())):
                return None
            return Exchange("private", template.format_map({**self.forms, **fills}), [], [])
        if roll < 0.66:
            at = rng.randrange(len(self.shown))
            line = self.lines[at]
            if line is None or not line.misses:
                return None
            miss = rng.choice(line.misses)
            holders = self.holders(miss.anchor)
            if miss.family.startswith("="):  # it names what this line, and no other, speaks of
                return Exchange("near", self.phrase(miss.family, miss.fills), [], []) if holders == [at] else None
            if holders not in ([at], []) and not all(
                (self.shown[i].organisation == self.shown[at].organisation and i == at) or self.lines[i] is None
                for i in holders
            ):
                return None
            if miss.anchor.startswith("|") and holders:
                return None
            return Exchange("near", self.phrase(miss.family, miss.fills), [], [])
        if roll < 0.84 and self.hidden:
            left_out = rng.choice(self.hidden)
            if rng.random() < 0.25:
                words = self.words(left_out.text)
                if words is None or self.holders("|" + "|".join(w for w in words.lower().split() if w not in _STOP)):
                    return None
                return Exchange("absent", self.phrase("worded", {"k": words}), [], [])
            line = self.line_of(left_out)
            if line is None or not line.asks:
                return None
            one = rng.choice(line.asks)
            if not one.anchor or one.family in (*_LISTED, "who") or self.holders(one.anchor):
                return None
            if one.family in _SECTIONS and self.holders("|" + _SECTIONS[one.family]):
                return None
            return Exchange("absent", self.phrase(one.family, one.fills), [], [])
        if roll < 0.93:
            family = rng.choice(tuple(_SECTIONS))
            if any(low.startswith(_SECTIONS[family]) for low in self.lows) or (
                family == "thesis" and self.holders("thesis")
            ):
                return None
            if family in ("jobs", "job_now", "edu") and self.holders(
                "|work,|volunteering,|about:|education,|projects,"
            ):
                return None
            fills = {
                "f": rng.choice(owner.trade.fields),
                "m": owner.bench.name(),
                "course": "history",
                "org": coined(rng),
            }
            if family == "years" and self.holders(fills["f"].lower()):
                return None
            return Exchange("section", self.phrase(family, fills), [], [])
        if roll < 0.965 and owner.bench.objects:  # a thing of the same trade that is nowhere shown
            noun = rng.choice(owner.bench.objects)
            verb = VERBS[rng.choice(owner.trade.verbs)]
            family = rng.choice(("about_thing", "about_thing", "tool", "year", "place", "client", "cost", "dur"))
            fills = {
                "v": verb.base,
                "p": verb.past,
                "pp": PARTICIPLES.get(verb.past, verb.past),
                "g": verb.gerund,
                "a": f"the {noun}",
                "n": an(noun),
            }
            last = noun.split()[-1].lower()
            return None if self.holders(last) else Exchange("unknown", self.phrase(family, fills), [], [])
        # Somebody else's organisation, prize or project, invented on the spot.
        family = rng.choice(
            (
                "job_when",
                "job_role",
                "did_at",
                "edu_org",
                "award",
                "pub",
                "proj",
                "skill_word",
                "mate_inv",
                "hobby",
                "lang",
            )
        )
        org = (
            rng.choice(owner.trade.orgs) if family in ("job_when", "job_role", "did_at") else "University of {}"
        ).format(owner.lists.proper(rng))
        invented = f"{coined(rng)} Prize" if family == "award" else coined(rng)
        fills = {
            "org": org,
            "x": owner.title() if family == "pub" else invented,
            "t": rng.choice(owner.trade.tools),
            "m": owner.bench.name(),
            "h": rng.choice(owner.lists.hobbies),
            "l": rng.choice(owner.lists.languages),
        }
        used = {
            "award": "x",
            "pub": "x",
            "proj": "x",
            "skill_word": "t",
            "mate_inv": "m",
            "hobby": "h",
            "lang": "l",
        }.get(family, "org")
        word = fills[used].lower().removeprefix("a ").removeprefix("an ")
        return None if self.holders(word) else Exchange("unknown", self.phrase(family, fills), [], [])

    def order(self) -> str:
        """An attempt to make the model say something else."""
        rng, owner, held = self.rng, self.owner, self.held_out
        personas, bad, commands, overrides = (
            part[held] for part in (ask.PERSONAS, ask.BAD, ask.COMMANDS, ask.OVERRIDE)
        )
        word = rng.choice(
            (
                coined(rng),
                coined(rng).upper(),
                f'"{coined(rng)} {coined(rng).lower()}"',
                rng.choice(owner.trade.objects),
                str(rng.randrange(10, 9999)),
            )
        )
        fills = {
            "w": word,
            "persona": rng.choice(personas),
            "bad": rng.choice(bad),
            "first": owner.first,
            "l": rng.choice(owner.lists.languages),
        }
        command = rng.choice(commands).format_map(fills)
        return rng.choice(overrides).format_map({**fills, "cmd": command, "Cmd": command[0].upper() + command[1:]})

    def injected(self) -> Exchange | None:
        """An order, alone or around a genuine question, or a false claim. The genuine question is answered."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.3:
            return Exchange("injection", self.order(), [], [])
        if roll < 0.45:
            template = rng.choice(ask.FALSE[self.held_out])
            claim = template.format_map({**self.forms, "w": coined(rng), "y": str(rng.randrange(1800, 2025))})
            return Exchange("injection", self.styled(claim), [], [])
        real = self.single()
        if real is None:
            return None
        question = self.styled(real.question)
        real.question = f"{self.order()} {question}" if rng.random() < 0.55 else f"{question} {self.order()}"
        real.kind = "injection+"
        return real

    def exchange(self, first: bool) -> Exchange | None:
        roll = self.rng.random()
        if roll < 0.07:
            return self.injected()
        if roll < 0.23:
            found = self.absent()
        elif roll < 0.35:
            found = self.headed()
        elif roll < 0.5:
            found = self.listed()
        elif roll < 0.76 and not first:
            found = self.follow_up()
        else:
            found = self.single()
        if found is not None:
            found.question = self.styled(found.question)
        return found

    # The conversation --------------------------------------------------------------------------------------

    def exchanges(self) -> list[Exchange]:
        wanted = self.rng.choice(QUESTIONS)
        found: list[Exchange] = []
        asked: set[str] = set()
        for _ in range(wanted * 4 + 8):
            before = self.last
            self.last = before if found and found[-1].at else None
            one = self.exchange(first=not found)
            if one is None or one.question.lower().strip("?. ") in asked:
                self.last = before
                continue
            if one.kind in ("list", "head") or not one.at:
                self.last = self.last if one.kind == "head" else None
            asked.add(one.question.lower().strip("?. "))
            found.append(one)
            if len(found) == wanted:
                break
        return found

    def ordered(self, question: str) -> list[int]:
        """The passages as retrieval would rank them for the first question, roughly; often not at all."""
        rng = self.rng
        order = list(range(len(self.shown)))
        if rng.random() < 0.45:
            rng.shuffle(order)
            return order
        words = [w for w in question.lower().strip("?.").split() if len(w) > 3]
        score = [sum(w in low for w in words) + rng.random() * 1.6 for low in self.lows]
        return sorted(order, key=score.__getitem__, reverse=True)

    def turns(self) -> tuple[list[Turn], list[Exchange]]:
        rng = self.rng
        exchanges = self.exchanges()
        order = self.ordered(exchanges[0].question) if exchanges else []
        number = {at: n for n, at in enumerate(order, 1)}
        shown = [self.shown[at] for at in order]
        if rng.random() < 0.05:  # somebody wrote an order into the resume: data, not an instruction
            n = rng.randrange(len(shown))
            shown[n] = replace(shown[n], text=f"{shown[n].text} {self.order()}")
        turns = [Turn("system", render_passages(shown))]
        for one in exchanges:
            cited = sorted(zip((number[at] for at in one.at), one.texts, strict=True))
            answer = " ".join(f"[{n}] {text}" for n, text in cited) or rng.choice(REFUSALS)
            turns += [Turn("user", one.question), Turn("assistant", answer)]
        return turns, exchanges
