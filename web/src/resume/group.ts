/** Passages in resume order, gathered under their section and their employer, school or project. */
import type { Passage } from "../api.ts";

export type Entry = { key: string; heading: string; detail: string; dates: string; passages: Passage[] };
export type Section = { key: string; name: string; entries: Entry[] };

export function group(passages: Passage[]): Section[] {
  const sections: Section[] = [];
  for (const passage of passages) {
    let section = sections.at(-1);
    if (section?.name !== passage.section) {
      section = { key: `${sections.length}`, name: passage.section, entries: [] };
      sections.push(section);
    }
    const heading = passage.title || passage.organisation;
    const detail = passage.title ? passage.organisation : "";
    let entry = section.entries.at(-1);
    if (entry?.heading !== heading || entry.detail !== detail || entry.dates !== passage.dates) {
      entry = { key: `${section.entries.length}`, heading, detail, dates: passage.dates, passages: [] };
      section.entries.push(entry);
    }
    entry.passages.push(passage);
  }
  return sections;
}
