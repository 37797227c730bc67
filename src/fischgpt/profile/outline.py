"""Lines of a document, each with what it looks like -> JSON Resume.

Markdown, DOCX and PDF become the same outline (`Line`s), and this one reader turns it into sections, entries and
bullets. Nothing that was written is dropped: what fits no field becomes a bullet.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from fischgpt.profile.bm25 import fold
from fischgpt.profile.dates import Period, find_period
from fischgpt.profile.text import clean

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
_ROLE = re.compile(
    r"\b(engineer|developer|manager|director|head|lead|leader|chief|officer|c[etfo]o|president|analyst|scientist"
    r"|researcher|professor|lecturer|teacher|tutor|assistant|associate|intern|trainee|apprentice|consultant|designer"
    r"|architect|administrator|coordinator|specialist|technician|nurse|doctor|physician|surgeon|chef|cook|waiter"
    r"|waitress|baker|driver|clerk|accountant|lawyer|attorney|editor|writer|journalist|author|founder|co-founder"
    r"|partner|owner|member|volunteer|mentor|coach|trainer|programmer|student|fellow|governess|secretary|supervisor"
    r"|operator|mechanic|electrician|carpenter|agent|representative|salesperson|cashier|barista|librarian|curator"
    r"|translator|interpreter|artist|musician|photographer|pilot|captain|scout|helper|worker|executive|advisor"
    r"|advocate|strategist|planner|producer|instructor|postdoc)s?\b",
    re.IGNORECASE,
)
_SCHOOL = re.compile(
    r"(universi|college|school|institut|academ|polytechn|hochschule|gymnasium|lyc[eé]e|[eé]cole|facult"
    r"|conservator|\bETH\b|\bMIT\b|\bEPFL\b|\bUC[LB]?\b|seminary|kolleg)",
    re.IGNORECASE,
)
_DEGREE = re.compile(
    r"\b(b\.?\s?sc|m\.?\s?sc|b\.?a|m\.?a|b\.?eng|m\.?eng|mba|ph\.?\s?d|d\.?phil|bachelor|master|doctor(ate)?|diplom"
    r"|degree|abitur|a-levels?|licence|baccalaur|certificate|minor|major|apprenticeship)",
    re.IGNORECASE,
)
_STUDY = re.compile(
    r"^(?P<type>[^,]+?)\s+(?:in|of(?=\s+(?!science|arts|engineering|business|law)))\s+(?P<area>.+)$", re.I
)
_SEPARATOR = re.compile(r"\s*(?:\t|\s{3,}|\s[|•·∙]\s|\s[–—-]\s|,\s)\s*")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d[\d\s()/.-]{6,}\d(?!\w)")
_URL = re.compile(r"(?:https?://|www\.)[^\s|,;)]+|\b(?:github\.com|gitlab\.com|linkedin\.com)/[^\s|,;)]+", re.I)
_GLYPHS = "•◦▪▫▸▹►▻‣⁃∙●○■□◆◇➢➤❖✓✔★\uf0b7\uf0a7\uf0d8\uf076\uf0fc\x7f"
BULLET = re.compile(rf"^\s*(?:[{_GLYPHS}]|[*·–—-](?=\s)|o(?=\s+[A-Z]))\s*")
"""The mark that opens a bullet, whichever of the usual glyphs a program writes."""
BULLET_ALONE = re.compile(rf"^\s*[{_GLYPHS}*·–—-]\s*$")
_EDGES = " \t,;:|•·∙–—-()"


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


@dataclass
class _Draft:
    """An entry while it is read: its head lines, then its bullets."""

    heads: list[Line] = field(default_factory=list)
    bullets: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def to_resume(lines: Sequence[Line]) -> dict[str, Any]:
    """JSON Resume of an outline; empty when it has no line."""
    sections: list[tuple[str, str, list[Line]]] = [("", "", [])]
    for line in lines:
        if line.kind == "heading":
            sections.append((section_of(line.text) or "", clean(line.text), []))
        else:
            sections[-1][2].append(line)
    resume: dict[str, Any] = {"basics": {}}
    head = sections.pop(0)[2]
    if not head and sections and not sections[0][0]:  # the first heading of all is the owner's name
        head = [Line("text", sections[0][1]), *sections.pop(0)[2]]
    _read_basics(resume["basics"], head)
    for section, title, body in sections:
        if section == "summary":
            told = " ".join(line.text for line in body)
            resume["basics"]["summary"] = " ".join(filter(None, [resume["basics"].get("summary"), told]))
        elif section == "contact":
            _read_contact(resume["basics"], body)
        elif section in _READERS:
            resume.setdefault(section, []).extend(_READERS[section](body))
        elif body:  # a section of the owner's own: its name becomes a project's
            resume.setdefault("projects", []).append({"name": title, "highlights": [x.text for x in body]})
    return {key: value for key, value in resume.items() if value}


def _read_basics(basics: dict[str, Any], lines: Sequence[Line]) -> None:
    rest = list(lines)
    if rest:
        basics["name"] = rest.pop(0).text
    rest = _read_contact(basics, rest)
    if rest and len(rest[0].text) <= 80 and not rest[0].text.endswith("."):
        basics["label"] = rest.pop(0).text
    if rest:
        basics["summary"] = " ".join(line.text for line in rest)


def _read_contact(basics: dict[str, Any], lines: Sequence[Line]) -> list[Line]:
    """Take contact details out of lines; the lines without any are given back."""
    rest = []
    for line in lines:
        text = line.text
        left = text
        if found := _EMAIL.search(text):
            basics.setdefault("email", found[0])
            left = left.replace(found[0], " ")
        for url in _URL.findall(left):
            site = next((s for s in ("GitHub", "GitLab", "LinkedIn") if s.lower() in url.lower()), "")
            if site:
                basics.setdefault("profiles", []).append({"network": site, "url": url})
            else:
                basics.setdefault("url", url)
            left = left.replace(url, " ")
        if found := _PHONE.search(left):
            basics.setdefault("phone", found[0].strip())
            left = left.replace(found[0], " ")
        if left == text:
            rest.append(line)
            continue
        words = re.sub(
            r"\b(e-?mail|phone|tel|telephone|mobile|web(site)?|address|linkedin|github)\b\.?:?", " ", left, flags=re.I
        )
        places = [part.strip(_EDGES) for part in re.split(r"[|•·∙\t]|\s{2,}", words)]
        place = next((part for part in places if re.search(r"[^\W\d_]{3}", part)), "")
        if place and len(place) < 60:
            basics.setdefault("location", {"city": clean(place)})
    return rest


def _drafts(lines: Sequence[Line], bare_bullets: bool) -> list[_Draft]:
    """Lines grouped into entries. A head after bullets opens the next entry; with `bare_bullets` a bullet that belongs
    to no head is an entry of its own."""
    drafts: list[_Draft] = []
    for line in lines:
        last = drafts[-1] if drafts else None
        dated = find_period(line.text)
        looks_like_head = line.kind == "entry" or (
            line.kind == "text"
            and len(line.text) < 120
            and not line.text.rstrip().endswith(".")
            and _heads(line, dated)
        )
        if line.kind == "bullet":
            if last is None or (bare_bullets and not last.heads[1:] and last.heads[0].kind == "bullet"):
                drafts.append(_Draft(heads=[line]) if bare_bullets else _Draft(bullets=[line.text]))
            else:
                last.bullets.append(line.text)
        elif looks_like_head or last is None:
            open_head = last is not None and not last.bullets and not last.texts and len(last.heads) < 3
            second_period = dated and last is not None and any(find_period(head.text) for head in last.heads)
            if last is not None and open_head and not second_period and last.heads and last.heads[0].kind != "bullet":
                last.heads.append(line)
            else:
                drafts.append(_Draft(heads=[line]))
        elif (
            not last.bullets
            and not last.texts
            and len(last.heads) == 1
            and len(line.text) < 70
            and not line.text.endswith(".")
        ):
            last.heads.append(line)
        else:
            last.texts.append(line.text)
    return drafts


def _heads(line: Line, dated: Period | None) -> bool:
    return bool(dated) or len(line.parts) > 1


def _split(draft: _Draft) -> tuple[dict[str, str], list[str]]:
    """Dates of an entry's head, and the other parts of it in the order they stand."""
    dates: dict[str, str] = {}
    parts: list[str] = []
    for head in draft.heads:
        for piece in head.parts or (head.text,):
            period = find_period(piece)
            if period and not dates and (period.ranged or not period.before.strip(_EDGES) or _ends(period)):
                dates = {"startDate": period.start, "endDate": period.end}
                pieces = [period.before, period.after]
            else:
                pieces = [piece]
            for text in pieces:
                parts += [p for p in (part.strip(_EDGES) for part in _SEPARATOR.split(text.strip())) if p]
    return dates, parts


def _ends(period: Period) -> bool:
    return not period.after.strip(_EDGES)


def _positions(organisation: str) -> Any:
    def read(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
        for draft in _drafts(lines, bare_bullets=False):
            dates, parts = _split(draft)
            entry: dict[str, Any] = dict(dates)
            if parts and " at " in parts[0]:
                parts[:1] = parts[0].split(" at ", 1)
                entry["position"], entry[organisation] = parts.pop(0), parts.pop(0)
            else:
                role = next((part for part in parts if _ROLE.search(part)), None)
                if role:
                    parts.remove(role)
                    entry["position"] = role
                if parts:
                    entry[organisation] = parts.pop(0)
            if parts:
                entry["location"] = ", ".join(parts)
            yield _with_bullets(entry, draft)

    return read


def _education(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for draft in _drafts(lines, bare_bullets=True):
        dates, parts = _split(draft)
        entry: dict[str, Any] = dict(dates)
        if dates and dates["startDate"] == dates["endDate"]:
            del entry["startDate"]
        school = next((part for part in parts if _SCHOOL.search(part)), None)
        if school and " at " in school:
            before, school_name = school.split(" at ", 1)
            parts[parts.index(school)] = before
            entry["institution"] = school_name
        elif school:
            parts.remove(school)
            entry["institution"] = school
        degree = next((part for part in parts if _DEGREE.search(part)), parts[0] if parts else None)
        if degree:
            parts.remove(degree)
            study = _STUDY.match(degree)
            if study:
                entry |= {"studyType": study["type"], "area": study["area"]}
            else:
                entry["studyType" if _DEGREE.search(degree) else "area"] = degree
        if "institution" not in entry and parts:
            entry["institution"] = parts.pop(0)
        if parts and "area" not in entry and "studyType" in entry and not re.search(r"\d", parts[0]):
            entry["area"] = parts.pop(0)
        draft.texts[:0] = [", ".join(parts)] if parts else []
        yield _with_bullets(entry, draft)


def _projects(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for draft in _drafts(lines, bare_bullets=True):
        if draft.heads and draft.heads[0].kind == "bullet":
            name, _, told = draft.heads[0].text.partition(": ")
            named = bool(told) and len(name) < 60
            entry: dict[str, Any] = {"name": name if named else ""}
            draft.texts[:0] = [told if named else draft.heads[0].text]
        else:
            dates, parts = _split(draft)
            entry = {"name": parts[0] if parts else "", **dates}
            draft.texts[:0] = [", ".join(parts[1:])] if parts[1:] else []
        yield _with_bullets(entry, draft)


def _skills(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    group = ""
    for line in lines:
        name, colon, words = line.text.partition(":")
        listed = [word.strip(_EDGES + ".") for word in re.split(r"[,;|•·∙]\s*|\t", words if colon else line.text)]
        listed = [word for word in listed if word]
        if line.kind == "entry" and not colon:
            group = line.text
        elif colon and listed:
            yield {"name": name.strip(_EDGES), "keywords": listed}
        elif group:
            yield {"name": group, "keywords": listed}
        else:
            yield {"name": "", "keywords": listed}


def _titled(title: str, by: str, when: str) -> Any:
    """Awards, certificates, publications: `Title, by, 2019` on one line or more."""

    def read(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
        for draft in _drafts(lines, bare_bullets=True):
            period = next(filter(None, (find_period(head.text) for head in draft.heads)), None)
            _, parts = _split(draft)
            entry: dict[str, Any] = {title: parts[0] if parts else ""}
            if len(parts) > 1:
                entry[by] = ", ".join(parts[1:])
            if period:
                entry[when] = period.end or period.start
            yield _with_bullets(entry, draft)

    return read


def _listed(lines: Sequence[Line]) -> list[str]:
    """The single words of languages and interests, one a bullet or several a line; a comma in brackets joins."""
    found = []
    for line in lines:
        for part in re.split(r"[,;|•·∙\t](?![^(]*\))", line.text):
            if word := part.strip(" \t,;|•·∙."):
                found.append(word)
    return found


def _languages(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for word in _listed(lines):
        match = re.match(r"(?P<language>[^(:–—-]+?)\s*(?:[(:–—-]\s*(?P<fluency>[^)]+)\)?)?$", word)
        if match:
            yield {key: value.strip() for key, value in match.groupdict().items() if value}
        else:
            yield {"language": word}


def _interests(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for line in lines:
        name, colon, words = line.text.partition(": ")
        if colon:
            yield {"name": name, "keywords": _listed([Line("text", words)])}
        else:
            yield from ({"name": word} for word in _listed([line]))


def _references(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    for line in lines:
        name, colon, said = line.text.partition(": ")
        yield {"name": name, "reference": said} if colon and len(name) < 60 else {"reference": line.text}


def _with_bullets(entry: dict[str, Any], draft: _Draft) -> dict[str, Any]:
    highlights = [text for text in [*draft.texts, *draft.bullets] if text]
    return {**entry, "highlights": highlights} if highlights else entry


_READERS = {
    "work": _positions("name"),
    "volunteer": _positions("organization"),
    "education": _education,
    "projects": _projects,
    "skills": _skills,
    "publications": _titled("name", "publisher", "releaseDate"),
    "awards": _titled("title", "awarder", "date"),
    "certificates": _titled("name", "issuer", "date"),
    "languages": _languages,
    "interests": _interests,
    "references": _references,
}
