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
