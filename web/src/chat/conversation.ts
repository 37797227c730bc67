/** The conversation as data: exchanges of one question and its answers ("takes"), and every change to them. */
import type { Failure, Message, Sampling, Source, Thumb, Timings, Token, Verdict } from "../api.ts";

export type Take = {
  status: "waiting" | "writing" | "done" | "stopped" | "failed";
  text: string;
  sources: Source[];
  verdict: Verdict | null;
  timings: Timings | null;
  failure: Failure | null;
  /** How it was asked for, so that it can be asked for again; and its tokens, if they were part of that. */
  sampling?: Sampling;
  tokens?: Token[];
  /** The server's name for the answer, by which a thumb finds it; empty before it began. */
  id: string;
  thumb: Thumb | null;
  /** In the server's queue, from 1; 0 when it does not wait there. */
  place: number;
};
export type Exchange = { id: string; question: string; takes: Take[]; shown: number };

export type Action =
  | { type: "ask"; id: string; question: string }
  | { type: "again"; id: string }
  | { type: "reread"; id: string }
  | { type: "edit"; id: string; question: string }
  | { type: "patch"; id: string; patch: Partial<Take> }
  | { type: "write"; id: string; text: string; tokens?: Token[] }
  | { type: "show"; id: string; take: number }
  | { type: "rate"; id: string; take: number; thumb: Thumb | null }
  | { type: "clear" };

const EMPTY: Take = {
  status: "waiting",
  text: "",
  sources: [],
  verdict: null,
  timings: null,
  failure: null,
  id: "",
  thumb: null,
  place: 0,
};

export const shownTake = (exchange: Exchange): Take => exchange.takes[exchange.shown] ?? EMPTY;
export const isRunning = (take: Take) => take.status === "waiting" || take.status === "writing";

export function reduce(exchanges: Exchange[], action: Action): Exchange[] {
  if (action.type === "clear") return [];
  if (action.type === "ask") {
    return [...exchanges, { id: action.id, question: action.question, takes: [EMPTY], shown: 0 }];
  }
  const at = exchanges.findIndex((exchange) => exchange.id === action.id);
  const exchange = exchanges[at];
  if (!exchange) return exchanges;
  const replace = (change: Partial<Exchange>) => exchanges.with(at, { ...exchange, ...change });
  const rewrite = (patch: Partial<Take>) =>
    replace({ takes: exchange.takes.with(exchange.shown, { ...shownTake(exchange), ...patch }) });
  switch (action.type) {
    case "again": {
      // A take without an answer is tried again in its place; a finished one stays as an alternative.
      const kept = exchange.takes.filter((take) => take.status === "done" || take.text);
      return replace({ takes: [...kept, EMPTY], shown: kept.length });
    }
    case "reread": {
      // The same answer once more, in its place: what it was sampled with stays, and the thumb it was given.
      const { sampling, id, thumb } = shownTake(exchange);
      const take = { ...EMPTY, id, thumb, ...(sampling && { sampling }) };
      return replace({ takes: exchange.takes.with(exchange.shown, take) });
    }
    case "edit":
      // What came after it answered another conversation.
      return [
        ...exchanges.slice(0, at),
        { ...exchange, question: action.question, takes: [EMPTY], shown: 0 },
      ];
    case "write":
      return rewrite({
        status: "writing",
        text: shownTake(exchange).text + action.text,
        ...(action.tokens?.length && { tokens: [...(shownTake(exchange).tokens ?? []), ...action.tokens] }),
      });
    case "patch":
      return rewrite(action.patch);
    case "rate": {
      const take = exchange.takes[action.take];
      return take
        ? replace({ takes: exchange.takes.with(action.take, { ...take, thumb: action.thumb }) })
        : exchanges;
    }
    case "show":
      return exchange.takes[action.take] ? replace({ shown: action.take }) : exchanges;
  }
}

/** Messages of one request, as the API takes them; a conversation that is longer goes on with its newest ones. */
export const MAX_MESSAGES = 64;

/** What the server gets: the exchanges before `id` that have an answer, then the question of `id`. */
export function messagesFor(exchanges: Exchange[], id: string): Message[] {
  const at = exchanges.findIndex((exchange) => exchange.id === id);
  const before = exchanges.slice(0, at).flatMap((exchange): Message[] => {
    const { text } = shownTake(exchange);
    if (!text) return [];
    return [
      { role: "user", content: exchange.question },
      { role: "assistant", content: text },
    ];
  });
  return [...before.slice(2 - MAX_MESSAGES), { role: "user", content: exchanges[at]?.question ?? "" }];
}

/** The numbers that an answer cites, in order, each once, and only those it was given. */
export function citedNumbers(take: Take): number[] {
  const given = new Set(take.sources.map((source) => source.n));
  const found = [...take.text.matchAll(/\[(\d{1,3})\]/g)].map((match) => Number(match[1]));
  return [...new Set(found)].filter((n) => given.has(n));
}

const KEY = "fischgpt.conversation.v1";

/** The conversation lives in this tab alone: it survives a reload and ends with the tab. */
export function save(exchanges: Exchange[]): void {
  try {
    if (exchanges.length) sessionStorage.setItem(KEY, JSON.stringify(exchanges));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Storage is full or forbidden: the conversation just ends with the page.
  }
}

export function restore(): Exchange[] {
  try {
    const held: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
    if (!Array.isArray(held) || !held.every(isExchange)) return [];
    // An answer that a reload cut off stays, marked as stopped.
    return held.map((exchange) => ({
      ...exchange,
      takes: exchange.takes.map((take) => (isRunning(take) ? { ...take, status: "stopped" as const } : take)),
    }));
  } catch {
    return [];
  }
}

function isExchange(value: unknown): value is Exchange {
  const exchange = value as Exchange | null;
  return (
    typeof exchange?.id === "string" &&
    typeof exchange.question === "string" &&
    typeof exchange.shown === "number" &&
    Array.isArray(exchange.takes) &&
    exchange.takes.every((take) => typeof take?.text === "string" && Array.isArray(take.sources))
  );
}
