/** The conversation's state and the one answer that may be in the air. */
import { useCallback, useEffect, useReducer, useRef } from "react";
import { askModel, failureOf, type Message, type Sampling, sendThumb, type Thumb } from "../api.ts";
import type { Server } from "../useServer.ts";
import {
  type Exchange,
  isRunning,
  MAX_MESSAGES,
  messagesFor,
  reduce,
  restore,
  save,
  shownTake,
} from "./conversation.ts";
import { probabilities } from "./xray.ts";

export type Chat = {
  exchanges: Exchange[];
  running: boolean;
  ask: (question: string) => void;
  again: (id: string) => void;
  /** The shown answer once more as it was asked for, now with its tokens' probabilities. */
  reread: (id: string) => void;
  edit: (id: string, question: string) => void;
  show: (id: string, take: number) => void;
  /** Sends a thumb on the shown answer, with the conversation if `keeps`; whether it arrived. */
  rate: (id: string, thumb: Thumb, keeps: boolean) => Promise<boolean>;
  stop: () => void;
  clear: () => void;
};

// Not crypto.randomUUID: browsers have it on https and localhost only, and a site may run on a plain address.
const newId = () => `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;

const WAKES = 3; // times that a model which has fallen asleep again is waited for, before its state is told

/** `awake` resolves when the server is ready: a question asked before that waits for it. */
export function useChat({ awake, asleep }: Pick<Server, "awake" | "asleep">): Chat {
  const [exchanges, dispatch] = useReducer(reduce, null, restore);
  const flight = useRef<AbortController | null>(null);

  useEffect(() => {
    save(exchanges);
  }, [exchanges]);
  useEffect(() => () => flight.current?.abort(), []);

  const fly = useCallback(
    async (after: Exchange[], id: string) => {
      flight.current?.abort();
      const mine = new AbortController();
      flight.current = mine;
      const exchange = after.find((one) => one.id === id);
      const again = (exchange?.takes.length ?? 0) > 1;
      const { sampling: before, id: known } = exchange ? shownTake(exchange) : {};
      // The first answer is the server's default; another one is only another when it is sampled.
      const fresh = again ? { temperature: 0.8, seed: Math.floor(Math.random() * 2 ** 31) } : {};
      const sampling: Sampling = { ...(before ?? fresh), ...probabilities() };
      dispatch({ type: "patch", id, patch: { sampling } });
      const listen = async () => {
        await awake();
        for await (const event of askModel(messagesFor(after, id), sampling, mine.signal)) {
          if (mine.signal.aborted) return;
          if (event.type === "place") dispatch({ type: "patch", id, patch: { place: event.place } });
          else if (event.type === "sources")
            dispatch({
              type: "patch",
              id,
              patch: { sources: event.sources, id: known || event.id, place: 0 },
            });
          else if (event.type === "text")
            dispatch({ type: "write", id, text: event.text, tokens: event.tokens });
          else
            dispatch({
              type: "patch",
              id,
              patch: { verdict: event.verdict, timings: event.timings, status: "done" },
            });
        }
      };
      for (let wakes = 0; ; wakes++) {
        try {
          await listen();
        } catch (error) {
          if (mine.signal.aborted) return;
          const failure = failureOf(error);
          if (failure.what === "asleep" && wakes < WAKES) {
            asleep();
            continue;
          }
          dispatch({ type: "patch", id, patch: { status: "failed", failure, place: 0 } });
        }
        if (flight.current === mine) flight.current = null;
        return;
      }
    },
    [awake, asleep],
  );

  const running = exchanges.some((exchange) => isRunning(shownTake(exchange)));
  const stop = () => {
    flight.current?.abort();
    for (const exchange of exchanges) {
      if (isRunning(shownTake(exchange)))
        dispatch({ type: "patch", id: exchange.id, patch: { status: "stopped" } });
    }
  };
  /** Changes the conversation and asks for the answer that the change calls for. */
  const start = (action: Parameters<typeof reduce>[1] & { id: string }) => {
    if (running) return;
    dispatch(action);
    void fly(reduce(exchanges, action), action.id);
  };

  return {
    exchanges,
    running,
    ask: (question) => start({ type: "ask", id: newId(), question }),
    again: (id) => start({ type: "again", id }),
    reread: (id) => start({ type: "reread", id }),
    edit: (id, question) => start({ type: "edit", id, question }),
    show: (id, take) => dispatch({ type: "show", id, take }),
    rate: async (id, thumb, keeps) => {
      const exchange = exchanges.find((one) => one.id === id);
      const take = exchange && shownTake(exchange);
      if (!take) return false;
      const rated = { type: "rate", id, take: exchange.shown } as const;
      dispatch({ ...rated, thumb });
      const said: Message[] = [...messagesFor(exchanges, id), { role: "assistant", content: take.text }];
      const sources = take.sources.map((source) => source.id);
      try {
        await sendThumb(take.id, thumb, sources, keeps ? said.slice(-MAX_MESSAGES) : null);
        return true;
      } catch {
        dispatch({ ...rated, thumb: take.thumb });
        return false;
      }
    },
    stop,
    clear: () => {
      flight.current?.abort();
      dispatch({ type: "clear" });
    },
  };
}
