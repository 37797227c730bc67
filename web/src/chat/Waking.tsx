/** Shown while the server loads its model: how far it is, and that one may already ask. */
import type { Readiness } from "../api.ts";
import { s } from "../strings.ts";

export function Waking({ readiness }: { readiness: Readiness }) {
  const percent = Math.round(100 * readiness.progress);
  return (
    <div role="status" className="border-line bg-paper appear mb-1 rounded-xl border px-4 py-3 text-sm">
      <div className="flex justify-between gap-4">
        <p>
          <span className="font-medium">{readiness.reachable ? s.waking.title : s.waking.unreachable}</span>
          {readiness.step && <span className="text-quiet"> · {readiness.step}</span>}
        </p>
        {readiness.reachable && <span className="text-quiet tabular-nums">{percent}%</span>}
      </div>
      <progress
        aria-label={s.waking.title}
        max={100}
        value={percent}
        className="[&::-moz-progress-bar]:bg-fish [&::-webkit-progress-value]:bg-fish [&::-webkit-progress-bar]:bg-sunk bg-sunk mt-2 block h-1 w-full appearance-none overflow-hidden rounded-full border-0"
      />
      <p className="text-quiet mt-2 text-xs">{s.waking.note}</p>
    </div>
  );
}
