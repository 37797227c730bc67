"""A passage as it is embedded and searched for words."""

import re

from fischgpt.profile.passages import Passage

# How visitors speak of a section. Part of what is searched for an entry's first line, never of what is shown or read.
SYNONYMS = {
    "About": "about, who is, biography, summary, character",
    "Work": "works at, worked for, job, employer, company, career",
    "Volunteering": "volunteered, unpaid work, charity, helps others",
    "Education": "studied at, university, school, college, degree, graduated",
    "Projects": "projects, built, made",
    "Skills": "skills, can use, knows, good at, tools, software",
    "Publications": "published, wrote, book, paper, article",
    "Awards": "won, awards, prizes, honours, medals",
    "Certificates": "certified, certificate, qualified, trained in",
    "References": "recommendation, what others say about",
    "Languages": "speaks languages, native language",
    "Interests": "hobbies, interests, free time, for fun, likes to do",
    "Contact": "contact, reach, e-mail, phone, address, lives",
}
_DEGREES = {
    r"m\.?sc|m\.?a|m\.?eng|mba": "master's degree",
    r"b\.?sc|b\.?a|b\.?eng": "bachelor's degree",
    r"ph\.?d|d\.?phil": "doctorate",
    r"pgce": "teaching certificate",
}


def indexed_text(passage: Passage) -> str:
    """What is embedded and searched for words: the passage in its context; the first line of an entry, which speaks
    for all of it, also with its section's other names and its degree spelled out."""
    if passage.id != passage.entry:
        return passage.render()
    names = [SYNONYMS[passage.section]] if passage.section in SYNONYMS else []
    if passage.section == "Education":
        names += [word for form, word in _DEGREES.items() if re.search(rf"\b(?:{form})\b", passage.title.lower())]
    return f"{passage.render()} ({', '.join(names)})" if names else passage.render()
