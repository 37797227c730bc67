/** One head's attention on a canvas: rows look at columns, the stronger the darker. */
import { type PointerEvent, useEffect, useRef, useSyncExternalStore } from "react";
import { useMedia } from "../useMedia.ts";

type Props = {
  attention: Uint8Array;
  tokens: number;
  head: number;
  /** The row to mark. */
  row?: number;
  label?: string;
  onRow?: (row: number) => void;
  className?: string;
};

const watchTheme = (changed: () => void) => {
  const watcher = new MutationObserver(changed);
  watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => watcher.disconnect();
};

/** Changes when the colours do. */
function useTheme(): string {
  const chosen = useSyncExternalStore(watchTheme, () => document.documentElement.dataset.theme ?? "");
  return `${chosen} ${useMedia("(prefers-color-scheme: dark)")}`;
}

export function Heat({ attention, tokens, head, row, label, onRow, className = "" }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const theme = useTheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides the colour that is read below
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!canvas.current || !context) return;
    // A pixel a cell, drawn large by the browser without smoothing.
    canvas.current.width = canvas.current.height = tokens;
    context.fillStyle = getComputedStyle(canvas.current).color;
    for (let y = 0; y < tokens; y++) {
      for (let x = 0; x <= y; x++) {
        const weight = (attention[(head * tokens + y) * tokens + x] ?? 0) / 255;
        // The square root: weights of a few percent are seen too. The least keeps the triangle's shape.
        context.globalAlpha = 0.06 + 0.94 * Math.sqrt(weight);
        context.fillRect(x, y, 1, 1);
      }
    }
  }, [attention, tokens, head, theme]);

  const point = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const at = Math.floor(((event.clientY - box.top) / box.height) * tokens);
    onRow?.(Math.max(0, Math.min(tokens - 1, at)));
  };
  return (
    <div
      className={`relative aspect-square ${className}`}
      {...(onRow && {
        onPointerDown: point,
        onPointerMove: (event: PointerEvent<HTMLElement>) => event.pointerType === "mouse" && point(event),
      })}
    >
      <canvas
        ref={canvas}
        {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
        className="text-fish absolute inset-0 size-full [image-rendering:pixelated]"
      />
      {row !== undefined && (
        <span
          aria-hidden="true"
          className="border-ink pointer-events-none absolute inset-x-0 rounded-[2px] border-[1.5px]"
          style={{ top: `${(100 * row) / tokens}%`, height: `${100 / tokens}%` }}
        />
      )}
    </div>
  );
}
