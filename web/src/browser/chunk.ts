/** An event of an answer as the server streams it (server/completion.py). */
import type { AnswerEvent } from "./answer.ts";
import type { Spelled } from "./spelling.ts";

const rounded = (x: number, digits: number) => Number(x.toFixed(digits));

export function chunk(event: AnswerEvent, logprobs: boolean): object {
  switch (event.type) {
    case "sources":
      return {
        choices: [{ delta: { role: "assistant", content: "" } }],
        sources: event.hits.map(({ passage, score }, i) => {
          const { id, section, organisation, title, dates, text, rendered } = passage;
          return {
            n: i + 1,
            id,
            section,
            organisation,
            title,
            dates,
            text,
            rendered,
            score: rounded(score, 4),
          };
        }),
      };
    case "text":
      return {
        choices: [
          {
            delta: { content: event.text },
            logprobs: logprobs && event.tokens.length ? { content: event.tokens.map(told) } : null,
          },
        ],
      };
    case "done":
      return {
        choices: [{ delta: {}, finish_reason: "stop" }],
        fischgpt: {
          answer_kind: event.kind,
          reason: event.reason,
          score: rounded(event.score, 4),
          threshold: event.threshold,
        },
        timings: event.timings,
      };
  }
}

const entry = (token: string, bytes: Uint8Array, logprob: number) => ({ token, logprob, bytes: [...bytes] });

function told({ text, bytes, logprob, top }: Spelled) {
  const letters = new TextDecoder();
  const others = top.map(([data, lp]) => entry(letters.decode(data), data, lp));
  return { ...entry(text, bytes, logprob), top_logprobs: others };
}
