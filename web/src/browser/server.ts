/** Answers what the pages ask a server for, where there is none: from files, and from the worker that has the model. */
import type { Message, Sampling } from "../api.ts";
import { root } from "./place.ts";
import { SecondReading, savesData } from "./second.ts";
import { b } from "./strings.ts";
import type { FromWorker, ToWorker } from "./worker.ts";

type State = { status: "loading" | "ready" | "failed"; progress: number; step: string };
type Answer = {
  push: (chunk: object) => void;
  end: (error: { status: number; message: string } | null) => void;
};

// For tests and benchmarks: a GPU made of software is slower than WebAssembly.
const GPU_FORCED = new URLSearchParams(location.search).get("gpu") === "forced";

let state: State = { status: "loading", progress: 0, step: b.beginning };
let next = 0;
const answers = new Map<number, Answer>();
const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
const send = (message: ToWorker) => worker.postMessage(message);
export const secondReading = new SecondReading(send);

worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
  if (data.type === "progress") state = { status: "loading", progress: data.fraction, step: data.step };
  else if (data.type === "ready") {
    state = { status: "ready", progress: 1, step: b.ready };
    secondReading.begin(data.later);
    if (!savesData()) send({ type: "gpu", forced: GPU_FORCED });
  } else if (data.type === "second") secondReading.hear(data.told);
  else if (data.type === "failed") fail(data.message);
  else if (data.type === "chunk") answers.get(data.id)?.push(data.chunk);
  else {
    answers.get(data.id)?.end(data.error);
    answers.delete(data.id);
  }
});
worker.addEventListener("error", (event) => fail(event.message || b.crashed));
send({ type: "load", root: root.href });
// For a visit without a network; browsers have it on https and localhost only.
void navigator.serviceWorker?.register(new URL("sw.js", root)).catch(() => {});

/** For good, until the page is loaded again: nobody waits for an answer that cannot come. */
function fail(message: string): void {
  worker.terminate();
  state = { status: "failed", progress: 0, step: message };
  secondReading.hear({ state: "" });
  for (const waiting of answers.values()) waiting.end({ status: 500, message: b.notLoaded(message) });
  answers.clear();
}

const json = (body: object, status = 200) => Response.json(body, { status });
const refusal = (status: number, message: string) => json({ error: { message, code: null } }, status);

/** As fetch, for the paths of the server's API. */
export async function answer(path: string, init: RequestInit): Promise<Response> {
  switch (path) {
    case "/readyz":
      return json(state, state.status === "ready" ? 200 : 503);
    case "/api/profile":
      return owner(init);
    case "/api/passages":
    case "/api/run":
      return fetch(new URL(`.${path}.json`, root), init);
    case "/v1/chat/completions":
      return complete(JSON.parse(String(init.body)), init.signal ?? null);
    default:
      return refusal(404, b.needsServer);
  }
}

async function owner(init: RequestInit): Promise<Response> {
  const response = await fetch(new URL("./api/profile.json", root), init);
  if (!response.ok) return response;
  const profile: { resume_url: string | null } = await response.json();
  return json({ ...profile, resume_url: profile.resume_url && new URL(profile.resume_url, root).href });
}

type Asked = { messages: Message[] } & Sampling;

/** An event stream as the server's; an error before its first event is a response of its own. */
async function complete({ messages, ...sampling }: Asked, signal: AbortSignal | null): Promise<Response> {
  signal?.throwIfAborted(); // an abort before now is told to no listener
  if (state.status === "failed") return refusal(500, b.notLoaded(state.step));
  const id = next++;
  const begun = Promise.withResolvers<Response>();
  const bytes = new TextEncoder();
  const stream = new TransformStream<string, Uint8Array>({
    transform: (data, controller) => controller.enqueue(bytes.encode(`data: ${data}\n\n`)),
  });
  const writer = stream.writable.getWriter();
  const write = (data: string) => void writer.write(data).catch(() => {}); // nobody reads any more
  const response = new Response(stream.readable);
  answers.set(id, {
    push: (chunk) => {
      begun.resolve(response);
      write(JSON.stringify(chunk));
    },
    end: (error) => {
      if (error) begun.resolve(refusal(error.status, error.message));
      write(error ? JSON.stringify({ error: { message: error.message } }) : "[DONE]");
      void writer.close().catch(() => {});
    },
  });
  signal?.addEventListener("abort", () => {
    send({ type: "stop", id });
    begun.reject(signal.reason);
    void writer.abort(signal.reason).catch(() => {});
  });
  send({ type: "ask", id, messages, sampling });
  return begun.promise;
}
