/** profile/embed.py and profile/relevance.py: MiniLM reads the question, its upper half judges question and passage. */
import { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { byLength, type TokenPair } from "./collate.ts";
import type { Rules } from "./rules.ts";
import { WordPieces } from "./tokens.ts";

const DIMENSIONS = 384;
const PART = { question: 1n, passage: 2n };

/** One text as MiniLM reads it: token ids, each token after half of the layers (T x 384), the unit vector. */
export type Reading = { ids: Int32Array; states: Float32Array; vector: Float32Array };
/** A passage's, as the index file has it: states in 16 bits. */
type Packed = { ids: Int32Array; half: Uint16Array; vector: Float32Array };
export type Pair = { passage: number; cosine: number; bm25: number };

export class Reader {
  readonly #pieces: WordPieces;
  readonly #minilm: InferenceSession;
  readonly #judge: InferenceSession;
  readonly #passages: Packed[];
  readonly #questionTokens: number;
  readonly #passageTokens: number;
  readonly #slice: number;

  private constructor(rules: Rules, minilm: InferenceSession, judge: InferenceSession, index: ArrayBuffer) {
    this.#pieces = new WordPieces(rules.wordPieces, rules.search.maxTokens);
    this.#questionTokens = rules.search.questionTokens;
    this.#passageTokens = rules.search.passageTokens;
    this.#slice = rules.search.slice;
    this.#minilm = minilm;
    this.#judge = judge;
    this.#passages = unpack(index, rules.lengths);
  }

  static async open(
    rules: Rules,
    minilm: Uint8Array,
    judge: Uint8Array,
    index: ArrayBuffer,
  ): Promise<Reader> {
    return new Reader(
      rules,
      await InferenceSession.create(minilm),
      await InferenceSession.create(judge),
      index,
    );
  }

  async read(text: string): Promise<Reading> {
    const ids = this.#pieces.encode(text);
    const T = ids.length;
    const whole = (values: number[]) => new Tensor("int64", BigInt64Array.from(values, BigInt), [1, T]);
    const given = { input_ids: ids, attention_mask: ids.map(() => 1), token_type_ids: ids.map(() => 0) };
    const names = Object.entries(given).filter(([name]) => this.#minilm.inputNames.includes(name));
    const out = await this.#minilm.run(
      Object.fromEntries(names.map(([name, values]) => [name, whole(values)])),
    );
    const last = out.last_hidden_state?.data as Float32Array;
    const halfway = out.layer_norm_6?.data as Float32Array;
    const sum = new Float64Array(DIMENSIONS);
    for (let i = 0; i < T * DIMENSIONS; i++)
      sum[i % DIMENSIONS] = (sum[i % DIMENSIONS] ?? 0) + (last[i] ?? 0);
    const norm = Math.sqrt(sum.reduce((total, x) => total + x * x, 0));
    return {
      ids: Int32Array.from(ids),
      states: halfway.map(roundToHalf),
      vector: Float32Array.from(sum, (x) => x / Math.max(norm, 1e-12)),
    };
  }

  cosine(question: Reading, passage: number): number {
    const vector = this.#passages[passage]?.vector ?? [];
    return question.vector.reduce((total, x, i) => total + x * (vector[i] ?? 0), 0);
  }

  /** The logit of each passage that it answers the question. */
  judge(question: Reading, pairs: Pair[]): Promise<Float32Array> {
    return byLength(
      pairs,
      ({ passage }) => this.#passages[passage]?.ids.length ?? 0,
      this.#slice,
      (some) => this.#judgeSome(question, some),
    );
  }

  async #judgeSome(question: Reading, pairs: Pair[]): Promise<Float32Array> {
    const n = Math.min(question.ids.length, this.#questionTokens);
    const passages = pairs.map((pair) => this.#passages[pair.passage]).filter((one) => one !== undefined);
    const B = passages.length;
    const T = n + Math.max(...passages.map((one) => one.ids.length));
    const states = new Float32Array(B * T * DIMENSIONS);
    const part = new BigInt64Array(B * T);
    const shared = new BigInt64Array(B * T);
    const asked = question.ids.subarray(0, n);
    for (const [row, passage] of passages.entries()) {
      states.set(question.states.subarray(0, n * DIMENSIONS), row * T * DIMENSIONS);
      const from = (row * T + n) * DIMENSIONS;
      for (let i = 0; i < passage.half.length; i++) states[from + i] = HALF[passage.half[i] ?? 0] ?? 0;
      part.fill(PART.question, row * T, row * T + n);
      part.fill(PART.passage, row * T + n, row * T + n + passage.ids.length);
      for (const [i, id] of asked.entries()) if (passage.ids.includes(id)) shared[row * T + i] = 1n;
      for (const [i, id] of passage.ids.entries()) if (asked.includes(id)) shared[row * T + n + i] = 1n;
    }
    const found = Float32Array.from(pairs.flatMap(foundOf));
    const out = await this.#judge.run({
      states: new Tensor("float32", states, [B, T, DIMENSIONS]),
      part: new Tensor("int64", part, [B, T]),
      shared: new Tensor("int64", shared, [B, T]),
      found: new Tensor("float32", found, [B, 2]),
    });
    return out.logits?.data as Float32Array;
  }

  /** The pairs as the second reader gets them; `text`: read in place of the pair's passage. */
  tokens(question: Reading, pairs: (Pair & { text?: string })[]): TokenPair[] {
    const asked = question.ids.subarray(0, this.#questionTokens);
    return pairs.map((pair) => {
      const own = pair.text && this.#pieces.encode(pair.text).slice(0, this.#passageTokens);
      const passage = own ? Int32Array.from(own) : this.#passages[pair.passage]?.ids;
      return { question: asked, passage: passage ?? new Int32Array(), found: foundOf(pair) };
    });
  }
}

/** Cosine and BM25 at about the same scale. */
const foundOf = ({ cosine, bm25 }: Pair): [number, number] => [5 * (cosine - 0.4), bm25 / 4];

/** The passages' readings out of the index file (server/static_data.py, `readings`). */
function unpack(index: ArrayBuffer, lengths: number[]): Packed[] {
  const N = lengths.length;
  const tokens = lengths.reduce((total, n) => total + n, 0);
  const vectors = new Float32Array(index, 0, N * DIMENSIONS);
  const ids = new Int32Array(index, vectors.byteLength, tokens);
  const states = new Uint16Array(index, vectors.byteLength + ids.byteLength, tokens * DIMENSIONS);
  let start = 0;
  return lengths.map((n, i) => {
    const [from, to] = [start, start + n];
    start = to;
    return {
      ids: ids.subarray(from, to),
      half: states.subarray(from * DIMENSIONS, to * DIMENSIONS),
      vector: vectors.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS),
    };
  });
}

/** The value of 16 bits as IEEE 754 has them; infinities do not occur. */
function fromHalf(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const value = exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24;
  return bits & 0x8000 ? -value : value;
}

/** Every value of 16 bits. */
const HALF = Float32Array.from({ length: 2 ** 16 }, (_, bits) => fromHalf(bits));

/** To the 11 significant bits of half precision (Veltkamp's splitting), in which the server keeps a question too. */
function roundToHalf(x: number): number {
  const c = Math.fround(8193 * x);
  return Math.fround(c - Math.fround(c - x));
}
