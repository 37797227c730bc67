/** The server's part in a worker: loads the files, answers one question after another. */
import * as wasm from "onnxruntime-web/wasm";
import type { Message, Sampling } from "../api.ts";
import { Assistant, Refused } from "./answer.ts";
import { breathe } from "./breathe.ts";
import { chunk } from "./chunk.ts";
import { CrossEncoder } from "./crossEncoder.ts";
import { type Listed, listFiles, loadFiles, Offline, sizeOf } from "./files.ts";
import { Gpu, hasGpu } from "./gpu.ts";
import { LanguageModel } from "./model.ts";
import { Network } from "./network.ts";
import { Reader } from "./reader.ts";
import type { Passage, Rules } from "./rules.ts";
import type { Second } from "./second.ts";
import { b } from "./strings.ts";
import { Writer } from "./writer.ts";

export type ToWorker =
  | { type: "load"; root: string }
  | { type: "ask"; id: number; messages: Message[]; sampling: Sampling }
  | { type: "stop"; id: number }
  | { type: "second"; wanted: boolean }
  | { type: "gpu"; forced: boolean };
export type FromWorker =
  | { type: "progress"; fraction: number; step: string }
  | { type: "ready"; later: number }
  | { type: "second"; told: Partial<Second> }
  | { type: "failed"; message: string }
  | { type: "chunk"; id: number; chunk: object }
  | { type: "end"; id: number; error: { status: number; message: string } | null };

const RETRY_MS = 3000;
const told = (error: unknown) => (error instanceof Error ? error.message : String(error));
const tell = (message: FromWorker) => postMessage(message);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const bytes = (data: ArrayBuffer) => new Uint8Array(data);
const opened = Promise.withResolvers<{ assistant: Assistant; root: URL; listed: Listed }>();
const answered = Promise.withResolvers<void>();
const stopped = new Set<number>();
let turn: Promise<void> = Promise.resolve();
let secondWanted = new AbortController();
let readsTwice = false;

async function load(root: URL): Promise<void> {
  const listed = await listFiles(root);
  const files = await loadFiles(root, listed.first, (done, total, kept) => {
    tell({
      type: "progress",
      fraction: (0.9 * done) / total,
      step: kept ? b.kept : b.downloading(done, total),
    });
  });
  tell({ type: "progress", fraction: 0.92, step: b.opening });
  wasm.env.wasm.wasmBinary = files.runtime;
  wasm.env.wasm.numThreads = 1; // more need a host that sends COOP and COEP
  const rules: Rules = JSON.parse(new TextDecoder().decode(files.rules));
  const reader = await Reader.open(rules, bytes(files.minilm), bytes(files.reader), files.index);
  const network = await Network.open(wasm, "wasm", bytes(files.model), rules.model);
  const model = new LanguageModel(network, rules.model);
  const writer = new Writer(model, (writes) => tell({ type: "second", told: { writes } }));
  opened.resolve({ assistant: new Assistant(rules, reader, writer), root, listed });
  tell({ type: "ready", later: sizeOf(listed.later) });
}

/** Once the answer under way has ended, and those that wait for it. */
function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const done = turn.then(work);
  turn = done.then(
    () => {},
    () => {},
  );
  return done;
}

/** The network that reads the best passages again: once nobody waits for an answer, and opened between two of them. */
async function loadSecond({ signal }: AbortController): Promise<void> {
  const { assistant, root, listed } = await opened.promise;
  await turn;
  const say = (told: Partial<Second>) => signal.aborted || tell({ type: "second", told });
  const load = async () => {
    signal.throwIfAborted();
    say({ state: "loading", done: 0 });
    const { crossencoder } = await loadFiles(
      root,
      listed.later,
      (done) => say({ state: "loading", done }),
      signal,
    );
    await inTurn(async () => {
      assistant.readTwice(await CrossEncoder.open(bytes(crossencoder)));
      readsTwice = true;
    });
    tell({ type: "second", told: { state: "twice" } });
  };
  await keepLoading(
    load,
    () => say({ state: "waiting", done: 0 }),
    (why) => say({ state: "failed", why }),
  );
}

/** The model on the visitor's GPU, where that is the better place: looked for once a first answer has ended. */
async function tryGpu(forced: boolean): Promise<void> {
  const { assistant, root, listed } = await opened.promise;
  await answered.promise;
  const { rules, model: writer } = assistant;
  const load = async () => {
    if (!(await hasGpu())) return;
    const { model } = listed.first; // the browser has kept it
    const files = await loadFiles(root, { ...listed.gpu, model }, () => {});
    const network = await Gpu.open(files.jspi, bytes(files.model), bytes(files.linear8), rules.model);
    const gpu = { network, model: new LanguageModel(network, rules.model) };
    const [{ rendered, title }] = rules.passages as [Passage];
    const prompt = assistant.encode([
      { role: "system", text: `[1] ${rendered}` },
      { role: "user", text: title },
    ]);
    const any = new Map(rules.tokenizer.tokens.map((_, id) => [id, 0]));
    await writer.consider(gpu, prompt, () => any, inTurn, forced);
  };
  await keepLoading(
    load,
    () => {},
    (why) => writer.turnDown("failed", why),
  );
}

/** Until it works, or fails for another reason than the network. */
async function keepLoading(
  load: () => Promise<void>,
  offline: () => void,
  failed: (why: string) => void,
): Promise<void> {
  for (;;) {
    try {
      return await load();
    } catch (error) {
      if (!(error instanceof Offline)) return failed(told(error));
      offline();
      await pause(RETRY_MS);
    }
  }
}

function wantSecond(wanted: boolean): void {
  if (readsTwice) return; // it came before the wish that it should not
  secondWanted.abort();
  secondWanted = new AbortController();
  if (wanted) void loadSecond(secondWanted);
  else tell({ type: "second", told: { state: "once", done: 0 } });
}

async function ask(id: number, messages: Message[], sampling: Sampling): Promise<void> {
  const { assistant } = await opened.promise;
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
  answered.resolve();
}

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "load")
    void keepLoading(
      () => load(new URL(data.root)),
      () => tell({ type: "progress", fraction: 0, step: b.offline }),
      (message) => tell({ type: "failed", message }),
    );
  else if (data.type === "second") wantSecond(data.wanted);
  else if (data.type === "gpu") void tryGpu(data.forced);
  else if (data.type === "stop") stopped.add(data.id);
  else void inTurn(() => ask(data.id, data.messages, data.sampling));
});
