/** Keeps the page at its end while an answer grows, unless the visitor has scrolled away from it. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const NEAR = 90; // px from the end that still count as "at the end"

/** `content` is what grows, or null when there is nothing to follow. */
export function useFollow(content: unknown): { away: boolean; toEnd: () => void } {
  const following = useRef(true);
  const [away, setAway] = useState(false);
  const look = useCallback(() => {
    const { scrollHeight } = document.documentElement;
    following.current = scrollHeight - innerHeight - scrollY < NEAR;
    setAway(!following.current);
  }, []);
  useEffect(() => {
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [look]);
  const toEnd = useCallback(() => {
    following.current = true;
    scrollTo({ top: document.documentElement.scrollHeight, behavior: "instant" });
    setAway(false);
  }, []);
  useLayoutEffect(() => {
    if (content && following.current) toEnd();
  }, [content, toEnd]);
  return { away, toEnd };
}
