/** The text in tokens. One is chosen; the page's other parts follow it. */
import { useState } from "react";
import { quoted } from "../ui/Piece.tsx";
import { roving } from "../ui/roving.ts";
import { type Opened, pieceOf } from "./inspection.ts";
import { t } from "./strings.ts";
import { TokenButton } from "./TokenButton.tsx";

type Props = { opened: Opened; at: number; choose: (at: number) => void };

export function Tokens({ opened, at, choose }: Props) {
  const [ids, setIds] = useState(false);
  const control = new Set(opened.control_ids);
  return (
    <section aria-labelledby="tokens">
      <div className="flex items-end justify-between gap-4">
        <h2 id="tokens" className="font-serif text-2xl tracking-tight">
          {t.tokens.title}
        </h2>
        <label className="text-quiet -my-2 flex min-h-10 cursor-pointer items-center gap-2 text-sm">
          <input
            type="checkbox"
            checked={ids}
            onChange={(event) => setIds(event.target.checked)}
            className="accent-fish size-4"
          />
          {t.tokens.ids}
        </label>
      </div>
      <p className="note">{t.tokens.note}</p>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields */}
      <div
        role="group"
        aria-label={t.tokens.group}
        onKeyDown={roving(opened.ids.length, at, choose)}
        className="mt-4 flex flex-wrap gap-1.5"
      >
        {opened.ids.map((id, index) => {
          const piece = pieceOf(opened, id);
          return (
            <TokenButton
              // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place in the text
              key={index}
              index={index}
              at={at}
              piece={piece}
              choose={choose}
              aria-label={t.tokens.name(quoted(piece), id)}
              className={control.has(id) ? "border-dashed" : ""}
            >
              {ids && <span className="text-quiet block text-xs tabular-nums">{id}</span>}
            </TokenButton>
          );
        })}
      </div>
      {opened.ids.some((id) => control.has(id)) && <p className="note text-sm">{t.tokens.control}</p>}
    </section>
  );
}
