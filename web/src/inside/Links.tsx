/** What one token looks at: the text's tokens, tinted by weight, with a line to each that matters. */
import { useLayoutEffect, useRef, useState } from "react";
import { quoted, tint } from "../ui/Piece.tsx";
import { roving } from "../ui/roving.ts";
import { type Opened, pieceOf } from "./inspection.ts";
import { t } from "./strings.ts";
import { TokenButton } from "./TokenButton.tsx";

const LEAST = 0.03;
type Props = {
  opened: Opened;
  weights: number[];
  at: number;
  choose: (at: number) => void;
  hover: (at: number | null) => void;
};
type Line = { d: string; weight: number; key: number };

export function Links({ opened, weights, at, choose, hover }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [lines, setLines] = useState<Line[]>([]);
  useLayoutEffect(() => {
    const group = box.current;
    if (!group) return;
    const draw = () => {
      const places = [...group.querySelectorAll<HTMLElement>("[data-at]")];
      const from = places[at];
      setLines(
        places.flatMap((place, key) => {
          const weight = weights[key] ?? 0;
          return from && key < at && weight >= LEAST ? [{ d: arc(from, place), weight, key }] : [];
        }),
      );
    };
    draw();
    const watcher = new ResizeObserver(draw);
    watcher.observe(group);
    return () => watcher.disconnect();
  }, [weights, at]);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields
    <div
      ref={box}
      role="group"
      aria-label={t.attention.links}
      onKeyDown={roving(opened.ids.length, at, choose)}
      onPointerLeave={() => hover(null)}
      className="relative flex flex-wrap gap-x-1.5 gap-y-9 pt-9"
    >
      <svg
        aria-hidden="true"
        className="text-fish pointer-events-none absolute inset-0 size-full overflow-visible"
      >
        {lines.map(({ d, weight, key }) => (
          <path
            key={key}
            d={d}
            fill="none"
            stroke="currentColor"
            strokeLinecap="round"
            strokeWidth={1 + 4 * weight}
            opacity={0.35 + 0.65 * weight}
          />
        ))}
      </svg>
      {opened.ids.map((id, index) => {
        const piece = pieceOf(opened, id);
        const weight = weights[index] ?? 0;
        return (
          <TokenButton
            // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place in the text
            key={index}
            index={index}
            at={at}
            piece={piece}
            choose={choose}
            aria-label={t.attention.linkName(quoted(piece), weight)}
            onPointerEnter={(event) => event.pointerType === "mouse" && hover(index)}
            style={index <= at ? tint(weight, "var(--color-paper)") : {}}
            className={index > at ? "text-quiet bg-water border-transparent" : ""}
          >
            <span className="block h-4 text-[0.6875rem] tabular-nums">
              {index <= at && weight >= 0.005 ? `${Math.round(100 * weight)}%` : ""}
            </span>
          </TokenButton>
        );
      })}
    </div>
  );
}

/** From the top of one token to the top of another: an arc over those between, or a line up to the other's foot. */
function arc(from: HTMLElement, to: HTMLElement): string {
  const middle = (element: HTMLElement) => element.offsetLeft + element.offsetWidth / 2;
  const [x1, x2] = [middle(from), middle(to)];
  const y1 = from.offsetTop;
  if (Math.abs(y1 - to.offsetTop) < 4) {
    const lift = y1 - Math.min(30, 10 + Math.abs(x1 - x2) / 10);
    return `M${x1} ${y1}C${x1} ${lift} ${x2} ${lift} ${x2} ${y1}`;
  }
  const y2 = to.offsetTop + to.offsetHeight;
  return `M${x1} ${y1}C${x1} ${y1 - 24} ${x2} ${y2 + 24} ${x2} ${y2}`;
}
