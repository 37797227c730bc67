"""One conversation about a made-up owner: which passages are shown, what is asked, what is answered."""

from __future__ import annotations

from dataclasses import replace

from fischgpt.assistant.quoting import REFUSALS, head
from fischgpt.chat import Turn
from fischgpt.data.grounded import questions as ask
from fischgpt.data.grounded.absent import absent, missed
from fischgpt.data.grounded.bench import Ask, Line
from fischgpt.data.grounded.instructions import instruction
from fischgpt.data.grounded.questions import NEAR
from fischgpt.data.grounded.shown import LISTED, SECTIONS, Exchange, Shown
from fischgpt.data.grounded.words import coined
from fischgpt.profile.prompt import render_passages

_OWN = ("job", "edu", "award", "pub", "cert", "proj", "ref", "skill")
_DATED = ("job_first", "job_last", "job_before", "job_after")
# Follow-ups on an entry's own line -> the question that it must answer for that, if not every such line does.
_ENTRY_THEN = {
    "job": {"then_when": "", "then_role": "", "then_city": "job_place"},
    "edu": {"then_when": "", "then_study": "", "then_school": ""},
    "award": {"then_when": "", "then_giver": "", "then_why": "award_why"},
    "pub": {"then_when": "", "then_press": "", "then_about": "pub_about"},
    "cert": {"then_when": "", "then_issuer": ""},
}  # fmt: skip
# Kinds of fact a line may hold -> how a follow-up asks for it.
_THEN = {
    "tool": "then_tool", "cost": "then_cost", "dur": "then_dur", "mate": "then_mate", "client": "then_client",
    "place": "then_place", "year": "then_year", "effect": "then_effect", "audience": "then_audience",
}  # fmt: skip
QUESTIONS = (1, 2, 4, 6, 8, 8, 10, 10)
"""How many questions a conversation asks: which passage to cite is learned from one token an answer, and the
passages are most of a conversation's tokens: ten questions about them give more such tokens in as many than three."""


class Talk(Shown):
    """One conversation in the making."""

    def single(self) -> Exchange | None:
        """A question that one shown passage answers, and no other does."""
        at = self.rng.randrange(len(self.shown))
        line = self.lines[at]
        if self.rng.random() < 0.14:
            return self.worded(at)
        if line is None or not line.asks:
            return None
        if line.kinds[:1] in (("hobbies",), ("skill",)) and self.rng.random() < 0.5:
            return self.by_kind(at, known=True)
        one = self.rng.choice(line.asks)
        if one.family in LISTED:
            return self.listed(one.family)
        if one.family in _DATED and not self.all_jobs():
            return None
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

    def all_jobs(self) -> bool:
        """Whether each job's own line is shown, without which first, last and before are not known."""
        own = sum(p.section == "Work" and p.id.count("-") == 1 for p in self.shown)
        return own == len(self.owner.resume.get("work", ())) and not self.holders("|before joining|previously")

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
        family = family or rng.choice((*LISTED, "jobs", "did_at", "did_at"))
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
            marker = SECTIONS[family]
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
        if line.kinds[:1] and line.kinds[0] in _ENTRY_THEN and p.id.count("-") == 1:
            return self._then_of_entry(at, line)
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

    def _then_of_entry(self, at: int, line: Line) -> Exchange | None:
        """A follow-up on an entry's own line: what else it tells, or does not tell."""
        p, rng, kind = self.shown[at], self.rng, line.kinds[0]
        unknown = f"then_{kind}_miss"
        if unknown in NEAR and p.section != "Volunteering" and rng.random() < 0.3:
            question = missed(self, at, Ask(unknown, {}, p.organisation.lower()), follows=True)
            return Exchange("follow-up", question, [], []) if question else None
        asked = {one.family for one in line.asks}
        more = [family for family, needed in _ENTRY_THEN[kind].items() if needed in asked or not needed]
        return Exchange("follow-up", self.phrase(rng.choice(more), {}, True), [at], [p.text], line)

    def injected(self) -> Exchange | None:
        """An order, alone or around a genuine question, or a false claim. The genuine question is answered."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.3:
            return Exchange("injection", instruction(self), [], [])
        if roll < 0.45:
            template = rng.choice(ask.FALSE[self.held_out])
            claim = template.format_map({**self.forms, "w": coined(rng), "y": str(rng.randrange(1800, 2025))})
            return Exchange("injection", self.styled(claim), [], [])
        real = self.single()
        if real is None:
            return None
        question = self.styled(real.question)
        real.question = f"{instruction(self)} {question}" if rng.random() < 0.55 else f"{question} {instruction(self)}"
        real.kind = "injection+"
        return real

    def exchange(self, first: bool) -> Exchange | None:
        roll = self.rng.random()
        if roll < 0.07:
            return self.injected()
        if roll < 0.23:
            found = absent(self)
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
            shown[n] = replace(shown[n], text=f"{shown[n].text} {instruction(self)}")
        turns = [Turn("system", render_passages(shown))]
        for one in exchanges:
            cited = sorted(zip((number[at] for at in one.at), one.texts, strict=True))
            answer = " ".join(f"[{n}] {text}" for n, text in cited) or rng.choice(REFUSALS)
            turns += [Turn("user", one.question), Turn("assistant", answer)]
        return turns, exchanges
