/** The fish, drawn in tokens: every row of its body is a run of cells as long as the pieces a tokenizer cuts. */
import { useMemo } from "react";

type Cell = { x: number; y: number; width: number; ink: number; eye: boolean; row: number };

const WIDTH = 340;
const PITCH = 12; // row height 8 and a gap of 4
const GAP = 4;

/** Whether the point is inside the fish: a body that tapers to the tail, and a forked tail. `y` runs from -1 to 1. */
function inside(x: number, y: number): boolean {
  const along = (x - 62) / (WIDTH - 62); // 0 where the tail begins, 1 at the nose
  const body = along > 0 && along < 1 && Math.abs(y) <= Math.sin(Math.PI * along ** 0.8) ** 0.8;
  const fork = x < 34 ? 0.5 * (1 - x / 34) : 0;
  const tail = x < 78 && Math.abs(y) <= 0.14 + 0.72 * (1 - x / 78) && Math.abs(y) >= fork;
  return body || tail;
}

/** The stretches of the row at height `y` that are inside the fish, as [from, to]. */
function spans(y: number): [number, number][] {
  const found: [number, number][] = [];
  for (let x = 0; x <= WIDTH; x += 2) {
    const last = found.at(-1);
    if (!inside(x, y)) continue;
    if (last && x - last[1] <= GAP) last[1] = x;
    else found.push([x, x]);
  }
  return found.filter(([from, to]) => to - from > 6);
}

/** The cells of a fish of `rows` rows. The lengths come from a fixed sequence, so it is the same fish each time. */
function cellsOf(rows: number): Cell[] {
  let state = 20;
  const next = () => {
    state = (state * 16807) % 2147483647;
    return state / 2147483647;
  };
  const cells: Cell[] = [];
  for (let row = 0; row < rows; row++) {
    const y = (row - (rows - 1) / 2) / (rows / 2);
    for (const [from, to] of spans(y)) {
      let x = from;
      while (x < to - 3) {
        const width = Math.min(8 + next() ** 2 * 40, to - x);
        const last = to - x - width < 10 ? to - x : width;
        cells.push({ x, y: row * PITCH, width: last, ink: 0.16 + next() ** 1.6 * 0.8, eye: false, row });
        x += last + GAP;
      }
    }
  }
  // The eye: the one cell in the accent colour, a third down, near the nose.
  const eyeRow = Math.floor(rows * 0.36);
  const eye = cells.filter((cell) => cell.row === eyeRow && cell.x > 268).sort((a, b) => a.x - b.x)[0];
  if (eye) eye.eye = true;
  return cells;
}

export function TokenFish({ rows = 11, className = "" }: { rows?: number; className?: string }) {
  const cells = useMemo(() => cellsOf(rows), [rows]);
  return (
    <svg
      aria-hidden="true"
      viewBox={`0 0 ${WIDTH} ${rows * PITCH - GAP}`}
      className={`token-fish ${className}`}
    >
      {cells.map((cell) => (
        <rect
          key={`${cell.row}-${cell.x}`}
          x={cell.x}
          y={cell.y}
          width={cell.width}
          height={PITCH - GAP}
          rx={3}
          opacity={cell.eye ? 1 : cell.ink}
          className={`row-${cell.row % 6} ${cell.eye ? "fill-fish" : "fill-ink"}`}
        />
      ))}
    </svg>
  );
}

/** The mark: the same fish in five rows. Also public/favicon.svg. */
export function Mark({ className = "size-7" }: { className?: string }) {
  return (
    <svg aria-hidden="true" viewBox="0 0 32 32" className={className}>
      <g className="fill-ink">
        <rect x="12" y="5.5" width="11" height="3.4" rx="1.7" />
        <rect x="2" y="10.1" width="4.5" height="3.4" rx="1.7" />
        <rect x="9" y="10.1" width="11" height="3.4" rx="1.7" />
        <rect x="4.5" y="14.7" width="16" height="3.4" rx="1.7" />
        <rect x="22.3" y="14.7" width="7.7" height="3.4" rx="1.7" />
        <rect x="2" y="19.3" width="4.5" height="3.4" rx="1.7" />
        <rect x="9" y="19.3" width="18.5" height="3.4" rx="1.7" />
        <rect x="12" y="23.9" width="11" height="3.4" rx="1.7" />
      </g>
      <rect x="21.8" y="10.1" width="5.7" height="3.4" rx="1.7" className="fill-fish" />
    </svg>
  );
}
