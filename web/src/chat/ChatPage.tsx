/** The chat, with the resume beside it or, on a narrow screen, in a sheet. */
import { Suspense, useEffect, useRef, useState } from "react";
import type { Passage, Profile, Source } from "../api.ts";
import { inBrowser } from "../browser/place.ts";
import { Resume, type Wanted } from "../resume/Resume.tsx";
import { Sheet } from "../resume/Sheet.tsx";
import { s } from "../strings.ts";
import { Header } from "../ui/Header.tsx";
import { Icon } from "../ui/icons.tsx";
import { late } from "../ui/late.tsx";
import { ModelButton } from "../ui/Model.tsx";
import { useWide } from "../useMedia.ts";
import type { Server } from "../useServer.ts";
import { Composer } from "./Composer.tsx";
import { citedNumbers, type Exchange, isRunning, shownTake } from "./conversation.ts";
import { describe } from "./describe.ts";
import { Empty } from "./Empty.tsx";
import type { Chat } from "./useChat.ts";
import { useFollow } from "./useFollow.ts";
import { Waking } from "./Waking.tsx";

const Conversation = late(() => import("./Conversation.tsx"));
const Readings = late(() => import("./Readings.tsx"));

type Props = { chat: Chat; server: Server; profile: Profile };
const NO_PASSAGES: Passage[] = [];

export function ChatPage({ chat, server, profile }: Props) {
  const wide = useWide();
  const [sheet, setSheet] = useState(false);
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [chosen, choose] = useState<string | null>(null);
  const { above, toNewest } = useFollow(chat.exchanges.length ? chat.exchanges : null);
  const last = chat.exchanges.at(-1);
  // The resume's marks belong to the exchange whose citation was opened, else to the newest one.
  const marked = chat.exchanges.find((exchange) => exchange.id === chosen) ?? last;
  const take = marked && shownTake(marked);

  const ask = (question: string) => {
    choose(null);
    setWanted(null);
    chat.ask(question);
    toNewest();
  };
  const open = (exchange: Exchange, source: Source) => {
    choose(exchange.id);
    setWanted((before) => ({ id: source.id, tick: (before?.tick ?? 0) + 1, focus: true }));
    if (!wide) setSheet(true);
  };

  useTurnToCited(last, wide, setWanted);

  const resume = (
    <Resume
      profile={profile}
      passages={server.passages ?? NO_PASSAGES}
      sources={take?.sources ?? []}
      cited={take ? citedNumbers(take) : []}
      wanted={wanted}
    />
  );
  return (
    <>
      <button
        type="button"
        onClick={() => document.getElementById("question")?.focus()}
        className="bg-fish text-onfish sr-only z-30 rounded-full px-4 py-2 focus:not-sr-only focus:fixed focus:top-2 focus:left-3"
      >
        {s.skip}
      </button>
      <Header>
        {last && (
          <button
            type="button"
            className="tool"
            onClick={chat.clear}
            aria-label={s.chat.fresh}
            title={s.chat.fresh}
          >
            <Icon name="fresh" />
          </button>
        )}
        <ModelButton model={profile.model} />
        {!wide && (
          <button
            type="button"
            className="tool"
            onClick={() => setSheet(true)}
            aria-label={s.resume.open}
            title={s.resume.open}
          >
            <Icon name="resume" />
          </button>
        )}
      </Header>
      <div className="wide:grid wide:grid-cols-[minmax(0,1fr)_25rem] 2xl:grid-cols-[minmax(0,1fr)_29rem]">
        <main className="mx-auto flex min-h-[calc(100dvh-3.5rem)] w-full max-w-2xl flex-col px-4 sm:px-6">
          {last ? (
            <div className="flex-1 pt-8 pb-6">
              <h1 className="sr-only">{s.chat.heading(profile.name)}</h1>
              <Suspense fallback={null}>
                <Conversation chat={chat} profile={profile} ask={ask} open={open} arrived={toNewest} />
              </Suspense>
            </div>
          ) : (
            <Empty profile={profile} ask={ask} />
          )}
          <Announcer exchange={last} />
          <div className="sticky bottom-0 z-10">
            {above && last && (
              <button
                type="button"
                onClick={toNewest}
                aria-label={s.chat.latest}
                title={s.chat.latest}
                className="border-line bg-paper text-quiet hover:text-ink absolute -top-8 left-1/2 grid size-10 -translate-x-1/2 place-items-center rounded-full border shadow-md"
              >
                <Icon name="down" />
              </button>
            )}
            {server.readiness.state !== "ready" && <Waking readiness={server.readiness} />}
            <Composer
              profile={profile}
              running={chat.running}
              ask={ask}
              stop={chat.stop}
              note={
                inBrowser && (
                  <div className="text-quiet min-h-6 px-1 text-xs leading-snug">
                    <Suspense fallback={null}>
                      <Readings />
                    </Suspense>
                  </div>
                )
              }
            />
          </div>
        </main>
        {wide ? (
          <aside className="border-line bg-paper sticky top-14 h-[calc(100dvh-3.5rem)] border-l">
            {resume}
          </aside>
        ) : (
          <Sheet open={sheet} onClose={() => setSheet(false)}>
            {resume}
          </Sheet>
        )}
      </div>
    </>
  );
}

/** When an answer is complete, the resume beside it turns to the passage it cites, without taking the focus. */
function useTurnToCited(
  last: Exchange | undefined,
  wide: boolean,
  want: (change: (before: Wanted | null) => Wanted) => void,
) {
  const was = useRef(false);
  useEffect(() => {
    const take = last && shownTake(last);
    const running = take !== undefined && isRunning(take);
    if (was.current && !running && take && wide) {
      const source = take.sources.find((one) => one.n === citedNumbers(take)[0]);
      if (source) want((before) => ({ id: source.id, tick: (before?.tick ?? 0) + 1, focus: false }));
    }
    was.current = running;
  }, [last, wide, want]);
}

/** Tells a screen reader once that an answer is being looked for, and reads it once when it is complete. */
function Announcer({ exchange }: { exchange: Exchange | undefined }) {
  const [busy, setBusy] = useState(false);
  const take = exchange && shownTake(exchange);
  const running = take !== undefined && isRunning(take);
  // Only an answer that was seen coming is read out, not the conversation that a reload brought back.
  if (running && !busy) setBusy(true);
  const said = running
    ? s.answer.reading
    : busy && take
      ? `${s.answer.announce(take.text)} ${describe(take)}`
      : "";
  return (
    <p role="status" className="sr-only">
      {said}
    </p>
  );
}
