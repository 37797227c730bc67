/** Two thumbs on an answer. */
import type { Thumb } from "../api.ts";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";

type Props = { given: Thumb | null; rate: (thumb: Thumb) => void };

export function Thumbs({ given, rate }: Props) {
  return (["up", "down"] as const).map((thumb) => (
    <button
      key={thumb}
      type="button"
      className="tool-small aria-pressed:text-fish aria-pressed:bg-glow"
      aria-pressed={given === thumb}
      aria-label={s.answer[thumb]}
      title={s.answer[thumb]}
      onClick={() => given !== thumb && rate(thumb)}
    >
      <span className={thumb === "down" ? "rotate-180" : ""}>
        <Icon name="up" />
      </span>
    </button>
  ));
}
