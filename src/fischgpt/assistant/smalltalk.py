"""A closed set of fixed replies about this site, for messages that ask nothing about the owner.

They are labelled `smalltalk` and never pretend to be the model: a small model that answers from passages has nothing
to say to "hello". A message must be small talk from its first to its last word.
"""

import re
from collections.abc import Sequence

_HELLO = r"(?:(?:hi|hello|hey)(?: there)?|good (?:morning|afternoon|evening|day)|greetings|hallo|moin|servus)"
_THANKS = r"(?:thanks|thank you|thx|many thanks|thanks a lot|thank you (?:very|so) much|cheers|danke)"
_BYE = r"(?:bye|goodbye|bye bye|see you|see you later|ciao|tschüss)"
_NICE = r"(?:great|cool|nice|ok|okay|awesome|perfect|good|interesting|wow)"

_PATTERNS = (
    ("hello", rf"{_HELLO}(?: (?:fischgpt|fisch gpt|bot|everyone|all))?"),
    ("hello", r"(?:how are you|how do you do|what'?s up)(?: (?:today|doing))?"),
    ("thanks", rf"(?:{_NICE} )?{_THANKS}(?: (?:for (?:your|the) (?:help|answer|answers)|fischgpt))?|{_NICE}"),
    ("bye", rf"(?:{_THANKS} (?:and )?)?{_BYE}"),
    ("who", r"(?:who|what) (?:are you|is this)(?: (?:exactly|really))?|what(?:'s| is) your name|introduce yourself"),
    ("who", r"what is (?:fischgpt|this (?:site|page|website|thing|bot))|(?:how does this|how do you) work"),
    (
        "who",
        r"are you (?:a |an )?(?:bot|robot|human|person|ai|real|real person|machine|chatgpt|gpt|language model|model)",
    ),
    (
        "help",
        r"(?:what can (?:you do|i ask(?: you)?|you (?:tell|answer)(?: me)?))|help(?: me)?|what (?:should|could) i ask",
    ),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _PATTERNS)


def small_talk(message: str, name: str, starters: Sequence[str] = ()) -> str | None:
    """The reply to a message that is nothing but small talk, else None."""
    plain = re.sub(r"[^\w' ]+", " ", message.casefold().replace("’", "'"))
    plain = " ".join(plain.split())
    first, _, rest = plain.partition(" ")
    if rest and re.fullmatch(_HELLO, first):  # "hi, who are you?"
        plain = plain if any(pattern.fullmatch(plain) for _, pattern in _COMPILED) else rest
    kind = next((kind for kind, pattern in _COMPILED if pattern.fullmatch(plain)), None)
    if kind is None:
        return None
    example = f" For example: {starters[0]}" if starters else ""
    return {
        "hello": f"Hello! Ask me something about {name}.{example}",
        "thanks": f"You are welcome. Is there anything else you would like to know about {name}?",
        "bye": "Goodbye, and thank you for the visit.",
        "who": (
            f"This is FischGPT: a small language model, trained from scratch, that answers questions about {name} "
            f"from {name}'s profile and shows the passages it used. This reply is a fixed text; those answers are not."
        ),
        "help": f"You can ask about {name}: work, education, projects, skills and all the profile holds.{example}",
    }[kind]
