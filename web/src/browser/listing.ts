/** assistant/listing.py: the answer without a model, the best passage or of several each in few words. */
import { type Rules, words } from "./rules.ts";
import type { Hit, Retrieval } from "./search.ts";

type Quoting = Rules["quoting"];

/** The hits to quote: the best one, those that answer together, all that answer where several are asked for, or two
 * of which the readers cannot tell. */
export function listed(found: Retrieval, rules: Quoting): Hit[] {
  if (found.together > 1) return found.hits.slice(0, found.together);
  const others = asGood(found, rules);
  const more = others.length ? others : undecided(found, rules);
  return [...found.hits.slice(0, 1), ...more].slice(0, rules.maxListed);
}

/** Why more than one is listed, for people. */
export function why(found: Retrieval, rules: Quoting): string {
  if (found.together > 1) return "the answer takes both";
  return asGood(found, rules).length ? "several entries answer" : "either may answer";
}

/** What belongs to a list with the best hit. */
function asGood({ hits: [best, ...rest], several }: Retrieval, rules: Quoting): Hit[] {
  const asked = several >= rules.several;
  const least = asked ? rules.listedAsked : rules.listed;
  const alike = ({ passage }: Hit) =>
    best?.passage.namesItself && passage.namesItself && passage.section === best.passage.section;
  return rest.filter((hit) => hit.score >= least && (asked || alike(hit)));
}

/** The second hit, where it may as well be the one that answers. */
function undecided({ hits: [best, next] }: Retrieval, rules: Quoting): Hit[] {
  return best && next && logit(best.score) - logit(next.score) < rules.close ? [next] : [];
}

const logit = (probability: number) =>
  Math.log(Math.max(probability, 1e-6) / Math.max(1 - probability, 1e-6));

/** The answer without a model, each passage with its number among `shown`. */
export function quoted(chosen: Hit[], shown: Hit[], rules: Quoting): string {
  const [only, more] = chosen;
  const texts = more
    ? fitted(
        chosen.map(({ passage }) => passage.items),
        rules,
      )
    : [only?.part ?? only?.passage.quotation ?? ""];
  return texts.map((text, i) => `${text} [${shown.findIndex((hit) => hit === chosen[i]) + 1}]`).join(" ");
}

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
