/** The text of a token, with what is otherwise invisible made visible: spaces, line ends, tabs. */
import { Fragment } from "react";

const MARKS: Record<string, string> = { " ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\u00a0": "⍽" };

export function Piece({ text }: { text: string }) {
  return text.split(/([ \n\t\r\u00a0])/).map((part, at) => {
    const mark = MARKS[part];
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a token have no other identity
    if (!mark) return <Fragment key={at}>{part}</Fragment>;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <span key={at} aria-hidden="true" className="opacity-60">
        {mark}
      </span>
    );
  });
}

/** A token by name, for labels. */
export const quoted = (text: string) => `“${text.replaceAll("\n", "↵")}”`;

/** A background that says how likely: at most half of the colour, so that text on it keeps its contrast in both themes. */
export const tint = (share: number) => ({
  backgroundColor: `color-mix(in srgb, var(--color-fish) ${(50 * Math.min(1, Math.max(0, share))).toFixed(1)}%, transparent)`,
});
