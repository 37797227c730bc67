/** Asks for the key of a server that answers only with one; it stays in this tab. */
import { useId, useState } from "react";
import { hasKey, keepKey } from "../key.ts";
import { s } from "../strings.ts";

export default function KeyForm({ retry }: { retry: () => void }) {
  const [key, setKey] = useState("");
  const [refused] = useState(hasKey); // what was sent with the question that came back
  const id = useId();
  const sendable = /^[\x21-\x7e]+$/.test(key.trim());
  return (
    <form
      className="border-line bg-paper mt-2 rounded-xl border px-4 py-3 text-sm"
      onSubmit={(event) => {
        event.preventDefault();
        if (!sendable) return;
        keepKey(key.trim());
        retry();
      }}
    >
      <p role="alert" className="font-medium">
        {refused ? s.key.refused : s.key.needed}
      </p>
      <p className="text-quiet mt-1" id={`${id}note`}>
        {s.key.note}
      </p>
      <div className="mt-3 flex gap-2">
        <input
          type="password"
          autoComplete="off"
          spellCheck={false}
          aria-label={s.key.label}
          aria-describedby={`${id}note`}
          placeholder={s.key.label}
          value={key}
          onChange={(event) => setKey(event.target.value)}
          className="border-edge bg-water placeholder:text-quiet min-h-11 min-w-0 flex-1 rounded-xl border px-3.5 text-base"
        />
        <button
          type="submit"
          disabled={!sendable}
          className="bg-fish text-onfish disabled:bg-sunk disabled:text-quiet min-h-11 rounded-xl px-4 font-medium transition-colors"
        >
          {s.key.send}
        </button>
      </div>
    </form>
  );
}
