/** The model on the visitor's GPU, as the worker that answers sees it. */
import { exchangeFunctions } from "./exchange.ts";
import type { FromGpu, ToGpu } from "./gpuWorker.ts";
import type { Reads } from "./network.ts";
import type { Rules } from "./rules.ts";

/** A GPU, and a WebAssembly that can wait for it: without JSPI the runtime is half as large again. */
export async function hasGpu(): Promise<boolean> {
  const { gpu } = navigator as Navigator & { gpu?: { requestAdapter(): Promise<object | null> } };
  return "Suspending" in WebAssembly && Boolean(await gpu?.requestAdapter());
}

/** Throws, now and for good, where the GPU fails. */
export class Gpu implements Reads {
  readonly #worker = new Worker(new URL("./gpuWorker.ts", import.meta.url), { type: "module" });
  readonly #broken = Promise.withResolvers<never>();
  #waiting: ((logits: Float32Array | null) => void) | null = null;

  private constructor() {
    this.#broken.promise.catch(() => {}); // nobody may be waiting when it breaks
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromGpu>) => {
      if (data.type === "broken") this.close(data.why);
      else this.#waiting?.(data.logits);
    });
    this.#worker.addEventListener("error", ({ message }) => this.close(message || "its script did not load"));
  }

  /** linear8: the function of the model's products, of operators that a GPU has (publish/onnx_graph.py). */
  static async open(
    runtime: ArrayBuffer,
    model: Uint8Array,
    linear8: Uint8Array,
    shape: Rules["model"],
  ): Promise<Gpu> {
    const gpu = new Gpu();
    const weights = exchangeFunctions(model, linear8);
    await gpu.#ask({ type: "open", runtime, weights, shape }, [runtime, weights.buffer]);
    return gpu;
  }

  async read(ids: number[], fresh: boolean): Promise<Float32Array> {
    return (await this.#ask({ type: "read", ids, fresh })) ?? new Float32Array();
  }

  /** Its memory is free at once, and what it was computing ends. */
  close(why = "closed"): void {
    this.#worker.terminate();
    this.#broken.reject(new Error(why));
  }

  #ask(message: ToGpu, transfer: Transferable[] = []): Promise<Float32Array | null> {
    const done = new Promise<Float32Array | null>((resolve) => {
      this.#waiting = resolve;
    });
    this.#worker.postMessage(message, transfer);
    return Promise.race([done, this.#broken.promise]);
  }
}
