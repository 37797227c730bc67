"""What an owner may want to mend in what was read: lines left out, facts missing, private data in sight."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from fischgpt.profile.bm25 import fold
from fischgpt.profile.contact import EMAIL, find_phone, is_address, is_personal
from fischgpt.profile.outline import Line, names_columns
from fischgpt.profile.passages import Passage
from fischgpt.profile.sections import is_title, section_of
from fischgpt.profile.text import clean

_WORD = re.compile(r"[^\W_]+")
_NEEDED = {
    "work": (("name", "company"), "employer"),
    "volunteer": (("organization",), "organisation"),
    "education": (("institution",), "school"),
}


def left_out(lines: Sequence[Line], resume: dict[str, Any]) -> list[str]:
    """The lines of a document that its JSON Resume does not hold, most of their words at least."""
    known = set(_words(json.dumps(resume, ensure_ascii=False)))
    found = []
    for line in lines:
        words = _words(line.text)
        if line.kind == "heading" or section_of(line.text) or is_title(line.text) or names_columns(line.text):
            continue
        if words and sum(word in known or word.isdigit() for word in words) < 0.5 * len(words):
            found.append(clean(line.text, 120))
    return found


def unread(lines: Sequence[Line], resume: dict[str, Any]) -> list[str]:
    """Warnings about lines left out: each that may be a fact, and in one the private ones, left out on purpose."""
    missing = left_out(lines, resume)
    private = [text for text in missing if is_personal(text) or is_address(text) or find_phone(text)]
    warnings = [f"not understood, add it to resume.json: {text}" for text in missing if text not in private]
    if private:
        warnings.append(f"left out as private: {len(private)} line{'s' if len(private) > 1 else ''} (birth, address …)")
    return warnings


def doubts(resume: dict[str, Any], passages: Sequence[Passage]) -> list[str]:
    """Warnings about a JSON Resume and its passages: no dates, no employer or school, said twice, private data."""
    warnings = []
    for section, (keys, word) in _NEEDED.items():
        for number, entry in enumerate(resume.get(section) or (), 1):
            if not any(_filled(value) for value in entry.values()):
                continue
            what = entry.get("position") or entry.get("studyType") or entry.get("area") or ""
            name = next((entry[key] for key in keys if entry.get(key)), "")
            title = clean(" at ".join(filter(None, [what, name])) or "?", 60)
            if not name:
                warnings.append(f"{section}-{number} ({title}) has no {word}")
            if not (entry.get("startDate") or entry.get("endDate")):
                warnings.append(f"{section}-{number} ({title}) has no dates")
    for text, count in Counter(passage.text for passage in passages).items():
        if count > 1:
            warnings.append(f"said {count} times: {text}")
    for passage in passages:
        if passage.section != "Contact" and (what := _private(passage.text)):
            warnings.append(f"{passage.id} seems to tell {what}, visitors can read it: {clean(passage.text, 80)}")
    return warnings


def _private(text: str) -> str:
    if EMAIL.search(text):
        return "an e-mail address"
    if find_phone(text):
        return "a phone number"
    return "an address" if is_address(text) else "a birth date or the like" if is_personal(text) else ""


def _filled(value: object) -> bool:
    return any(map(_filled, value)) if isinstance(value, list) else bool(value)


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(fold(text)) if len(word) > 1]
