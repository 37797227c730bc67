/** assistant/listing.py: the answer without a model, the best passage or several, each on a line of its own. */
import { type Rules, words } from "./rules.ts";
import type { Hit, Retrieval } from "./search.ts";

type Quoting = Rules["quoting"];
type Form = [text: string, worth: number];
type Picked = [line: number, text: string];

/** The hits that may be quoted, each with the probability that it tells what answers: the best one and those that
 * answer together with it, or that probably belong to the answer. */
export function listed({ hits, several, together, reread }: Retrieval, rules: Quoting): [Hit, number][] {
  const [best, ...rest] = hits;
  if (!best || together > 1) return hits.slice(0, together).map((hit) => [hit, 1]);
  const more = rest
    .slice(0, Math.max(0, reread - 1))
    .map((hit): [Hit, number] => [hit, belongs(hit, best, several, rules)]);
  const all: [Hit, number][] = [[best, best.score], ...more.filter(([, worth]) => worth >= rules.listed)];
  return all.slice(0, rules.maxListed);
}

/** Probability that what answers is told by `hit` too. */
function belongs(hit: Hit, best: Hit, several: number, rules: Quoting): number {
  const [a, b] = [hit.passage, best.passage];
  const alike = [a.section === b.section, b.id === b.entry && a.entry === b.entry, true].map(Number);
  const known = [...[hit.score, several, best.score].map(logit), ...alike];
  const total = known.reduce((sum, x, k) => sum + x * (rules.belongs[k] ?? 0), 0);
  return 1 / (1 + Math.exp(-total));
}

const logit = (probability: number) =>
  Math.log(Math.max(probability, 1e-4) / Math.max(1 - probability, 1e-4));

/** Why more than one is listed, for people. */
export function why(found: Retrieval, lines: number, rules: Quoting): string {
  if (found.together > 1)
    return lines === 2 ? "both belong to the answer" : "several entries, in their order";
  return found.several >= rules.several || lines > 2 ? "several entries answer" : "either may answer";
}

/** The answer without a model, a line for each passage, with its number among `shown`. `terms`: a text's content words. */
export function quoted(
  found: Retrieval,
  shown: Hit[],
  rules: Quoting,
  terms: (text: string) => string[],
): string {
  const chosen = listed(found, rules).filter(([hit]) => shown.includes(hit));
  const must = Math.min(found.together, chosen.length);
  let picked = chosen.length > 1 ? said(chosen, must, found.words ?? rules.shortWords, rules, terms) : [];
  const [best] = chosen;
  if (picked.length < 2 && best) picked = [[0, best[0].part ?? best[0].passage.quotation]];
  const number = (i: number) => shown.findIndex((hit) => hit === chosen[i]?.[0]) + 1;
  return picked.map(([i, text]) => `${text} [${number(i)}]`).join(rules.between);
}

/** Which of the hits, and in which words; without those that say nothing that the ones before do not. */
function said(
  chosen: [Hit, number][],
  must: number,
  size: number,
  rules: Quoting,
  terms: (text: string) => string[],
): Picked[] {
  const lines = chosen.map(([hit, worth]) => formsOf(hit, worth, rules, must > 2));
  for (let least = must; ; ) {
    const picked = firstFitted(lines, least, size, rules);
    if (!picked.length && least > 1) {
      lines[--least] = []; // the oldest jobs of many are left out
      continue;
    }
    const addsNothing = ([, text]: Picked, at: number) => {
      const before = new Set(picked.slice(0, at).flatMap(([, other]) => terms(other)));
      return at >= least && terms(text).every((term) => before.has(term));
    };
    const again = picked.findLast(addsNothing);
    if (!again) return picked;
    lines[again[0]] = [];
  }
}

/** In as few words as will do: ten more at a time. */
function firstFitted(lines: Form[][], must: number, size: number, rules: Quoting): Picked[] {
  for (let most = size; most <= rules.maxWords; most += rules.moreWords) {
    const picked = fitted(lines, must, most);
    if (picked.length) return picked;
  }
  return [];
}

/** Which lines, and each in which form: those worth most together in `most` words, the first `must` in any case. */
function fitted(lines: Form[][], must: number, most: number): Picked[] {
  let best = new Map<number, [worth: number, picked: Picked[]]>([[0, [0, []]]]);
  for (const [i, forms] of lines.entries()) {
    const longer: typeof best = i < must ? new Map() : new Map(best);
    for (const [used, [worth, picked]] of best) {
      for (const [text, more] of forms) {
        const size = used + words(text).length;
        if (size > most || worth + more <= (longer.get(size)?.[0] ?? -1)) continue;
        longer.set(size, [worth + more, [...picked, [i, text]]]);
      }
    }
    best = longer;
  }
  let [top, chosen]: [number, Picked[]] = [-1, []];
  for (const [worth, picked] of best.values()) if (worth > top) [top, chosen] = [worth, picked];
  return chosen;
}

/** One of several in fewer and fewer words: as an item, or the runs of it that answer, where they were read. */
function formsOf({ passage, part, runs }: Hit, worth: number, rules: Quoting, inOrder: boolean): Form[] {
  const items = inOrder ? passage.itemsInOrder : passage.items;
  const whole = runs?.length ? [part ?? passage.quotation, passage.quotation, passage.text] : items;
  const { drop, cutBefore, cutBehind } = rules;
  const loss = ([run, lower]: [string, number]) =>
    drop * lower + cutBefore * Number(run.startsWith("…")) + cutBehind * Number(run.endsWith("…"));
  const forms = [
    ...[...new Set(whole)].map((text, k): Form => [text, worth * rules.less ** k]),
    ...(runs ?? []).map((run): Form => [run[0], worth * Math.exp(-loss(run))]),
  ];
  return forms.filter(([, value]) => value >= Math.min(rules.least, worth / 2));
}
