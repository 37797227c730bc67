/** assistant/check.py: does an answer stand in the passages it cites? */
import { type Passage, Pattern, type Rules, words as split } from "./rules.ts";
import { fold, stem } from "./text.ts";

export type Segment = { citations: number[]; text: string };

const stemmed = (word: string) => stem(fold(word));
const spoken = (text: string) => /[\p{L}\p{N}_]/u.test(text);

export class Check {
  readonly maxWords: number;
  readonly marker: Pattern;
  readonly markerBegun: Pattern;
  readonly #role: Pattern;
  readonly #token: Pattern;
  readonly #thousands: Pattern;
  readonly #decline: Pattern;
  readonly #numberWords: Map<string, string>;
  readonly #function: ReadonlySet<string>;
  readonly #owner: string;

  constructor(rules: Rules) {
    const { check } = rules;
    this.maxWords = check.maxWords;
    this.marker = new Pattern(check.marker);
    this.markerBegun = new Pattern(check.markerBegun);
    this.#role = new Pattern(check.role);
    this.#token = new Pattern(check.token);
    this.#thousands = new Pattern(check.thousands);
    this.#decline = new Pattern(check.decline);
    this.#numberWords = new Map(Object.entries(check.numberWords));
    this.#function = new Set(check.function);
    this.#owner = rules.owner;
  }

  /** Why the answer may not be shown, or null when it may. */
  fault(said: string, question: string, passages: Passage[]): string | null {
    const answer = said.normalize("NFKC");
    if (!spoken(this.marker.sub(answer, ""))) return "it is empty";
    if (this.#role.search(answer)) return "it holds a role marker";
    if (/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\ufffd]/u.test(answer)) return "it holds characters that cannot be shown";
    if (split(answer).length > this.maxWords) return `it is longer than ${this.maxWords} words`;
    const parts = this.segments(answer);
    if (!parts.every((part) => part.citations.length)) return "it cites no passage";
    const given = new Set(passages.flatMap((passage) => passage.vocabulary));
    const asked = this.#words(question)
      .filter((word) => !/^\p{Nd}/u.test(word))
      .map(stemmed)
      .filter((word) => given.has(word));
    const also = new Set([...asked, ...this.#words(this.#owner).map(fold)]);
    for (const { citations, text } of parts) {
      const wrong = citations.find((number) => number < 1 || number > passages.length);
      if (wrong !== undefined) return `it cites passage ${wrong}, which was not given`;
      const cited = citations.map((number) => passages[number - 1]).filter((one) => one !== undefined);
      const fault = this.#stands(text, cited, also);
      if (fault) return fault;
    }
    return null;
  }

  /** Whether the model says that it does not know. */
  declines = (answer: string) => !this.marker.search(answer) && this.#decline.search(answer) !== null;

  /** The answer cut at its citations: those in front of a text belong to it, or else those behind it. */
  segments(answer: string): Segment[] {
    const leading = this.marker.match(answer.trimStart()) !== null;
    const found: Segment[] = [];
    let citations: number[] = [];
    let start = 0;
    for (const marker of this.marker.all(answer)) {
      const text = answer.slice(start, marker.index).trim();
      const number = Number(marker[1]);
      const last = found.at(-1);
      if (leading && spoken(text)) {
        found.push({ citations, text });
        citations = [];
      } else if (!leading && spoken(text)) found.push({ citations: [number], text });
      else if (!leading && last) last.citations = [...last.citations, number];
      citations = [...citations, number];
      start = marker.index + marker[0].length;
    }
    const rest = answer.slice(start).trim();
    if (spoken(rest)) found.push({ citations: leading ? citations : [], text: rest });
    return found;
  }

  #stands(text: string, cited: Passage[], also: ReadonlySet<string>): string | null {
    const words = this.#words(text);
    const supported = new Set(cited.flatMap((passage) => passage.vocabulary));
    const content = words.filter((word) => !this.#function.has(fold(word)));
    if (content.length === 0) return "it says nothing";
    for (const word of content) {
      const plain = fold(word);
      if (supported.has(plain) || also.has(plain)) continue;
      const number = this.#numberWords.get(plain);
      if (/^\p{Nd}/u.test(word) || number !== undefined) {
        if (!supported.has(number ?? plain)) return `the number ${word} is not in the passage it cites`;
      } else if (isName(word, word === words[0])) return `the name ${word} is not in the passage it cites`;
      else if (!supported.has(stemmed(word)) && !also.has(stemmed(word)))
        return `the word ${word} is not in the passage it cites`;
    }
    const repeated = loop(words, cited);
    return repeated ? `it repeats “${repeated}”` : null;
  }

  /** Words and numbers in order; a number without its thousands commas and leading zeros. */
  #words(text: string): string[] {
    return this.#token.all(text.normalize("NFKC")).map(([word]) => {
      if (!/^\p{Nd}/u.test(word)) return word.replace(/['’]s?$/u, "");
      const commas = this.#thousands.match(word)?.[0] ?? "";
      const number = commas.replaceAll(",", "") + word.slice(commas.length);
      return number.replace(/^0+(?=\p{Nd})/u, "").toLowerCase();
    });
  }
}

const isName = (word: string, first: boolean) =>
  /\p{Lu}/u.test(first ? [...word].slice(1).join("") : word) || /\p{Nd}/u.test(word);

/** A word said twice in a row, or a run of three words said twice, unless the cited passages do so as often. */
function loop(words: string[], cited: Passage[]): string {
  const runs = (text: string[]) => {
    const lower = text.map((word) => word.toLowerCase());
    const counts = new Map<string, number>();
    const count = (run: string, times: number) => counts.set(run, (counts.get(run) ?? 0) + times);
    for (let i = 0; i + 2 < lower.length; i++) count(lower.slice(i, i + 3).join(" "), 1);
    for (let i = 0; i + 1 < lower.length; i++)
      if (lower[i] === lower[i + 1]) count(`${lower[i]} ${lower[i + 1]}`, 2);
    return counts;
  };
  const allowed = new Map<string, number>();
  for (const passage of cited)
    for (const [run, count] of runs(passage.words)) allowed.set(run, (allowed.get(run) ?? 0) + count);
  return [...runs(words)].find(([run, count]) => count > Math.max(1, allowed.get(run) ?? 0))?.[0] ?? "";
}
