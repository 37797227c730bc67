/** The line under the text box: whose numbers these are, what is being waited for, or what went wrong. */
import { useEffect, useState } from "react";
import type { Readiness } from "../api.ts";
import { s } from "../strings.ts";
import { t } from "./strings.ts";
import type { Reading } from "./useInspection.ts";

type Props = { reading: Reading; readiness: Readiness; remote: boolean };

export function Status({ reading: { opened, running, failure }, readiness, remote }: Props) {
  if (failure) return <Trouble failure={failure} />;
  const asleep = !remote && readiness.state !== "ready";
  const waking = {
    ready: "",
    loading: `${s.waking.title}${readiness.step && `, ${readiness.step}`}, ${Math.round(100 * readiness.progress)}%`,
    failed: s.waking.failed,
    unreachable: s.waking.unreachable,
  }[readiness.state];
  const total =
    opened.ms && opened.ms.embedding + opened.ms.head + opened.ms.blocks.reduce((a, b) => a + b, 0);
  const about =
    opened.recorded || total === null
      ? remote || asleep
        ? t.recordedOnly(opened.model)
        : t.recorded(opened.model)
      : `${t.read(opened.ids.length, total)}. ${t.running(opened.model, opened.shape.n_params)}`;
  return (
    <p className="text-quiet mt-3 min-h-12 text-sm leading-relaxed" data-reading={running}>
      <span
        aria-hidden="true"
        className={`mr-2 inline-block size-2 rounded-full ${opened.recorded ? "bg-edge" : "bg-fish"}`}
      />
      {running
        ? asleep
          ? `${waking}. ${t.waiting}`
          : `${t.reading}…`
        : asleep
          ? `${about}. ${waking}`
          : about}
    </p>
  );
}

function Trouble({ failure }: { failure: NonNullable<Reading["failure"]> }) {
  const [now, setNow] = useState(Date.now);
  const left = Math.max(0, Math.ceil((failure.retryAt - now) / 1000));
  useEffect(() => {
    if (left === 0) return;
    const timer = setTimeout(() => setNow(Date.now()), 250);
    return () => clearTimeout(timer);
  });
  const said = failure.what === "server" ? t.trouble.server(failure.message) : t.trouble[failure.what];
  return (
    <div className="mt-3 flex min-h-12 flex-wrap items-center justify-between gap-3 text-sm">
      <p role="alert">{said}</p>
      <button
        type="button"
        onClick={failure.retry}
        disabled={left > 0}
        className="border-edge hover:border-fish hover:text-fish disabled:text-quiet min-h-10 rounded-full border px-4 tabular-nums transition-colors disabled:border-transparent"
      >
        {left > 0 ? t.trouble.retryIn(left) : t.trouble.retry}
      </button>
    </div>
  );
}
