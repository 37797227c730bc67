/** Finds `[2]` in an answer's text, so that the page can show it as a link to its passage. */

/** Text and citation numbers in turn. Only numbers for which `known` holds are citations; "[7]" else stays text. */
export function splitCitations(text: string, known: (n: number) => boolean): (string | number)[] {
  const parts: (string | number)[] = [];
  let from = 0;
  for (const match of text.matchAll(/\[(\d{1,3})\]/g)) {
    const n = Number(match[1]);
    if (!known(n)) continue;
    // A narrow no-break space: with a plain one, or U+00A0, a citation may begin a line all by itself.
    if (match.index > from) parts.push(text.slice(from, match.index).replace(/ $/, "\u202f"));
    parts.push(n);
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

// The little of hast (the HTML tree of react-markdown) that is touched here.
type Node = {
  type: string;
  tagName?: string;
  value?: string;
  children?: Node[];
  properties?: { [key: string]: string };
};

/** A rehype plugin: citations in text become <cite data-n="2">. Code keeps its brackets. */
export function rehypeCitations(known: (n: number) => boolean) {
  const visit = (node: Node): void => {
    if (!node.children || node.tagName === "code") return;
    node.children = node.children.flatMap((child): Node[] => {
      if (child.type !== "text") {
        visit(child);
        return [child];
      }
      return splitCitations(child.value ?? "", known).map((part) =>
        typeof part === "string"
          ? { type: "text", value: part }
          : { type: "element", tagName: "cite", properties: { dataN: String(part) }, children: [] },
      );
    });
  };
  return () => visit;
}
