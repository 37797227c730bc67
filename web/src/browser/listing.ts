/** assistant/listing.py: the answer without a model, the best passage or of several each in few words. */
import { type Rules, words } from "./rules.ts";
import type { Hit, Retrieval } from "./search.ts";

type Quoting = Rules["quoting"];

/** The hits to quote: the best one and those that answer together with it, or that probably belong to the answer. */
export function listed({ hits, several, together, reread }: Retrieval, rules: Quoting): Hit[] {
  const [best, ...rest] = hits;
  if (!best || together > 1) return hits.slice(0, together);
  const more = rest.slice(0, Math.max(0, reread - 1));
  return [best, ...more.filter((hit) => belongs(hit, best, several, rules) >= rules.listed)].slice(
    0,
    rules.maxListed,
  );
}

/** Probability that what answers is told by `hit` too. */
function belongs(hit: Hit, best: Hit, several: number, rules: Quoting): number {
  const [a, b] = [hit.passage, best.passage];
  const alike = [a.section === b.section, b.id === b.entry && a.entry === b.entry, true].map(Number);
  const known = [...[hit.score, several, best.score].map(logit), ...alike];
  const total = known.reduce((sum, x, k) => sum + x * (rules.belongs[k] ?? 0), 0);
  return 1 / (1 + Math.exp(-total));
}

/** Why more than one is listed, for people. */
export function why(found: Retrieval, rules: Quoting): string {
  if (found.together > 1) return "the answer takes both";
  const list = found.several >= rules.several || listed(found, rules).length > 2;
  return list ? "several entries answer" : "either may answer";
}

const logit = (probability: number) =>
  Math.log(Math.max(probability, 1e-4) / Math.max(1 - probability, 1e-4));

/** The answer without a model, each passage with its number among `shown`. */
export function quoted(chosen: Hit[], shown: Hit[], rules: Quoting): string {
  const [only, more] = chosen;
  const texts = more ? fitted(chosen.map(formsOf), rules) : [only?.part ?? only?.passage.quotation ?? ""];
  return texts.map((text, i) => `${text} [${shown.findIndex((hit) => hit === chosen[i]) + 1}]`).join(" ");
}

/** Runs with the logit that each answers: longest first, each answers better than every shorter one. */
export function bestRuns(runs: [shown: string, logit: number][], worse: number): string[] {
  const read = runs.map(([shown, logit]) => ({ shown, logit, length: words(shown).length }));
  let best = Math.max(...runs.map(([, logit]) => logit)) - worse;
  const kept: string[] = [];
  for (const { shown, logit } of read.sort((a, b) => a.length - b.length || b.logit - a.logit)) {
    if (logit <= best) continue;
    best = logit;
    kept.unshift(shown);
  }
  return kept;
}

/** One of several, in fewer and fewer words. */
const formsOf = ({ passage, runs }: Hit) =>
  runs?.length ? [...new Set([passage.quotation, passage.text, ...runs])] : passage.items;

/** One form of each, the longest taken down until they have `shortWords` in all; at most `maxWords`. */
function fitted(forms: string[][], rules: Quoting): string[] {
  const at = forms.map(() => 0);
  const text = (i: number) => forms[i]?.[at[i] ?? 0] ?? "";
  const size = (i: number) => words(text(i)).length;
  const all = [...forms.keys()];
  while (all.reduce((total, i) => total + size(i), 0) > rules.shortWords) {
    const longer = all.filter((i) => (at[i] ?? 0) + 1 < (forms[i]?.length ?? 0));
    const [first, ...others] = longer;
    if (first === undefined) break;
    const longest = others.reduce((best, i) => (size(i) > size(best) ? i : best), first);
    at[longest] = (at[longest] ?? 0) + 1;
  }
  let room = rules.maxWords;
  const fits = all.findIndex((i) => {
    room -= size(i);
    return room < 0 && i > 0;
  });
  return all.slice(0, fits < 0 ? undefined : fits).map(text);
}
