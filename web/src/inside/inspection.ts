/** What the server tells of a text it has read (docs/api.md, "Inside the model"), and the recorded examples of it. */
import { call } from "../api.ts";
import first from "./examples/1.json";
import about from "./examples/about.json";
import type { Next } from "./sampling.ts";

export const MOST_TOKENS = 64;

export type Part = { name: string; weights: Record<string, number[]>; params: number; flops: number };
export type Shape = {
  n_layer: number;
  n_head: number;
  n_embd: number;
  block_size: number;
  vocab_size: number;
  n_params: number;
  context: number;
  parts: Part[];
};
type AttentionBytes = { layer: number; heads: number; data: string };
type Told = {
  text: string;
  ids: number[];
  pieces: Record<string, string>;
  control_ids: number[];
  next: Next;
  lens: { ids: number[][][]; probs: number[][][] };
  norms: number[][];
};
export type Milliseconds = { embedding: number; blocks: number[]; head: number };
type Inspection = Told & { model: string; attention: AttentionBytes | null; ms: Milliseconds; shape: Shape };
type Recorded = Told & { attention: AttentionBytes[] };

/** A text that was read; `attention` by layer, as far as it has been fetched: heads x tokens x tokens bytes. */
export type Opened = Told & {
  model: string;
  shape: Shape;
  ms: Milliseconds | null;
  recorded: boolean;
  attention: (Uint8Array | undefined)[];
};

export const EXAMPLES = about;

const bytes = ({ data }: AttentionBytes) =>
  Uint8Array.from(atob(data), (character) => character.charCodeAt(0));

export function fromRecord(record: Recorded): Opened {
  const attention = record.attention.map(bytes);
  return { ...record, model: about.model, shape: about.shape as Shape, ms: null, recorded: true, attention };
}

/** Open at first: it comes with the page. */
export const FIRST = fromRecord(first);
const FIRST_AT = 1;
const files = import.meta.glob<Recorded>(["./examples/[0-9].json", "!./examples/1.json"], {
  import: "default",
});

/** A recorded example, fetched when it is asked for. */
export async function example(at: number): Promise<Opened> {
  if (at === FIRST_AT) return FIRST;
  const file = files[`./examples/${at}.json`];
  if (!file) throw new Error(`there is no example ${at}`);
  return fromRecord(await file());
}

/** One forward pass on the server. Throws Trouble. */
export async function inspect(
  prompt: string | number[],
  layer: number,
  signal: AbortSignal,
): Promise<Opened> {
  const { attention: told, ...rest } = await post<Inspection>({ prompt, layer }, signal);
  const attention: (Uint8Array | undefined)[] = Array(rest.shape.n_layer).fill(undefined);
  if (told) attention[told.layer] = bytes(told);
  return { ...rest, recorded: false, attention };
}

/** The attention of another layer, without the lens again. Throws Trouble. */
export async function attentionOf(ids: number[], layer: number, signal: AbortSignal) {
  const { attention } = await post<Pick<Inspection, "attention">>(
    { prompt: ids, layer, lens: false },
    signal,
  );
  return attention ? bytes(attention) : undefined;
}

async function post<Answer>(body: object, signal: AbortSignal): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  const response = await call("/v1/inspect", { method: "POST", headers, body: JSON.stringify(body), signal });
  return response.json();
}

export const getShape = async (signal: AbortSignal): Promise<Shape> =>
  (await call("/v1/inspect", { signal })).json();

export const pieceOf = (opened: Opened, id: number) => opened.pieces[id] ?? `#${id}`;

/** How much the token `row` takes from each token, 0 to 1, in one head. */
export function rowOf(attention: Uint8Array, tokens: number, head: number, row: number): number[] {
  const from = (head * tokens + row) * tokens;
  return Array.from(attention.subarray(from, from + tokens), (weight) => weight / 255);
}
