/** Two thumbs on an answer; what becomes of them is said once one was given. */
import { useState } from "react";
import type { Thumb } from "../api.ts";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";

type Props = { given: Thumb | null; keeps: boolean; rate: (thumb: Thumb) => Promise<boolean> };

export function Thumbs({ given, keeps, rate }: Props) {
  const [said, say] = useState("");
  const give = async (thumb: Thumb) => {
    if (thumb === given) return;
    say("");
    const arrived = await rate(thumb);
    say(!arrived ? s.answer.unsent : keeps ? s.answer.kept : s.answer.thanks);
  };
  return (
    <>
      {(["up", "down"] as const).map((thumb) => (
        <button
          key={thumb}
          type="button"
          className="tool-small aria-pressed:text-fish aria-pressed:bg-glow"
          aria-pressed={given === thumb}
          aria-label={s.answer[thumb]}
          title={s.answer[thumb]}
          onClick={() => give(thumb)}
        >
          <span className={thumb === "down" ? "rotate-180" : ""}>
            <Icon name="up" />
          </span>
        </button>
      ))}
      <span role="status" className="text-quiet order-last basis-full text-right text-xs empty:hidden">
        {said}
      </span>
    </>
  );
}
