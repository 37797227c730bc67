/** The server's part in a worker: loads the files, answers one question after another. */
import { env } from "onnxruntime-web/wasm";
import type { Message, Sampling } from "../api.ts";
import { Assistant, Refused } from "./answer.ts";
import { breathe } from "./breathe.ts";
import { chunk } from "./chunk.ts";
import { loadFiles, Offline } from "./files.ts";
import { LanguageModel } from "./model.ts";
import { Reader } from "./reader.ts";
import type { Rules } from "./rules.ts";
import { b } from "./strings.ts";

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
const told = (error: unknown) => (error instanceof Error ? error.message : String(error));
const tell = (message: FromWorker) => postMessage(message);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const opened = Promise.withResolvers<Assistant>();
const stopped = new Set<number>();
let turn: Promise<void> = Promise.resolve();

async function load(root: URL): Promise<void> {
  const files = await loadFiles(root, (done, total, kept) => {
    tell({
      type: "progress",
      fraction: (0.9 * done) / total,
      step: kept ? b.kept : b.downloading(done, total),
    });
  });
  tell({ type: "progress", fraction: 0.92, step: b.opening });
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
      if (!(error instanceof Offline)) return tell({ type: "failed", message: told(error) });
      tell({ type: "progress", fraction: 0, step: b.offline });
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
  const isStopped = async () => {
    await breathe(); // else a message to stop comes in only once the answer is whole
    return stopped.has(id);
  };
  try {
    for await (const event of assistant.answer(messages, how, isStopped)) {
      tell({ type: "chunk", id, chunk: chunk(event, sampling.logprobs ?? false) });
      if (await isStopped()) break;
    }
    tell({ type: "end", id, error: null });
  } catch (error) {
    const status = error instanceof Refused ? 400 : 500;
    tell({ type: "end", id, error: { status, message: told(error) } });
  }
  stopped.delete(id);
}

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "load") void keepLoading(new URL(data.root));
  else if (data.type === "stop") stopped.add(data.id);
  else turn = turn.then(() => ask(data.id, data.messages, data.sampling));
});
