/** The visitor's own text, read a moment after they stop typing, and the recorded examples. */
import { useEffect, useState } from "react";
import { submitsOnEnter } from "../chat/keys.ts";
import { Icon } from "../ui/icons.tsx";
import { EXAMPLES } from "./inspection.ts";
import { t } from "./strings.ts";

/** Milliseconds of silence after which a text is read. */
const PAUSE = 700;

type Props = {
  text: string;
  typed: boolean;
  disabled: boolean;
  change: (text: string) => void;
  read: (text: string) => void;
  examples: number[];
  show: (at: number) => void;
};

export function TextBox({ text, typed, disabled, change, read, examples, show }: Props) {
  const [due, setDue] = useState(false);
  const now = () => {
    setDue(false);
    if (text) read(text);
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: every keystroke begins the pause anew
  useEffect(() => {
    if (!due) return;
    const timer = setTimeout(now, PAUSE);
    return () => clearTimeout(timer);
  }, [due, text]);
  return (
    <div>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          now();
        }}
        className="border-edge bg-paper focus-within:border-fish focus-within:ring-fish/25 flex items-end gap-2 rounded-2xl border p-1.5 shadow-sm focus-within:ring-3"
      >
        <textarea
          rows={2}
          value={text}
          disabled={disabled}
          aria-label={t.text.label}
          placeholder={t.text.placeholder}
          maxLength={2000}
          spellCheck={false}
          enterKeyHint="go"
          onChange={(event) => {
            change(event.target.value);
            setDue(true);
          }}
          onKeyDown={(event) => submitsOnEnter(event) && now()}
          className="placeholder:text-quiet disabled:text-quiet field-sizing-content max-h-40 min-h-16 min-w-0 flex-1 resize-none bg-transparent px-3 py-2 font-serif text-[1.1875rem] leading-normal outline-none"
        />
        <button
          type="submit"
          disabled={disabled || !text || !typed}
          aria-label={t.text.run}
          title={t.text.run}
          className="bg-fish text-onfish disabled:bg-sunk disabled:text-edge grid size-11 shrink-0 place-items-center rounded-xl hover:brightness-110"
        >
          <Icon name="right" />
        </button>
      </form>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields */}
      <div
        role="group"
        aria-label={t.text.examples}
        className="-mx-4 mt-2 flex gap-2 overflow-x-auto px-4 py-1 sm:mx-0 sm:flex-wrap sm:px-0"
      >
        {examples.map((at) => (
          <button
            key={at}
            type="button"
            className="chip min-h-10 shrink-0"
            onClick={() => {
              setDue(false);
              show(at);
            }}
          >
            {t.text.example(EXAMPLES.texts[at] ?? "")}
          </button>
        ))}
      </div>
    </div>
  );
}
