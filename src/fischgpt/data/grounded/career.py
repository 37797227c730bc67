"""What a made-up owner has done: jobs, schools, projects, unpaid work, each with what may be asked about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fischgpt.data.grounded.bench import Ask, Line, an, duration, money, number
from fischgpt.data.grounded.models import model_lines
from fischgpt.data.grounded.words import ABSTRACT, coined

if TYPE_CHECKING:
    from fischgpt.data.grounded.owners import Owner

_DEGREES = (
    "BSc", "BA", "MSc", "PhD", "Diploma", "Doctorate", "MA", "Bachelor", "Master", "Certificate", "Licence", "MBA",
    "School-leaving exam",
)  # fmt: skip
_SCHOOLS = (
    "University of {}", "University of {}", "{} University", "{} College", "{} Institute of Technology", "{} Academy",
    "Technical School of {}", "{} Conservatory", "Royal College of {}", "{} Polytechnic", "École {}",
)  # fmt: skip
_GRADES = (
    "1.3", "first class honours", "with distinction", "3.8", "92%", "summa cum laude", "B+", "17 of 20", "second class",
)  # fmt: skip
_CHARITIES = (
    "Food Bank", "Youth Centre", "Animal Shelter", "Red Cross", "Scouts", "Fire Brigade", "Village Library", "Hospice",
)  # fmt: skip
_UNPAID = ("Helper", "Treasurer", "Driver", "Mentor", "Coordinator", "Board Member")
_FIRST_TITLES = ("Intern", "Trainee", "Apprentice", "Postdoctoral Researcher", "Owner")
# A word of a job's title or a degree -> the question it answers, and what else could answer it.
_TITLED = (
    ("Intern", "job_intern", "|intern"), ("Trainee", "job_trainee", "|trainee|traineeship"),
    ("Apprentice", "job_apprentice", "|apprentice"), ("Postdoc", "job_postdoc", "|postdoc"),
    ("Owner", "job_owner", "|owner|own |founded|freelance|self-employed"),
    ("Teacher", "job_teacher", "|teach|taught|professor|lesson|lectur"),
    ("PhD", "edu_phd", "|phd|doctor"), ("Doctorate", "edu_phd", "|phd|doctor"),
    ("MSc", "edu_master", "|msc in| ma in|master in|mba in"), ("MA", "edu_master", "|msc in| ma in|master in|mba in"),
    ("Master", "edu_master", "|msc in| ma in|master in|mba in"), ("BSc", "edu_bachelor", "|bsc in| ba in|bachelor in"),
    ("BA", "edu_bachelor", "|bsc in| ba in|bachelor in"), ("Bachelor", "edu_bachelor", "|bsc in| ba in|bachelor in"),
)  # fmt: skip


def _titled(title: str, fills: dict[str, str], start: str) -> list[Ask]:
    """Questions that name the kind of job or degree instead of the place: "where did she do her internship"."""
    words = title.split()
    return [
        Ask(family, fills, anchor)
        for word, family, anchor in _TITLED
        if family.startswith(start) and (word in words or (word == "Postdoc" and title.startswith(word)))
    ]


def work(owner: Owner) -> None:
    """Jobs one after the other, the last one perhaps still held."""
    rng, trade = owner.rng, owner.trade
    n = rng.choice((1, 2, 2, 3))
    jobs: list[dict[str, Any]] = []
    titles = rng.sample(trade.roles, min(n, len(trade.roles)))
    for i in range(n):
        org = rng.choice(trade.orgs).format(owner.lists.proper(rng))
        title = titles[i % len(titles)]
        if i == 0 and rng.random() < 0.22:
            title = rng.choice(_FIRST_TITLES)
        job: dict[str, Any] = {"name": org, "position": title}
        now = i == n - 1 and rng.random() < 0.4
        owner.dates(job, open_end=now)
        fills = {"org": org, "title": an(title.lower()) if rng.random() < 0.8 else title}
        asks = [
            Ask("job_when", fills, org.lower()),
            Ask("job_role", fills, org.lower()),
            Ask("job_org", fills, title.lower()),
        ] * 2
        asks += _titled(title, fills, "job") * 2
        misses = [Ask("job_miss", fills, org.lower())] * 4
        if n > 1 and i in (0, n - 1):
            asks += [Ask("job_last" if i else "job_first", {})] * (0 if now else 2)
        if jobs:
            asks.append(Ask("job_after", {"org": jobs[0]["name"]}))
            owner.lines[f"work-{n - i + 1}"].asks.append(Ask("job_before", {"org": org}))
        if rng.random() < 0.4:
            job["location"] = owner.lists.place(rng)
            asks.append(Ask("job_place", fills, org.lower()))
        else:
            misses.append(Ask("job_place", fills, org.lower()))
        if now:
            asks += [Ask("job_now", {}, "since ")] * 3
        elif i == n - 1:
            misses.append(Ask("now_miss", {}))
        owner.lines[f"work-{n - i}"] = Line("", asks, misses, ("job",), org)
        job["highlights"] = [owner.bullet(org) for _ in range(rng.choice((1, 1, 2, 2, 3)))]
        jobs.insert(0, job)
    owner.resume["work"] = jobs


def volunteer(owner: Owner) -> None:
    """One unpaid post."""
    rng = owner.rng
    org = f"{owner.lists.proper(rng)} {rng.choice(_CHARITIES)}"
    entry: dict[str, Any] = {"organization": org, "position": rng.choice(_UNPAID)}
    owner.dates(entry)
    families = (("vol_role", "|volunteering"), ("job_when", org.lower()), ("job_role", org.lower()))
    asks = [Ask(family, {"org": org}, anchor) for family, anchor in families]
    owner.lines["volunteer-1"] = Line("", asks, [Ask("vol_miss", {"org": org}, org.lower())], ("job",), org)
    if rng.random() < 0.5:
        entry["highlights"] = [owner.bullet(org)]
    owner.resume["volunteer"] = [entry]


def education(owner: Owner) -> None:
    """One or two schools, with grade, courses and a line about the time there."""
    rng, trade = owner.rng, owner.trade
    schools: list[dict[str, Any]] = []
    n = rng.choice((1, 1, 2))
    for i in range(n):
        org = rng.choice(_SCHOOLS).format(owner.lists.proper(rng))
        area = rng.choice(trade.fields)
        entry: dict[str, Any] = {"institution": org, "area": area, "studyType": rng.choice(_DEGREES)}
        if rng.random() < 0.2:
            entry["endDate"] = str(owner.year)
        else:
            owner.dates(entry)
        fills = {"org": org, "f": area, "course": area}
        asks = [
            Ask("edu_org", fills, org.lower()),
            Ask("edu_field", fills, area.lower()),
            Ask("edu", fills, "|education, "),
        ]
        key = f"education-{i + 1}"
        asks += _titled(entry["studyType"], fills, "edu") * 2
        owner.lines[key] = Line("", [*asks, asks[2]], [Ask("edu_miss", fills, org.lower())] * 4, ("edu",), org)
        misses = owner.lines[key].misses
        if rng.random() < 0.25:
            entry["score"] = rng.choice(_GRADES)
            owner.keyed("Grade:", "edu_grade")
            owner.lines["Grade:"].asks[:] = [Ask("edu_grade", fills, "|grade:")]
        elif n == 1:
            misses.append(Ask("edu_grade", fills, "|grade"))
        if rng.random() < 0.25:
            offered = [*trade.fields, *(word.capitalize() for word in ABSTRACT), f"{coined(rng)} Theory"]
            entry["courses"] = rng.sample(offered, rng.randrange(2, 5))
            asked = {**fills, "course": rng.choice(entry["courses"])}
            owner.lines["Courses:"] = Line("", [Ask("edu_courses", asked, "|courses:")], [])
        if rng.random() < 0.45:
            entry["highlights"] = [_study_line(owner)]
        elif n == 1:
            misses.append(Ask("thesis", fills, "|thesis"))
        schools.append(entry)
    owner.resume["education"] = schools


def _study_line(owner: Owner) -> str:
    rng, bench = owner.rng, owner.bench
    roll = rng.random()
    if roll < 0.6:
        topic = bench.thing()[0] if rng.random() < 0.5 else f"the {rng.choice(ABSTRACT)} of {coined(rng)}"
        by = bench.name()
        forms = (f"Thesis on {topic}, supervised by {by}.", f"Wrote a thesis on {topic} under {by}.")
        text = rng.choice((*forms, f"Thesis: {topic[0].upper()}{topic[1:]}, with {by}."))
        line = Line(text, [Ask("thesis", {}, "|thesis")], [], ("thesis",))
    elif roll < 0.8:
        n = number(rng)
        text = rng.choice(
            (f"Graduated first in a class of {n}.", f"Ranked third among {n} students.", f"Best of {n} graduates.")
        )
        line = Line(text, [Ask("classmates", {}, "|graduated first|ranked|best of")], [])
    else:
        text = f"Scholarship of the {owner.lists.proper(rng)} Foundation, {money(rng)} a year."
        line = Line(text, [Ask("grant", {}, "|scholarship")], [])
    owner.lines[text] = line
    return text


def projects(owner: Owner) -> None:
    """One or two projects; a maker of models tells what such people tell."""
    rng, trade = owner.rng, owner.trade
    projects: list[dict[str, Any]] = []
    for i in range(rng.choice((1, 1, 2))):
        thing, _, _ = owner.bench.thing()
        word = coined(rng)
        kind = rng.choice(("Project", "Atlas", "Engine", "Archive", "One", "Kit"))
        name = rng.choice((word, f"{word} {kind}", word + rng.choice(("GPT", "Net", "Lab", "LM", "Hub"))))
        entry: dict[str, Any] = {"name": name}
        if rng.random() < 0.6:
            owner.dates(entry)
        fills = {"x": name}
        low = name.lower()
        about = thing[0].upper() + thing[1:]
        forms = (f"{about} built from scratch", f"{about} made in {duration(rng)}")
        users = rng.choice(trade.people)
        description = rng.choice((*forms, f"{about} for {users}", f"{about}, open to {users}"))
        entry["description"] = description
        owner.lines[f"projects-{i + 1}"] = Line(
            description, [Ask("proj", fills, low)] * 3, [Ask("proj_miss", fills, low)], ("proj",), name
        )
        special: list[str] = []
        if trade.name in ("machine learning", "software") and rng.random() < 0.75:
            lines = model_lines(owner.bench, name, owner.title())
            owner.lines |= {line.text: line for line in lines}
            special = [line.text for line in lines]
        entry["highlights"] = special or [owner.bullet(name) for _ in range(rng.choice((1, 1, 2)))]
        if rng.random() < 0.25:
            entry["roles"] = [rng.choice(trade.roles)]
            owner.lines[f"Role:{name}"] = Line("", [Ask("proj_role", fills, low)] * 2, [])
        if rng.random() < 0.35:
            entry["keywords"] = [owner.bench.tool() for _ in range(rng.randrange(1, 4))]
            tools = [Ask("tool_inv", {"t": t, "v": "make", **fills}, t.lower()) for t in entry["keywords"]]
            owner.lines[f"Made with {name}"] = Line("", [Ask("proj_tools", fills, low)] * 2 + tools, [])
        projects.append(entry)
    owner.resume["projects"] = projects
