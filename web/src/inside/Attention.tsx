/** Attention: all heads small, one large, and the chosen token's row as lines to the tokens it looks at. */
import { useMemo, useState } from "react";
import { Piece, quoted } from "../ui/Piece.tsx";
import { roving } from "../ui/roving.ts";
import { Heat } from "./Heat.tsx";
import { type Opened, pieceOf, rowOf } from "./inspection.ts";
import { Links } from "./Links.tsx";
import { t } from "./strings.ts";

const TABLE = 16;
/** Longest text whose tokens are written beside the map. */
const LABELLED = 28;

type Props = {
  opened: Opened;
  at: number;
  choose: (at: number) => void;
  head: { layer: number; head: number };
  chooseHead: (layer: number, head: number) => void;
  loadAll: (() => void) | null;
};

export function Attention({ opened, at, choose, head: { layer, head }, chooseHead, loadAll }: Props) {
  const [near, setNear] = useState<number | null>(null);
  const { n_layer, n_head } = opened.shape;
  const tokens = opened.ids.length;
  const attention = opened.attention[layer];
  const row = Math.min(near ?? at, tokens - 1);
  const weights = useMemo(
    () => (attention ? rowOf(attention, tokens, head, row) : []),
    [attention, tokens, head, row],
  );
  const pieces = opened.ids.map((id) => pieceOf(opened, id));
  const missing = opened.attention.filter((one) => !one).length;
  return (
    <section aria-labelledby="attention">
      <h2 id="attention" className="font-serif text-2xl tracking-tight">
        {t.attention.title}
      </h2>
      <p className="note">{t.attention.note}</p>
      <div className="mt-5 grid gap-x-12 gap-y-8 md:grid-cols-[fit-content(50%)_minmax(0,1fr)]">
        <div className="min-w-0">
          <div className="flex min-h-10 items-center justify-between gap-3">
            <h3 className="text-sm font-medium">{t.attention.heads}</h3>
            {missing > 0 && loadAll && (
              <button
                type="button"
                onClick={loadAll}
                className="text-fish min-h-10 text-sm underline underline-offset-3"
              >
                {t.attention.load}
              </button>
            )}
          </div>
          {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for form fields */}
          <div
            role="group"
            aria-label={t.attention.heads}
            onKeyDown={roving(
              n_layer * n_head,
              layer * n_head + head,
              (to) => chooseHead(Math.floor(to / n_head), to % n_head),
              n_head,
            )}
            className="-m-1 space-y-1 overflow-x-auto p-1"
          >
            {opened.attention.map((map, l) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a layer is its number
              <div key={l} className="flex items-center gap-1">
                <span aria-hidden="true" className="text-quiet w-5 shrink-0 text-xs tabular-nums">
                  {l + 1}
                </span>
                {Array.from({ length: n_head }, (_, h) => {
                  const chosen = l === layer && h === head;
                  const name = t.attention.head(l + 1, h + 1);
                  return (
                    <button
                      // biome-ignore lint/suspicious/noArrayIndexKey: a head is its number
                      key={h}
                      type="button"
                      data-at={l * n_head + h}
                      tabIndex={chosen ? 0 : -1}
                      aria-pressed={chosen}
                      aria-label={map ? name : `${name}, ${t.attention.missing}`}
                      title={name}
                      onClick={() => chooseHead(l, h)}
                      className="border-line bg-paper hover:border-fish aria-pressed:border-fish aria-pressed:ring-fish size-12 shrink-0 overflow-hidden rounded-lg border p-1 aria-pressed:ring-1"
                    >
                      {map && <Heat attention={map} tokens={tokens} head={h} className="w-full" />}
                    </button>
                  );
                })}
              </div>
            ))}
          </div>
        </div>
        <figure className="min-w-0">
          <figcaption className="flex min-h-10 items-center justify-between gap-3 text-sm">
            <span className="font-medium">{t.attention.head(layer + 1, head + 1)}</span>
            <Scale />
          </figcaption>
          <div className="flex justify-start gap-2">
            {tokens <= LABELLED && (
              <div aria-hidden="true" className="flex w-20 shrink-0 flex-col text-right text-xs sm:w-24">
                {pieces.map((piece, index) => (
                  <span
                    // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place in the text
                    key={index}
                    className={`flex min-h-0 flex-1 items-center justify-end overflow-hidden ${index === row ? "text-fish font-medium" : "text-quiet"}`}
                  >
                    <span className="truncate leading-none">
                      <Piece text={piece} />
                    </span>
                  </span>
                ))}
              </div>
            )}
            {attention ? (
              <Heat
                attention={attention}
                tokens={tokens}
                head={head}
                row={row}
                onRow={choose}
                label={`${t.attention.map(layer + 1, head + 1)}: ${strongest(pieces, weights, row)}`}
                className="border-line bg-paper w-full max-w-96 cursor-crosshair border"
              />
            ) : (
              <div className="border-line bg-paper aspect-square w-full max-w-96 border" />
            )}
          </div>
          <p className="text-quiet mt-2 text-xs leading-relaxed">{t.attention.mapNote}</p>
          {attention && tokens <= TABLE && (
            <Table
              attention={attention}
              pieces={pieces}
              head={head}
              caption={t.attention.table(layer + 1, head + 1)}
            />
          )}
        </figure>
      </div>
      <p className="mt-6 text-sm">
        <span className="font-serif text-lg">
          <Piece text={pieces[row] ?? ""} />
        </span>{" "}
        {t.attention.row("").trim()}
      </p>
      <Links opened={opened} weights={weights} at={row} choose={choose} hover={setNear} />
    </section>
  );
}

/** The row in words: what it looks at most. */
function strongest(pieces: string[], weights: number[], row: number): string {
  const ranked = weights.map((weight, at) => ({ weight, at })).sort((a, b) => b.weight - a.weight);
  const named = ranked.slice(0, 3).filter(({ weight }) => weight > 0.01);
  const list = named.map(({ weight, at }) => `${quoted(pieces[at] ?? "")} ${Math.round(100 * weight)}%`);
  return `${t.attention.row(quoted(pieces[row] ?? ""))} ${list.join(", ")}`;
}

function Scale() {
  return (
    <span className="text-quiet flex items-center gap-2 text-xs">
      {t.attention.less}
      <span className="from-fish/6 via-fish/73 to-fish h-2.5 w-24 rounded-full bg-linear-to-r" />
      {t.attention.more}
    </span>
  );
}

type TableProps = { attention: Uint8Array; pieces: string[]; head: number; caption: string };

/** The same numbers for who cannot see the map. */
function Table({ attention, pieces, head, caption }: TableProps) {
  return (
    <div className="sr-only">
      <table>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <td />
            {pieces.map((piece, at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place in the text
              <th key={at} scope="col">
                {quoted(piece)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {pieces.map((piece, row) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: as above
            <tr key={row}>
              <th scope="row">{quoted(piece)}</th>
              {rowOf(attention, pieces.length, head, row).map((weight, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: as above
                <td key={at}>{at <= row ? Math.round(100 * weight) : ""}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
