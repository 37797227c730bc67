/** The logit lens: what the model would say if it stopped after each block, at every position. */
import { useEffect, useRef, useState } from "react";
import { chance } from "../numbers.ts";
import { Piece, quoted, tint } from "../ui/Piece.tsx";
import { roving } from "../ui/roving.ts";
import { type Opened, pieceOf } from "./inspection.ts";
import { t } from "./strings.ts";

type Props = { opened: Opened; at: number; choose: (at: number) => void };

export function Lens({ opened, at, choose }: Props) {
  const { ids, probs } = opened.lens;
  const [chosenRow, setRow] = useState<number>(Number.POSITIVE_INFINITY);
  const last = ids.length - 1;
  const row = Math.min(chosenRow, last);
  const columns = opened.ids.length;
  const nameOf = (position: number) => quoted(pieceOf(opened, opened.ids[position] ?? -1));
  const guess = (layer: number, position: number, rank = 0) => ids[layer]?.[position]?.[rank] ?? -1;
  const box = useRef<HTMLDivElement>(null);
  // A long text is wider than the page: the chosen token's column is brought into view, without moving the page.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text has other columns
  useEffect(() => {
    const cell = box.current?.querySelector<HTMLElement>(`[data-at="${at}"]`)?.parentElement;
    if (!box.current || !cell) return;
    const [left, right] = [cell.offsetLeft - 96, cell.offsetLeft + cell.offsetWidth + 20];
    if (left < box.current.scrollLeft) box.current.scrollLeft = left;
    else if (right > box.current.scrollLeft + box.current.clientWidth)
      box.current.scrollLeft = right - box.current.clientWidth;
  }, [at, opened]);
  const go = (to: number) => {
    setRow(Math.floor(to / columns));
    choose(to % columns);
  };
  return (
    <section aria-labelledby="lens">
      <h2 id="lens" className="font-serif text-2xl tracking-tight">
        {t.lens.title}
      </h2>
      <p className="note">{t.lens.note}</p>
      <div ref={box} className="relative mt-4 overflow-x-auto py-1 pr-1 max-sm:-mr-4 max-sm:pr-4">
        <table
          className="border-separate border-spacing-0.5 text-sm"
          onKeyDown={roving(ids.length * columns, row * columns + at, go, columns)}
        >
          <caption className="sr-only">{t.lens.caption}</caption>
          <thead>
            <tr>
              <th
                scope="col"
                className="text-quiet bg-water sticky left-0 z-1 pr-2 text-left text-xs font-normal"
              >
                {t.lens.from}
              </th>
              {opened.ids.map((id, position) => (
                <th
                  // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place in the text
                  key={position}
                  scope="col"
                  className={`max-w-24 min-w-14 truncate px-1 pb-1 font-serif text-base font-normal ${position === at ? "text-fish" : ""}`}
                >
                  <Piece text={pieceOf(opened, id)} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ids.map((guesses, layer) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a layer is its number
              <tr key={layer}>
                <th
                  scope="row"
                  className="text-quiet bg-water sticky left-0 z-1 pr-2 text-left text-xs font-normal whitespace-nowrap"
                >
                  {t.lens.layer(layer)}
                </th>
                {guesses.map((_, position) => {
                  const id = guess(layer, position);
                  const p = probs[layer]?.[position]?.[0] ?? 0;
                  const chosen = layer === row && position === at;
                  const piece = pieceOf(opened, id);
                  const agrees = layer < last && id === guess(last, position);
                  return (
                    // biome-ignore lint/suspicious/noArrayIndexKey: a token is its place in the text
                    <td key={position} className="p-0">
                      <button
                        type="button"
                        data-at={layer * columns + position}
                        tabIndex={chosen ? 0 : -1}
                        aria-pressed={chosen}
                        aria-label={t.lens.cell(t.lens.layer(layer), nameOf(position), quoted(piece), p)}
                        onClick={() => go(layer * columns + position)}
                        style={tint(p)}
                        className={`hover:outline-edge block h-8 w-full max-w-24 min-w-14 truncate rounded px-1.5 hover:outline-1 ${agrees ? "border-fish border" : ""} ${chosen ? "ring-ink ring-2" : ""}`}
                      >
                        <Piece text={piece} />
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="border-line bg-paper mt-3 min-h-44 rounded-2xl border p-4 sm:max-w-md">
        <h3 className="text-sm font-medium">{t.lens.detail(t.lens.layer(row), nameOf(at))}</h3>
        <ol className="mt-2 space-y-1">
          {(ids[row]?.[at] ?? []).map((id, rank) => {
            const p = probs[row]?.[at]?.[rank] ?? 0;
            return (
              <li key={id} className="grid grid-cols-[6rem_minmax(0,1fr)_3.5rem] items-center gap-3 text-sm">
                <span className="truncate">
                  <Piece text={pieceOf(opened, id)} />
                </span>
                <span aria-hidden="true" className="bg-sunk h-2.5 overflow-hidden rounded-full">
                  <span className="bg-fish block h-full rounded-full" style={{ width: `${100 * p}%` }} />
                </span>
                <span className="text-right tabular-nums">{chance(p)}</span>
              </li>
            );
          })}
        </ol>
      </div>
    </section>
  );
}
