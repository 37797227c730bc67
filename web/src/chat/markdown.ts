/** The conversation as a Markdown file: the shown answers, and under each the passages that it cites. */
import { citedNumbers, type Exchange, shownTake } from "./conversation.ts";

/** `on`: the day, as it stands in the file. */
export function toMarkdown(exchanges: Exchange[], about: string, model: string, on: string): string {
  const parts = exchanges.map((exchange) => {
    const take = shownTake(exchange);
    const cited = citedNumbers(take);
    const sources = take.sources
      .filter((source) => cited.includes(source.n))
      .map((source) => `> [${source.n}] ${oneLine(source.rendered)}`);
    return [`## ${oneLine(exchange.question)}`, take.text.trim(), sources.join("\n>\n")]
      .filter(Boolean)
      .join("\n\n");
  });
  return `${[`# ${about}`, `${on}, answered by ${model}.`, ...parts].join("\n\n")}\n`;
}

/** A heading or a quoted passage ends with its line. */
const oneLine = (text: string) => text.replaceAll(/\s+/g, " ").trim();

/** Hands the text to the visitor as a file. */
export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  URL.revokeObjectURL(url);
}
