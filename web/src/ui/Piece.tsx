/** The text of a token, with what is otherwise invisible made visible: spaces, line ends, tabs. */
import { Fragment } from "react";

const MARKS: Record<string, string> = { " ": "·", "\n": "↵", "\t": "⇥", "\r": "␍", "\u00a0": "⍽" };
// biome-ignore lint/suspicious/noControlCharactersInRegex: a token may be one, and no font draws it
const CONTROL = /^[\u0000-\u001f\u007f-\u009f]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const SPECIAL = /([ \u0000-\u001f\u007f-\u00a0])/;
const escaped = (character: string) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;

export function Piece({ text }: { text: string }) {
  const parts = text.split(SPECIAL).map((part, at) => {
    const mark = MARKS[part];
    // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a token have no other identity
    if (!mark) return <Fragment key={at}>{CONTROL.test(part) ? escaped(part) : part}</Fragment>;
    return (
      // biome-ignore lint/suspicious/noArrayIndexKey: as above
      <span key={at} aria-hidden="true" className="opacity-60">
        {mark}
      </span>
    );
  });
  // A token of nothing but space still has a name for who hears it.
  return text.trim()
    ? parts
    : [
        ...parts,
        <span key="name" className="sr-only">
          {quoted(text)}
        </span>,
      ];
}

/** A token by name, for labels. */
export const quoted = (text: string) => `“${text.replaceAll("\n", "↵")}”`;

/** A background that says how likely: at most half of the colour, so that text on it keeps its contrast in both themes. */
export const tint = (share: number, base = "transparent") => ({
  backgroundColor: `color-mix(in srgb, var(--color-fish) ${(50 * Math.min(1, Math.max(0, share))).toFixed(1)}%, ${base})`,
});
