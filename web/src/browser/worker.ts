/** The server's part in a worker: loads the files, answers one question after another. */
import { env } from "onnxruntime-web/wasm";
import type { Message, Sampling } from "../api.ts";
import { Assistant, Refused } from "./answer.ts";
import { chunk } from "./chunk.ts";
import { loadFiles } from "./files.ts";
import { LanguageModel } from "./model.ts";
import { Reader } from "./reader.ts";
import type { Rules } from "./rules.ts";

export type ToWorker =
  | { type: "load"; root: string }
  | { type: "ask"; id: number; messages: Message[]; sampling: Sampling }
  | { type: "stop"; id: number };
export type FromWorker =
  | { type: "progress"; fraction: number; step: string }
  | { type: "ready" }
  | { type: "failed"; message: string }
  | { type: "chunk"; id: number; chunk: object }
  | { type: "end"; id: number; error: { status: number; message: string } | null };

const RETRY_MS = 3000;
const tell = (message: FromWorker) => postMessage(message);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const opened = Promise.withResolvers<Assistant>();
const stopped = new Set<number>();
let turn: Promise<void> = Promise.resolve();

async function load(root: URL): Promise<void> {
  const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
  const files = await loadFiles(root, (done, total, kept) => {
    const step = kept ? "opening what this browser kept" : `downloading ${mb(done)} of ${mb(total)} MB, once`;
    tell({ type: "progress", fraction: (0.9 * done) / total, step });
  });
  tell({ type: "progress", fraction: 0.92, step: "starting the model" });
  env.wasm.wasmBinary = files.runtime;
  env.wasm.numThreads = 1; // more need a host that sends COOP and COEP
  const rules: Rules = JSON.parse(new TextDecoder().decode(files.rules));
  const bytes = (data: ArrayBuffer) => new Uint8Array(data);
  const reader = await Reader.open(rules, bytes(files.minilm), bytes(files.reader), files.index);
  const model = await LanguageModel.open(bytes(files.model), rules.model);
  opened.resolve(new Assistant(rules, reader, model));
  tell({ type: "ready" });
}

async function keepLoading(root: URL): Promise<void> {
  for (;;) {
    try {
      return await load(root);
    } catch (error) {
      if (!(error instanceof TypeError)) return tell({ type: "failed", message: String(error) }); // fetch: no network
      tell({ type: "progress", fraction: 0, step: "waiting for the network" });
      await pause(RETRY_MS);
    }
  }
}

async function ask(id: number, messages: Message[], sampling: Sampling): Promise<void> {
  const assistant = await opened.promise;
  const how = {
    temperature: sampling.temperature ?? 0,
    seed: sampling.seed ?? Math.floor(Math.random() * 2 ** 31),
    top: sampling.top_logprobs ?? 0,
  };
  try {
    for await (const event of assistant.answer(messages, how, () => stopped.has(id))) {
      tell({ type: "chunk", id, chunk: chunk(event, sampling.logprobs ?? false) });
      await pause(0); // a message to stop comes in between
      if (stopped.has(id)) break;
    }
    tell({ type: "end", id, error: null });
  } catch (error) {
    const status = error instanceof Refused ? 400 : 500;
    tell({
      type: "end",
      id,
      error: { status, message: error instanceof Error ? error.message : String(error) },
    });
  }
  stopped.delete(id);
}

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "load") void keepLoading(new URL(data.root));
  else if (data.type === "stop") stopped.add(data.id);
  else turn = turn.then(() => ask(data.id, data.messages, data.sampling));
});
