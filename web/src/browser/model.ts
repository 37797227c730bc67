/** The language model: ids in, ids out (engine/engine.py). */
import type { Reads } from "./network.ts";
import type { Rules } from "./rules.ts";

export type Sampling = { temperature: number; seed: number; top: number };
export type Sampled = { id: number; logprob: number; top: [id: number, logprob: number][] };

export class LanguageModel {
  readonly #network: Reads;
  readonly #shape: Rules["model"];

  constructor(network: Reads, shape: Rules["model"]) {
    this.#network = network;
    this.#shape = shape;
  }

  /**
   * Tokens that continue the prompt; `allow` gets the ids written so far and returns what may come next. before: what
   * another has written of this very answer.
   */
  async *generate(
    prompt: number[],
    limit: number,
    sampling: Sampling,
    allow: (written: number[]) => Map<number, number>,
    before: readonly number[] = [],
  ): AsyncGenerator<Sampled> {
    const random = generator(sampling.seed);
    if (sampling.temperature > 0) for (const _ of before) random();
    const written = [...before];
    let pending = [...prompt, ...before];
    const most = Math.min(limit, this.#shape.blockSize - prompt.length);
    for (let fresh = true; written.length < most; fresh = false) {
      const scores = await this.#network.read(pending, fresh);
      const id = choose(scores, allow(written), sampling.temperature, random);
      const total = logSumExp(scores);
      written.push(id);
      yield { id, logprob: (scores[id] ?? 0) - total, top: likeliest(scores, sampling.top, total) };
      pending = [id];
    }
  }
}

function choose(
  scores: Float32Array,
  allowed: Map<number, number>,
  temperature: number,
  random: () => number,
) {
  const rows = [...allowed].map(([id, weight]) => ({ id, score: (scores[id] ?? 0) + weight }));
  const best = rows.reduce((one, other) => (other.score > one.score ? other : one));
  if (temperature === 0) return best.id;
  const odds = rows.map(({ score }) => Math.exp((score - best.score) / temperature));
  let at = random() * odds.reduce((total, p) => total + p, 0);
  const drawn = rows.find((_, i) => {
    at -= odds[i] ?? 0;
    return at < 0;
  });
  return (drawn ?? best).id;
}

function logSumExp(scores: Float32Array): number {
  const highest = scores.reduce((one, other) => Math.max(one, other));
  return highest + Math.log(scores.reduce((total, score) => total + Math.exp(score - highest), 0));
}

function likeliest(scores: Float32Array, k: number, total: number): [number, number][] {
  if (k === 0) return [];
  const best: [id: number, score: number][] = [];
  for (const [id, score] of scores.entries()) {
    if (best.length === k && score <= (best[k - 1]?.[1] ?? 0)) continue;
    const at = best.findIndex(([, other]) => score > other);
    best.splice(at < 0 ? best.length : at, 0, [id, score]);
    best.length = Math.min(best.length, k);
  }
  return best.map(([id, score]) => [id, score - total]);
}

/** mulberry32: numbers from 0 to 1 that a seed repeats. */
function generator(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
