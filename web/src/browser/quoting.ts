/** assistant/quoting.py: the answer without a model, and which tokens the model may write. */
import type { Rules } from "./rules.ts";
import { words } from "./rules.ts";
import type { Hit } from "./search.ts";
import type { BytePairs } from "./tokens.ts";

type Trie = { next: Map<number, Trie>; whole: boolean };
/** A place in a trie, the number of the passage it quotes (0: a refusal), and how many are cited so far. */
type State = { node: Trie; number: number; cited: number };

/** The hits to quote: the best one, and those beside it where `several` are asked for or it is one of a list. */
export function listed([best, ...rest]: Hit[], several: number, rules: Rules["quoting"]): Hit[] {
  if (!best) return [];
  const asked = several >= rules.several;
  if (!asked && !best.passage.namesItself) return [best];
  const least = asked ? rules.listedAsked : rules.listed;
  const size = (hit: Hit) => words(item(hit)).length;
  const chosen = [best];
  let room = rules.maxWords - size(best);
  for (const hit of rest) {
    const alike = hit.passage.namesItself && hit.passage.section === best.passage.section;
    if ((asked || alike) && hit.score >= least && size(hit) <= room) {
      chosen.push(hit);
      room -= size(hit);
    }
  }
  return chosen.slice(0, rules.maxListed);
}

/** The passage as one of several. */
const item = ({ passage }: Hit) => (passage.namesItself ? passage.head : passage.quotation);

/** The answer without a model, each passage with its number among `shown`. */
export function quoted(chosen: Hit[], shown: Hit[]): string {
  const text = (hit: Hit) => (chosen.length > 1 ? item(hit) : (hit.part ?? hit.passage.quotation));
  return chosen.map((hit) => `${text(hit)} [${shown.indexOf(hit) + 1}]`).join(" ");
}

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
