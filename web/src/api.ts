/** The server's shapes and the calls to it. VITE_API names another host when the site is served alone. */
import { inBrowser } from "./browser/place.ts";
import { authorization } from "./key.ts";
import { readEvents } from "./sse.ts";

const BASE: string = import.meta.env?.VITE_API ?? "";

/** To the server, or, where the site has none, to the model in this browser. */
const reach = async (path: string, init: RequestInit): Promise<Response> =>
  inBrowser ? (await import("./browser/server.ts")).answer(path, init) : fetch(BASE + path, init);

export type Shape = {
  n_params: number;
  n_layer: number;
  n_head: number;
  n_embd: number;
  block_size: number;
  vocab_size: number;
};
/** Another server's model does not tell its shape. */
export type ModelInfo = { [key in keyof Shape]: number | null } & {
  name: string;
  trained_tokens: number | null;
  /** What reads the weights, in words; null while they load and for another server's model. */
  computes: string | null;
  figures: Figures;
};
type Interval = [percent: number, low: number, high: number];
type ByPhase = { pretrain?: number; sft?: number };
/** What the model reached and what it took, where its own card says so. */
export type Figures = {
  val_loss: ByPhase | null;
  seconds: ByPhase | null;
  cost_usd: number | null;
  machine: string | null;
  hellaswag: {
    percent: number;
    stderr: number;
    items: number;
    after: "training" | "pretraining";
  } | null;
  profile: {
    questions: number;
    right: Interval | null;
    declined: Interval | null;
    resisted: Interval | null;
  } | null;
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
  keeps_questions: boolean;
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

/**
 * What went wrong, in the ways that the page tells apart: all places taken, this visitor too fast, the model asleep, a
 * key needed, no server there, a stream cut short, and anything else. `retryAfter` is in seconds.
 */
export class Trouble extends Error {
  readonly what: "busy" | "rate" | "asleep" | "key" | "offline" | "lost" | "server";
  readonly retryAfter: number;
  /** Of HTTP; 0 where no answer came. */
  readonly status: number;
  constructor(what: Trouble["what"], message = "", retryAfter = 0, status = 0) {
    super(message);
    this.what = what;
    this.retryAfter = retryAfter;
    this.status = status;
  }
}

/** A Trouble as the page keeps it; `retryAt` is a time as Date.now() tells it. */
export type Failure = { what: Trouble["what"]; message: string; retryAt: number };

export function failureOf(error: unknown): Failure {
  const { what, message, retryAfter } =
    error instanceof Trouble ? error : new Trouble("server", String(error));
  return { what, message, retryAt: Date.now() + retryAfter * 1000 };
}

/** Sends the visitor's key along where one is kept. Throws Trouble. */
export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...authorization(path), ...init.headers };
  const response = await reach(path, { ...init, headers }).catch((error: unknown) => {
    if (init.signal?.aborted) throw error;
    throw new Trouble("offline");
  });
  if (response.ok) return response;
  const body: { error?: { message?: string; code?: string | null } } = await response
    .json()
    .catch(() => ({}));
  const message = body.error?.message ?? `${response.status} ${response.statusText}`;
  const code = body.error?.code ?? null;
  const wait = Number(response.headers.get("retry-after")) || 0;
  throw new Trouble(kindOf(response.status, code), message, wait, response.status);
}

function kindOf(status: number, code: string | null): Trouble["what"] {
  if (status === 401) return "key";
  if (status === 429) return code === "rate_limit" ? "rate" : "busy";
  return status === 503 && code !== "failed" ? "asleep" : "server";
}

const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (await call(path, signal ? { signal } : {})).json();

export const getProfile = (signal?: AbortSignal) => get<Profile>("/api/profile", signal);
export const getPassages = async (signal?: AbortSignal) =>
  (await get<{ passages: Passage[] }>("/api/passages", signal)).passages;
export const getRun = (signal?: AbortSignal) => get<Run>("/api/run", signal);
export const href = (path: string) => (path.startsWith("/") ? BASE + path : path);

/** How the model learned; fischgpt/evals/learned.py says what each figure is. */
export type Run = {
  n_params: number;
  machine: Record<string, string | number>;
  cost: { usd: number; devices: number; device: string; usd_per_hour: number } | null;
  phases: Phase[];
  beside: { percent: number; label: string }[];
};
type Columns<Key extends string> = { step: number[]; tokens: number[] } & Record<Key, number[]>;
export type Phase = {
  name: "pretrain" | "sft";
  state: "done" | "running" | "stopped";
  steps: number;
  planned_steps: number;
  tokens: number;
  tokens_per_step: number;
  seconds: number | null;
  ended: string | null;
  optimizer: string;
  lr: number;
  sources: { spec: string; what: string; licence: string }[];
  training: Columns<"loss" | "lr" | "tokens_per_second">;
  validation: Columns<"loss"> & { bits_per_byte: (number | null)[] };
  hellaswag: (Columns<"acc_norm_token" | "stderr"> & { items: number }) | null;
  prompts: string[];
  moments: { step: number; tokens: number; texts: string[] }[];
};

export type Thumb = "up" | "down";

/** `messages`: the conversation with the rated answer last, only where the owner keeps it. Throws Trouble. */
export async function sendThumb(
  id: string,
  rating: Thumb,
  sources: string[],
  messages: Message[] | null,
): Promise<void> {
  await call("/v1/feedback", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id, rating, sources, ...(messages && { messages }) }),
  });
}

export type Readiness = {
  /** "away": another server has the model, and does not answer now. */
  state: "ready" | "loading" | "away" | "failed" | "unreachable";
  progress: number; // 0 to 1
  step: string;
};

const READYZ_MS = 10_000;

/** One look at /readyz; never throws. A server that does not answer in time is none. */
export async function getReadiness(): Promise<Readiness> {
  try {
    const response = await reach("/readyz", { signal: AbortSignal.timeout(READYZ_MS) });
    const body: { status?: string; progress?: number; step?: string } = await response
      .json()
      .catch(() => ({}));
    const told = body.status === "failed" || body.status === "away" ? body.status : "loading";
    const state = response.ok ? "ready" : told;
    return { state, progress: body.progress ?? 0, step: body.step ?? "" };
  } catch {
    return { state: "unreachable", progress: 0, step: "" };
  }
}

export type AnswerEvent =
  | { type: "place"; place: number }
  | { type: "sources"; id: string; sources: Source[] }
  | { type: "text"; text: string; tokens: Token[] }
  | { type: "end"; verdict: Verdict | null; timings: Timings | null };

type ToldToken = { token: string; logprob: number };
type Chunk = {
  id?: string;
  choices?: {
    delta?: { content?: string | null };
    logprobs?: { content?: (ToldToken & { bytes: number[]; top_logprobs: ToldToken[] })[] } | null;
  }[];
  sources?: Source[];
  fischgpt?: Verdict;
  timings?: Timings;
  error?: { message?: string; code?: string | null };
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
    for await (const heard of readEvents(response.body)) {
      if ("comment" in heard) {
        const place = Number(heard.comment.match(/^waiting (\d+)$/)?.[1]);
        if (place) yield { type: "place", place };
        continue;
      }
      const { data } = heard;
      if (data === "[DONE]") {
        yield { type: "end", verdict, timings };
        return;
      }
      const chunk: Chunk = JSON.parse(data);
      if (chunk.error)
        throw new Trouble(chunk.error.code === "model_away" ? "asleep" : "server", chunk.error.message);
      if (chunk.sources) yield { type: "sources", id: chunk.id ?? "", sources: chunk.sources };
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
