/** The words of this page; a file of its own, so that a visit to the chat does not carry them. */
import { duration, full, short } from "../numbers.ts";

export const w = {
  lead: (name: string) =>
    `Every figure and every sentence on this page was written down while ${name} was trained.`,
  loading: "Fetching the record of the training",
  none: "This model carries no record of how it learned.",
  noneHint:
    "Models exported by this version of FischGPT carry one (run.json); this one was made before, or elsewhere.",
  remote: "Another server runs this model. How it learned is not known here.",
  failed: "The record could not be fetched.",
  retry: "Try again",
  running: (steps: number, of: number) =>
    `Still training when this was read: step ${full(steps)} of ${full(of)}.`,
  stopped: (steps: number, of: number) => `Stopped at step ${full(steps)} of ${full(of)}.`,

  axis: "tokens trained on",
  phase: { pretrain: "Pretraining", sft: "Fine-tuning" },
  loss: {
    heading: "The loss",
    title: { nats: "Loss, nats per token", bits: "Bits per byte" },
    unit: { label: "Unit", nats: "Nats per token", bits: "Bits per byte" },
    training: "training",
    validation: "validation, held-out text",
    explain: (vocab: number) =>
      `How surprised the model is by the next token. One that guesses blindly among ${full(vocab)} tokens is at ${Math.log(vocab).toFixed(1)}.`,
    explainSft: "In fine-tuning the loss counts the answers alone, so it begins elsewhere.",
    summary: (from: string, to: string) => `Validation loss falls from ${from} to ${to}.`,
  },
  slider: {
    heading: "From noise to sentences",
    explain:
      "The same beginnings, continued by the model as it was at that moment, always taking the likeliest token.",
    explainSft:
      "The same questions, which it was never trained on, answered by the model as it was at that moment.",
    label: "Moment of the training",
    play: "Play",
    pause: "Pause",
    at: (phase: string, step: number, of: number) => `${phase}, step ${full(step)} of ${full(of)}`,
    tokens: (tokens: number) => `${short(tokens)} tokens in`,
    lossAt: (loss: number) => `validation loss ${loss.toFixed(2)}`,
    nothing: "nothing",
    none: "This run kept no samples.",
  },
  hellaswag: {
    heading: "Common sense, measured",
    title: "HellaSwag, % right",
    explain: (items: number) =>
      `Which of four endings fits? ${full(items)} of the 10,042 questions, by mean log-likelihood per token. The bars are one standard error.`,
    compare:
      "Only here do other models stand beside ours: a loss compares on the same text and vocabulary alone, and theirs are others.",
    own: "this model",
    summary: (percent: string, stderr: string) => `It ends at ${percent} percent, plus or minus ${stderr}.`,
    none: "HellaSwag was not measured in this run.",
  },
  small: { lr: "Learning rate", speed: "Tokens per second" },
  cost: {
    heading: "What it took",
    head: "",
    rows: {
      steps: "Steps",
      tokens: "Tokens",
      perStep: "Tokens a step",
      time: "Time training",
      speed: "Tokens a second, median",
      optimizer: "Optimizer, highest rate",
      loss: "Validation loss at the end",
      bits: "Bits per byte at the end",
      ended: "Finished",
    },
    all: (seconds: number) => `${duration(seconds)} in all`,
    machine: "Machine",
    usd: (usd: string, devices: number, device: string, price: string) =>
      `${usd}: ${devices} × ${device} at ${price} an hour.`,
    unpriced: "The price of this machine is not in our table, so no sum is named.",
    read: "What it read",
    source: "Source",
    what: "What it is",
    licence: "Licence",
  },
  tables: {
    heading: "The figures as tables",
    loss: "Validation",
    hellaswag: "HellaSwag",
    samples: "Samples",
    phase: "Phase",
    step: "Step",
    tokens: "Tokens",
    nats: "Nats per token",
    bits: "Bits per byte",
    percent: "% right",
    stderr: "Standard error",
  },
};
