/** Whether answers are shown token by token with their probabilities: one switch for the tab, kept over a reload. */
import { useSyncExternalStore } from "react";

const KEY = "fischgpt.xray";
/** Alternatives asked for with each token. */
const TOP = 5;
const listeners = new Set<() => void>();
let on = false;
try {
  on = sessionStorage.getItem(KEY) === "1";
} catch {
  // Storage is forbidden: the switch ends with the page.
}

const listen = (changed: () => void) => {
  listeners.add(changed);
  return () => listeners.delete(changed);
};

export const useXray = () => useSyncExternalStore(listen, () => on);

export function toggleXray(): void {
  on = !on;
  try {
    sessionStorage.setItem(KEY, on ? "1" : "0");
  } catch {
    // As above.
  }
  for (const changed of listeners) changed();
}

/** What to ask the server for beside the answer. */
export const probabilities = () => (on ? { logprobs: true, top_logprobs: TOP } : {});
