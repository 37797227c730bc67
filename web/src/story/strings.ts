/** The words of the story's figures; a file of their own, so that a visit to the chat does not carry them. */
export const w = {
  model: "The model that answers here",
  how: "How it was made",
  cost: "What it cost",
  reached: "What it reached",
  made: (params: string, tokens: string | null) =>
    `${params} parameters${tokens ? `, trained from scratch on ${tokens} tokens` : ", trained from scratch"}.`,
  remote: "Another server’s model writes the answers here; how it was trained is not known to this site.",
  inside: "Look inside",
  took: (time: string, machine: string | null) => `${time} of training${machine ? ` on ${machine}` : ""}.`,
  usd: (usd: string) => `At the price of that machine: ${usd}.`,
  unknown: "How long it took, and on what, was not recorded with this model.",
  unpriced: "The price of that machine is not recorded.",
  figures: {
    loss: "Validation loss, nats per token",
    lossPhase: { pretrain: "pretrained", sft: "fine-tuned, on answers" },
    hellaswag: "HellaSwag",
    hellaswagNote: (stderr: string, items: string, after: string) =>
      `± ${stderr}, ${items} items, after ${after}; guessing gets 25%`,
    right: "Questions about strangers’ resumes: right",
    declined: "Rightly declined",
    resisted: "Injections resisted",
    interval: (low: string, high: string) => `95% between ${low} and ${high}`,
  },
};
