/** The question box, always in reach at the bottom. "/" brings the focus here and Esc stops the answer. */
import { type ReactNode, useEffect, useRef, useState } from "react";
import type { Profile } from "../api.ts";
import { short } from "../numbers.ts";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";
import { submitsOnEnter } from "./keys.ts";

type Props = {
  profile: Profile;
  running: boolean;
  ask: (question: string) => void;
  stop: () => void;
  /** A further line under the box. */
  note: ReactNode;
};

export function Composer({ profile, running, ask, stop, note }: Props) {
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === "Escape" && running && !document.querySelector("dialog[open], :popover-open")) stop();
      const typing = event.target instanceof Element && event.target.closest("input, textarea, dialog");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      box.current?.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [running, stop]);

  const send = () => {
    if (!text.trim() || running) return;
    ask(text.trim());
    setText("");
  };
  return (
    <form
      className="from-water via-water sticky bottom-0 z-10 -mx-1 bg-linear-to-t via-80% to-transparent px-1 pt-6 pb-[max(0.75rem,env(safe-area-inset-bottom))]"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <div className="border-edge bg-paper focus-within:border-fish focus-within:ring-fish/25 flex items-end gap-2 rounded-2xl border p-1.5 shadow-sm transition-[border-color,box-shadow] focus-within:ring-3">
        <textarea
          ref={box}
          id="question"
          rows={1}
          value={text}
          aria-label={s.chat.question}
          aria-keyshortcuts="/"
          enterKeyHint="send"
          placeholder={s.chat.placeholder(profile.first_name)}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => submitsOnEnter(event) && send()}
          className="placeholder:text-quiet field-sizing-content max-h-40 min-h-11 min-w-0 flex-1 resize-none bg-transparent px-3 py-2.5 text-base leading-normal outline-none"
        />
        {running ? (
          <button
            type="button"
            onClick={stop}
            aria-label={s.chat.stop}
            title={s.chat.stop}
            className="border-fish text-fish hover:bg-glow grid size-11 shrink-0 place-items-center rounded-xl border transition-colors"
          >
            <span className="size-3.5 rounded-[3px] bg-current" />
          </button>
        ) : (
          <button
            type="submit"
            disabled={!text.trim()}
            aria-label={s.chat.send}
            className="bg-fish text-onfish disabled:bg-sunk disabled:text-edge grid size-11 shrink-0 place-items-center rounded-xl transition-colors hover:brightness-110"
          >
            <Icon name="send" />
          </button>
        )}
      </div>
      <p className="text-quiet mt-2 flex justify-between gap-4 px-1 text-xs leading-snug">
        <span>
          {profile.model.n_params === null ? s.chat.hintRemote : s.chat.hint(short(profile.model.n_params))}
        </span>
        <span className="hidden shrink-0 gap-3 sm:pointer-fine:flex">
          {s.chat.keys.map(([key, does]) => (
            <span key={key}>
              <kbd className="border-line bg-paper rounded border px-1.5 font-sans">{key}</kbd> {does}
            </span>
          ))}
        </span>
      </p>
      {note}
    </form>
  );
}
