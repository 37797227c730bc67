/** An answer token by token: the less sure the model was, the deeper the colour; one token with its alternatives. */
import { useState } from "react";
import type { Token } from "../api.ts";
import { chance } from "../numbers.ts";
import { Piece, quoted, tint } from "../ui/Piece.tsx";
import { roving } from "../ui/roving.ts";
import type { Take } from "./conversation.ts";
import { t } from "./strings.ts";

type Props = { take: Take; busy: boolean; reread: () => void };

export default function Xray({ take, busy, reread }: Props) {
  const kind = take.verdict?.answer_kind;
  const tokens = take.tokens ?? [];
  const whole = tokens.map((token) => token.text).join("") === take.text;
  if (kind === "model" && tokens.length > 0 && whole) return <Tokens tokens={tokens} />;
  const asked = take.sampling?.logprobs === true;
  return (
    <>
      <p className="whitespace-pre-wrap">{take.text}</p>
      <div className="border-line text-quiet mt-3 flex flex-wrap items-center justify-between gap-3 rounded-xl border px-4 py-2.5 font-sans text-sm leading-relaxed">
        <p>{kind && kind !== "model" ? t.none[kind] : asked ? t.untold : t.missing}</p>
        {kind === "model" && !asked && (
          <button
            type="button"
            disabled={busy}
            onClick={reread}
            className="border-edge hover:border-fish hover:text-fish text-ink min-h-10 rounded-full border px-4 transition-colors"
          >
            {t.reread}
          </button>
        )}
      </div>
    </>
  );
}

function Tokens({ tokens }: { tokens: Token[] }) {
  const doubtful = tokens.reduce(
    (least, token, at) => (token.logprob < (tokens[least]?.logprob ?? 0) ? at : least),
    0,
  );
  const [chosen, choose] = useState(doubtful);
  const [near, setNear] = useState<number | null>(null);
  const token = tokens[near ?? chosen];
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields */}
      <div
        role="group"
        aria-label={t.group}
        onKeyDown={roving(tokens.length, chosen, choose)}
        onPointerLeave={() => setNear(null)}
        className="leading-[1.75]"
      >
        {tokens.map(({ text, logprob }, at) => (
          <button
            // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place in the answer
            key={at}
            type="button"
            data-at={at}
            tabIndex={at === chosen ? 0 : -1}
            aria-pressed={at === chosen}
            aria-label={`${quoted(text)}, ${chance(Math.exp(logprob))}`}
            onClick={() => choose(at)}
            onPointerEnter={(event) => event.pointerType === "mouse" && setNear(at)}
            style={tint(1 - Math.exp(logprob))}
            className="aria-pressed:decoration-fish inline rounded-sm py-0.5 whitespace-pre-wrap underline decoration-transparent decoration-2 underline-offset-4"
          >
            {text}
          </button>
        ))}
      </div>
      {token && (
        <div className="border-line bg-paper mt-3 min-h-52 rounded-xl border px-4 py-3 font-sans text-sm leading-normal">
          <p className="font-medium">
            {t.chosen(quoted(token.text))}{" "}
            <span className="tabular-nums">{chance(Math.exp(token.logprob))}</span>
          </p>
          <ol className="mt-2 list-none space-y-1 pl-0" aria-label={t.others}>
            {token.top.map(([text, logprob], rank) => (
              <li
                // biome-ignore lint/suspicious/noArrayIndexKey: two tokens may show the same text
                key={rank}
                className="grid grid-cols-[7rem_minmax(0,1fr)_3.5rem] items-center gap-3"
              >
                <span
                  className={`truncate ${text.trim() === token.text.trim() ? "text-fish font-medium" : ""}`}
                >
                  <Piece text={text} />
                </span>
                <span aria-hidden="true" className="bg-sunk h-2.5 overflow-hidden rounded-full">
                  <span
                    className="bg-fish block h-full rounded-full"
                    style={{ width: `${100 * Math.exp(logprob)}%` }}
                  />
                </span>
                <span className="text-right tabular-nums">{chance(Math.exp(logprob))}</span>
              </li>
            ))}
          </ol>
          <p className="text-quiet mt-2.5 text-xs leading-relaxed">{t.note}</p>
        </div>
      )}
    </>
  );
}
