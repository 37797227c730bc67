/** What the page asks the server for once: is it awake, who is the owner, what is in the resume. */
import { useCallback, useEffect, useRef, useState } from "react";
import { getPassages, getProfile, getReadiness, type Passage, type Profile, type Readiness } from "./api.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export type Server = {
  readiness: Readiness;
  profile: Profile | null;
  passages: Passage[] | null;
  awake: () => Promise<void>;
};

export function useServer(): Server {
  const [readiness, setReadiness] = useState<Readiness>({ state: "loading", progress: 0, step: "" });
  const [profile, setProfile] = useState<Profile | null>(null);
  const [passages, setPassages] = useState<Passage[] | null>(null);
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
    const watch = async () => {
      while (!signal.aborted) {
        const found = await getReadiness(signal);
        if (signal.aborted) return;
        setReadiness(found);
        if (found.state === "ready") return gate.current.resolve();
        await pause(700);
      }
    };
    void watch();
    void insist(getProfile, setProfile);
    void insist(getPassages, setPassages);
    return () => leaving.abort();
  }, []);

  const awake = useCallback(() => gate.current.promise, []);
  return { readiness, profile, passages, awake };
}
