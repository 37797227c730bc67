/** profile/intents.py: is a question one that anybody is asked, and which passages answer that one? */

/** Logits are cut there. */
const MOST = 8;
const sigmoid = (logit: number) => 1 / (1 + Math.exp(-logit));

/** The probability that a question is each of the usual ones, of its vector. */
export function usual(vector: Float32Array, weights: readonly number[][]): number[] {
  const logits = weights.map((of) =>
    vector.reduce((total, x, i) => total + x * (of[i] ?? 0), of.at(-1) ?? 0),
  );
  const highest = Math.max(...logits);
  const odds = logits.map((logit) => Math.exp(logit - highest));
  const all = sum(odds);
  return odds.slice(0, -1).map((odd) => odd / all);
}

/** The logit that a passage answers, if the question is one of the usual ones. */
export function ofUsual(asked: readonly number[], answered: readonly number[]): number {
  const share = Math.max(sum(asked), 1e-9);
  const probability = asked.reduce((total, p, k) => total + (p / share) * sigmoid(answered[k] ?? 0), 0);
  return Math.log(Math.max(probability, sigmoid(-MOST)) / (1 - probability));
}

export const sum = (numbers: readonly number[]) => numbers.reduce((total, x) => total + x, 0);
