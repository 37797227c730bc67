import assert from "node:assert/strict";
import { test } from "node:test";
import { extent, linear, ticks } from "./scale.ts";

test("ticks are round, inside, and about as many as asked for", () => {
  assert.deepEqual(ticks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(ticks(2.3, 7.6, 5), [3, 4, 5, 6, 7]);
  assert.deepEqual(ticks(0, 0.002, 3), [0, 0.0005, 0.001, 0.0015, 0.002]);
  for (const [low, high] of [
    [0, 9_830_400],
    [0.7, 8.3],
    [24.1, 33.9],
    [-3, 1e9],
  ] as const) {
    const found = ticks(low, high, 6);
    assert.ok(found.length >= 3 && found.length <= 14, `${low} to ${high}: ${found}`);
    assert.ok(found.every((tick) => tick >= low - 1e-6 && tick <= high + 1e-6));
  }
});

test("a flat curve has a window around it", () => {
  const flat = linear([5, 5], [100, 0], 4);
  assert.equal(flat(5), 50);
  assert.ok(flat.ticks.length > 1);
});

test("the extent has room to spare, and is something where there is nothing", () => {
  assert.deepEqual(extent([1, 3], 0.5), [0, 4]);
  assert.deepEqual(extent([]), [0, 1]);
});
