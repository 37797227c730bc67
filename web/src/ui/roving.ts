/** One tab stop for a group of things, arrow keys between them. Each thing is marked with `data-at`. */
import type { KeyboardEvent } from "react";

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** `columns`: for a grid; in a row, up and down go with left and right. */
export function roving(count: number, at: number, choose: (at: number) => void, columns = 0) {
  return (event: KeyboardEvent<HTMLElement>) => {
    const step = STEPS[event.key];
    let to = event.key === "Home" ? 0 : event.key === "End" ? count - 1 : at;
    if (step) to += step[0] + step[1] * (columns || 1);
    else if (event.key !== "Home" && event.key !== "End") return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (to < 0 || to >= count) return;
    choose(to);
    event.currentTarget.querySelector<HTMLElement>(`[data-at="${to}"]`)?.focus();
  };
}
