"""A resume in Markdown -> outline."""

from markdown_it import MarkdownIt
from markdown_it.token import Token

from fischgpt.profile.outline import Line
from fischgpt.profile.sections import section_of


def markdown_outline(text: str) -> list[Line]:
    """The lines of a Markdown resume: the first heading is the name, headings are sections, deeper ones entries.

    Which level is a section's is learned from the usual section names; level 2 when there are none.
    """
    tokens = MarkdownIt("commonmark").enable("table").parse(_without_front_matter(text))
    titles = [
        (int(token.tag[1]), _plain(tokens[i + 1])[0]) for i, token in enumerate(tokens) if token.type == "heading_open"
    ]
    section_level = min((level for level, title in titles if section_of(title)), default=2)
    lines: list[Line] = []
    depth, level, row = 0, 0, []
    in_head, in_cell = True, False
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            depth += 1
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            depth -= 1
        elif token.type == "heading_open":
            level = int(token.tag[1])
        elif token.type == "heading_close":
            level = 0
        elif token.type == "tr_open":
            row = []
        elif token.type in ("td_open", "th_open", "td_close", "th_close"):
            in_cell = token.type.endswith("open")
        elif token.type == "tr_close":
            cells = tuple(cell for cell in row if cell)
            lines += [Line("text", "   ".join(cells), cells)] if cells else []
        elif token.type == "inline":
            told = _plain(token, urls=in_head)
            if in_cell:
                row.append(" ".join(told))
            elif level:
                is_name = not lines and not section_of(told[0])
                known = level <= section_level and not is_name
                in_head = in_head and not known
                lines.append(Line("heading" if known else "text" if is_name else "entry", " ".join(told)))
            elif depth:
                lines.append(Line("bullet", " ".join(told)))
            elif _starts_bold(token) and len(told) == 1 and section_of(told[0].rstrip(":")):
                lines.append(Line("heading", told[0]))  # bold letters instead of a heading
                in_head = False
            else:
                bold = _starts_bold(token) and bool(lines)
                lines += [Line("entry" if bold and i == 0 else "text", line) for i, line in enumerate(told)]
        elif token.type in ("code_block", "fence"):
            lines += [Line("text", line) for line in token.content.splitlines() if line.strip()]
    return [line for line in lines if line.text.strip()]


def _plain(inline: Token, urls: bool = False) -> list[str]:
    """The text of an inline token without its markup, a line for each hard break; soft breaks too after bold text.

    With `urls` a link also gives its target, as contact details need.
    """
    lines, target = [""], ""
    splits_softly = _starts_bold(inline)
    for child in inline.children or ():
        if child.type in ("text", "code_inline"):
            lines[-1] += child.content
        elif child.type == "hardbreak" or (child.type == "softbreak" and splits_softly):
            lines.append("")
        elif child.type == "softbreak":
            lines[-1] += " "
        elif child.type == "link_open":
            target = str(child.attrs.get("href", ""))
        elif child.type == "link_close" and urls and target.removeprefix("mailto:") not in lines[-1]:
            lines[-1] += f" {target.removeprefix('mailto:')}"
    return [line.strip() for line in lines]


def _starts_bold(inline: Token) -> bool:
    shown = [child for child in inline.children or () if child.type != "text" or child.content.strip()]
    return bool(shown) and shown[0].type == "strong_open"


def _without_front_matter(text: str) -> str:
    if text.startswith("---\n") and (end := text.find("\n---", 4)) > 0:
        return text[end + 4 :]
    return text
