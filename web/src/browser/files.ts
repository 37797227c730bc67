/** The files an answer is made from: downloaded once, kept by the browser, unpacked here. */

export type Name = "runtime" | "rules" | "index" | "reader" | "minilm" | "model";
type Listed = Record<Name, { path: string; bytes: number }>;

const CACHE = "fischgpt-model";

/** All files, unpacked. `progress` hears how many bytes of how many have come, and whether they were here before. */
export async function loadFiles(
  root: URL,
  progress: (done: number, total: number, kept: boolean) => void,
): Promise<Record<Name, ArrayBuffer>> {
  const listed: Listed = await (await fetched(new URL("data/files.json", root))).json();
  // A page on a plain address may keep nothing; its browser still caches as it does any file.
  const cache = "caches" in globalThis ? await caches.open(CACHE).catch(() => null) : null;
  const names = Object.keys(listed) as Name[];
  const urls = new Map(names.map((name) => [name, new URL(listed[name].path, root).href]));
  for (const request of (await cache?.keys()) ?? [])
    if (request.url.startsWith(root.href) && ![...urls.values()].includes(request.url))
      await cache?.delete(request);
  const total = names.reduce((sum, name) => sum + listed[name].bytes, 0);
  let done = 0;
  let kept = true;
  const load = async (name: Name): Promise<[Name, ArrayBuffer]> => {
    const url = urls.get(name) ?? "";
    const held = await cache?.match(url);
    if (held) {
      done += listed[name].bytes;
      progress(done, total, kept);
      return [name, await unpack(new Uint8Array(await held.arrayBuffer()))];
    }
    kept = false;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    const reader = (await fetched(new URL(url))).body?.getReader(); // Safari cannot go over a body with for await
    for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
      parts.push(part.value);
      done += part.value.length;
      progress(Math.min(done, total), total, kept);
    }
    const packed = new Uint8Array(await new Blob(parts).arrayBuffer());
    const found = await unpack(packed); // before it is kept: what is cut short does not unpack
    await cache?.put(url, new Response(packed)).catch(() => {}); // no room: it is downloaded again next time
    return [name, found];
  };
  return Object.fromEntries(await Promise.all(names.map(load))) as Record<Name, ArrayBuffer>;
}

async function fetched(url: URL): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.pathname}: ${response.status} ${response.statusText}`);
  return response;
}

/** Some hosts say that a .gz is packed, and the browser has unpacked it by then. */
async function unpack(data: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data.buffer;
  return new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
