"""What one conversation shows of a made-up owner, and how its passages are searched and asked about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from fischgpt.data.grounded import questions as ask
from fischgpt.data.grounded.bench import Line
from fischgpt.data.grounded.owners import Owner
from fischgpt.data.grounded.words import HOBBY_KINDS, TOOL_KINDS, TOOLS_OF_A_KIND
from fischgpt.profile.passages import Passage, passages_from_resume

LISTED = ("edu", "awards", "pubs", "skills", "certs", "projects", "jobs")
# Questions about a whole section, and what marks that section among the passages.
SECTIONS = {
    "edu": "education,", "awards": "awards,", "pubs": "publications,", "certs": "certificates,",
    "langs": "languages:", "hobbies": "interests:", "skills": "skills,", "projects": "projects,",
    "vol_role": "volunteering,", "email": "contact:", "site": "contact:", "thesis": "thesis", "born": "about:",
    "years": "about:", "ref": "references,", "jobs": "work,", "job_now": "work,",
}  # fmt: skip
STOP = frozenset(
    ("with", "from", "that", "this", "their", "have", "been", "were", "into", "over", "only", "than", "some")
)
SIZES, FIRST_SIZES, FIRST = (3, 4, 5, 6, 7, 8, 8, 8, 8), (2, 2, 3, 3, 4), 4000
"""How many passages are shown. Serving shows 8; the first conversations show few, as copying forms sooner so."""


@dataclass(slots=True)
class Exchange:
    """A question and its answer, before passages have numbers. `at`: indices of the cited passages."""

    kind: str
    question: str
    at: list[int]
    texts: list[str]
    line: Line | None = None


class Shown:
    """The passages shown, those left out, and what was asked last."""

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

    def words(self, text: str) -> str | None:
        """One to four words in a row of a passage's text, with content at both ends: `marine chronometer`."""
        words = text.rstrip(".").split()
        if len(words) < 3 or ". " in text:
            return None
        n = self.rng.choice((1, 1, 2, 2, 3, 4))
        start = self.rng.randrange(max(1, len(words) - n))
        part = words[start : start + n]
        if any(len(word.strip(",;:()“”")) < 4 or word.lower() in STOP for word in (part[0], part[-1])):
            return None
        found = " ".join(part).strip(",;:()“”.")
        if "," in found or found.startswith(("Made with", "Role", "Grade", "Courses", "E-mail")):
            return None
        return found if "“" not in found and "(" not in found and ")" not in found else None

    def by_kind(self, at: int, known: bool) -> Exchange | None:
        """A question about a kind of hobby or skill ("any sports?") that the list `at` answers, or nothing does."""
        line, passage = self.lines[at], self.shown[at]
        if line is None or line.kinds[:1] not in (("hobbies",), ("skill",)):
            return None
        hobbies = line.kinds[0] == "hobbies"
        listed = re.sub(r" \(.*?\)", "", passage.text.lower().rstrip(".")).split("; " if hobbies else ", ")
        kinds = [k for k in (HOBBY_KINDS if hobbies else TOOL_KINDS) if known == any(w in k.yes for w in listed)]
        if not kinds:
            return None
        kind = self.rng.choice(kinds)
        coined = not hobbies and any(word not in TOOLS_OF_A_KIND for word in listed)
        if not known and (coined or "*" in kind.maybe or any(word in kind.maybe for word in listed)):
            return None
        elsewhere = [low for i, low in enumerate(self.lows) if i != at or not known]
        if any(kind.told.search(low) for low in elsewhere):
            return None
        question = self.phrase(f"kind_{kind.name}", {})
        return Exchange("single" if known else "near", question, [at] if known else [], [passage.text] if known else [])
