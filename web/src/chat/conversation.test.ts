import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Source } from "../api.ts";
import {
  type Action,
  citedNumbers,
  type Exchange,
  messagesFor,
  reduce,
  restore,
  save,
  shownTake,
} from "./conversation.ts";

const run = (...actions: Action[]) => actions.reduce(reduce, [] as Exchange[]);
const done = (id: string, text: string): Action[] => [
  { type: "write", id, text },
  { type: "patch", id, patch: { status: "done" } },
];
const source = (n: number) => ({ n, id: `p${n}` }) as Source;

const held = new Map<string, string>();
beforeEach(() => {
  held.clear();
  globalThis.sessionStorage = {
    getItem: (key: string) => held.get(key) ?? null,
    setItem: (key: string, value: string) => held.set(key, value),
    removeItem: (key: string) => held.delete(key),
  } as unknown as Storage;
});

test("the server gets answered exchanges in order, then the question", () => {
  const all = run(
    { type: "ask", id: "a", question: "one" },
    ...done("a", "first"),
    { type: "ask", id: "b", question: "two" },
    { type: "patch", id: "b", patch: { status: "failed" } },
    { type: "ask", id: "c", question: "three" },
  );
  assert.deepEqual(
    messagesFor(all, "c").map((message) => message.content),
    ["one", "first", "three"],
  );
  assert.deepEqual(
    messagesFor(all, "a").map((message) => message.content),
    ["one"],
  );
});

test("answering again keeps a finished answer and replaces a failed one", () => {
  const kept = run(
    { type: "ask", id: "a", question: "q" },
    ...done("a", "x"),
    { type: "again", id: "a" },
    ...done("a", "y"),
  );
  assert.deepEqual(
    kept[0]?.takes.map((take) => take.text),
    ["x", "y"],
  );
  assert.equal(kept[0]?.shown, 1);
  const tried = run(
    { type: "ask", id: "a", question: "q" },
    { type: "patch", id: "a", patch: { status: "failed" } },
    { type: "again", id: "a" },
  );
  assert.equal(tried[0]?.takes.length, 1);
  assert.equal(tried[0] && shownTake(tried[0]).status, "waiting");
});

test("an edited question drops what came after it", () => {
  const all = run(
    { type: "ask", id: "a", question: "one" },
    ...done("a", "first"),
    { type: "ask", id: "b", question: "two" },
    { type: "edit", id: "a", question: "uno" },
  );
  assert.deepEqual(
    all.map((exchange) => exchange.question),
    ["uno"],
  );
  assert.equal(all[0]?.takes[0]?.text, "");
});

test("citations count once, in order, and only for passages that were given", () => {
  const [exchange] = run(
    { type: "ask", id: "a", question: "q" },
    { type: "patch", id: "a", patch: { sources: [source(1), source(2), source(3)] } },
    ...done("a", "x [3] y [1] z [3] no [9] 2025 [x]"),
  );
  assert.ok(exchange);
  assert.deepEqual(citedNumbers(shownTake(exchange)), [3, 1]);
});

test("tokens gather with the text, and an answer read once more keeps its place, its thumb and how it was asked for", () => {
  const token = (text: string) => ({ text, logprob: -1, top: [] });
  const before = run(
    { type: "ask", id: "a", question: "q" },
    { type: "patch", id: "a", patch: { sampling: { seed: 7 }, id: "chatcmpl-1", thumb: "up" } },
    { type: "write", id: "a", text: "one", tokens: [token("one")] },
    { type: "write", id: "a", text: " two", tokens: [token(" two")] },
    { type: "patch", id: "a", patch: { status: "done" } },
  );
  const take = before[0] && shownTake(before[0]);
  assert.deepEqual(
    take?.tokens?.map(({ text }) => text),
    ["one", " two"],
  );
  const [after] = reduce(before, { type: "reread", id: "a" });
  assert.equal(after?.takes.length, 1);
  assert.deepEqual(after && shownTake(after).sampling, { seed: 7 });
  assert.equal(after && shownTake(after).id, "chatcmpl-1");
  assert.equal(after && shownTake(after).thumb, "up");
  assert.equal(after && shownTake(after).text, "");
  assert.equal(after && shownTake(after).tokens, undefined);
});

test("a reload brings the conversation back, with a cut answer marked as stopped", () => {
  save(
    run(
      { type: "ask", id: "a", question: "one" },
      ...done("a", "first"),
      { type: "ask", id: "b", question: "two" },
      { type: "write", id: "b", text: "half" },
    ),
  );
  const back = restore();
  assert.deepEqual(
    back.map((exchange) => shownTake(exchange).status),
    ["done", "stopped"],
  );
  assert.equal(back[1] && shownTake(back[1]).text, "half");
  save([]);
  assert.equal(held.size, 0);
});

test("storage that holds anything else is an empty conversation", () => {
  for (const bad of [
    "{",
    "null",
    '{"a":1}',
    "[1]",
    '[{"id":"a"}]',
    '[{"id":"a","question":"q","shown":0,"takes":[{}]}]',
  ]) {
    held.set("fischgpt.conversation.v1", bad);
    assert.deepEqual(restore(), [], bad);
  }
});

test("a thumb stays with the answer it was given on", () => {
  let said = reduce(reduce([], { type: "ask", id: "a", question: "?" }), {
    type: "write",
    id: "a",
    text: "1",
  });
  said = reduce(said, { type: "again", id: "a" });
  said = reduce(said, { type: "rate", id: "a", take: 0, thumb: "up" });
  assert.deepEqual(
    said[0]?.takes.map((take) => take.thumb),
    ["up", null],
  );
  assert.equal(reduce(said, { type: "rate", id: "a", take: 7, thumb: "up" }), said);
});

test("a conversation longer than the API takes goes on with its newest exchanges", () => {
  let said: Exchange[] = [];
  for (let n = 0; n < 40; n++) {
    said = reduce(said, { type: "ask", id: `${n}`, question: `q${n}` });
    said = reduce(said, { type: "write", id: `${n}`, text: `a${n}` });
  }
  const sent = messagesFor(said, "39");
  assert.equal(sent.length, 63);
  assert.deepEqual([sent[0]?.role, sent[0]?.content, sent.at(-1)?.content], ["user", "q8", "q39"]);
});
