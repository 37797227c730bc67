import { useState, useSyncExternalStore } from "react";

/** Whether a media query holds now. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const list = matchMedia(query);
      list.addEventListener("change", changed);
      return () => list.removeEventListener("change", changed);
    },
    () => matchMedia(query).matches,
  );
}

/** Where the resume stands beside the chat; narrower, it is a sheet. The same width as `wide:` in styles.css. */
export function useWide(): boolean {
  const now = useMedia("(width >= 68rem)");
  const paper = useMedia("print");
  // Paper is narrow, but what stands beside the chat on the screen is to be on it: a browser that prints has counted
  // its pages before React could take it away.
  const [before, setBefore] = useState(now);
  if (!paper && before !== now) setBefore(now);
  return paper ? before : now;
}
export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
