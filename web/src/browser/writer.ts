/** Who writes the answers: WebAssembly, or the visitor's GPU where that writes the same in less time. */
import type { Gpu } from "./gpu.ts";
import type { LanguageModel, Sampled, Sampling } from "./model.ts";

const CHECKED = 16; // tokens that both write
const FORCED = 4;
const WARM = 2; // tokens for which a GPU's programs are compiled: of a prompt, and of one token
const WARM_MS = 20_000;
const ENDLESS_MS = 600_000;

type Allow = (written: number[]) => Map<number, number>;
/** Runs what it is given between two answers. */
type InTurn = <T>(work: () => Promise<T>) => Promise<T>;
/** "": WebAssembly, as there is no GPU, or it has not been tried yet. The last three: WebAssembly, and why. */
export type Writes = "" | "gpu" | "slower" | "other" | "failed";

type OnGpu = { network: Gpu; model: LanguageModel };

class TooLong extends Error {}

export class Writer {
  readonly #wasm: LanguageModel;
  readonly #changed: (writes: Writes) => void;
  #gpu: OnGpu | null = null;

  constructor(wasm: LanguageModel, changed: (writes: Writes) => void) {
    this.#wasm = wasm;
    this.#changed = changed;
  }

  /** As LanguageModel.generate. What a GPU cannot finish WebAssembly does, and all that comes later. */
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
        for await (const sampled of gpu.model.generate(prompt, limit, sampling, allow)) {
          written.push(sampled.id);
          yield sampled;
        }
        return;
      }
    } catch (error) {
      this.#gpu = null;
      gpu?.network.close();
      this.turnDown("failed", error);
    }
    yield* this.#wasm.generate(prompt, limit, sampling, allow, written);
  }

  turnDown(writes: Exclude<Writes, "gpu">, why: unknown): void {
    console.info(`WebGPU ${writes}, WebAssembly writes: ${why}`);
    this.#changed(writes);
  }

  /**
   * Both write a few tokens. The GPU is chosen if its are the same and come sooner, and is ended as soon as it has taken
   * as long as WebAssembly did. forced: fewer tokens, and in whatever time.
   */
  async consider(gpu: OnGpu, prompt: number[], allow: Allow, inTurn: InTurn, forced: boolean): Promise<void> {
    const count = forced ? FORCED : CHECKED;
    try {
      if (!forced) await write(gpu.model, prompt, WARM, allow, (work) => work(), WARM_MS);
      const ours = await write(this.#wasm, prompt, count, allow, inTurn, ENDLESS_MS);
      const theirs = await write(gpu.model, prompt, count, allow, inTurn, forced ? ENDLESS_MS : ours.ms);
      const found = `${count} tokens in ${theirs.ms.toFixed()} ms, WebAssembly in ${ours.ms.toFixed()}`;
      if (theirs.ids.join() === ours.ids.join()) {
        console.info(`WebGPU writes: ${found}`);
        this.#gpu = gpu;
        return this.#changed("gpu");
      }
      this.turnDown("other", found);
    } catch (error) {
      this.turnDown(error instanceof TooLong ? "slower" : "failed", error);
    }
    gpu.network.close();
  }
}

/** Token by token, so that a question waits for one at most. Throws TooLong once all have taken more than `limit` ms. */
async function write(
  model: LanguageModel,
  prompt: number[],
  count: number,
  allow: Allow,
  inTurn: InTurn,
  limit: number,
): Promise<{ ids: number[]; ms: number }> {
  const tokens = model.generate(prompt, count, { temperature: 0, seed: 0, top: 0 }, allow);
  const ids: number[] = [];
  let ms = 0;
  for (;;) {
    const id = await inTurn(async () => {
      const started = performance.now();
      const { value } = await within(limit - ms, tokens.next());
      ms += performance.now() - started;
      return value?.id;
    });
    if (id === undefined) return { ids, ms };
    ids.push(id);
  }
}

function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new TooLong(`not done after ${ms.toFixed()} ms`)), ms);
  return Promise.race([work, over.promise]).finally(() => clearTimeout(timer));
}
