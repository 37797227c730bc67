/** What has been asked and answered, with what can be done with it. Loaded with the first question. */
import { useLayoutEffect } from "react";
import type { Profile, Source } from "../api.ts";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";
import { Answer } from "./Answer.tsx";
import { type Exchange, isRunning, shownTake } from "./conversation.ts";
import { Starters } from "./Empty.tsx";
import { Foot } from "./Foot.tsx";
import { download, toMarkdown } from "./markdown.ts";
import { Question } from "./Question.tsx";
import type { Chat } from "./useChat.ts";
import { FOLLOWED } from "./useFollow.ts";

type Props = {
  chat: Chat;
  profile: Profile;
  ask: (question: string) => void;
  open: (exchange: Exchange, source: Source) => void;
  /** Called once it stands on the page. */
  arrived: () => void;
};

export default function Conversation({ chat, profile, ask, open, arrived }: Props) {
  const asked = new Set(chat.exchanges.map((exchange) => exchange.question));
  const rest = profile.starters.filter((question) => !asked.has(question)).slice(0, 3);
  const keep = () => {
    const day = new Date().toISOString().slice(0, 10);
    const text = toMarkdown(chat.exchanges, s.chat.heading(profile.name), profile.model.name, day);
    download(`fischgpt-${day}.md`, text);
  };
  useLayoutEffect(arrived, [arrived]);
  return (
    <>
      <ol {...FOLLOWED} className="divide-line divide-y">
        {chat.exchanges.map((exchange) => {
          const take = shownTake(exchange);
          return (
            <li key={exchange.id} className="py-8 first:pt-0 last:pb-0">
              <Question
                text={exchange.question}
                busy={chat.running}
                edit={(question) => chat.edit(exchange.id, question)}
              />
              <Answer
                take={take}
                open={(source) => open(exchange, source)}
                busy={chat.running}
                retry={() => chat.again(exchange.id)}
                reread={() => chat.reread(exchange.id)}
              />
              {!isRunning(take) && (take.status !== "failed" || exchange.takes.length > 1) && (
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
          );
        })}
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
    </>
  );
}
