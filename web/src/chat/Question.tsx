/** A question in the conversation: a heading, so that one can jump from question to question; it can be edited. */
import { useState } from "react";
import { s } from "../strings.ts";
import { Icon } from "../ui/icons.tsx";
import { submitsOnEnter } from "./keys.ts";

type Props = { text: string; busy: boolean; edit: (question: string) => void };

export function Question({ text, busy, edit }: Props) {
  const [draft, setDraft] = useState<string | null>(null);
  if (draft === null) {
    return (
      <div className="group flex items-start gap-2">
        <h2 className="flex-1 text-lg leading-snug font-semibold tracking-tight whitespace-pre-line">
          {text}
        </h2>
        <button
          type="button"
          className="tool-small -my-0.5 opacity-0 group-hover:opacity-100 focus-visible:opacity-100 pointer-coarse:opacity-100"
          disabled={busy}
          onClick={() => setDraft(text)}
          aria-label={s.answer.edit}
          title={s.answer.edit}
        >
          <Icon name="edit" />
        </button>
      </div>
    );
  }
  const save = () => {
    if (!draft.trim() || busy) return;
    setDraft(null);
    edit(draft.trim());
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save();
      }}
    >
      <textarea
        // biome-ignore lint/a11y/noAutofocus: the visitor just asked to edit
        autoFocus
        aria-label={s.answer.edit}
        value={draft}
        rows={2}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (submitsOnEnter(event)) save();
          if (event.key === "Escape") setDraft(null);
        }}
        className="border-edge bg-paper field-sizing-content w-full resize-none rounded-xl border px-3.5 py-2.5 text-base"
      />
      <div className="mt-2 flex gap-2 text-sm">
        <button type="submit" className="bg-fish text-onfish rounded-full px-4 py-2 font-medium">
          {s.answer.save}
        </button>
        <button
          type="button"
          className="text-quiet hover:text-ink rounded-full px-4 py-2"
          onClick={() => setDraft(null)}
        >
          {s.answer.cancel}
        </button>
      </div>
    </form>
  );
}
