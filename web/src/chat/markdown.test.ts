import assert from "node:assert/strict";
import { test } from "node:test";
import { type Exchange, reduce } from "./conversation.ts";
import { toMarkdown } from "./markdown.ts";

const source = {
  n: 2,
  id: "x",
  section: "Work",
  organisation: "",
  title: "Cost",
  dates: "",
  text: "It cost\n$5.",
  rendered: "Work, Cost: It cost\n$5.",
  score: 1,
};

test("the shown answers stand in the file with the passages that they cite, and no others", () => {
  let said: Exchange[] = reduce([], { type: "ask", id: "a", question: "What did\nit cost?" });
  said = reduce(said, { type: "patch", id: "a", patch: { sources: [{ ...source, n: 1 }, source] } });
  said = reduce(said, { type: "write", id: "a", text: "It cost $5. [2]" });
  assert.equal(
    toMarkdown(said, "A conversation about Ada", "mini", "2026-11-28"),
    "# A conversation about Ada\n\n2026-11-28, answered by mini.\n\n## What did it cost?\n\nIt cost $5. [2]\n\n> [2] Work, Cost: It cost $5.\n",
  );
});
