/** What went wrong, and the way on: try again, at once or when the wait is over, or give the key. */
import { Suspense, useEffect, useState } from "react";
import type { Failure } from "../api.ts";
import { s } from "../strings.ts";
import { late } from "./late.tsx";

const KeyForm = late(() => import("./KeyForm.tsx"));

type Props = { failure: Failure; retry: () => void };

export function Trouble({ failure, retry }: Props) {
  const [now, setNow] = useState(Date.now);
  const left = Math.max(0, Math.ceil((failure.retryAt - now) / 1000));
  useEffect(() => {
    if (left === 0) return;
    const timer = setTimeout(() => setNow(Date.now()), 250);
    return () => clearTimeout(timer);
  });
  if (failure.what === "key") {
    return (
      <Suspense fallback={null}>
        <KeyForm retry={retry} />
      </Suspense>
    );
  }
  const said = failure.what === "server" ? s.trouble.server(failure.message) : s.trouble[failure.what];
  return (
    <div className="border-line bg-paper mt-2 flex flex-wrap items-center justify-between gap-3 rounded-xl border px-4 py-3 text-sm">
      <p role="alert">{said}</p>
      <button
        type="button"
        onClick={retry}
        disabled={left > 0}
        className="border-edge hover:border-fish hover:text-fish disabled:text-quiet rounded-full border px-3.5 py-1.5 tabular-nums transition-colors disabled:border-transparent"
      >
        {left > 0 ? s.trouble.retryIn(left) : s.trouble.retry}
      </button>
    </div>
  );
}
