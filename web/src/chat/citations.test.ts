import assert from "node:assert/strict";
import { test } from "node:test";
import { rehypeCitations, splitCitations } from "./citations.ts";

const known = (n: number) => n <= 3;

test("only numbers of given passages are citations", () => {
  assert.deepEqual(splitCitations("a [1][3] b [7] c", known), ["a\u202f", 1, 3, " b [7] c"]);
  assert.deepEqual(splitCitations("[2]", known), [2]);
  assert.deepEqual(splitCitations("[1234] [x] [", known), ["[1234] [x] ["]);
  assert.deepEqual(splitCitations("", known), []);
});

test("in the HTML tree citations become elements, except in code", () => {
  const text = (value: string) => ({ type: "text", value });
  const tree = {
    type: "root",
    children: [
      { type: "element", tagName: "p", children: [text("so [1].")] },
      { type: "element", tagName: "code", children: [text("list[1]")] },
    ],
  };
  rehypeCitations(known)()(tree);
  const [paragraph, code] = tree.children;
  assert.deepEqual(paragraph?.children, [
    text("so\u202f"),
    { type: "element", tagName: "cite", properties: { dataN: "1" }, children: [] },
    text("."),
  ]);
  assert.deepEqual(code?.children, [text("list[1]")]);
});
