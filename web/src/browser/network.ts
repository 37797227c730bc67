/** The language model's file in onnxruntime: ids in, logits out, the cache kept where it is computed. */
import type * as wasm from "onnxruntime-web/wasm";
import type { Rules } from "./rules.ts";

export interface Reads {
  /** The logits (vocabulary,) after the last of `ids`, which follow those read before, or with `fresh` nothing. */
  read(ids: number[], fresh: boolean): Promise<Float32Array>;
}

type Runtime = Pick<typeof wasm, "InferenceSession" | "Tensor">;

const cacheNames = ({ nLayer }: Rules["model"]) =>
  Array.from({ length: nLayer }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();

export class Network implements Reads {
  readonly #runtime: Runtime;
  readonly #session: wasm.InferenceSession;
  readonly #shape: Rules["model"];
  #cache: Record<string, wasm.Tensor> = {};

  private constructor(runtime: Runtime, session: wasm.InferenceSession, shape: Rules["model"]) {
    this.#runtime = runtime;
    this.#session = session;
    this.#shape = shape;
  }

  static async open(
    runtime: Runtime,
    provider: "wasm" | "webgpu",
    weights: Uint8Array,
    shape: Rules["model"],
  ): Promise<Network> {
    const place = provider === "webgpu" ? "gpu-buffer" : "cpu";
    const session = await runtime.InferenceSession.create(weights, {
      executionProviders: [provider],
      logSeverityLevel: 3, // that it leaves the shapes' arithmetic to the processor is no warning
      preferredOutputLocation: Object.fromEntries(
        cacheNames(shape).map((name) => [`present.${name}`, place] as const),
      ),
    });
    return new Network(runtime, session, shape);
  }

  async read(ids: number[], fresh: boolean): Promise<Float32Array> {
    const { Tensor } = this.#runtime;
    if (fresh) this.#keep(cacheNames(this.#shape).map((name) => [name, this.#empty()]));
    const { logits, ...present } = await this.#session.run({
      input_ids: new Tensor("int64", BigInt64Array.from(ids, BigInt), [1, ids.length]),
      num_logits_to_keep: new Tensor("int64", BigInt64Array.of(1n), []),
      ...this.#cache,
    });
    this.#keep(
      Object.entries(present).map(([name, value]) => [name.replace("present.", ""), value as wasm.Tensor]),
    );
    return logits?.data as Float32Array;
  }

  #keep(cache: [name: string, value: wasm.Tensor][]): void {
    for (const tensor of Object.values(this.#cache)) tensor.dispose();
    this.#cache = Object.fromEntries(cache.map(([name, value]) => [`past_key_values.${name}`, value]));
  }

  #empty(): wasm.Tensor {
    const { nHead, headDim } = this.#shape;
    return new this.#runtime.Tensor("float32", new Float32Array(), [1, nHead, 0, headDim]);
  }
}
