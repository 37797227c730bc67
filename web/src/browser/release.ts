/** assistant/release.py: the model's text is held back until a sentence is whole and checked. */
import type { Check } from "./check.ts";
import type { Passage } from "./rules.ts";
import { words } from "./rules.ts";
import type { Language } from "./text.ts";

export class HeldBack {
  readonly #check: Check;
  readonly #language: Language;
  readonly #question: string;
  readonly #passages: Passage[];
  #buffer = "";
  #citations: number[] = [];
  #shown: string[] = [];
  #markerDue = false;
  /** Why nothing more comes out. */
  failed: string | null = null;

  constructor(check: Check, language: Language, question: string, passages: Passage[]) {
    this.#check = check;
    this.#language = language;
    this.#question = question;
    this.#passages = passages;
  }

  /** More raw text in; what may be shown now out. */
  feed(text: string): string {
    this.#buffer += text;
    if (this.failed !== null) return "";
    if (words(this.#buffer).length > this.#check.maxWords) {
      this.failed = `it is longer than ${this.#check.maxWords} words`;
      return "";
    }
    return this.#whole();
  }

  /** No more text comes. cut: the model was stopped in mid-sentence. */
  finish(cut: boolean): string {
    let out = this.failed === null ? this.#whole() : "";
    const rest = this.#check.markerBegun.sub(this.#buffer, "").trim();
    this.#buffer = "";
    if (cut && this.failed === null && rest && !/[.!?\]]$/u.test(rest))
      this.failed = "it did not come to an end";
    if (this.failed === null && rest) {
      if (this.#citations.length) out += this.#release(rest);
      else {
        for (const part of this.#check.segments(rest)) {
          if (this.failed !== null) break;
          out += this.#flushMarker();
          this.#citations = part.citations;
          out += this.#release(part.text);
        }
      }
    }
    return out + this.#flushMarker();
  }

  /** Releases every sentence at the front of the buffer that is known to be whole. */
  #whole(): string {
    let out = "";
    while (this.failed === null) {
      this.#buffer = this.#buffer.trimStart();
      const marker = this.#check.marker.match(this.#buffer);
      if (marker) {
        if (this.#markerDue) {
          out += this.#flushMarker();
          this.#citations = [];
        }
        this.#citations.push(Number(marker[1]));
        this.#buffer = this.#buffer.slice(marker[0].length);
        continue;
      }
      if (this.#citations.length === 0) break;
      const following = this.#check.marker.search(this.#buffer);
      const found = this.#language.sentences(
        following ? this.#buffer.slice(0, following.index) : this.#buffer,
      );
      const [first] = found;
      if (first === undefined || (!following && found.length < 2)) break;
      this.#buffer = this.#buffer.slice(this.#buffer.indexOf(first) + first.length);
      out += this.#release(first);
    }
    return out;
  }

  #release(sentence: string): string {
    const cited = this.#citations.map((number) => `[${number}]`).join("");
    const fault = this.#check.fault(`${cited} ${sentence}`, this.#question, this.#passages);
    const said = [...this.#shown, sentence].reduce((total, one) => total + words(one).length, 0);
    if (fault) this.failed = fault;
    else if (this.#shown.includes(sentence)) this.failed = "it repeats itself";
    else if (said > this.#check.maxWords) this.failed = `it is longer than ${this.#check.maxWords} words`;
    if (this.failed !== null) return "";
    this.#shown.push(sentence);
    this.#markerDue = true;
    return this.#shown.length > 1 ? ` ${sentence}` : sentence;
  }

  #flushMarker(): string {
    const due = this.#markerDue;
    this.#markerDue = false;
    return due ? ` ${[...new Set(this.#citations)].map((number) => `[${number}]`).join("")}` : "";
  }
}
