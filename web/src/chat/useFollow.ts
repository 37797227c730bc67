/** Keeps the page at the newest answer while it grows, unless the visitor has scrolled away from it. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

const NEAR = 90; // px from where it rests that still count as there

/** Marks the list whose last item is what is followed. */
export const FOLLOWED = { "data-followed": "" };

/** Where the page rests: at its end, but never so far down that the beginning of the newest item is out of view. */
function rest(): number {
  const page = document.documentElement;
  const end = page.scrollHeight - innerHeight;
  const newest = page.querySelector("[data-followed] > :last-child > :first-child");
  if (!newest) return end;
  const room = Number.parseFloat(getComputedStyle(page).scrollPaddingTop);
  return Math.min(end, newest.getBoundingClientRect().top + scrollY - room);
}

/** `content` is what grows, or null when there is nothing to follow. `above`: the newest is further down. */
export function useFollow(content: unknown): { above: boolean; toNewest: () => void } {
  const following = useRef(true);
  const [above, setAbove] = useState(false);
  const look = useCallback(() => {
    const missing = rest() - scrollY;
    following.current = Math.abs(missing) < NEAR;
    setAbove(missing >= NEAR);
  }, []);
  useEffect(() => {
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => {
      removeEventListener("scroll", look);
      removeEventListener("resize", look);
    };
  }, [look]);
  const toNewest = useCallback(() => {
    following.current = true;
    scrollTo({ top: rest(), behavior: "instant" });
    setAbove(false);
  }, []);
  useLayoutEffect(() => {
    if (content && following.current) toNewest();
  }, [content, toNewest]);
  return { above, toNewest };
}
