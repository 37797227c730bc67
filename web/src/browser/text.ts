/** profile/text.py and profile/bm25.py: cleaning, sentences, words and their stems. */
import { Pattern, type Rules, words } from "./rules.ts";

export class Language {
  readonly #ligatures: Record<string, string>;
  readonly #marker: Pattern;
  readonly #sentenceEnd: Pattern;
  readonly #word: Pattern;
  readonly stop: ReadonlySet<string>;

  constructor(rules: Rules) {
    this.#ligatures = rules.text.ligatures;
    this.#marker = new Pattern(rules.text.marker);
    this.#sentenceEnd = new Pattern(rules.text.sentenceEnd);
    this.#word = new Pattern(rules.words.word);
    this.stop = new Set(rules.words.stop);
  }

  /** One line of visible text; `[3]` becomes `(3)`. */
  clean(text: string): string {
    let kept = "";
    for (const char of text.normalize("NFC")) {
      if (/[\s\x85\p{Z}]/u.test(char) && char !== "\ufeff") kept += " ";
      else if (!/\p{C}/u.test(char)) kept += this.#ligatures[char] ?? char;
    }
    return this.#marker.sub(words(kept).join(" "), "($1)");
  }

  sentences(text: string): string[] {
    const found: string[] = [];
    let start = 0;
    for (const end of this.#sentenceEnd.all(text)) {
      found.push(text.slice(start, end.index + end[0].length).trim());
      start = end.index + end[0].length;
    }
    return [...found, text.slice(start).trim()].filter(Boolean);
  }

  /** The stems of the content words, in order. */
  terms(text: string): string[] {
    return this.#word
      .all(fold(text))
      .map(([word]) => word)
      .filter((word) => !this.stop.has(word))
      .map(stem);
  }
}

/** Lower case without accents. */
export function fold(text: string): string {
  const lower = text.replaceAll("ł", "l").replaceAll("Ł", "L").toLowerCase();
  return lower
    .replaceAll("ß", "ss")
    .replaceAll("ς", "σ")
    .normalize("NFKD")
    .replace(/\p{Mn}/gu, "");
}

const SUFFIXES = [
  ["ing", "ed"],
  ["er", "or", "ion"],
];

/** A light stem: "discover", "discovers", "discovered" and "discovering" meet. */
export function stem(given: string): string {
  let word = given;
  const ends = (...suffixes: string[]) => suffixes.some((suffix) => word.endsWith(suffix));
  if (ends("'s", "’s")) word = word.slice(0, -2);
  if (!/^\p{L}+$/u.test(word) || word.length < 4) return word;
  if (ends("ies") && word.length > 4) word = `${word.slice(0, -3)}y`;
  else if (ends("sses", "shes", "ches", "xes")) word = word.slice(0, -2);
  else if (ends("s") && !ends("ss", "us", "is")) word = word.slice(0, -1);
  for (const suffixes of SUFFIXES) {
    const cut = suffixes.find((suffix) => ends(suffix) && word.length - suffix.length >= 4);
    if (cut) word = word.slice(0, -cut.length);
  }
  const last = word.at(-1) ?? "";
  if (last === word.at(-2) && !"aeiouls".includes(last)) word = word.slice(0, -1);
  return word.endsWith("e") && word.length > 4 ? word.slice(0, -1) : word;
}
