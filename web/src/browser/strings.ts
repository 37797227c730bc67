/** What the site without a server says while it loads, and where it cannot answer. */

const mb = (bytes: number) => (bytes / 1e6).toFixed(0);

export const b = {
  beginning: "starting",
  kept: "opening what this browser kept",
  downloading: (done: number, total: number) => `downloading ${mb(done)} of ${mb(total)} MB, once`,
  opening: "starting the model",
  offline: "waiting for the network",
  ready: "ready",
  damaged: (path: string) => `${path}: damaged`,
  crashed: "the part of the page that has the model stopped",
  notLoaded: (why: string) => `the model could not be loaded: ${why}`,
  needsServer: "this needs a server, and this site has none",
  second: {
    "": "",
    once: "Passages are read once.",
    loading: "A more careful reading is loading",
    waiting: "A more careful reading waits for the network",
    twice: "The best passages are read twice.",
    failed: "A more careful reading could not be loaded",
  },
  writes: {
    "": "",
    gpu: "Answers are written on the GPU.",
    slower: "Answers are written in WebAssembly: the GPU takes longer.",
    other: "Answers are written in WebAssembly: the GPU writes others.",
    failed: "Answers are written in WebAssembly: the GPU failed.",
  },
  part: (done: number, total: number) => `, ${mb(done)} of ${mb(total)} MB`,
  because: (why: string) => `: ${why}`,
  notNow: "Not now",
  readTwice: (total: number) => `Read twice, ${mb(total)} MB`,
  tryAgain: "Try again",
};
