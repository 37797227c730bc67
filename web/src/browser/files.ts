/** The files an answer is made from: downloaded once, kept by the browser, unpacked here. */
import { b } from "./strings.ts";

type Files<Name extends string> = Record<Name, { path: string; bytes: number }>;
export type Listed = {
  /** Without which nothing is answered. */
  first: Files<"runtime" | "rules" | "index" | "reader" | "minilm" | "model">;
  /** What makes answers better, once they are here. */
  later: Files<"crossencoder">;
  /** What a visitor's GPU needs to write them, beside the model. */
  gpu: Files<"jspi" | "linear8">;
};
type Progress = (done: number, total: number, kept: boolean) => void;

/** The host is not to be reached now: to be tried again. */
export class Offline extends Error {}

// A page on a plain address may keep nothing; its browser still caches as it does any file. One host may have
// several sites, each with a cache of its own.
const cacheOf = async (root: URL) =>
  "caches" in globalThis ? await caches.open(`fischgpt-model ${root.href}`).catch(() => null) : null;

/** What there is to load. What the browser kept and the list does not name is dropped. */
export async function listFiles(root: URL): Promise<Listed> {
  // Its name stays the same when a site is written anew, so that a copy may name files that are gone.
  const list = await fetched(new URL("data/files.json", root), { cache: "no-cache" });
  const listed: Listed = JSON.parse(await list.text().catch(offline));
  const files = Object.values(listed).flatMap((group) => Object.values(group));
  const urls = new Set(files.map(({ path }) => new URL(path, root).href));
  const cache = await cacheOf(root);
  for (const request of (await cache?.keys()) ?? []) if (!urls.has(request.url)) await cache?.delete(request);
  return listed;
}

export const sizeOf = (files: Files<string>) =>
  Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);

/**
 * The files, unpacked. `progress` hears how many bytes of how many have come, and whether they were here before. Throws
 * when `abandoned` is aborted.
 */
export async function loadFiles<Name extends string>(
  root: URL,
  files: Files<Name>,
  progress: Progress,
  abandoned?: AbortSignal,
): Promise<Record<Name, ArrayBuffer>> {
  const leaving = new AbortController();
  const { signal } = leaving;
  abandoned?.addEventListener("abort", () => leaving.abort());
  const cache = await cacheOf(root);
  const names = Object.keys(files) as Name[];
  const total = sizeOf(files);
  let done = 0;
  let kept = true;
  const load = async (name: Name): Promise<[Name, ArrayBuffer]> => {
    const { path, bytes } = files[name];
    const url = new URL(path, root).href;
    const held = await cache?.match(url);
    const before = await held
      ?.arrayBuffer()
      .then((data) => unpack(new Uint8Array(data)))
      .catch(() => null);
    if (before) {
      done += bytes;
      progress(done, total, kept);
      return [name, before];
    }
    if (held) await cache?.delete(url);
    kept = false;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const reader = (await fetched(new URL(url), { signal })).body?.getReader(); // Safari: no for await over a body
    const next = () => reader?.read().catch(offline);
    for (let part = await next(); part?.value; part = await next()) {
      parts.push(part.value);
      done += part.value.length;
      progress(Math.min(done, total), total, kept);
    }
    const packed = new Uint8Array(await new Blob(parts).arrayBuffer());
    const found = await unpack(packed).catch(() => {
      throw new Error(b.damaged(path));
    });
    await cache?.put(url, new Response(packed)).catch(() => {}); // no room: it is downloaded again next time
    return [name, found];
  };
  try {
    return Object.fromEntries(await Promise.all(names.map(load))) as Record<Name, ArrayBuffer>;
  } catch (error) {
    leaving.abort(); // the others: whoever tries again starts them again
    throw error;
  }
}

const offline = (error: unknown): never => {
  throw new Offline(String(error));
};

async function fetched(url: URL, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init).catch(offline);
  const { ok, status, statusText } = response;
  const message = `${url.pathname}: ${status} ${statusText}`;
  if (status === 429 || status >= 500) throw new Offline(message);
  if (!ok) throw new Error(message);
  return response;
}

/** Some hosts say that a .gz is packed, and the browser has unpacked it by then. */
async function unpack(data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data.buffer;
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
