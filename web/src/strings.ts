/** Every word the site itself says, in one place: change the tone or the language here. */
import { inBrowser } from "./browser/place.ts";

const list = new Intl.ListFormat("en", { type: "conjunction" });
const passages = (ns: number[]) => `passage${ns.length > 1 ? "s" : ""} ${list.format(ns.map(String))}`;

export const s = {
  product: "FischGPT",
  skip: "Skip to the question",
  nav: {
    label: "Site",
    menu: (here: string) => `Pages, now ${here}`,
    chat: "Chat",
    story: "Story",
    learn: "Training",
    inside: "Inside",
    home: "FischGPT, to the chat",
  },
  theme: { toDark: "Switch to dark", toLight: "Switch to light" },

  chat: {
    heading: (name: string) => `A conversation about ${name}`,
    title: (name: string) => `Ask about ${name}`,
    starters: "Questions to start with",
    next: "Ask next",
    placeholder: (name: string) => `Ask about ${name}`,
    question: "Your question",
    send: "Send",
    stop: "Stop",
    fresh: "New chat",
    latest: "To the latest answer",
    hint: (params: string) => `${params} parameters, from scratch. Check the sources.`,
    hintRemote: "Another server’s model writes. Check the sources.",
    save: "Save as Markdown",
    place: (n: number) => (n === 1 ? "Next in line" : `In line: ${n - 1} before you`),
    keys: [
      ["/", "to write"],
      ["Esc", "to stop"],
    ] as const,
  },

  answer: {
    reading: "Reading the resume",
    writing: "Writing",
    read: "Read",
    passages: (n: number) => (n === 1 ? "1 passage" : `${n} passages`),
    passage: (n: number, what: string) => `Passage ${n}: ${what}`,
    copy: "Copy answer",
    copied: "Copied",
    again: "Answer again",
    xray: "Token X-ray: how sure the model was of each token",
    edit: "Edit question",
    save: "Ask this instead",
    cancel: "Cancel",
    take: (n: number, of: number) => `${n} of ${of}`,
    previous: "Previous answer",
    following: "Next answer",
    up: "Good answer",
    down: "Bad answer",
    thanks: "Thank you.",
    kept: "Thank you. This site keeps the question and answer with it, to train on.",
    unsent: "The thumb did not arrive; try again.",
    announce: (text: string) => `Answer: ${text}`,
    stopped: "Stopped",
  },

  kind: {
    model: (cited: number[]) =>
      cited.length ? `Answered by the model from ${passages(cited)}` : "Answered by the model",
    quote: (cited: number[], reason: string | null) =>
      `Quoted${cited.length ? ` from ${passages(cited)}` : ""}${reason ? `: ${reason}` : ""}`,
    declined: (reason: string | null) => `The profile does not say${reason ? `: ${reason}` : ""}`,
    smalltalk: "Small talk, no passage needed",
  },
  timing: (firstToken: number, perSecond: number) =>
    [
      `first words after ${firstToken < 1000 ? `${Math.round(firstToken)} ms` : `${(firstToken / 1000).toFixed(1)} s`}`,
      ...(perSecond > 0 ? [`${Math.round(perSecond)} tokens/s`] : []),
    ].join(", "),

  trouble: {
    busy: "Many people are here right now.",
    rate: "That was a lot in one minute.",
    asleep: "The model is asleep and did not wake up.",
    offline: "The server cannot be reached. Check the connection, then try again.",
    lost: "The connection was lost before the answer was complete.",
    server: (message: string) => `That did not work: ${message}`,
    retry: "Try again",
    retryIn: (seconds: number) => `Try again in ${seconds} s`,
  },
  late: { missing: "This part of the page could not be loaded.", reload: "Reload the page" },
  key: {
    needed: "This site answers only with a key.",
    refused: "The server does not know this key.",
    note: "Its owner gives one out. It stays in this tab and ends with it.",
    label: "Key",
    send: "Continue",
  },
  waking: {
    title: "The model is waking up",
    away: "The model is asleep and is being woken",
    note: "Ask already; the answer comes as soon as it is awake.",
    unreachable: "Looking for the server",
    failed: inBrowser
      ? "The model could not be loaded; reload the page to try again"
      : "The model cannot answer; the server’s log says why",
  },

  resume: {
    title: "Resume",
    open: "Open the resume",
    close: "Close",
    file: "Get the file",
    hint: "The numbers mark what the model was given for the answer.",
    empty: "This profile has no passages yet.",
  },

  model: {
    title: "What is running",
    button: (name: string) => `Model ${name}: what is running`,
    note: "Read from the loaded weights, not typed by hand.",
    remote:
      "Another server runs it, and does not say how it is built. The search, and the check of every answer, are here.",
    rows: {
      n_params: "Parameters",
      n_layer: "Layers",
      n_head: "Attention heads",
      n_embd: "Dimensions",
      block_size: "Context, tokens",
      vocab_size: "Vocabulary, tokens",
      trained_tokens: "Tokens trained on",
      computes: "Read in",
    },
    where: "Where the parameters are",
    parts: { tokens: "Tokens", positions: "Positions", attention: "Attention", mlp: "MLP" },
  },

  story: { title: "The story" },
  learn: { title: "Watch it learn" },
  inside: { title: "Look inside" },
  about: {
    chat: (name: string) =>
      `Ask a small language model, trained from scratch, about ${name}: it answers from the resume and shows where.`,
    story: (name: string) =>
      `How ${name} came to train a language model from scratch, what it cost, and what it reached.`,
    learn: (model: string) =>
      `The training of ${model}, from noise to sentences: its loss, its scores, its samples, its cost.`,
    inside:
      "A text of your own, token by token through the model: what comes next, where it looks, when the answer appears.",
  },
  notFound: { title: "Nothing swims here", back: "Back to the chat" },
};
