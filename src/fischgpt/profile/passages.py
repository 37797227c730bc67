"""JSON Resume -> passages: one fact a line, each with its section, organisation, title and dates.

The rendered line is what the index embeds and what the model reads and copies from, so entries get a readable
sentence of their own ("Engineer at Acme in Berlin from 2019 to 2021.") beside their bullets. Schema:
https://jsonresume.org/schema (version 1.0.0); `highlights` are accepted on every section.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from fischgpt.profile.text import clean, full_stop, pieces, sentences

TEXT_LIMIT = 320
"""Characters of one passage: about 80 GPT-2 tokens, so eight fit a context of 1,024 with room to answer."""
FIELD_LIMIT = 100
CONTACT_FIELDS = ("email", "phone", "url", "location", "profiles")
PLACE_FIELDS = ("city", "region", "countryCode")
"""What a public location tells; street and postal code stay private."""
MONTHS: tuple[str, ...] = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


@dataclass(frozen=True)
class Passage:
    """One fact of a resume. Fields are clean single lines; `id` is stable as long as the order is."""

    id: str
    section: str
    organisation: str
    title: str
    dates: str
    text: str

    @property
    def entry(self) -> str:
        """The id of the entry the passage belongs to, which is its first line's: `work-2` for `work-2-1`."""
        return "-".join(self.id.split("-")[:2])

    @property
    def names_itself(self) -> bool:
        """Whether it is the first line of an entry and names that; of a project it tells what that is."""
        named = bool(self.organisation) or self.section == "Publications"
        return named and self.id == self.entry and self.section not in ("Projects", "References")

    def render(self) -> str:
        """One line with its context: `Work, Acme, Engineer (2019 to 2021): Built the first ...`."""
        head = ", ".join(dict.fromkeys(part for part in (self.section, self.organisation, self.title) if part))
        return f"{head} ({self.dates}): {self.text}" if self.dates else f"{head}: {self.text}"


@dataclass(frozen=True)
class _Entry:
    """What one element of a section says: who, what, when, and its lines (the entry's own sentence first)."""

    organisation: str = ""
    title: str = ""
    dates: str = ""
    lines: tuple[str, ...] = ()


def _field(value: object) -> str:
    return clean(value, FIELD_LIMIT)


def date(value: object) -> str:
    """A JSON Resume date for readers: `2019-03` -> `March 2019`, `2019-03-14` -> `14 March 2019`."""
    text = _field(value)
    parts = text.split("-")
    if len(parts[0]) != 4 or not all(part.isdigit() for part in parts) or not 1 < len(parts) < 4:
        return text
    if not 1 <= int(parts[1]) <= 12:
        return text
    return " ".join([*(str(int(day)) for day in parts[2:]), MONTHS[int(parts[1]) - 1], parts[0]])


def period(start: object, end: object) -> str:
    """`2019 to 2021`, `since 2019`, `until 2021`, `2020` or nothing. No end: it goes on (JSON Resume)."""
    first, last = date(start), date(end)
    if first and last:
        return first if first == last else f"{first} to {last}"
    return f"since {first}" if first else f"until {last}" if last else ""


def _dates(entry: dict[str, Any]) -> str:
    return period(entry.get("startDate"), entry.get("endDate"))


def _when(dates: str) -> str:
    """The period as the end of a sentence: ` from 2019 to 2021`, ` in 2020`, ` on 14 March 1879`."""
    if not dates or dates.startswith(("since ", "until ")):
        return dates and f" {dates}"
    word = "from" if " to " in dates else "on" if dates[0].isdigit() and " " in dates else "in"
    return f" {word} {dates}"


def _join(separator: str, *parts: object) -> str:
    return separator.join(text for text in (_field(part) for part in parts) if text)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _words(values: Any) -> str:
    words = (_field(value) for value in values) if _is_list(values) else ()
    return ", ".join(word for word in words if word)


def _bullets(entry: dict[str, Any], *keys: str) -> Iterator[str]:
    """The sentences of the entry's texts, then its highlights, each as pieces a passage can hold."""
    for key in keys:
        yield from (piece for sentence in sentences(clean(entry.get(key))) for piece in pieces(sentence, TEXT_LIMIT))
    for highlight in entry.get("highlights") or ():
        yield from pieces(clean(highlight), TEXT_LIMIT)


def _position(entry: dict[str, Any], organisation: object) -> _Entry:
    name, title = _field(organisation), _field(entry.get("position"))
    dates, place = _dates(entry), _field(entry.get("location"))
    own = _join(" at ", title, name) + (f" in {place}" if place and place not in name else "") + _when(dates)
    return _Entry(name, title, dates, (own, *_bullets(entry, "description", "summary")))


def _work(entry: dict[str, Any]) -> _Entry:
    return _position(entry, entry.get("name") or entry.get("company"))


def _volunteer(entry: dict[str, Any]) -> _Entry:
    return _position(entry, entry.get("organization"))


def _education(entry: dict[str, Any]) -> _Entry:
    name, dates = _field(entry.get("institution")), _dates(entry)
    if dates.startswith("until "):  # an end alone is the year of graduation
        dates = dates.removeprefix("until ")
    title = _join(" in ", entry.get("studyType"), entry.get("area"))
    own = _join(" at ", title, name) + _when(dates)
    extra = []
    if score := _field(entry.get("score")):
        extra.append(f"Grade: {score}")
    if courses := _words(entry.get("courses")):
        extra.extend(pieces(f"Courses: {courses}", TEXT_LIMIT))
    return _Entry(name, title, dates, (own, *extra, *_bullets(entry, "summary")))


def _project(entry: dict[str, Any]) -> _Entry:
    name, entity = _field(entry.get("name")), _field(entry.get("entity"))
    dates = _dates(entry)
    bullets = list(_bullets(entry, "description", "summary"))
    if roles := _words(entry.get("roles")):
        bullets.append(f"Role: {roles}")
    if keywords := _words(entry.get("keywords")):
        bullets.extend(pieces(f"Made with {keywords}", TEXT_LIMIT))
    return _Entry(entity, name, dates, tuple(bullets) or (name + _when(dates),))


def _skill(entry: dict[str, Any]) -> _Entry:
    name, words, level = _field(entry.get("name")), _words(entry.get("keywords")), clean(entry.get("level"))
    text = _join(", ", level) if not words else f"{words} ({level})" if level else words
    return _Entry("", name, "", (*pieces(text or name, TEXT_LIMIT), *_bullets(entry, "summary")))


def _told(own: str, entry: dict[str, Any]) -> tuple[str, ...]:
    """The entry's own sentence and its summary on one line while they fit: "what for" belongs to the award."""
    summary = clean(entry.get("summary"))
    return (*pieces(f"{full_stop(own)} {summary}".strip(), TEXT_LIMIT), *_bullets(entry))


def _publication(entry: dict[str, Any]) -> _Entry:
    name, publisher = clean(entry.get("name"), 2 * FIELD_LIMIT), _field(entry.get("publisher"))
    dates = date(entry.get("releaseDate"))
    own = f"“{name}”, published" + (f" by {publisher}" if publisher else "") + _when(dates)
    own = own if publisher or dates else f"“{name}”"
    return _Entry(publisher, name, dates, _told(own, entry))


def _award(entry: dict[str, Any]) -> _Entry:
    name, awarder, dates = _field(entry.get("title")), _field(entry.get("awarder")), date(entry.get("date"))
    own = name + (f", awarded by {awarder}" if awarder else "") + _when(dates)
    return _Entry(awarder, name, dates, _told(own, entry))


def _certificate(entry: dict[str, Any]) -> _Entry:
    name, issuer, dates = _field(entry.get("name")), _field(entry.get("issuer")), date(entry.get("date"))
    own = name + (f", issued by {issuer}" if issuer else "") + _when(dates)
    return _Entry(issuer, name, dates, _told(own, entry))


def _reference(entry: dict[str, Any]) -> _Entry:
    return _Entry(_field(entry.get("name")), "", "", tuple(_bullets(entry, "reference", "summary")))


def _language(entry: dict[str, Any]) -> str:
    language, fluency = _field(entry.get("language")), _field(entry.get("fluency"))
    return f"{language} ({fluency})" if language and fluency else language


def _interest(entry: dict[str, Any]) -> str:
    name, words = _field(entry.get("name")), _words(entry.get("keywords"))
    return f"{name} ({words})" if name and words else name or words


# Section of the resume -> its name for readers, and how one entry of it is read.
_SECTIONS: dict[str, tuple[str, Callable[[dict[str, Any]], _Entry]]] = {
    "work": ("Work", _work),
    "volunteer": ("Volunteering", _volunteer),
    "education": ("Education", _education),
    "projects": ("Projects", _project),
    "skills": ("Skills", _skill),
    "publications": ("Publications", _publication),
    "awards": ("Awards", _award),
    "certificates": ("Certificates", _certificate),
    "references": ("References", _reference),
}
# Sections whose entries are single words: one line names them all, as "Which languages?" asks for all.
_LISTS: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "languages": ("Languages", _language),
    "interests": ("Interests", _interest),
}
SECTIONS = ("About", *(name for name, _ in (_SECTIONS | _LISTS).values()), "Contact")


def _basics(basics: dict[str, Any], public: Collection[str]) -> Iterator[Passage]:
    name, label = _field(basics.get("name")), clean(basics.get("label"), TEXT_LIMIT)
    lines = [f"{name}, {label}" if name and label else label] if label else []
    about = [*lines, *_bullets(basics, "summary")]
    for number, line in enumerate(about, 1):
        yield Passage(f"about-{number}", "About", "", "", "", full_stop(line))
    contacts: list[str] = []
    location = basics.get("location")
    if "location" in public and isinstance(location, dict):
        place = _join(", ", *map(location.get, PLACE_FIELDS))
        contacts += [f"Lives in {place}"] if place else []
    for key, word in (("email", "E-mail"), ("phone", "Phone"), ("url", "Website")):
        if key in public and (value := clean(basics.get(key), 2 * FIELD_LIMIT)):
            contacts.append(f"{word}: {value}")
    for account in basics.get("profiles") or () if "profiles" in public else ():
        if where := clean(account.get("url"), 2 * FIELD_LIMIT) or _field(account.get("username")):
            contacts.append(_join(": ", account.get("network"), where))
    for number, line in enumerate(contacts, 1):
        yield Passage(f"contact-{number}", "Contact", "", "", "", full_stop(line))


def passages_from_resume(resume: dict[str, Any], public: Collection[str] = ()) -> list[Passage]:
    """Every fact of a JSON Resume (as `read_resume` returns it), in the resume's own order, as passages.

    Contact details (`CONTACT_FIELDS`) become passages only when named in `public` or in the resume's own list
    `basics.public`. Ids: `work-2` is the second job, `work-2-1` its first bullet, `about-1` the first line
    about the owner; a part of an over-long bullet counts as a bullet of its own.
    """
    basics = resume.get("basics") or {}
    found = list(_basics(basics, {*public, *(basics.get("public") or ())}))
    for key, entries in resume.items():
        entries = entries if _is_list(entries) else ()
        if key in _SECTIONS:
            section, read = _SECTIONS[key]
            for number, raw in enumerate(entries, 1):
                entry = read(raw)
                lines = dict.fromkeys(full_stop(line) for line in entry.lines if line.strip())
                for bullet, line in enumerate(lines):
                    id_ = f"{key}-{number}-{bullet}" if bullet else f"{key}-{number}"
                    found.append(Passage(id_, section, entry.organisation, entry.title, entry.dates, line))
        elif key in _LISTS:
            section, word = _LISTS[key]
            listed = "; ".join(filter(None, (word(raw) for raw in entries)))
            lines = [*pieces(listed, TEXT_LIMIT)] + [line for raw in entries for line in _bullets(raw, "summary")]
            for number, line in enumerate(lines, 1):
                found.append(Passage(f"{key}-{number}", section, "", "", "", full_stop(line)))
    return found
