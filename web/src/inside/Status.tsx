/** The line under the text box: whose numbers these are, what is being waited for, or what went wrong. */
import type { Readiness } from "../api.ts";
import { s } from "../strings.ts";
import { Trouble } from "../ui/Trouble.tsx";
import { t } from "./strings.ts";
import type { Reading } from "./useInspection.ts";

type Props = { reading: Reading; readiness: Readiness; remote: boolean };

export function Status({ reading: { opened, running, failure }, readiness, remote }: Props) {
  if (failure) return <Trouble failure={failure} retry={failure.retry} />;
  const asleep = !remote && readiness.state !== "ready";
  const waking = {
    ready: "",
    loading: `${s.waking.title}${readiness.step && `, ${readiness.step}`}, ${Math.round(100 * readiness.progress)}%`,
    away: s.waking.away,
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
