import { useSyncExternalStore } from "react";

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
export const useWide = () => useMedia("(width >= 68rem)");
export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
