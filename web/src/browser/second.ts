/** The second reading, on the page's side: whether this visitor wants it, and how far it is. */
import type { Writes } from "./writer.ts";

export type Second = {
  /** "": the model is not here yet. "waiting": for the network. */
  state: "" | "once" | "loading" | "waiting" | "twice" | "failed";
  /** Bytes, of the download. */
  done: number;
  total: number;
  why: string;
  writes: Writes;
};

/** Whether the browser says so: Chromium does. */
export function savesData(): boolean {
  const { connection } = navigator as Navigator & { connection?: { saveData?: boolean } };
  return connection?.saveData ?? false;
}

const KEY = "fischgpt.readings";
/** What this visitor chose on an earlier visit too, or else what the browser says of their connection. */
function wanted(): boolean {
  try {
    const chosen = localStorage.getItem(KEY);
    if (chosen) return chosen === "twice";
  } catch {
    // Storage is forbidden: there is no choice yet.
  }
  return !savesData();
}

function keep(choice: "once" | "twice"): void {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // As above: it holds until the page is left.
  }
}

export class SecondReading {
  readonly #send: (message: { type: "second"; wanted: boolean }) => void;
  readonly #listeners = new Set<() => void>();
  #now: Second = { state: "", done: 0, total: 0, why: "", writes: "" };

  constructor(send: (message: { type: "second"; wanted: boolean }) => void) {
    this.#send = send;
  }

  subscribe = (changed: () => void) => {
    this.#listeners.add(changed);
    return () => this.#listeners.delete(changed);
  };
  now = () => this.#now;

  /** What the worker tells. */
  hear(told: Partial<Second>): void {
    this.#now = { ...this.#now, ...told };
    for (const changed of this.#listeners) changed();
  }

  /** Answers are there: now there is time for the rest, of so many bytes. */
  begin(total: number): void {
    this.hear({ state: "once", total });
    if (wanted()) this.#send({ type: "second", wanted: true });
  }

  choose(choice: "once" | "twice"): void {
    keep(choice);
    this.#send({ type: "second", wanted: choice === "twice" });
  }
}
