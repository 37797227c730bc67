/** Parts of the site that are loaded when they are needed. */
import { type ComponentType, lazy } from "react";
import { s } from "../strings.ts";

/** `lazy`, but where the part cannot be loaded its place says so, instead of the whole page going blank. */
export function late<Props>(load: () => Promise<{ default: ComponentType<Props> }>) {
  return lazy(() => load().catch((): { default: ComponentType<Props> } => ({ default: Missing })));
}

function Missing() {
  return (
    <div className="border-line bg-paper mx-auto mt-2 flex max-w-2xl flex-wrap items-center justify-between gap-3 rounded-xl border px-4 py-3 font-sans text-sm">
      <p role="alert">{s.late.missing}</p>
      <button
        type="button"
        onClick={() => location.reload()}
        className="border-edge hover:border-fish hover:text-fish rounded-full border px-3.5 py-1.5 transition-colors"
      >
        {s.late.reload}
      </button>
    </div>
  );
}
