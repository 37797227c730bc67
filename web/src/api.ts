/** The server's shapes and the calls to it. VITE_API names another host when the site is served alone. */
import { readEvents } from "./sse.ts";

const BASE: string = import.meta.env?.VITE_API ?? "";

export type ModelInfo = {
  name: string;
  n_params: number;
  n_layer: number;
  n_head: number;
  n_embd: number;
  block_size: number;
  vocab_size: number;
  trained_tokens: number | null;
};
export type Profile = {
  name: string;
  first_name: string;
  headline: string;
  greeting: string;
  starters: string[];
  links: { label: string; url: string }[];
  story: string;
  resume_url: string | null;
  model: ModelInfo;
};
export type Passage = {
  id: string;
  section: string;
  organisation: string;
  title: string;
  dates: string;
  text: string;
};
/** A passage the model was given, with the number that its answer cites. */
export type Source = Passage & { n: number; rendered: string; score: number };
export type AnswerKind = "model" | "quote" | "declined" | "smalltalk";
export type Verdict = { answer_kind: AnswerKind; reason: string | null; score: number; threshold: number };
export type Timings = { first_token_ms: number; total_ms: number; tokens: number; tokens_per_second: number };
/** A token the model wrote: its log-probability in nats, and the likeliest at its place. */
export type Token = { text: string; logprob: number; top: [text: string, logprob: number][] };
export type Sampling = { temperature?: number; seed?: number; logprobs?: boolean; top_logprobs?: number };
export type Message = { role: "user" | "assistant"; content: string };

/** What went wrong, in the four ways that the page tells apart. `retryAfter` is in seconds. */
export class Trouble extends Error {
  readonly what: "busy" | "offline" | "lost" | "server";
  readonly retryAfter: number;
  constructor(what: Trouble["what"], message = "", retryAfter = 0) {
    super(message);
    this.what = what;
    this.retryAfter = retryAfter;
  }
}

export async function call(path: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(BASE + path, init).catch((error: unknown) => {
    if (init?.signal?.aborted) throw error;
    throw new Trouble("offline");
  });
  if (response.ok) return response;
  const body: { error?: { message?: string } } = await response.json().catch(() => ({}));
  const message = body.error?.message ?? `${response.status} ${response.statusText}`;
  const busy = response.status === 429 || response.status === 503;
  throw new Trouble(busy ? "busy" : "server", message, Number(response.headers.get("retry-after")) || 0);
}

const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (await call(path, signal ? { signal } : {})).json();

export const getProfile = (signal?: AbortSignal) => get<Profile>("/api/profile", signal);
export const getPassages = async (signal?: AbortSignal) =>
  (await get<{ passages: Passage[] }>("/api/passages", signal)).passages;
export const href = (path: string) => (path.startsWith("/") ? BASE + path : path);

export type Readiness = {
  state: "ready" | "loading" | "failed" | "unreachable";
  progress: number; // 0 to 1
  step: string;
};

/** One look at /readyz; never throws. */
export async function getReadiness(signal?: AbortSignal): Promise<Readiness> {
  try {
    const response = await fetch(`${BASE}/readyz`, signal ? { signal } : {});
    const body: { status?: string; progress?: number; step?: string } = await response
      .json()
      .catch(() => ({}));
    const state = response.ok ? "ready" : body.status === "failed" ? "failed" : "loading";
    return { state, progress: body.progress ?? 0, step: body.step ?? "" };
  } catch {
    return { state: "unreachable", progress: 0, step: "" };
  }
}

export type AnswerEvent =
  | { type: "sources"; sources: Source[] }
  | { type: "text"; text: string; tokens: Token[] }
  | { type: "end"; verdict: Verdict | null; timings: Timings | null };

type ToldToken = { token: string; logprob: number };
type Chunk = {
  choices?: {
    delta?: { content?: string | null };
    logprobs?: { content?: (ToldToken & { bytes: number[]; top_logprobs: ToldToken[] })[] } | null;
  }[];
  sources?: Source[];
  fischgpt?: Verdict;
  timings?: Timings;
  error?: { message?: string };
};

/** Streams one answer. Throws Trouble; a stream that stops before [DONE] is "lost". */
export async function* askModel(
  messages: Message[],
  sampling: Sampling,
  signal: AbortSignal,
): AsyncGenerator<AnswerEvent> {
  const response = await call("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ messages, stream: true, ...sampling }),
    signal,
  });
  if (!response.body) throw new Trouble("lost");
  const letters = new TextDecoder(); // a character may be cut over two tokens: it goes with the later one
  let verdict: Verdict | null = null;
  let timings: Timings | null = null;
  try {
    for await (const data of readEvents(response.body)) {
      if (data === "[DONE]") {
        yield { type: "end", verdict, timings };
        return;
      }
      const chunk: Chunk = JSON.parse(data);
      if (chunk.error) throw new Trouble("server", chunk.error.message);
      if (chunk.sources) yield { type: "sources", sources: chunk.sources };
      const choice = chunk.choices?.[0];
      const text = choice?.delta?.content;
      const tokens = choice?.logprobs?.content?.map(({ logprob, bytes, top_logprobs }): Token => {
        const top = top_logprobs.map((one): Token["top"][number] => [one.token, one.logprob]);
        return { text: letters.decode(new Uint8Array(bytes), { stream: true }), logprob, top };
      });
      if (text) yield { type: "text", text, tokens: tokens ?? [] };
      verdict = chunk.fischgpt ?? verdict;
      timings = chunk.timings ?? timings;
    }
  } catch (error) {
    if (error instanceof Trouble || signal.aborted) throw error;
  }
  throw new Trouble("lost");
}
