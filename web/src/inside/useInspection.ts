/** The text that is open: a recorded example at first, then what the visitor types, read by the server. */
import { useCallback, useEffect, useRef, useState } from "react";
import { type Failure, failureOf } from "../api.ts";
import { attentionOf, example, FIRST, inspect, type Opened } from "./inspection.ts";

type State = { opened: Opened; running: boolean; failure: (Failure & { retry: () => void }) | null };

export type Reading = State & {
  /** Have the server read a text, or tokens by their ids; `then` hears of it once it has. */
  read: (prompt: string | number[], then?: (opened: Opened) => void) => void;
  /** Open a recorded example. */
  show: (at: number, then?: (opened: Opened) => void) => void;
  /** Fetch the attention of layers that are not there yet, one after the other. */
  fetchLayers: (layers: number[]) => void;
};

/** `awake` resolves when the server is ready: a text sent before that waits for it. `layer`: whose attention is shown. */
export function useInspection(awake: () => Promise<void>, layer: number): Reading {
  const [state, setState] = useState<State>({ opened: FIRST, running: false, failure: null });
  const flight = useRef<AbortController | null>(null);
  const current = useRef(state.opened);
  current.current = state.opened;
  const wanted = useRef(layer);
  wanted.current = layer;
  useEffect(() => () => flight.current?.abort(), []);

  /** Work of which only the newest counts. */
  const fly = useCallback(async (work: (signal: AbortSignal) => Promise<Opened>, retry: () => void) => {
    flight.current?.abort();
    const mine = new AbortController();
    flight.current = mine;
    setState((before) => ({ ...before, running: true, failure: null }));
    try {
      const opened = await work(mine.signal);
      if (mine.signal.aborted) return null;
      setState({ opened, running: false, failure: null });
      return opened;
    } catch (error) {
      if (mine.signal.aborted) return null;
      const failure = { ...failureOf(error), retry };
      setState((before) => ({ ...before, running: false, failure }));
      return null;
    }
  }, []);

  const read = useCallback(
    async (prompt: string | number[], then?: (opened: Opened) => void) => {
      const work = async (signal: AbortSignal) => {
        await awake();
        signal.throwIfAborted();
        return inspect(prompt, wanted.current, signal);
      };
      const opened = await fly(work, () => void read(prompt, then));
      if (opened) then?.(opened);
    },
    [awake, fly],
  );
  const show = useCallback(
    async (at: number, then?: (opened: Opened) => void) => {
      const opened = await fly(
        () => example(at),
        () => void show(at, then),
      );
      if (opened) then?.(opened);
    },
    [fly],
  );
  const fetchLayers = useCallback(
    async (layers: number[]) => {
      const missing = layers.filter((one) => !current.current.attention[one]);
      if (missing.length === 0) return;
      const { ids } = current.current;
      const work = async (signal: AbortSignal) => {
        let opened = current.current;
        for (const one of missing) {
          const more = await attentionOf(ids, one, signal);
          opened = { ...opened, attention: opened.attention.with(one, more) };
        }
        return opened;
      };
      await fly(work, () => void fetchLayers(layers));
    },
    [fly],
  );
  return { ...state, read, show, fetchLayers };
}
