import assert from "node:assert/strict";
import { test } from "node:test";
import { distribution, type Next } from "./sampling.ts";

// Probabilities 0.5, 0.25 and, of two others together, 0.25.
const next: Next = {
  ids: [7, 3],
  logits: [Math.log(4), Math.log(2)],
  temperatures: [0.5, 1],
  rest: [Math.log(2), Math.log(2)],
};
const near = (got: { probs: number[]; rest: number }, probs: number[], rest: number) => {
  probs.forEach((p, at) => {
    assert.ok(Math.abs((got.probs[at] ?? -1) - p) < 1e-12, JSON.stringify(got));
  });
  assert.ok(Math.abs(got.rest - rest) < 1e-12, JSON.stringify(got));
};

test("without a cut it is the softmax over all tokens, also those not listed", () => {
  near(distribution(next, { temperature: 1, topK: 0, topP: 1 }), [0.5, 0.25], 0.25);
});

test("a lower temperature sharpens", () => {
  near(distribution(next, { temperature: 0.5, topK: 0, topP: 1 }), [16 / 22, 4 / 22], 2 / 22);
});

test("temperature 0 takes the likeliest", () => {
  near(distribution(next, { temperature: 0, topK: 0, topP: 0.1 }), [1, 0], 0);
});

test("top-k cuts first, top-p of what is left keeps the token that crosses the line", () => {
  near(distribution(next, { temperature: 1, topK: 2, topP: 1 }), [2 / 3, 1 / 3], 0);
  near(distribution(next, { temperature: 1, topK: 2, topP: 0.6 }), [1, 0], 0);
  near(distribution(next, { temperature: 1, topK: 2, topP: 0.7 }), [2 / 3, 1 / 3], 0);
  near(distribution(next, { temperature: 1, topK: 0, topP: 0.5 }), [1, 0], 0);
});
