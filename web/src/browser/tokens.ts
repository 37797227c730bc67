/** The two tokenizers: the model's byte pairs (tokenizer.py), the embedding model's word pieces. */
import type { Rules } from "./rules.ts";

const utf8 = new TextEncoder();
const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes);

export class BytePairs {
  readonly #pattern: RegExp;
  readonly #ranks: Map<string, number>;
  readonly #tokens: string[];
  readonly control: Rules["tokenizer"]["control"];

  constructor({ tokens, pattern, control }: Rules["tokenizer"]) {
    this.#tokens = tokens;
    this.#ranks = new Map(tokens.map((token, rank) => [token, rank]));
    this.#pattern = new RegExp(pattern, "gu");
    this.control = control;
  }

  /** Ids of the text; no control token ever, whatever the text says. */
  encode(text: string): number[] {
    return [...text.matchAll(this.#pattern)].flatMap(([piece]) => this.#merge(latin1(utf8.encode(piece))));
  }

  isControl = (id: number) => id >= this.#tokens.length;

  bytes(id: number): Uint8Array {
    const token = this.#tokens[id] ?? "";
    return Uint8Array.from(token, (char) => char.charCodeAt(0));
  }

  #merge(piece: string): number[] {
    const whole = this.#ranks.get(piece);
    if (whole !== undefined) return [whole];
    const parts = [...piece];
    for (;;) {
      let lowest = Number.POSITIVE_INFINITY;
      let at = -1;
      for (let i = 0; i + 1 < parts.length; i++) {
        const rank = this.#ranks.get(`${parts[i]}${parts[i + 1]}`) ?? Number.POSITIVE_INFINITY;
        if (rank < lowest) [lowest, at] = [rank, i];
      }
      if (at < 0) return parts.map((part) => this.#ranks.get(part) ?? 0);
      parts.splice(at, 2, `${parts[at]}${parts[at + 1]}`);
    }
  }
}

/** BERT's, lower case: as the tokenizer.json of all-MiniLM-L6-v2 says. */
export class WordPieces {
  readonly #ids: Map<string, number>;
  readonly #limit: number;

  constructor(pieces: string[], limit: number) {
    this.#ids = new Map(pieces.map((piece, id) => [piece, id]));
    this.#limit = limit;
  }

  /** Ids between [CLS] and [SEP], cut to the limit. */
  encode(text: string): number[] {
    const ids = this.#words(text).flatMap((word) => this.#pieces(word));
    return [this.#id("[CLS]"), ...ids.slice(0, this.#limit - 2), this.#id("[SEP]")];
  }

  #words(text: string): string[] {
    const visible = text
      .replace(/[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Cn}\p{Co}]/gu, "")
      .replace(/[\p{Script=Han}]/gu, " $& ");
    const plain = visible
      .normalize("NFD")
      .replace(/\p{Mn}/gu, "")
      .toLowerCase();
    return plain.match(/[!-/:-@[-`{-~\p{P}]|[^\s!-/:-@[-`{-~\p{P}]+/gu) ?? [];
  }

  #pieces(word: string): number[] {
    const letters = [...word];
    if (letters.length > 100) return [this.#id("[UNK]")];
    const found: number[] = [];
    for (let start = 0; start < letters.length; ) {
      let end = letters.length;
      let id: number | undefined;
      for (; end > start; end--) {
        id = this.#ids.get(`${start > 0 ? "##" : ""}${letters.slice(start, end).join("")}`);
        if (id !== undefined) break;
      }
      if (id === undefined) return [this.#id("[UNK]")];
      found.push(id);
      start = end;
    }
    return found;
  }

  #id = (piece: string) => this.#ids.get(piece) ?? 0;
}
