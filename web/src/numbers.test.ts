import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, percentage } from "./numbers.ts";

test("times read as in the report of a run", () => {
  assert.deepEqual([4.2, 59.6, 185, 3599.7, 3720].map(duration), [
    "4.2 s",
    "59.6 s",
    "3 min 05 s",
    "1 h 00 min",
    "1 h 02 min",
  ]);
});

test("percentages have three digits that say something", () => {
  assert.deepEqual([26.25, 62.35, 100, 0, 2.5].map(percentage), ["26.3%", "62.4%", "100%", "0%", "2.5%"]);
});
