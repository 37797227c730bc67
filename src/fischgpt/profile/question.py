"""A visitor's question -> what is searched for."""

import re
from collections.abc import Sequence

from fischgpt.chat import Turn
from fischgpt.profile.bm25 import STOP_WORDS, fold, terms
from fischgpt.profile.text import clean, sentences

# Markers of chat formats. A visitor may type them; they are text to us and mean nothing to the search.
_ROLE_TOKENS = re.compile(r"<\|[^|>]{0,40}\|>|\[/?INST\]|</?s>|<</?SYS>>", re.IGNORECASE)
_POINTING = frozenset("it its that this there then those these they them one ones".split())  # noqa: SIM905
_VERBS = frozenset("is are was were do does did has have had can could will would".split())  # noqa: SIM905
_ASKING_BACK = re.compile(
    r"^(in|at|for|by|with|from|of|on|to|about|since|until|after|before|during) (which|what|whom|who|how)\b",
    re.IGNORECASE,
)
_OWNER = r"(?:you|him|her|them|yourself|himself|herself|themselves|the owner|this person)"
_WHOSE = r"(?:your|his|her|their|the)"
_WHO = re.compile(
    r"(?:(?:hi|hello|hey|ok|okay|great|thanks|so|and|please|can you|could you|would you|briefly|i would like to know"
    r"(?: more)?(?= about)) )*(?:"
    r"who(?:['’]s| is| was| are| were)(?: (?:he|she|they|the owner|this person|that))?"
    rf"|(?:tell|give) (?:me|us) (?:a bit |a little |bit |something |more |an overview )*(?:about|of)(?: {_OWNER})?"
    rf"|about {_OWNER}"
    rf"|(?:introduce|describe|sell|present)(?: {_OWNER})?(?: in (?:a|one|two|three|a few) (?:words?|sentences?))?"
    r"|what (?:should|can|must) (?:i|we|one) know about(?: (?:you|him|her|them))?"
    r"|why (?:should|would) (?:i|we|one|anyone|anybody|someone|somebody|our company) (?:hire|employ|choose|pick)"
    rf"(?: {_OWNER})?(?: for (?:this|the|a|our) (?:position|role|job))?"
    rf"|why (?:are|is|were) (?:(?:you|he|she|they) )?(?:a|the) (?:good|great|right|best|strong)"
    r" (?:hire|candidate|choice|fit|person)(?: for (?:this|the|a|our|us)(?: (?:position|role|job|team|company))?)?"
    r"|what (?:can|could|would|do|does) (?:(?:you|he|she|they) )?(?:bring|offer)(?: to)?"
    r"(?: (?:me|us|the table|(?:a|our|my|the) (?:company|team|business)))?"
    rf"|what makes (?:{_OWNER} )?(?:a|the) (?:good|great|right|best|strong)(?: (?:hire|candidate|choice|fit))?"
    rf"|(?:what(?:['’]?s| is|about) )?(?:{_WHOSE} )?(?:background|profile|elevator pitch)"
    rf"|(?:what(?:['’]?s| is) |tell (?:me|us) )?(?:your|his|her|their) story"
    rf"|(?:(?:give|tell) (?:me|us) |do you have )?(?:an? |{_WHOSE} )?(?:short |brief |quick |general )?"
    rf"(?:bio(?:graphy)?|overview|summary|introduction|elevator pitch|pitch)(?: (?:of|about)(?: {_OWNER})?)?"
    r")(?: please| in short| briefly| exactly)*",
    re.IGNORECASE,
)
_YOU = frozenset("you your yours yourself".split())  # noqa: SIM905
_THEY = frozenset("he him his himself she her hers herself they them their theirs themselves".split())  # noqa: SIM905
_ANOTHER = re.compile(
    r"\b(?:who|whom|whose|husband|wife|spouse|partner|father|mother|parents?|brothers?|sisters?|siblings?|sons?|daughters?"
    r"|child|children|kids?|uncle|aunt|grand(?:father|mother|son|daughter)|cousin|niece|nephew|friends?|boss|mentor"
    r"|teachers?|tutor|supervisor|professor|colleagues?|assistants?|students?|pupils?|rival|successor|predecessor)\b"
)
"""Somebody else, of whom a later "he" may be said."""
_OPENING = re.compile(r"^(?:(?:and|but|so|or)\b(?! (?:what|how) about\b)|since when\b|until when\b)", re.IGNORECASE)
"""Not "What about her shoe size?": it names what it is about, and would borrow the score of the question before."""


def strip(question: str, name: str) -> str:
    """The question without role tokens and without the owner's name, which every passage is about.

    Leaving the name out lifts hit@1 from .714 to .881 on questions about six resumes; "you" stays as it is, since
    putting the name in its place lowers it to .524. Where no word is left to search for ("Where is Marie from?"), the
    name becomes a pronoun, which the readers understand.
    """
    text = clean(_ROLE_TOKENS.sub(" ", question))
    parts = sorted({fold(part) for part in [name, *name.split()] if len(part) > 1}, key=len, reverse=True)
    named = rf"(?<!\w)(?:{'|'.join(map(_accent_free, parts))})(?:['’]s?)?(?!\w)"
    kept = " ".join(re.sub(named, " ", text, flags=re.IGNORECASE).split())
    if terms(kept) or not terms(text):
        return kept
    return re.sub(rf"{named}(?:\s+{named})*", "she", text, flags=re.IGNORECASE)


def _accent_free(part: str) -> str:
    return "".join(_VARIANTS.get(char, re.escape(char)) for char in part)


_VARIANTS = {
    "a": "[aàáâãäåą]", "c": "[cçćč]", "e": "[eèéêëęě]", "i": "[iìíîï]", "l": "[lł]", "n": "[nñńň]",
    "o": "[oòóôõöøő]", "s": "[sśšş]", "u": "[uùúûüůű]", "y": "[yýÿ]", "z": "[zźżž]",
}  # fmt: skip


def asks_who(question: str, name: str) -> bool:
    """Whether it asks for the owner as such ("Who is she?", "Tell me about Marie"): no word is left to search for."""
    words = " ".join(re.sub(r"[^\w'’ ]+", " ", _nameless(question, name)).split())
    return _WHO.fullmatch(words) is not None


def _nameless(question: str, name: str) -> str:
    parts = "|".join(re.escape(fold(part)) for part in sorted([name, *name.split()], key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{parts})(?!\w)", " ", fold(clean(question)))


def of_owner(question: str, history: Sequence[Turn], name: str) -> bool:
    """Whether what is asked in set words is asked about the owner, whatever was said before. "Where did he work?" is
    not when her husband was asked about, nor is "a short summary" after a question about her thesis."""
    before = [turn.text for turn in history if turn.role == "user"]
    words = set(re.findall(r"\w+", fold(question)))
    if not before or words & _YOU or _nameless(question, name) != fold(clean(question)):
        return True
    return bool(words & _THEY) and not any(_ANOTHER.search(fold(one)) and not asks_who(one, name) for one in before)


def follows_up(question: str) -> bool:
    """Whether the question cannot be understood alone: "And the other?", "How long did it take?", "In which city?".

    "And what is his salary?" is whole, whatever was asked before, and must not borrow that question's score.
    """
    words = re.findall(r"\w+", fold(question))
    content = terms(question)
    back = _ASKING_BACK.match(question)
    if not content or (back and len(terms(question[back.end() :])) == 1):
        return True
    if _OPENING.match(question) and _VERBS.isdisjoint(words):
        return True
    return len([word for word in words if word not in STOP_WORDS]) <= 2 and not _POINTING.isdisjoint(words)


def asking(message: str) -> tuple[str, str]:
    """What asks in a message that says something else as well ("Hi! We build robots. Has he led a team?"), and the
    rest. The whole of it asks where no sentence ends in a question mark."""
    said = sentences(message)
    asks = [sentence.rstrip('"”’)').endswith("?") for sentence in said]
    if not any(asks):
        return message, ""
    asked, rest = (
        " ".join(one for one, does in zip(said, asks, strict=True) if does is kind) for kind in (True, False)
    )
    return asked, rest


def resolve(question: str, history: Sequence[Turn], name: str) -> tuple[str, str, str]:
    """What to search for; what it goes on from, the question before or the rest of the message; and all of it together,
    which is to be read as well. "" for what there is not."""
    said = strip(question, name)
    asked, rest = asking(said)
    whole = said if rest else ""
    if not follows_up(asked):
        return asked, "", whole
    before = [strip(turn.text, name) for turn in history if turn.role == "user"]
    if not before:
        return asked, rest, whole
    earlier = before[-1]
    if len(before) > 1 and follows_up(earlier):  # "Which prizes?", "When?", "And what for?"
        earlier = f"{before[-2]} {earlier}"
    return asked, earlier, f"{earlier} {said}"
