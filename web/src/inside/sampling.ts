/** From next-token logits to the probabilities that a token is drawn with, as engine/sampling.py does it. */

export type Next = {
  /** The likeliest tokens, the likeliest first. */
  ids: number[];
  logits: number[];
  /** For each temperature, the logsumexp of logit / temperature over all other tokens; none if there are no others. */
  temperatures: number[];
  rest: number[];
};
/** topK 0: no limit; topP 1: no limit. */
export type Sampling = { temperature: number; topK: number; topP: number };
export type Distribution = {
  /** Of each of `ids`; 0 for one that is cut. */
  probs: number[];
  /** Of all others together. */
  rest: number;
};

/** First top-k, then the temperature, then top-p of what is left, which keeps the token that crosses the line. */
export function distribution(next: Next, { temperature, topK, topP }: Sampling): Distribution {
  if (temperature === 0) return { probs: next.logits.map((_, at) => (at === 0 ? 1 : 0)), rest: 0 };
  const kept = topK > 0 ? Math.min(topK, next.ids.length) : next.ids.length;
  const scaled = next.logits.slice(0, kept).map((logit) => logit / temperature);
  const highest = scaled[0] ?? 0;
  const weights = scaled.map((logit) => Math.exp(logit - highest));
  const others = topK > 0 ? 0 : Math.exp(restAt(next, temperature) - highest);
  const whole = weights.reduce((sum, weight) => sum + weight, others);
  let [probs, rest] = [weights.map((weight) => weight / whole), others / whole];
  if (topP < 1) {
    let before = 0;
    probs = probs.map((p) => {
      const stays = before < topP;
      before += p;
      return stays ? p : 0;
    });
    // Of the others the likeliest stay too where the top ones do not reach the line: up to it, and less than one of
    // them beyond, each of which is less likely than the last of the top ones.
    rest = Math.min(rest, Math.max(0, topP - before));
    const left = probs.reduce((sum, p) => sum + p, rest);
    probs = probs.map((p) => p / left);
    rest /= left;
  }
  return { probs: next.logits.map((_, at) => probs[at] ?? 0), rest };
}

function restAt({ temperatures, rest }: Next, temperature: number): number {
  const at = temperatures.findIndex((one) => Math.abs(one - temperature) < 1e-6);
  return rest[at] ?? -Infinity;
}
