import assert from "node:assert/strict";
import { test } from "node:test";
import type { Phase, Run } from "../api.ts";
import { moments, nearest, points, stretches } from "./moments.ts";

const phase = (name: Phase["name"], tokens: number): Phase => ({
  name,
  state: "done",
  steps: 10,
  planned_steps: 10,
  tokens,
  tokens_per_step: tokens / 10,
  seconds: 1,
  ended: null,
  optimizer: "muon",
  lr: 0.1,
  sources: [],
  training: { step: [], tokens: [], loss: [], lr: [], tokens_per_second: [] },
  validation: { step: [0, 5], tokens: [0, tokens / 2], loss: [5, 4], bits_per_byte: [null, 1] },
  hellaswag: null,
  prompts: ["Once"],
  moments: [
    { step: 4, tokens: 0.4 * tokens, texts: ["a"] },
    { step: 10, tokens, texts: ["b"] },
  ],
});
const run: Run = {
  n_params: 1,
  machine: {},
  cost: null,
  phases: [phase("pretrain", 100), phase("sft", 50)],
  beside: [],
};

test("fine-tuning goes on where pretraining ended", () => {
  assert.deepEqual(
    stretches(run).map(({ from, to }) => [from, to]),
    [
      [0, 100],
      [100, 150],
    ],
  );
  assert.deepEqual(
    moments(run).map(({ x, loss, texts }) => [x, loss, texts[0]]),
    [
      [40, 5, "a"],
      [100, 4, "b"],
      [120, 5, "a"],
      [150, 4, "b"],
    ],
  );
});

test("where nothing was measured there is no point", () => {
  assert.deepEqual(points([0, 50], [null, 1], 100), [{ x: 150, y: 1 }]);
});

test("the nearest moment is found, and none where there is none", () => {
  assert.equal(nearest(moments(run), 111), 2);
  assert.equal(nearest(moments(run), -5), 0);
  assert.equal(nearest([], 1), -1);
});
