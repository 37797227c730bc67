/** profile/cross_encoder.py, `collate`: pairs of texts as the second reader takes them. */

/** A question's tokens, a passage's, and what the search found between them. */
export type TokenPair = { question: Int32Array; passage: Int32Array; found: readonly [number, number] };

/** `[CLS] question [SEP] passage [SEP]`, padded to the longest: the network's inputs, row after row. */
export function collate(pairs: TokenPair[]) {
  const B = pairs.length;
  // [CLS] stands once, at the beginning.
  const rows = pairs.map(({ question, passage }) => [question, passage.subarray(1)] as const);
  const T = Math.max(...rows.map(([a, b]) => a.length + b.length));
  const ids = new BigInt64Array(B * T);
  const part = new BigInt64Array(B * T);
  for (const [row, [a, b]] of rows.entries()) {
    const start = row * T;
    ids.set(BigInt64Array.from([...a, ...b], BigInt), start);
    part.fill(1n, start + a.length, start + a.length + b.length);
  }
  return { ids, part, found: Float32Array.from(pairs.flatMap(({ found }) => found)), shape: [B, T] };
}

/** What `score` gives for each of the items, in their order, `slice` of alike length at a time. */
export async function byLength<T>(
  items: T[],
  lengthOf: (item: T) => number,
  slice: number,
  score: (some: T[]) => Promise<Float32Array>,
): Promise<Float32Array> {
  const scores = new Float32Array(items.length);
  const order = items.map((item, at) => ({ item, at })).sort((a, b) => lengthOf(a.item) - lengthOf(b.item));
  for (let from = 0; from < order.length; from += slice) {
    const some = order.slice(from, from + slice);
    const found = await score(some.map(({ item }) => item));
    for (const [i, { at }] of some.entries()) scores[at] = found[i] ?? 0;
  }
  return scores;
}
