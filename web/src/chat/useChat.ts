/** The conversation's state and the one answer that may be in the air. */
import { useCallback, useEffect, useReducer, useRef } from "react";
import { askModel, type Sampling, Trouble } from "../api.ts";
import { type Exchange, isRunning, messagesFor, reduce, restore, save, shownTake } from "./conversation.ts";
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
  stop: () => void;
  clear: () => void;
};

// Not crypto.randomUUID: browsers have it on https and localhost only, and a site may run on a plain address.
const newId = () => `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}`;

/** `awake` resolves when the server is ready: a question asked before that waits for it. */
export function useChat(awake: () => Promise<void>): Chat {
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
      const before = exchange && shownTake(exchange).sampling;
      // The first answer is the server's default; another one is only another when it is sampled.
      const fresh = again ? { temperature: 0.8, seed: Math.floor(Math.random() * 2 ** 31) } : {};
      const sampling: Sampling = { ...(before ?? fresh), ...probabilities() };
      dispatch({ type: "patch", id, patch: { sampling } });
      try {
        await awake();
        for await (const event of askModel(messagesFor(after, id), sampling, mine.signal)) {
          if (mine.signal.aborted) return;
          if (event.type === "sources") dispatch({ type: "patch", id, patch: { sources: event.sources } });
          else if (event.type === "text")
            dispatch({ type: "write", id, text: event.text, tokens: event.tokens });
          else
            dispatch({
              type: "patch",
              id,
              patch: { verdict: event.verdict, timings: event.timings, status: "done" },
            });
        }
      } catch (error) {
        if (mine.signal.aborted) return;
        const trouble = error instanceof Trouble ? error : new Trouble("server", String(error));
        const retryAt = Date.now() + trouble.retryAfter * 1000;
        const failure = { what: trouble.what, message: trouble.message, retryAt };
        dispatch({ type: "patch", id, patch: { status: "failed", failure } });
      } finally {
        if (flight.current === mine) flight.current = null;
      }
    },
    [awake],
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
    stop,
    clear: () => {
      flight.current?.abort();
      dispatch({ type: "clear" });
    },
  };
}
