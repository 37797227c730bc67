import assert from "node:assert/strict";
import { test } from "node:test";
import { titled } from "./title.ts";

test("the story's own title becomes the page's heading, and only the first line is title", () => {
  assert.deepEqual(titled("\n# How it came\r\n\nText.\n\n# Later\n", "x"), [
    "How it came",
    "\nText.\n\n# Later\n",
  ]);
  assert.deepEqual(titled("# Alone", "x"), ["Alone", ""]);
});

test("a story without one gets the site's", () => {
  for (const story of ["Text\n# Later", "## Smaller\ntext", "#tag", ""])
    assert.deepEqual(titled(story, "x"), ["x", story]);
});
