/** The quiet line under an answer: how it came about, how fast, and what can be done with it. */
import { useState } from "react";
import type { Thumb } from "../api.ts";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";
import { type Exchange, shownTake } from "./conversation.ts";
import { describe } from "./describe.ts";
import { Thumbs } from "./Thumbs.tsx";
import { toggleXray, useXray } from "./xray.ts";

type Props = {
  exchange: Exchange;
  busy: boolean;
  keeps: boolean;
  again: () => void;
  reread: () => void;
  show: (take: number) => void;
  rate: (thumb: Thumb) => Promise<boolean>;
};

export function Foot({ exchange, busy, keeps, again, reread, show, rate }: Props) {
  const xray = useXray();
  const take = shownTake(exchange);
  const { shown, takes } = exchange;
  const [said, say] = useState("");
  return (
    <div className="mt-3 flex flex-wrap items-center gap-x-3 gap-y-1">
      <p
        className="text-quiet min-w-60 flex-1 text-xs leading-relaxed"
        title={take.verdict?.reason ?? undefined}
      >
        {describe(take)}
        {take.timings && (
          <span className="block tabular-nums">
            {s.timing(take.timings.first_token_ms, take.timings.tokens_per_second)}
          </span>
        )}
      </p>
      <div className="-ml-1.5 flex items-center">
        {takes.length > 1 && (
          <>
            <button
              type="button"
              className="tool-small"
              disabled={busy || shown === 0}
              onClick={() => show(shown - 1)}
              aria-label={s.answer.previous}
            >
              <Icon name="left" />
            </button>
            <span className="text-quiet text-xs tabular-nums">{s.answer.take(shown + 1, takes.length)}</span>
            <button
              type="button"
              className="tool-small"
              disabled={busy || shown === takes.length - 1}
              onClick={() => show(shown + 1)}
              aria-label={s.answer.following}
            >
              <Icon name="right" />
            </button>
          </>
        )}
        {take.text && <Copy text={take.text} />}
        {take.status === "done" && take.id && (
          <Thumbs
            given={take.thumb}
            rate={async (thumb) => {
              say("");
              const arrived = await rate(thumb);
              say(!arrived ? s.answer.unsent : keeps ? s.answer.kept : s.answer.thanks);
            }}
          />
        )}
        <button
          type="button"
          className="tool-small aria-pressed:bg-glow aria-pressed:text-fish"
          disabled={busy}
          aria-pressed={xray}
          onClick={() => {
            toggleXray();
            // Asked for at once where they can be had: the visitor wants to see those of this answer.
            if (!xray && take.verdict?.answer_kind === "model" && !take.sampling?.logprobs) reread();
          }}
          aria-label={s.answer.xray}
          title={s.answer.xray}
        >
          <Icon name="xray" />
        </button>
        <button
          type="button"
          className="tool-small"
          disabled={busy}
          onClick={again}
          aria-label={s.answer.again}
          title={s.answer.again}
        >
          <Icon name="again" />
        </button>
      </div>
      <p role="status" className="text-quiet basis-full text-xs empty:hidden sm:text-right">
        {said}
      </p>
    </div>
  );
}

function Copy({ text }: { text: string }) {
  const [copied, setCopied] = useState(false);
  // The clipboard is there on https and localhost only.
  if (!navigator.clipboard) return null;
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  const label = copied ? s.answer.copied : s.answer.copy;
  return (
    <button type="button" className="tool-small" onClick={copy} aria-label={label} title={label}>
      <Icon name={copied ? "check" : "copy"} />
    </button>
  );
}
