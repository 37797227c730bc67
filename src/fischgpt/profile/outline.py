"""A document as an outline: its lines, each with what it looks like. Markdown, DOCX and PDF all become this."""

import re
from dataclasses import dataclass
from typing import Literal

from fischgpt.profile.bm25 import fold

Kind = Literal["heading", "entry", "bullet", "text"]


@dataclass(frozen=True)
class Line:
    """One line. `entry`: looks like the head of an entry (bold, a sub-heading); `parts`: its pieces set far apart."""

    kind: Kind
    text: str
    parts: tuple[str, ...] = ()


_SECTION_NAMES = {
    "summary": "about|about me|profile|summary|professional summary|personal statement|objective|introduction|bio",
    "work": "work|experience|work experience|professional experience|employment|employment history|work history"
    "|career|career history|positions|relevant experience|berufserfahrung",
    "volunteer": "volunteer|volunteering|volunteer experience|volunteer work|community|social engagement|ehrenamt",
    "education": "education|studies|academic background|academic history|education and training|qualifications"
    "|ausbildung|bildung",
    "projects": "projects|personal projects|selected projects|side projects|open source|portfolio|projekte",
    "skills": "skills|technical skills|core skills|key skills|competencies|core competencies|technologies|tools"
    "|expertise|skills and tools|kenntnisse",
    "publications": "publications|papers|selected publications|books|articles|writing|publikationen",
    "awards": "awards|honors|honours|prizes|awards and honors|awards and honours|honors and awards|achievements"
    "|accomplishments|distinctions|auszeichnungen",
    "certificates": "certificates|certifications|certification|licenses|licenses and certifications|courses"
    "|training|zertifikate",
    "languages": "languages|language skills|sprachen",
    "interests": "interests|hobbies|hobbies and interests|interests and hobbies|personal interests|activities",
    "references": "references|recommendations|testimonials",
    "contact": "contact|contact details|contact information|personal details|details|links|kontakt",
}
_SECTIONS = {name: section for section, names in _SECTION_NAMES.items() for name in names.split("|")}
_LAST_WORDS = frozenset(
    {"experience", "employment", "education", "skills", "projects", "publications", "certifications"}
)
"""Headings that end so are of that section: "Research Experience", "Selected Projects"."""
_GLYPHS = "•◦▪▫▸▹►▻‣⁃∙●○■□◆◇➢➤❖✓✔★\uf0b7\uf0a7\uf0d8\uf076\uf0fc\x7f"
BULLET = re.compile(rf"^\s*(?:[{_GLYPHS}]|[*·–—-](?=\s)|o(?=\s+[A-Z]))\s*")
"""The mark that opens a bullet, whichever of the usual glyphs a program writes."""
BULLET_ALONE = re.compile(rf"^\s*[{_GLYPHS}*·–—-]\s*$")


def section_of(title: str) -> str | None:
    """The JSON Resume section that a heading opens, if it is a usual one."""
    if not title[:1].isupper() or title.rstrip()[-1:] in tuple(".,;"):
        return None  # the end of a sentence that was wrapped
    words = " ".join(re.sub(r"[^a-z ]+", " ", fold(title.replace("&", " and "))).split())
    if words in _SECTIONS:
        return _SECTIONS[words]
    parts = words.split(" and ")
    if all(part in _SECTIONS for part in parts):  # "Honours & Awards", "Skills and Interests"
        return _SECTIONS[parts[0]]
    last = words.rpartition(" ")[2]
    return _SECTIONS[last] if last in _LAST_WORDS and words.count(" ") < 3 and title.count(",") == 0 else None
