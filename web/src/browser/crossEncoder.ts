/** profile/cross_encoder.py: the second reading of the best passages, by a network that sees both texts at once. */
import { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { byLength, collate, type TokenPair } from "./collate.ts";

export class CrossEncoder {
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  static async open(weights: Uint8Array): Promise<CrossEncoder> {
    return new CrossEncoder(await InferenceSession.create(weights));
  }

  /** The logit of each passage that it answers; `slice` are read at once. */
  score(pairs: TokenPair[], slice: number): Promise<Float32Array> {
    return byLength(
      pairs,
      ({ passage }) => passage.length,
      slice,
      (some) => this.#score(some),
    );
  }

  async #score(pairs: TokenPair[]): Promise<Float32Array> {
    const { ids, part, found, shape } = collate(pairs);
    const out = await this.#session.run({
      ids: new Tensor("int64", ids, shape),
      part: new Tensor("int64", part, shape),
      found: new Tensor("float32", found, [pairs.length, 2]),
    });
    return out.logits?.data as Float32Array;
  }
}
