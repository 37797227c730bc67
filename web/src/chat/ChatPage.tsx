/** The chat, with the resume beside it or, on a narrow screen, in a sheet. */
import { useEffect, useRef, useState } from "react";
import type { Passage, Profile, Source } from "../api.ts";
import { Resume, type Wanted } from "../resume/Resume.tsx";
import { Sheet } from "../resume/Sheet.tsx";
import { s } from "../strings.ts";
import { Header } from "../ui/Header.tsx";
import { Icon } from "../ui/icons.tsx";
import { ModelButton } from "../ui/Model.tsx";
import { useWide } from "../useMedia.ts";
import type { Server } from "../useServer.ts";
import { Answer } from "./Answer.tsx";
import { Composer } from "./Composer.tsx";
import { citedNumbers, type Exchange, isRunning, shownTake } from "./conversation.ts";
import { Empty, Starters } from "./Empty.tsx";
import { describe, Foot } from "./Foot.tsx";
import { download, toMarkdown } from "./markdown.ts";
import { Question } from "./Question.tsx";
import type { Chat } from "./useChat.ts";
import { useFollow } from "./useFollow.ts";
import { Waking } from "./Waking.tsx";

type Props = { chat: Chat; server: Server; profile: Profile };
const NO_PASSAGES: Passage[] = [];

export function ChatPage({ chat, server, profile }: Props) {
  const wide = useWide();
  const [sheet, setSheet] = useState(false);
  const [wanted, setWanted] = useState<Wanted | null>(null);
  const [chosen, choose] = useState<string | null>(null);
  const { away, toEnd } = useFollow(chat.exchanges.length ? chat.exchanges : null);
  const last = chat.exchanges.at(-1);
  // The resume's marks belong to the exchange whose citation was opened, else to the newest one.
  const marked = chat.exchanges.find((exchange) => exchange.id === chosen) ?? last;
  const take = marked && shownTake(marked);

  const ask = (question: string) => {
    choose(null);
    setWanted(null);
    chat.ask(question);
    toEnd();
  };
  const open = (exchange: Exchange, source: Source) => {
    choose(exchange.id);
    setWanted((before) => ({ id: source.id, tick: (before?.tick ?? 0) + 1, focus: true }));
    if (!wide) setSheet(true);
  };

  const keep = () => {
    const day = new Date().toISOString().slice(0, 10);
    const text = toMarkdown(chat.exchanges, s.chat.heading(profile.name), profile.model.name, day);
    download(`fischgpt-${day}.md`, text);
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
  const asked = new Set(chat.exchanges.map((exchange) => exchange.question));
  const rest = profile.starters.filter((question) => !asked.has(question)).slice(0, 3);
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
              <ol className="divide-line divide-y">
                {chat.exchanges.map((exchange) => (
                  <li key={exchange.id} className="py-8 first:pt-0 last:pb-0">
                    <Question
                      text={exchange.question}
                      busy={chat.running}
                      edit={(question) => chat.edit(exchange.id, question)}
                    />
                    <Answer
                      take={shownTake(exchange)}
                      open={(source) => open(exchange, source)}
                      busy={chat.running}
                      retry={() => chat.again(exchange.id)}
                      reread={() => chat.reread(exchange.id)}
                    />
                    {!isRunning(shownTake(exchange)) &&
                      (shownTake(exchange).status !== "failed" || exchange.takes.length > 1) && (
                        <Foot
                          key={exchange.shown}
                          exchange={exchange}
                          busy={chat.running}
                          keeps={profile.keeps_questions}
                          rate={(thumb) => chat.rate(exchange.id, thumb, profile.keeps_questions)}
                          again={() => chat.again(exchange.id)}
                          reread={() => chat.reread(exchange.id)}
                          show={(at) => chat.show(exchange.id, at)}
                        />
                      )}
                  </li>
                ))}
              </ol>
              {!chat.running && (
                <>
                  <Starters label={s.chat.next} questions={rest} ask={ask} />
                  <button
                    type="button"
                    onClick={keep}
                    className="text-quiet hover:text-ink mt-5 flex min-h-10 items-center gap-2 text-sm transition-colors print:hidden"
                  >
                    <Icon name="file" /> {s.chat.save}
                  </button>
                </>
              )}
            </div>
          ) : (
            <Empty profile={profile} ask={ask} />
          )}
          <Announcer exchange={last} />
          <div className="sticky bottom-0 z-10">
            {away && last && (
              <button
                type="button"
                onClick={toEnd}
                aria-label={s.chat.latest}
                title={s.chat.latest}
                className="border-line bg-paper text-quiet hover:text-ink absolute -top-8 left-1/2 grid size-10 -translate-x-1/2 place-items-center rounded-full border shadow-md"
              >
                <Icon name="down" />
              </button>
            )}
            {server.readiness.state !== "ready" && <Waking readiness={server.readiness} />}
            <Composer profile={profile} running={chat.running} ask={ask} stop={chat.stop} />
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
