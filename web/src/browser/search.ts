/** profile/index.py: which passages answer a question, and whether any of them does. */

import type { CrossEncoder } from "./crossEncoder.ts";
import { ofUsual, sum, usual } from "./intents.ts";
import { listed } from "./listing.ts";
import { Questions, type Turn } from "./question.ts";
import type { Pair, Reader, Reading } from "./reader.ts";
import { type Passage, Pattern, type Rules, words } from "./rules.ts";
import type { Language } from "./text.ts";

export type Hit = {
  passage: Passage;
  score: number;
  cosine: number;
  bm25: number;
  /** How a passage that is too long to quote was cut down. */
  part?: string;
  /** The second reader's logit that it answers, where it was read twice. */
  logit?: number;
  /** Shorter quotations of it, where several are listed, each with how much its logit is below that of the whole. */
  runs?: [run: string, drop: number][];
};
export type Retrieval = {
  hits: Hit[];
  answerable: boolean;
  score: number;
  threshold: number;
  /** Probability that several things are asked for; 0 where passages are read once. */
  several: number;
  /** How many of the first hits answer together. */
  together: number;
  /** In which they are quoted, if that can be, where that is not the usual. */
  words?: number;
  /** How many of the first hits were read twice. */
  reread: number;
};
type Found = Map<string, Hit>;
type ReadAgain = (pairs: (Pair & { text?: string })[]) => Promise<Float32Array>;

const SHOWN = 8;
const byScore = (a: Hit, b: Hit) => b.score - a.score;
const probability = (logit: number) => 1 / (1 + Math.exp(-logit));

export class Index {
  readonly #rules: Rules;
  readonly #language: Language;
  readonly #questions: Questions;
  readonly #reader: Reader;
  readonly #asksPlural: Pattern;
  readonly #at: Map<string, number>;
  readonly #postings: Map<string, [passage: number, weight: number][]>;
  /** Of each question asked, the entry whose passage answers it best. */
  readonly #entries = new Map<string, string>();
  /** Reads the best passages again; null as long as it is not here. */
  second: CrossEncoder | null = null;

  constructor(rules: Rules, language: Language, reader: Reader) {
    this.#rules = rules;
    this.#language = language;
    this.#questions = new Questions(rules, language);
    this.#reader = reader;
    this.#asksPlural = new Pattern(rules.several.asksPlural);
    this.#at = new Map(rules.passages.map((passage, i) => [passage.id, i]));
    this.#postings = new Map(Object.entries(rules.postings));
  }

  async search(question: string, history: Turn[]): Promise<Retrieval> {
    const { second } = this; // one that arrives meanwhile is for the next question
    const threshold = second ? this.#rules.search.rereadThreshold : this.#rules.search.threshold;
    const owners = this.#questions.ofOwner(question, history);
    if (owners && this.#questions.asksWho(question)) return this.#about(threshold);
    const [asked, earlier, both] = this.#questions.resolve(question, history);
    const byDate = owners && !earlier ? this.#questions.byDate(both || asked) : null;
    const told = byDate ? this.#rules.timeline[byDate] : undefined;
    if (byDate && told) return this.#byDate(asked, told, threshold, byDate);
    const apart = earlier ? null : await this.#compared(asked, threshold, second);
    const whole = await this.#search(asked, earlier, both, threshold, second, owners);
    if (apart && (whole.hits[0]?.score ?? 0) < this.#rules.search.outright) return apart;
    if (second && whole.answerable)
      await this.#addRuns(whole, second, earlier ? both : asked, earlier ? "" : both);
    return whole;
  }

  /** What the two halves of a question find, if it has any and both are answered, each by a passage of its own. */
  async #compared(asked: string, threshold: number, second: CrossEncoder | null): Promise<Retrieval | null> {
    const parts = this.#questions.halves(asked);
    if (!parts) return null;
    const least = second ? this.#rules.search.together : threshold;
    const one = await this.#search(parts[0], "", "", threshold, second);
    const other = await this.#search(parts[1], "", "", threshold, second);
    const pairs = one.hits
      .slice(0, 2)
      .flatMap((a) => other.hits.slice(0, 2).map((b): [Hit, Hit] => [a, b]))
      .filter(([a, b]) => a.passage !== b.passage && Math.min(a.score, b.score) >= least);
    const [best] = pairs.sort(([a, b], [c, d]) => c.score * d.score - a.score * b.score);
    if (!best) return null;
    const [first, latter] = best;
    const rest = new Map([...one.hits, ...other.hits].map((hit) => [hit.passage.id, hit]));
    for (const { passage } of [first, latter]) rest.delete(passage.id);
    const hits = [first, latter, ...[...rest.values()].sort(byScore)].slice(0, SHOWN);
    const score = Math.min(first.score, latter.score);
    return { hits, answerable: true, score, threshold, several: 0, together: 2, reread: 0 };
  }

  /** As `search`, of what `resolve` made of the question. A follow-up is searched and read with the question before it,
   * and what that one is answered by counts more. */
  async #search(
    asked: string,
    earlier: string,
    both: string,
    threshold: number,
    second: CrossEncoder | null,
    owners = true,
  ): Promise<Retrieval> {
    const { search } = this.#rules;
    const searched = earlier ? both : asked;
    const reading = await this.#reader.read(searched);
    const whole = both && !earlier ? await this.#reader.read(both) : null;
    let found = [...this.#scored(searched, reading).values()];
    if (earlier) {
      const entry = this.#entries.get(earlier) ?? (await this.#entry(earlier, threshold, second));
      const more = ({ passage, score }: Hit) => (passage.entry === entry ? score + search.sameEntry : score);
      found = found.map((hit) => ({ ...hit, score: more(hit) }));
    }
    const best = found.sort(byScore).slice(0, search.judged);
    const alone = earlier ? await this.#reader.read(asked) : reading;
    const several = second ? this.#several(asked, alone.vector) : 0;
    const deep = several >= this.#rules.quoting.several;
    const reread = second ? (deep ? search.rereadSeveral : search.reread) : 0;
    const asks = earlier || !owners ? [] : usual(reading.vector, this.#rules.intents);
    const { hits, score } = await this.#judge(reading, whole, asks, best, second, reread);
    const shown = hits.slice(0, SHOWN);
    if (second && shown[0] && !both) this.#entries.set(asked, shown[0].passage.entry);
    return {
      hits: shown,
      answerable: score >= threshold,
      score,
      threshold,
      several,
      together: 1,
      reread,
    };
  }

  /** The entry whose passage answers the question before a follow-up, where that was not searched a turn ago. */
  async #entry(earlier: string, threshold: number, second: CrossEncoder | null): Promise<string | undefined> {
    const [before] = (await this.#search(earlier, "", "", threshold, second)).hits;
    return before?.passage.entry;
  }

  /** The hits in the order of search and readers together, scored by the probability that each answers, and the
   * probability that one of them does. The best `reread` of the first reader are read twice. `whole`: a question with
   * the rest of its message, which the second reader reads too. `asks`: the probability that it is each of the usual
   * questions. */
  async #judge(
    question: Reading,
    whole: Reading | null,
    asks: number[],
    hits: Hit[],
    second: CrossEncoder | null,
    reread: number,
  ): Promise<{ hits: Hit[]; score: number }> {
    const { rankWeight, gateWeight, even, rereadWeights, rereadGate, far, farWeight } = this.#rules.search;
    const { usualFirst, usualWeights, usualGate } = this.#rules.search;
    const share = Math.sqrt(sum(asks));
    const mixed = (ofReaders: number, usual: number) => (1 - share) * ofReaders + share * usual;
    const weighed = (weights: readonly number[], known: readonly number[]) =>
      known.reduce((total, x, k) => total + x * (weights[k] ?? 0), 0);
    const logits = await this.#reader.judge(
      question,
      hits.map((hit) => this.#pairOf(hit)),
    );
    const rows = hits.map((hit, i) => {
      const logit = logits[i] ?? 0;
      const asked = ofUsual(asks, hit.passage.answered);
      const usual = weighed(usualFirst, [asked, logit, hit.score, 1]);
      const score = probability(mixed(logit + gateWeight * (hit.score - even), usual));
      return { hit, logit, asked, rank: mixed(logit + rankWeight * hit.score, usual), score };
    });
    rows.sort((a, b) => b.rank - a.rank);
    let score = Math.max(0, ...rows.map((row) => row.score));
    if (second) {
      const best = rows.splice(0, reread);
      const readAgain = this.#rereading(second, question, whole);
      const again = await readAgain(best.map(({ hit }) => this.#pairOf(hit)));
      const known = new Map(
        best.map((row, i) => [row, [again[i] ?? 0, row.logit, row.hit.score, 1]] as const),
      );
      for (const [row, read] of known) {
        row.rank = mixed(weighed(rereadWeights, read), weighed(usualWeights, [row.asked, ...read]));
        row.score = probability(row.rank);
        row.hit = { ...row.hit, logit: read[0] };
      }
      rows.unshift(...best.sort((a, b) => b.rank - a.rank));
      const [first] = rows;
      const gate = (read: readonly number[]) =>
        weighed(rereadGate, read) - farWeight * Math.max(0, far - (read[2] ?? 0));
      const read = first ? (known.get(first) ?? []) : [];
      score = first ? probability(mixed(gate(read), weighed(usualGate, [first.asked, ...read]))) : 0;
      if (first?.hit.passage.parts.length) {
        const { parts } = first.hit.passage;
        const logits = [...(await readAgain(parts.map(({ text }) => this.#pairOf(first.hit, text))))];
        const part = parts[logits.indexOf(Math.max(...logits))];
        if (part) rows[0] = { ...first, hit: { ...first.hit, part: part.quotation } };
      }
    }
    return { hits: rows.map((row) => ({ ...row.hit, score: row.score })), score };
  }

  /** With what of each line answers best, where more than one is listed and they are too long together. */
  async #addRuns(found: Retrieval, second: CrossEncoder, question: string, rest: string): Promise<void> {
    const { shortWords } = this.#rules.quoting;
    const chosen = listed(found, this.#rules.quoting).map(([hit]) => hit);
    const long = chosen.reduce((total, { passage }) => total + words(passage.text).length, 0);
    if (chosen.length < 2 || long <= shortWords) return;
    const most = Math.floor((2 * shortWords) / chosen.length);
    const read = chosen.flatMap((hit) =>
      hit.passage.runs.filter((run) => words(run).length <= most).map((run) => ({ hit, run })),
    );
    const whole = rest ? await this.#reader.read(rest) : null;
    const readAgain = this.#rereading(second, await this.#reader.read(question), whole);
    const logits = await readAgain(read.map(({ hit, run }) => this.#pairOf(hit, run.replaceAll("…", ""))));
    for (const hit of chosen) hit.runs = [];
    for (const [i, { hit, run }] of read.entries())
      hit.runs?.push([run, Math.max(0, (hit.logit ?? 0) - (logits[i] ?? 0))]);
  }

  /** What the search found, and what is read of it: the passage, or `text` behind its section, organisation and dates. */
  #pairOf({ passage, cosine, bm25 }: Hit, text?: string): Pair & { text?: string } {
    const found = { passage: this.#at.get(passage.id) ?? 0, cosine, bm25 };
    const context = passage.rendered.slice(0, passage.rendered.length - passage.text.length);
    return text === undefined ? found : { ...found, text: context + text };
  }

  /** The second reader's logits, for the question or with the rest of its message, whichever is higher. */
  #rereading(second: CrossEncoder, question: Reading, whole: Reading | null): ReadAgain {
    const logits = (asked: Reading, pairs: (Pair & { text?: string })[]) =>
      second.score(this.#reader.tokens(asked, pairs), this.#rules.search.slice);
    return async (pairs) => {
      const alone = await logits(question, pairs);
      return whole
        ? (await logits(whole, pairs)).map((logit, i) => Math.max(logit, alone[i] ?? logit))
        : alone;
    };
  }

  /** profile/several.py: the probability that a question asks for several things. */
  #several(question: string, vector: Float32Array): number {
    const { weights, plural, bias: even } = this.#rules.several;
    const bias = this.#asksPlural.search(question) ? even + plural : even;
    return probability(vector.reduce((total, x, i) => total + x * (weights[i] ?? 0), bias));
  }

  #about(threshold: number): Retrieval {
    const { passages } = this.#rules;
    const about = passages.filter((passage) => passage.section === "About");
    const chosen = (about.length ? about : passages).slice(0, SHOWN);
    const hits = chosen.map((passage) => ({ passage, score: 1, cosine: 0, bm25: 0 }));
    const score = hits.length ? 1 : 0;
    const together = Math.min(2, hits.length);
    return { hits, answerable: score > 0, score, threshold, several: 0, together, reread: 0 };
  }

  /** What the dates answer, before the other entries of the section. */
  #byDate(asked: string, ids: string[], threshold: number, which: string): Retrieval {
    const { passages, question, quoting } = this.#rules;
    const hit = (passage: Passage, score: number): Hit => ({ passage, score, cosine: 0, bm25: 0 });
    const chosen = ids.slice(0, SHOWN).flatMap((id) => passages.filter((passage) => passage.id === id));
    const [first] = chosen;
    if (first) this.#entries.set(asked, first.entry);
    const others = passages.filter(
      ({ id, entry, section }) => id === entry && section === first?.section && !ids.includes(id),
    );
    const hits = [...chosen.map((one) => hit(one, 1)), ...others.map((one) => hit(one, 0))].slice(0, SHOWN);
    const together = chosen.length;
    const career = which.startsWith(`${question.byDate.career} `);
    const words = career ? quoting.maxWords : quoting.shortWords;
    return { hits, answerable: true, score: 1, threshold, several: 0, together, reread: 0, words };
  }

  /** The candidates of both rankings. */
  #scored(text: string, reading: Reading): Found {
    const { passages, search } = this.#rules;
    const byWords = this.#wordScores(text);
    const cosines = passages.map((_, i) => this.#reader.cosine(reading, i));
    const best = (scores: number[], least: number) =>
      [...scores.keys()]
        .filter((i) => (scores[i] ?? 0) > least)
        .sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))
        .slice(0, search.candidates);
    const found: Found = new Map();
    for (const i of new Set([...best(cosines, Number.NEGATIVE_INFINITY), ...best(byWords, 0)])) {
      const passage = passages[i];
      const [cosine = 0, bm25 = 0] = [cosines[i], byWords[i]];
      if (passage) found.set(passage.id, { passage, score: cosine + search.bm25Weight * bm25, cosine, bm25 });
    }
    return found;
  }

  /** BM25 of each passage (profile/bm25.py). */
  #wordScores(text: string): number[] {
    const n = this.#rules.passages.length;
    const found = new Array<number>(n).fill(0);
    for (const term of new Set(this.#language.terms(text))) {
      const postings = this.#postings.get(term) ?? [];
      const idf = Math.log(1 + (n - postings.length + 0.5) / (postings.length + 0.5));
      for (const [i, weight] of postings) found[i] = (found[i] ?? 0) + idf * weight;
    }
    return found;
  }
}
