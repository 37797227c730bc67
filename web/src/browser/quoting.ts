/** assistant/quoting.py: which tokens the model may write. */
import type { Rules } from "./rules.ts";
import type { Hit } from "./search.ts";
import type { BytePairs } from "./tokens.ts";

type Trie = { next: Map<number, Trie>; whole: boolean };
/** A place in a trie, the number of the passage it quotes (0: a refusal), and how many are cited so far. */
type State = { node: Trie; number: number; cited: number };

export class Quotations {
  readonly #rules: Rules["quoting"];
  readonly #stop: number;
  readonly #further: Trie[];
  /** After the first `#read` ids of the answer. */
  #states: State[];
  #read = 0;

  constructor(rules: Rules["quoting"], tokenizer: BytePairs, hits: Hit[]) {
    const trie = (texts: string[]) => grow(texts.map((text) => tokenizer.encode(text)));
    this.#rules = rules;
    this.#stop = tokenizer.control.eot;
    const least = rules.likely * Math.max(...hits.map((hit) => hit.score));
    const texts = hits.map(({ passage, score, part }) => {
      if (score < least) return [];
      return part ? [part] : passage.served;
    });
    this.#further = texts.map((served, i) => trie(served.map((text) => ` [${i + 1}] ${text}`)));
    this.#states = [
      { node: trie(rules.refusals), number: 0, cited: 0 },
      ...texts.map((served, i) => {
        const node = trie(served.map((text) => `[${i + 1}] ${text}`));
        return { node, number: i + 1, cited: 1 };
      }),
    ];
  }

  /**
   * Ids that may come after the answer's ids so far, weighted, in order; the end token once an answer is whole. Those
   * of an earlier call stand first in `written`: an object is for one answer.
   */
  allow(written: number[]): Map<number, number> {
    for (const token of written.slice(this.#read)) {
      this.#states = this.#open(this.#states).flatMap((state) => {
        const node = state.node.next.get(token);
        return node ? [{ ...state, node }] : [];
      });
    }
    this.#read = written.length;
    const states = this.#states;
    const allowed = new Map<number, number>();
    for (const { node } of this.#open(states)) for (const token of node.next.keys()) allowed.set(token, 0);
    if (written.length === 1) {
      // after the bracket that opens the answer: the number is chosen
      const { rankWeights } = this.#rules;
      for (const { node, number } of states) {
        const weight = rankWeights.at(Math.min(number, rankWeights.length) - 1) ?? 0;
        for (const token of node.next.keys()) allowed.set(token, weight);
      }
    }
    if (states.some(({ node }) => node.whole) || allowed.size === 0) allowed.set(this.#stop, 0);
    return new Map([...allowed].sort(([a], [b]) => a - b));
  }

  /** The states, and the citations of later passages that may follow those that are whole. */
  #open(states: State[]): State[] {
    const further = states.flatMap(({ node, number, cited }) =>
      node.whole && cited > 0 && cited < this.#rules.maxCitations
        ? this.#further
            .map((after, i) => ({ node: after, number: i + 1, cited: cited + 1 }))
            .filter((state) => state.number > number)
        : [],
    );
    return [...states, ...further];
  }
}

function grow(rows: number[][]): Trie {
  const root: Trie = { next: new Map(), whole: false };
  for (const ids of rows) {
    let node = root;
    for (const token of ids) {
      let next = node.next.get(token);
      if (!next) {
        next = { next: new Map(), whole: false };
        node.next.set(token, next);
      }
      node = next;
    }
    node.whole = true;
  }
  return root;
}
