/** Every rule of an answer, as `fischgpt export site` takes them from the server's code (server/static_data.py). */

import type { Passage as Listed } from "../api.ts";

type Told = [source: string, flags: string];

export type Passage = Listed & {
  entry: string;
  rendered: string;
  quotation: string;
  /** As one of several, in fewer and fewer words. */
  items: string[];
  itemsInOrder: string[];
  /** What the model may write of it. */
  served: string[];
  /** What it may be cut down to where it is too long to quote. */
  parts: { text: string; quotation: string }[];
  /** What may stand for it among several, … where something was left out. */
  runs: string[];
  namesItself: boolean;
  /** The logit that it answers each usual question. */
  answered: number[];
  vocabulary: string[];
  words: string[];
};

export type Rules = {
  owner: string;
  declined: string;
  text: { ligatures: Record<string, string>; marker: Told; sentenceEnd: Told };
  words: { word: Told; stop: string[] };
  question: {
    roleTokens: Told;
    pointing: string[];
    verbs: string[];
    askingBack: Told;
    who: Told;
    you: string[];
    they: string[];
    another: Told;
    opening: Told;
    variants: Record<string, string>;
    compared: { born: string; died: string; age: Told; life: Told; when: Told; verb: Told; pairs: Told[] };
    byDate: { forms: [kind: string, form: Told][]; which: string[]; career: string };
  };
  search: {
    candidates: number;
    bm25Weight: number;
    sameEntry: number;
    judged: number;
    rankWeight: number;
    gateWeight: number;
    even: number;
    threshold: number;
    reread: number;
    rereadSeveral: number;
    /** Of the second reader's logit, the first's, the search's score, and 1. */
    rereadWeights: number[];
    rereadGate: number[];
    /** Below this search score the gate's logit is lower, by so much for each 1.0. */
    far: number;
    farWeight: number;
    /** Of a usual question: of the logit that a passage answers that one, the first reader's, the search's score, and 1; and
     * the same with the second reader's before the first's. */
    usualFirst: number[];
    usualWeights: number[];
    usualGate: number[];
    together: number;
    outright: number;
    rereadThreshold: number;
    questionTokens: number;
    passageTokens: number;
    slice: number;
    maxTokens: number;
  };
  several: { weights: number[]; plural: number; asksPlural: Told; bias: number };
  /** Of each usual question and of none, what each number of a question's vector weighs, and 1. */
  intents: number[][];
  prompt: { citation: Told };
  quoting: {
    refusals: string[];
    rankWeights: number[];
    maxCitations: number;
    maxListed: number;
    maxWords: number;
    moreWords: number;
    shortWords: number;
    /** What stands between the lines of an answer. */
    between: string;
    /** What of a passage's worth is left with each shorter form; what a run loses for its logit, and for what was cut off. */
    less: number;
    drop: number;
    cutBefore: number;
    cutBehind: number;
    /** What is worth less is not listed. */
    least: number;
    likely: number;
    /** Of a hit's logit, that several are asked for, the best hit's, one section, a line of the best one's entry, 1. */
    belongs: number[];
    listed: number;
    several: number;
  };
  check: {
    maxWords: number;
    marker: Told;
    role: Told;
    token: Told;
    thousands: Told;
    decline: Told;
    numberWords: Record<string, string>;
    function: string[];
    markerBegun: Told;
  };
  smallTalk: { hello: Told; patterns: [kind: string, pattern: Told][]; replies: Record<string, string> };
  answer: { confident: number; answerTokens: number; questionTokens: number };
  model: { blockSize: number; nLayer: number; nHead: number; headDim: number };
  tokenizer: {
    tokens: string[];
    pattern: string;
    control: { eot: number; user: number; assistant: number; system: number };
  };
  wordPieces: string[];
  passages: Passage[];
  /** By the kind of entry and which of them is asked for, "Work first": the ids of the passages that answer. */
  timeline: Record<string, string[]>;
  postings: Record<string, [passage: number, weight: number][]>;
  /** Tokens of each passage in the index. */
  lengths: number[];
};

/** A pattern with the methods of Python's. */
export class Pattern {
  readonly #once: RegExp;
  readonly #start: RegExp;
  readonly #whole: RegExp;
  readonly #every: RegExp;

  constructor([source, flags]: Told) {
    const plain = flags.replace("g", "");
    this.#once = new RegExp(source, plain);
    this.#start = new RegExp(`^(?:${source})`, plain);
    this.#whole = new RegExp(`^(?:${source})$`, plain);
    this.#every = new RegExp(source, flags);
  }

  search = (text: string) => this.#once.exec(text);
  match = (text: string) => this.#start.exec(text);
  fullmatch = (text: string) => this.#whole.test(text);
  whole = (text: string) => this.#whole.exec(text);
  all = (text: string) => [...text.matchAll(this.#every)];
  /** `by` as JavaScript's replace takes it. */
  sub = (text: string, by: string) => text.replace(this.#every, by);
}

export const WORD = "\\p{L}\\p{N}_"; // Python's \w
export const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
export const words = (text: string) => text.split(/\s+/u).filter(Boolean);
