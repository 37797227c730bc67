/** Shown while the server loads its model: how far it is, and that one may already ask. */
import type { Readiness } from "../api.ts";
import { inBrowser } from "../browser/place.ts";
import { s } from "../strings.ts";

export function Waking({ readiness: { state, progress, step } }: { readiness: Readiness }) {
  const loading = state === "loading";
  const told = loading || (inBrowser && state === "failed"); // a server says why in its log
  const title = {
    ready: "",
    loading: s.waking.title,
    away: s.waking.away,
    failed: s.waking.failed,
    unreachable: s.waking.unreachable,
  };
  return (
    <div role="status" className="border-line bg-paper appear mb-1 rounded-xl border px-4 py-3 text-sm">
      <div className="flex justify-between gap-4">
        <p>
          <span className="font-medium">{title[state]}</span>
          {step && told && <span className="text-quiet">, {step}</span>}
        </p>
        {loading && <span className="text-quiet tabular-nums">{Math.round(100 * progress)}%</span>}
      </div>
      {loading && (
        <>
          <progress
            aria-label={s.waking.title}
            value={progress}
            className="[&::-moz-progress-bar]:bg-fish [&::-webkit-progress-value]:bg-fish [&::-webkit-progress-bar]:bg-sunk bg-sunk mt-2 block h-1 w-full appearance-none overflow-hidden rounded-full border-0"
          />
          <p className="text-quiet mt-2 text-xs">{s.waking.note}</p>
        </>
      )}
    </div>
  );
}
