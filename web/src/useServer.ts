/** What the page asks the server for once: is it awake, who is the owner, what is in the resume. */
import { useCallback, useEffect, useRef, useState } from "react";
import { getPassages, getProfile, getReadiness, type Passage, type Profile, type Readiness } from "./api.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export type Server = {
  readiness: Readiness;
  profile: Profile | null;
  passages: Passage[] | null;
  /** Resolves when there is no use in waiting any more: it is ready, or will never be. */
  awake: () => Promise<void>;
  /** Says that it turned out to be asleep: it is looked after again, and `awake` waits again. */
  asleep: () => void;
};

export function useServer(): Server {
  const [readiness, setReadiness] = useState<Readiness>({ state: "loading", progress: 0, step: "" });
  const [heard, setHeard] = useState(false); // whether it has said, even once, if it is ready
  const [profile, setProfile] = useState<Profile | null>(null);
  const [passages, setPassages] = useState<Passage[] | null>(null);
  const [naps, setNaps] = useState(0); // times that it was found asleep after it had been ready
  const gate = useRef(Promise.withResolvers<void>());

  useEffect(() => {
    const leaving = new AbortController();
    const { signal } = leaving;
    /** Tries until it works: a server that is waking up refuses or is not there yet. */
    const insist = async <T>(load: (signal: AbortSignal) => Promise<T>, use: (value: T) => void) => {
      for (let wait = 300; !signal.aborted; wait = Math.min(wait * 1.5, 3000)) {
        try {
          const value = await load(signal);
          if (!signal.aborted) use(value);
          return;
        } catch {
          await pause(wait);
        }
      }
    };
    void insist(getProfile, setProfile);
    void insist(getPassages, setPassages);
    return () => leaving.abort();
  }, []);

  useEffect(() => {
    let left = false;
    const watch = async () => {
      if (naps) await pause(700); // it has just said so
      while (!left) {
        const found = await getReadiness();
        if (left) return;
        setReadiness(found);
        setHeard(true);
        if (found.state === "ready" || found.state === "failed") return gate.current.resolve();
        await pause(700);
      }
    };
    void watch();
    return () => {
      left = true;
    };
  }, [naps]);

  const awake = useCallback(() => gate.current.promise, []);
  const asleep = useCallback(() => {
    gate.current = Promise.withResolvers<void>();
    setNaps((before) => before + 1);
  }, []);
  // A page that had the owner before it knew of the model would say that it wakes, and move when it turns out awake.
  return { readiness, profile: heard ? profile : null, passages, awake, asleep };
}
