import assert from "node:assert/strict";
import { test } from "node:test";
import { readEvents } from "./sse.ts";

const wire = (text: string, size: number) => {
  const bytes = new TextEncoder().encode(text);
  return new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < bytes.length; i += size) controller.enqueue(bytes.slice(i, i + size));
      controller.close();
    },
  });
};

const events = async (text: string, size: number) => {
  const found: string[] = [];
  for await (const heard of readEvents(wire(text, size))) if ("data" in heard) found.push(heard.data);
  return found;
};

const said = ['{"content":"größer 🐟 [2]"}', '{"content":"second"}', "[DONE]"];

for (const end of ["\n", "\r\n", "\r"]) {
  test(`every split of the bytes gives the same events, lines ending in ${JSON.stringify(end)}`, async () => {
    const text = said.map((event) => `: ping${end}event: x${end}data: ${event}${end}${end}`).join("");
    for (let size = 1; size <= new TextEncoder().encode(text).length; size++) {
      assert.deepEqual(await events(text, size), said, `reads of ${size} bytes`);
    }
  });
}

test("an event that the connection cut off is not handed out", async () => {
  assert.deepEqual(await events('data: whole\n\ndata: {"cut":', 4), ["whole"]);
});

test("several data lines are one event", async () => {
  assert.deepEqual(await events("data: a\ndata:b\n\n", 3), ["a\nb"]);
});

test("comments are handed out as they come", async () => {
  const found: unknown[] = [];
  for await (const heard of readEvents(wire(": waiting 3\r\n\r\n:x\ndata: a\n\n", 2))) found.push(heard);
  assert.deepEqual(found, [{ comment: "waiting 3" }, { comment: "x" }, { data: "a" }]);
});

test("leaving the loop cancels the response", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
    cancel: () => {
      cancelled = true;
    },
  });
  for await (const event of readEvents(body)) {
    assert.deepEqual(event, { data: "x" });
    break;
  }
  assert.ok(cancelled);
});
