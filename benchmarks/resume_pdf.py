"""How much of a resume survives as PDF? Six made-up resumes, set by two programs in seven layouts, read back.

    python benchmarks/resume_pdf.py [--misses]

Needs Chromium (`chromium` on the path) and `pip install typst==0.15.2`. A line counts when it comes back exactly, with
its section, organisation, title and dates.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import typst

from fischgpt.profile.passages import passages_from_resume
from fischgpt.profile.resume import read_resume

HERE = Path(__file__).parent / "retrieval"
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905
MAIN = {"work": "Experience", "education": "Education", "volunteer": "Volunteering", "projects": "Projects",
        "publications": "Publications", "awards": "Awards"}  # fmt: skip
SIDE = {"certificates": "Certifications", "skills": "Skills", "languages": "Languages", "interests": "Interests"}
COLUMNS = "body{font:10pt Arial;margin:.5cm}h1{font-size:26pt}h2{font-size:13pt;color:#246}ul{padding-left:16px}"
RIGHT = ".head{display:flex;justify-content:space-between}"
ALIGNED = "section,h2,p{text-align:left}"
CAPITALS = "text-transform:uppercase"
STYLES = {
    "plain": f"body{{font:11pt Georgia}}h1{{font-size:24pt}}h2{{font-size:14pt;border-bottom:1px solid}}{RIGHT}",
    "capitals": f"body{{font:10pt Arial;text-align:center}}h2{{font-size:10pt;{CAPITALS}}}{ALIGNED}{RIGHT}",
    "organisation first": f"body{{font:11pt Verdana}}h1{{font-size:24pt}}h2{{font-size:14pt}}{RIGHT}",
    "side left": f"{COLUMNS}.grid{{display:grid;grid-template-columns:32% 64%;gap:4%}}{RIGHT}",
    "side right": f"{COLUMNS}.grid{{display:grid;grid-template-columns:64% 32%;gap:4%}}.dates{{display:block}}",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--misses", action="store_true", help="list the lines that did not come back")
    options = parser.parse_args()
    totals: dict[str, list[int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted(HERE.glob("*.json")):
            resume = _printable(json.loads(source.read_text("utf-8")))
            wanted = {passage.render() for passage in passages_from_resume(resume)}
            for layout, write in LAYOUTS.items():
                path = Path(folder) / "resume.pdf"
                write(resume, path)
                found = {p.render().replace("’", "'") for p in passages_from_resume(read_resume(path))}
                count = totals.setdefault(layout, [0, 0, 0])
                for i, value in enumerate((len(wanted & found), len(wanted), len(found - wanted))):
                    count[i] += value
                if options.misses:
                    for line in sorted(wanted ^ found):
                        print(f"{source.stem}, {layout}: {'-' if line in wanted else '+'} {line}")
    for layout, (right, all_, extra) in totals.items():
        print(f"{layout:<28} {right / all_:.3f} ({right}/{all_}), {extra} lines too many")


def _printable(resume: dict[str, Any]) -> dict[str, Any]:
    """The resume without what no layout here prints."""
    resume.pop("references", None)
    unprinted = {"interests": "keywords", "awards": "summary", "publications": "summary", "education": "score",
                 "projects": "keywords"}  # fmt: skip
    for section, key in unprinted.items():
        for entry in resume.get(section, ()):
            entry.pop(key, None)
    return resume


def _date(text: str | None) -> str:
    year, _, month = (text or "Present").partition("-")
    return f"{MONTHS[int(month[:2]) - 1]} {year}" if month else year


def _period(entry: dict[str, Any]) -> str:
    start, end = entry.get("startDate"), entry.get("endDate")
    if start is None or start == end:
        return _date(end)
    return f"{_date(start)} – {_date(end)}"


def _head(section: str, entry: dict[str, Any]) -> tuple[str, str]:
    """The two lines at the head of an entry: title, then organisation and place."""
    if section in ("work", "volunteer"):
        place = [entry.get("name") or entry["organization"], entry.get("location")]
        return entry["position"], ", ".join(filter(None, place))
    if section == "education":
        return entry["institution"], " in ".join(filter(None, [entry.get("studyType"), entry.get("area")]))
    return entry["name"], ""


def _listed(section: str, entry: dict[str, Any]) -> str:
    """An entry that is one line."""
    if section == "languages":
        return f"{entry['language']} ({entry['fluency']})"
    if section == "interests":
        return entry["name"]
    title, by = (
        entry.get("title") or entry["name"],
        entry.get("publisher") or entry.get("awarder") or entry.get("issuer"),
    )
    return f"{title}, {by}, {_date(entry.get('date') or entry.get('releaseDate'))}"


def _html(resume: dict[str, Any], style: str) -> str:
    def section(key: str, title: str) -> str:
        body = ""
        for entry in resume.get(key, ()):
            if key in ("work", "volunteer", "education", "projects"):
                first, second = _head(key, entry)
                if style == "organisation first" and key in ("work", "volunteer"):
                    place = f", {entry['location']}" if "location" in entry else ""
                    first, second = second.removesuffix(place), first + place
                body += f"<div class=head><b>{escape(first)}</b><span class=dates>{_period(entry)}</span></div>"
                body += f"<div>{escape(second)}</div><p>{escape(entry.get('description', ''))}</p><ul>"
                body += "".join(f"<li>{escape(line)}</li>" for line in entry.get("highlights", ())) + "</ul>"
            elif key == "skills":
                body += f"<p><b>{escape(entry['name'])}:</b> {escape(', '.join(entry['keywords']))}</p>"
            elif key in ("languages", "interests"):
                body += f"<li>{escape(_listed(key, entry))}</li>"
            else:
                body += f"<p>{escape(_listed(key, entry))}</p>"
        return f"<section><h2>{title}</h2>{body}</section>" if body else ""

    basics = resume["basics"]
    top = f"<h1>{escape(basics['name'])}</h1><div class=contact>{escape(basics['label'])}</div>"
    top += "<div class=contact>someone@example.org | +46 31 555 0199</div>"
    about = f"<h2>Profile</h2><p>{escape(basics['summary'])}</p>"
    main, side = ("".join(section(*item) for item in group.items()) for group in (MAIN, SIDE))
    bodies = {
        "side left": f"{top}<div class=grid><div>{side}</div><div>{about}{main}</div></div>",
        "side right": f"<div class=grid><div>{top}{about}{main}</div><div>{side}</div></div>",
    }
    body = bodies.get(style, top + about + main + side)
    return f"<meta charset=utf8><style>@page{{size:A4;margin:1cm}}{STYLES[style]}</style>{body}"


def _chromium(style: str) -> Callable[[dict[str, Any], Path], None]:
    def write(resume: dict[str, Any], path: Path) -> None:
        page = path.with_suffix(".html")
        page.write_text(_html(resume, style), "utf-8")
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        subprocess.run(
            [*command, f"--print-to-pdf={path}", page.as_uri()], check=True, capture_output=True, timeout=120
        )

    return write


def _typst(columns: int) -> Callable[[dict[str, Any], Path], None]:
    def plain(text: str) -> str:
        return "".join(f"\\{char}" if char in "#*@$_<" else char for char in text)

    def section(resume: dict[str, Any], key: str, title: str) -> str:
        body = ""
        for entry in resume.get(key, ()):
            if key in ("work", "volunteer", "education", "projects"):
                first, second = _head(key, entry)
                body += f"*{plain(first)}* #h(1fr) {_period(entry)}" + (f" \\\n{plain(second)}" if second else "")
                body += f"\n\n{plain(entry.get('description', ''))}\n\n"
                body += "".join(f"- {plain(line)}\n" for line in entry.get("highlights", ())) + "\n"
            elif key == "skills":
                body += f"*{plain(entry['name'])}:* {plain(', '.join(entry['keywords']))} \\\n"
            else:
                body += f"- {plain(_listed(key, entry))}\n"
        return f"== {title}\n{body}\n" if body else ""

    def write(resume: dict[str, Any], path: Path) -> None:
        basics = resume["basics"]
        main, side = ("".join(section(resume, *item) for item in group.items()) for group in (MAIN, SIDE))
        main = f"== Summary\n{plain(basics['summary'])}\n{main}"
        body = main + side if columns == 1 else f"#grid(columns:(1fr,2.2fr),gutter:20pt,[\n{side}],[\n{main}])"
        settings = '#set page(paper:"a4",margin:2cm)\n#set text(size:10pt)\n#set par(justify:true)\n'
        source = path.with_suffix(".typ")
        source.write_text(f"{settings}= {plain(basics['name'])}\n{plain(basics['label'])}\n\n{body}", "utf-8")
        path.write_bytes(typst.compile(str(source)))

    return write


LAYOUTS = {f"Chromium, {style}": _chromium(style) for style in STYLES} | {
    "typst, one column": _typst(1),
    "typst, two columns": _typst(2),
}

if __name__ == "__main__":
    main()
