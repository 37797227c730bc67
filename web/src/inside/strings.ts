/** Every word of the page "Inside". Apart from ../strings.ts, so that who only chats does not load them. */
import { chance, full, short } from "../numbers.ts";

export const t = {
  lede: "A language model does one thing: it reads some text and says, for every token it knows, how likely that token comes next. Type something and watch this one do it.",
  running: (name: string, n: number) => `${name}, ${short(n)} parameters, running on this server`,
  recorded: (name: string) => `Recorded from the model ${name}. Type a text to run it.`,
  recordedOnly: (name: string) => `Recorded from the model ${name}`,
  elsewhere:
    "This server’s model runs elsewhere and cannot be opened. The recorded examples below are from the small model that ships with FischGPT.",
  waiting: "Your text is read as soon as the model is awake.",
  reading: "Reading",
  announce: (piece: string) => `Read; the likeliest next token is “${piece}”`,
  read: (tokens: number, ms: number) => `${tokens} tokens read in ${ms.toFixed(1)} ms`,

  text: {
    label: "Your text",
    placeholder: "Type a text of up to 64 tokens",
    run: "Read",
    examples: "Recorded examples",
    example: (text: string) =>
      text.startsWith("<|")
        ? "How the chat asks it"
        : text.length > 28
          ? `${text.slice(0, 26).trimEnd()}…`
          : text,
  },

  tokens: {
    title: "Tokens",
    note: "The model sees no letters. The text is cut into tokens, pieces that were frequent where its vocabulary was made, and each is a number. Choose one: the parts below follow it.",
    control:
      "Marked tokens are control tokens: they open and close turns of the chat. Only the server can set one; typed, the same characters are ordinary text.",
    ids: "Show ids",
    group: "Tokens of the text",
    name: (piece: string, id: number) => `${piece}, token ${id}`,
  },

  next: {
    title: "What comes next",
    note: "After the last token the model has a score for each token of its vocabulary. Temperature, top-k and top-p turn scores into the odds that one is drawn with. Moving them asks nothing of the server: the scores are here.",
    temperature: "Temperature",
    temperatureNote: "below 1 the likely get likelier; at 0 the first is always taken",
    topK: "Top-k",
    topKNote: "only the k likeliest stay",
    topP: "Top-p",
    topPNote: "only the likeliest stay that together reach this",
    off: "off",
    reset: "Reset",
    others: (n: number) => `all ${full(n)} others`,
    cut: "cut",
    take: (piece: string, p: number) => `Take ${piece}, ${chance(p)}`,
    ends: (piece: string, p: number) => `${piece}, ${chance(p)}: it ends or opens a turn and cannot be taken`,
    hint: "Take a token to append it and read on.",
    full: "64 tokens are the most that can be open at once.",
    unable: "Taking one needs this model to be running on this server.",
  },

  network: {
    title: "What it goes through",
    note: "Every token becomes a vector and passes the same stack of blocks. Each block reads all vectors so far (attention), works on each alone (MLP), and adds what it found. Choose a part to open it.",
    caption: "Parts of the network, from the first to the last",
    embedding: "In",
    output: "Out",
    part: { embedding: "Embedding", output: "Output", block: (n: number) => `Block ${n}` },
    rows: { params: "Parameters", flops: "Work", ms: "Time, ms", norm: "Length" },
    explain: (context: number) =>
      `Parameters and work are shares of the whole; work is floating-point operations for one token at the end of ${full(context)}. Length is that of the chosen token’s vector behind each part.`,
    total: (params: number, flops: number) =>
      `${full(params)} parameters, ${short(flops)} operations for one token`,
    open: (name: string, params: number, sharePart: string) =>
      `${name}: ${full(params)} parameters, ${sharePart}`,
    params: (n: number, part: string) => (n ? `${full(n)} parameters, ${part}` : "no parameters of its own"),
    flops: (n: number, part: string) => (n ? `${short(n)} operations, ${part}` : "hardly any work"),
    modules: {
      wte: ["Token embedding", "A table with one vector for each token. The output reads the same table."],
      wpe: ["Position embedding", "A vector for each place in the text is added, so that order matters."],
      ln_1: ["LayerNorm", "Brings every vector to the same scale before it is read."],
      attn: [
        "Attention",
        "Each token looks at those before it, decides by comparison which matter, and takes a mix of what they carry.",
      ],
      ln_2: ["LayerNorm", "The same again before the second half."],
      mlp: [
        "MLP",
        "Two layers of weights with a bend between them, for each token alone. Much of what the model knows is here.",
      ],
      ln_f: ["Final LayerNorm", "One last scaling before the vector is read out."],
      head: [
        "Output head",
        "Compares the vector with that of every token in the table: the better they fit, the higher the score.",
      ],
    } as Record<string, [string, string]>,
    added: "added to the token’s vector",
  },

  attention: {
    title: "Where it looks",
    note: "Attention lets a token take information from earlier ones. Every block has several heads, each with a habit of its own: the token before, the first token, an earlier occurrence of the same word. Choose a head, then a token.",
    heads: "Heads by block",
    head: (layer: number, head: number) => `Block ${layer}, head ${head}`,
    load: "Load all blocks",
    map: (layer: number, head: number) => `Attention of block ${layer}, head ${head}`,
    mapNote:
      "A row is a token, a column what it looks at. Nothing is right of the diagonal: no token sees what follows it.",
    row: (piece: string) => `${piece} looks at`,
    links: "What the chosen token looks at",
    linkName: (piece: string, weight: number) => `${piece}, ${chance(weight)} of the attention`,
    table: (layer: number, head: number) => `Attention weights of block ${layer}, head ${head}, in percent`,
    less: "0",
    more: "100%",
    missing: "not loaded",
  },

  lens: {
    title: "Where the answer appears",
    note: "The logit lens: stop after any block, read the vector out as if it were the last, and see the best guess so far. Early rows are noise, then the answer takes shape. Outlined cells agree with the final one below them.",
    caption: "Best guess for the next token, by block and position",
    layer: (n: number) => (n === 0 ? "Embedding" : `Block ${n}`),
    short: (n: number) => (n === 0 ? "In" : `${n}`),
    cell: (layer: string, after: string, guess: string, p: number) =>
      `${layer}, after ${after}: ${guess}, ${chance(p)}`,
    detail: (layer: string, after: string) => `${layer}, after ${after}`,
    from: "after",
  },
};
