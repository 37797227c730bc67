/** On a site without a server: how often the passages are read, the second reader's download, and where answers
 * are written. */
import { useSyncExternalStore } from "react";
import { secondReading } from "../browser/server.ts";
import { b } from "../browser/strings.ts";

export default function Readings() {
  const { state, done, total, why, writes } = useSyncExternalStore(
    secondReading.subscribe,
    secondReading.now,
  );
  const underWay = state === "loading" || state === "waiting";
  const choice = underWay ? "once" : "twice";
  const offer = underWay ? b.notNow : state === "failed" ? b.tryAgain : b.readTwice(total);
  return (
    <div className="flex min-h-6 flex-wrap items-center gap-x-3">
      <p>
        <span role="status">{b.second[state]}</span>
        {/* Outside of what is announced: it changes with every megabyte. */}
        {state === "loading" && <span className="tabular-nums">{b.part(done, total)}</span>}
        {state === "failed" && b.because(why)}
      </p>
      {(underWay || state === "once" || state === "failed") && (
        <button
          type="button"
          onClick={() => secondReading.choose(choice)}
          className="hover:text-fish min-h-6 underline underline-offset-2 transition-colors"
        >
          {offer}
        </button>
      )}
      {writes && <p>{b.writes[writes]}</p>}
    </div>
  );
}
