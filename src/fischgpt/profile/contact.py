"""Contact details and other private facts in a resume's lines, told apart: no passage holds them by accident."""

import re
from collections.abc import Sequence
from typing import Any

from fischgpt.profile.dates import find_period
from fischgpt.profile.outline import EDGES, Line, trimmed
from fischgpt.profile.text import clean
from fischgpt.profile.vocabulary import is_organisation, is_role

EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
PHONE = re.compile(r"(?<![\w.])\(?\+?\(?\d[\d\s()/.-]{6,}\d(?!\w)")
_URL = re.compile(
    r"(?:https?://|www\.)[^\s|,;)]+|\b(?:github\.com|gitlab\.com|linkedin\.com|orcid\.org|x\.com|twitter\.com)/[^\s|,;)]+"
    r"|\b[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|dev|me|de|fr|co\.uk|ch|at|eu|ai|app)(?:/[^\s|,;)]*)?(?![\w@])",
    re.IGNORECASE,
)
_SITES = {"github": "GitHub", "gitlab": "GitLab", "linkedin": "LinkedIn", "orcid": "ORCID", "twitter": "Twitter"}
_LABEL = re.compile(
    r"^\W*(?:e-?mail|phone|cell|fax|tel|telephone|telefon|tél|téléphone|mobile?|mobil|handy|portable|courriel|web(?:site)?"
    r"|homepage|portfolio|address|adresse|anschrift|wohnort|location|linkedin|github|orcid|twitter)\b\.?\s*:?\s*"
    r"|\b(?:e-?mail|phone|tel|telephone|mobile|web(?:site)?|address|linkedin|github)\b\.?:?",
    re.IGNORECASE,
)
_NAME_LABEL = re.compile(
    r"^(?:name|full name|vor- und (?:nach|zu)name|nom|nombre)\W+(?P<name>[^\W\d].+)$", re.IGNORECASE
)
_ADDRESS = re.compile(
    r"\b\d{1,5}[a-z]?,?\s+(?:[\w.'’-]+\s+){0,4}(?:street|st\.?|road|rd\.?|lane|ln|avenue|ave\.?|drive|way|court|square"
    r"|boulevard|blvd\.?|terrace|close|crescent|place)(?=\W|$)"
    r"|\b\d{1,4}(?:\s?(?:bis|ter))?,?\s+(?:rue|avenue|boulevard|place|allée|chemin|quai|impasse|cours)\s"
    r"|\b[\w-]+(?:straße|strasse|str\.|weg|platz|allee|gasse|ring|damm|ufer)\s+\d{1,4}\s?[a-z]?\b"
    r"|\b(?:[A-Z]{1,2}-)?\d{5}\s+[A-ZÄÖÜÉ]\w+|\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b|, (?-i:[A-Z]{2}) \d{5}(?:-\d{4})?\b",
    re.IGNORECASE,
)
_PERSONAL = re.compile(
    r"^\W*(?:(?:date|place|year) of birth|birth ?(?:date|day|place)|dob\b|born\b|nationality|citizenship|marital status"
    r"|gender\b|age\b\s*:|geburts\w+|geboren|familienstand|staatsangehörigkeit|nationalität|konfession|nationalité"
    r"|née?\s+(?:le|en)\b|date de naissance|état civil|situation familiale|fecha de nacimiento|nacionalidad)",
    re.IGNORECASE,
)
_PLACE = re.compile(r"[A-ZÀ-Þ][\w.'’ -]+(?:, ?[A-ZÀ-Þ][\w.'’ -]+){1,2}")


def read_contact(basics: dict[str, Any], lines: Sequence[Line]) -> list[Line]:
    """Take contact details out of lines; the lines without any are given back."""
    rest = []
    for line in lines:
        text = " ".join(line.parts) if len(line.parts) > 1 else line.text
        if (named := _NAME_LABEL.match(text)) and "name" not in basics:
            basics["name"] = clean(named["name"])
            continue
        left = text
        if found := EMAIL.search(text):
            basics.setdefault("email", found[0])
            left = left.replace(found[0], " ")
        for url in _URL.findall(left):
            site = next((name for key, name in _SITES.items() if key in url.lower()), "")
            if site:
                basics.setdefault("profiles", []).append({"network": site, "url": url})
            else:
                basics.setdefault("url", url)
            left = left.replace(url, " ")
        if (found := find_phone(left)) and not is_personal(text):
            basics.setdefault("phone", found)
            left = left.replace(found, " ")
        is_contact = left != text
        bare = _LABEL.sub("  ", left)
        if not is_contact and bare == left and not is_address(left):
            rest.append(line)
            continue
        places = [trimmed(part).strip(".") for part in re.split(r"\s+[|•·∙⋄◦–—]\s+|[|•·∙⋄\t]|\s{2,}", bare)]
        for place in places:
            if re.search(r"[^\W\d_]{3}", place) and len(place) < 80 and not is_personal(place):
                shown = clean(re.sub(r"^[^\w(]+\s*|\(\s*(?:LinkedIn|GitHub|Work|Home|Mobile)?\s*\)", "", place))
                if shown and is_role(shown):
                    basics.setdefault("label", shown)
                elif shown and is_address(shown) and "address" in basics.get("location", {}):
                    basics["location"]["address"] += f", {shown}"  # the street on one line, the town on the next
                elif shown:
                    basics.setdefault("location", {"address" if re.search(r"\d", shown) else "city": shown})
    return rest


def find_phone(text: str) -> str:
    """The first phone number of a text, or nothing. Dates are none, though they are digits with dots and dashes too."""
    for found in PHONE.finditer(text):
        number = found[0].strip()
        period = find_period(number)
        digits = len(re.sub(r"\D", "", number))
        if 7 <= digits <= 16 and not re.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-]\d{4}", number) and not (
            period and not (period.before + period.after).strip(EDGES)
        ):  # fmt: skip
            return number
    return ""


def is_address(text: str) -> bool:
    """Whether a text holds a street and number, or a postal code with its town."""
    return bool(_ADDRESS.search(text))


def is_personal(text: str) -> bool:
    """Whether a line tells what no visitor is to know: birth, nationality, marital status."""
    return bool(_PERSONAL.match(text))


def is_place(text: str) -> bool:
    """Whether a line reads `Town, Country`, by its form."""
    return len(text) < 45 and bool(_PLACE.fullmatch(text)) and not is_role(text) and not is_organisation(text)
