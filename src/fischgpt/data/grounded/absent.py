"""Questions that nothing shown answers: private, near misses, about what was left out, about what never was."""

from __future__ import annotations

from fischgpt.data.grounded import questions as ask
from fischgpt.data.grounded.bench import PARTICIPLES, Ask, an
from fischgpt.data.grounded.questions import NEAR
from fischgpt.data.grounded.shown import LISTED, SECTIONS, STOP, Exchange, Shown
from fischgpt.data.grounded.trades import VERBS
from fischgpt.data.grounded.words import coined

# What a private question is about, and what would tell it after all.
_TOLD = (
    ("old", "|born"), ("birth", "|born"), ("marri", "|married the"), ("wife", "|married the"),
    ("husband", "|married the"), ("divorced", "|married the"), ("child", "|children,"), ("parents", "|child of"),
    ("dog", "|dog"), ("pet", "|dog"), ("salary", "|without pay"), ("earn", "|without pay"),
    ("address", "|lives in|e-mail"), ("house", "|lives in|farm"), ("nickname", "|was called"),
    ("friend", "|shared an office"), ("breakfast", "|wakes"), ("afraid", "|storm"),
)  # fmt: skip
_OF_ENTRIES = 0.5
"""Share of tries at a near miss that are about an entry's own line; the others are about bullets."""


def absent(talk: Shown) -> Exchange | None:
    """A question that nothing shown answers: private, near (the thing is there, the fact is not), or left out."""
    rng, owner = talk.rng, talk.owner
    roll = rng.random()
    if roll < 0.15:
        private = ask.PRIVATE[talk.held_out]
        template = rng.choice(private)
        if any(word in template and talk.holders(told) for word, told in _TOLD):
            return None
        fills = {
            "city": owner.lists.place(rng),
            "t": coined(rng),
            "org2": coined(rng),
            "m2": owner.bench.name(),
            "h2": rng.choice(owner.lists.hobbies),
        }
        if talk.holders("|" + "|".join(v.lower() for v in fills.values())):
            return None
        return Exchange("private", template.format_map({**talk.forms, **fills}), [], [])
    if roll < 0.66:
        return _near(talk)
    if roll < 0.84 and talk.hidden:
        left_out = rng.choice(talk.hidden)
        if rng.random() < 0.25:
            words = talk.words(left_out.text)
            if words is None or talk.holders("|" + "|".join(w for w in words.lower().split() if w not in STOP)):
                return None
            return Exchange("absent", talk.phrase("worded", {"k": words}), [], [])
        line = talk.line_of(left_out)
        if line is None or not line.asks:
            return None
        one = rng.choice(line.asks)
        if not one.anchor or one.family in (*LISTED, "who") or talk.holders(one.anchor):
            return None
        if one.family in SECTIONS and talk.holders("|" + SECTIONS[one.family]):
            return None
        return Exchange("absent", talk.phrase(one.family, one.fills), [], [])
    if roll < 0.93:
        family = rng.choice(tuple(SECTIONS))
        if any(low.startswith(SECTIONS[family]) for low in talk.lows) or (
            family == "thesis" and talk.holders("thesis")
        ):
            return None
        if family in ("jobs", "job_now", "edu") and talk.holders("|work,|volunteering,|about:|education,|projects,"):
            return None
        fills = {
            "f": rng.choice(owner.trade.fields),
            "m": owner.bench.name(),
            "course": "history",
            "org": coined(rng),
        }
        if family == "years" and talk.holders(fills["f"].lower()):
            return None
        return Exchange("section", talk.phrase(family, fills), [], [])
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
        return None if talk.holders(last) else Exchange("unknown", talk.phrase(family, fills), [], [])
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
    org = (rng.choice(owner.trade.orgs) if family in ("job_when", "job_role", "did_at") else "University of {}").format(
        owner.lists.proper(rng)
    )
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
    return None if talk.holders(word) else Exchange("unknown", talk.phrase(family, fills), [], [])


def _near(talk: Shown) -> Exchange | None:
    """The thing is there, the fact that is asked for is not."""
    rng = talk.rng
    entries = [i for i, line in enumerate(talk.lines) if line and any(m.family in NEAR for m in line.misses)]
    others = [i for i, line in enumerate(talk.lines) if line and line.misses and i not in entries]
    of_entry = rng.random() < _OF_ENTRIES
    if not (entries if of_entry else others):
        return None
    at = rng.choice(entries if of_entry else others)
    line = talk.lines[at]
    if line is None:
        return None
    if line.kinds[:1] in (("hobbies",), ("skill",)) and rng.random() < 0.35:
        return talk.by_kind(at, known=False)
    miss = rng.choice(line.misses)
    if miss.family in NEAR:
        question = missed(talk, at, miss)
        return Exchange("near", question, [], []) if question else None
    holders = talk.holders(miss.anchor)
    if miss.family.startswith("="):  # it names what this line, and no other, speaks of
        return Exchange("near", talk.phrase(miss.family, miss.fills), [], []) if holders == [at] else None
    if holders not in ([at], []) and not all(
        (talk.shown[i].organisation == talk.shown[at].organisation and i == at) or talk.lines[i] is None
        for i in holders
    ):
        return None
    if miss.anchor.startswith("|") and holders:
        return None
    return Exchange("near", talk.phrase(miss.family, miss.fills), [], [])


def missed(talk: Shown, at: int, miss: Ask, follows: bool = False) -> str | None:
    """A question of a near-miss family about the entry `at`, unless a passage holds a word that might answer it.

    A question that names the entry is answered by the entry's passages, by those that name it, and by those about the
    owner; one that names nothing may be answered anywhere.
    """
    row = talk.rng.choice(NEAR[miss.family])
    template = talk.rng.choice(row.held if talk.held_out and row.held else row.train)
    mine = talk.shown[at]
    named = follows or any("{" + slot + "}" in template for slot in miss.fills)
    for low, passage in zip(talk.lows, talk.shown, strict=True):
        near = passage.entry == mine.entry or passage.section == "About" or (bool(miss.anchor) and miss.anchor in low)
        if (near or not named) and any(word in low for word in row.told):
            return None
    return template.format_map({**talk.forms, **miss.fills})
