import type { ComponentProps } from "react";
import { Piece } from "../ui/Piece.tsx";

/** A token of the text that can be chosen; one of them is in the tab order (ui/roving.ts). */
export function TokenButton({
  index,
  at,
  piece,
  choose,
  className,
  children,
  ...rest
}: {
  index: number;
  /** Which one is chosen. */
  at: number;
  piece: string;
  choose: (index: number) => void;
} & ComponentProps<"button">) {
  return (
    <button
      type="button"
      data-at={index}
      tabIndex={index === at ? 0 : -1}
      aria-pressed={index === at}
      onClick={() => choose(index)}
      className={`token ${className ?? ""}`}
      {...rest}
    >
      <Piece text={piece} />
      {children}
    </button>
  );
}
