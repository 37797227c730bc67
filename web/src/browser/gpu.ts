/** Whether the visitor's GPU writes the model's answers: where it writes what WebAssembly does, and sooner. */
import { exchangeFunctions } from "./exchange.ts";
import { LanguageModel, type Sampled, type Sampling } from "./model.ts";
import type { Rules } from "./rules.ts";

const WARM = 8; // tokens, in which a GPU's programs are compiled
const TIMED = 16;

type Allow = (written: number[]) => Map<number, number>;
/** Runs what it is given between two answers. */
type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/** A GPU, and a WebAssembly that can wait for it: without JSPI the runtime is half as large again. */
export async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as Navigator & { gpu?: { requestAdapter(): Promise<object | null> } };
  return "Suspending" in WebAssembly && Boolean(await gpu?.requestAdapter());
}

/** The model on the GPU. linear8: the function of its products, of operators that a GPU has (publish/onnx_graph.py). */
export async function openOnGpu(
  runtime: ArrayBuffer,
  weights: Uint8Array,
  linear8: Uint8Array,
  shape: Rules["model"],
): Promise<LanguageModel> {
  const ort = await import("onnxruntime-web/jspi");
  ort.env.wasm.wasmBinary = runtime;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error"; // that it leaves the shapes' arithmetic to the processor is no warning
  return LanguageModel.open(exchangeFunctions(weights, linear8), shape, ort, "webgpu");
}

/** Writes on the GPU once it has one, and in WebAssembly before and whenever the GPU fails, in the midst of an answer too. */
export class Writer {
  readonly #wasm: LanguageModel;
  #gpu: LanguageModel | null = null;
  readonly #changed: (gpu: boolean) => void;

  constructor(wasm: LanguageModel, changed: (gpu: boolean) => void) {
    this.#wasm = wasm;
    this.#changed = changed;
  }

  async *generate(
    prompt: number[],
    limit: number,
    sampling: Sampling,
    allow: Allow,
  ): AsyncGenerator<Sampled> {
    const written: number[] = [];
    const gpu = this.#gpu;
    try {
      if (gpu) {
        for await (const sampled of gpu.generate(prompt, limit, sampling, allow)) {
          written.push(sampled.id);
          yield sampled;
        }
        return;
      }
    } catch (error) {
      console.info("WebGPU failed, WebAssembly writes from now on:", error);
      this.#gpu = null;
      this.#changed(false);
    }
    yield* this.#wasm.generate(prompt, limit, sampling, allow, written);
  }

  /** Both write a few tokens; the GPU is chosen if its are the same and it takes less time (or `always`). */
  async consider(
    gpu: LanguageModel,
    prompt: number[],
    allow: Allow,
    inTurn: InTurn,
    always: boolean,
  ): Promise<void> {
    const [ours, theirs] = [
      await measure(this.#wasm, prompt, allow, inTurn),
      await measure(gpu, prompt, allow, inTurn),
    ];
    const same = ours.ids.join() === theirs.ids.join();
    const chosen = same && (always || theirs.ms < ours.ms);
    const found = `${theirs.ms.toFixed(1)} ms a token, WebAssembly ${ours.ms.toFixed(1)}, ${same ? "the same" : "other"} tokens`;
    console.info(`WebGPU ${found}: ${chosen ? "WebGPU" : "WebAssembly"} writes`);
    if (!chosen) return gpu.close();
    this.#gpu = gpu;
    this.#changed(true);
  }
}

/** Token by token, so that a question waits for one at most. ms: a token's, once warm. */
async function measure(
  model: LanguageModel,
  prompt: number[],
  allow: Allow,
  inTurn: InTurn,
): Promise<{ ids: number[]; ms: number }> {
  const tokens = model.generate(prompt, WARM + TIMED, { temperature: 0, seed: 0, top: 0 }, allow);
  const ids: number[] = [];
  let ms = 0;
  for (;;) {
    const { value, took } = await inTurn(async () => {
      const started = performance.now();
      const { value } = await tokens.next();
      return { value, took: performance.now() - started };
    });
    if (!value) return { ids, ms };
    if (ids.push(value.id) > WARM) ms += took / TIMED;
  }
}
