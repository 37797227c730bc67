/** Light or dark: the system's choice until the visitor makes one. public/theme.js applies it before the first paint. */
import { useState } from "react";
import { useMedia } from "../useMedia.ts";

type Theme = "light" | "dark";
const KEY = "fischgpt.theme";

export function useTheme(): [Theme, () => void] {
  const system: Theme = useMedia("(prefers-color-scheme: dark)") ? "dark" : "light";
  const [chosen, choose] = useState(document.documentElement.dataset.theme as Theme | undefined);
  const theme = chosen ?? system;
  const toggle = () => {
    const next = theme === "dark" ? "light" : "dark";
    // Back to what the system says is no choice any more: the page follows the system again.
    const kept = next === system ? undefined : next;
    if (kept) document.documentElement.dataset.theme = kept;
    else delete document.documentElement.dataset.theme;
    try {
      if (kept) localStorage.setItem(KEY, kept);
      else localStorage.removeItem(KEY);
    } catch {
      // Storage is forbidden: the choice holds until the page is left.
    }
    choose(kept);
  };
  return [theme, toggle];
}
