/** One answer: what was read for it, its text, the passage it stands on, and how it came about. */
import { Fragment, Suspense } from "react";
import type { Source } from "../api.ts";
import { s } from "../strings.ts";
import { Mark } from "../ui/Fish.tsx";
import { late } from "../ui/late.tsx";
import { Trouble } from "../ui/Trouble.tsx";
import { splitCitations } from "./citations.ts";
import { citedNumbers, isRunning, type Take } from "./conversation.ts";
import { useXray } from "./xray.ts";

const Markdown = late(() => import("../ui/Markdown.tsx"));
const Xray = late(() => import("./Xray.tsx"));

const nameOf = (source: Source) =>
  [source.title, source.organisation].filter(Boolean).join(", ") || source.section;

const repeats = (take: Take, source: Source) => plain(take.text).includes(plain(source.text));
const plain = (text: string) => text.replaceAll(/\[\d+\]|[^\p{L}\p{N}]/gu, "");

type Props = {
  take: Take;
  busy: boolean;
  open: (source: Source) => void;
  retry: () => void;
  reread: () => void;
};

export function Answer({ take, busy, open, retry, reread }: Props) {
  const xray = useXray() && take.status === "done";
  const cited = citedNumbers(take);
  const byNumber = new Map(take.sources.map((source) => [source.n, source]));
  const known = (n: number) => byNumber.has(n);
  const show = (n: number, key?: number) => {
    const source = byNumber.get(n);
    return source && <Cite key={key} source={source} cited open={open} />;
  };
  const running = isRunning(take);
  // Nothing came, so nothing holds its place.
  const barren = take.status === "failed" && !take.text && take.sources.length === 0;
  if (barren && take.failure) return <Trouble failure={take.failure} retry={retry} />;
  return (
    <div>
      <div className="text-quiet flex min-h-8 flex-wrap items-center gap-1 text-sm sm:gap-1.5">
        {take.sources.length > 0 ? (
          <>
            <span className="mr-1">
              {s.answer.read}
              <span className="max-sm:sr-only"> {s.answer.passages(take.sources.length)}</span>
            </span>
            {take.sources.map((source) => (
              <Cite key={source.n} source={source} cited={cited.includes(source.n)} open={open} />
            ))}
          </>
        ) : (
          running && (
            <>
              <Mark className="swim size-5" />{" "}
              <span>{take.place ? s.chat.place(take.place) : s.answer.reading}</span>
            </>
          )
        )}
      </div>
      <div
        className="prose mt-2 min-h-8 font-serif text-[1.1875rem] leading-relaxed"
        data-answer={take.status}
      >
        {take.text ? (
          <Suspense
            fallback={
              <p>
                {splitCitations(take.text, known).map((part, at) =>
                  // biome-ignore lint/suspicious/noArrayIndexKey: the parts of a growing text have no other identity
                  typeof part === "string" ? <Fragment key={at}>{part}</Fragment> : show(part, at),
                )}
              </p>
            }
          >
            {xray ? (
              <Xray key={take.text} take={take} busy={busy} reread={reread} />
            ) : (
              <Markdown text={take.text} citations={{ known, show }} />
            )}
          </Suspense>
        ) : (
          running &&
          take.sources.length > 0 && (
            <span className="text-quiet font-sans text-sm">
              <Mark className="swim mr-2 inline size-5" />
              {s.answer.writing}
            </span>
          )
        )}
        {take.status === "stopped" && <p className="text-quiet font-sans text-sm">{s.answer.stopped}</p>}
      </div>
      {take.status === "failed" && take.failure && <Trouble failure={take.failure} retry={retry} />}
      {take.status === "done" && cited.length > 0 && (
        <ul className="mt-3 space-y-2">
          {cited.map((n) => {
            const source = byNumber.get(n);
            // An answer that is the passage word for word needs only its place in the resume.
            return source && <Card key={n} source={source} brief={repeats(take, source)} open={open} />;
          })}
        </ul>
      )}
    </div>
  );
}

function Cite({ source, cited, open }: { source: Source; cited: boolean; open: (source: Source) => void }) {
  const label = s.answer.passage(source.n, nameOf(source));
  return (
    <button
      type="button"
      className="cite"
      data-cited={cited}
      aria-label={label}
      title={label}
      onClick={() => open(source)}
    >
      {source.n}
    </button>
  );
}

function Card({ source, brief, open }: { source: Source; brief: boolean; open: (source: Source) => void }) {
  return (
    <li>
      <button
        type="button"
        onClick={() => open(source)}
        className="card border-line bg-paper hover:border-fish appear block w-full rounded-xl border px-4 py-2.5 text-left text-sm leading-relaxed transition-colors"
      >
        <span className="text-quiet flex flex-wrap items-baseline gap-x-2 text-xs">
          <span className="text-fish font-medium tabular-nums">[{source.n}]</span>
          <span className="font-medium">{nameOf(source)}</span>
          {source.dates && <span className="tabular-nums">{source.dates}</span>}
        </span>
        {!brief && <span className="mt-0.5 block">{source.text}</span>}
      </button>
    </li>
  );
}
