/** Odds of the next token, made anew from the scores at hand whenever a slider moves. */
import { useState } from "react";
import { chance } from "../numbers.ts";
import { Piece, quoted } from "../ui/Piece.tsx";
import { MOST_TOKENS, type Opened, pieceOf } from "./inspection.ts";
import { distribution, type Sampling } from "./sampling.ts";
import { t } from "./strings.ts";

const SHOWN = 12;
const NEUTRAL: Sampling = { temperature: 1, topK: 0, topP: 1 };

type Props = { opened: Opened; able: boolean; take: (id: number) => void };

export function NextToken({ opened, able, take }: Props) {
  const [sampling, setSampling] = useState(NEUTRAL);
  const { next, shape } = opened;
  const { probs, rest } = distribution(next, sampling);
  const shown = next.ids.slice(0, SHOWN);
  const hidden = probs.slice(SHOWN).reduce((sum, p) => sum + p, rest);
  const control = new Set(opened.control_ids);
  const full = opened.ids.length >= Math.min(MOST_TOKENS, shape.block_size);
  const set = (key: keyof Sampling) => (value: number) => setSampling({ ...sampling, [key]: value });
  return (
    <section aria-labelledby="next">
      <h2 id="next" className="font-serif text-2xl tracking-tight">
        {t.next.title}
      </h2>
      <p className="note">{t.next.note}</p>
      <div className="mt-5 grid gap-x-12 gap-y-6 md:grid-cols-[minmax(0,1fr)_17rem]">
        <div className="max-md:order-1">
          <ol className="space-y-0.5">
            {shown.map((id, at) => {
              const p = probs[at] ?? 0;
              const piece = pieceOf(opened, id);
              const ends = control.has(id);
              return (
                <li key={id}>
                  <button
                    type="button"
                    disabled={!able || full || ends}
                    aria-label={ends ? t.next.ends(quoted(piece), p) : t.next.take(quoted(piece), p)}
                    onClick={() => take(id)}
                    data-cut={p === 0}
                    className="group enabled:hover:bg-sunk grid min-h-10 w-full grid-cols-[7rem_minmax(0,1fr)_3.75rem] items-center gap-3 data-[cut=true]:text-quiet rounded-lg px-2 text-left"
                  >
                    <span className="truncate py-1 font-serif text-lg leading-none group-data-[cut=true]:line-through">
                      <Piece text={piece} />
                    </span>
                    <Bar p={p} />
                    <span className="text-right text-sm tabular-nums">
                      {p === 0 ? t.next.cut : chance(p)}
                    </span>
                  </button>
                </li>
              );
            })}
            <li className="text-quiet grid min-h-9 grid-cols-[7rem_minmax(0,1fr)_3.75rem] items-center gap-3 px-2 text-sm">
              <span>{t.next.others(shape.vocab_size - shown.length)}</span>
              <Bar p={hidden} others />
              <span className="text-right tabular-nums">{hidden === 0 ? t.next.cut : chance(hidden)}</span>
            </li>
          </ol>
          <p className="text-quiet mt-2 px-2 text-sm">
            {full ? t.next.full : able ? t.next.hint : t.next.unable}
          </p>
        </div>
        <div className="space-y-5">
          <Slider
            label={t.next.temperature}
            note={t.next.temperatureNote}
            value={sampling.temperature}
            shown={sampling.temperature.toFixed(2)}
            range={[0, 2, 0.05]}
            set={set("temperature")}
          />
          <Slider
            label={t.next.topK}
            note={t.next.topKNote}
            // The right end is no limit, as in top-p: every slider cuts more the further left it is.
            value={sampling.topK || 101}
            shown={sampling.topK ? String(sampling.topK) : t.next.off}
            range={[1, 101, 1]}
            set={(value) => set("topK")(value > 100 ? 0 : value)}
          />
          <Slider
            label={t.next.topP}
            note={t.next.topPNote}
            value={sampling.topP}
            shown={sampling.topP < 1 ? sampling.topP.toFixed(2) : t.next.off}
            range={[0.05, 1, 0.05]}
            set={set("topP")}
          />
          <button
            type="button"
            onClick={() => setSampling(NEUTRAL)}
            className="border-edge hover:border-fish hover:text-fish min-h-10 rounded-full border px-4 text-sm transition-colors"
          >
            {t.next.reset}
          </button>
        </div>
      </div>
    </section>
  );
}

function Bar({ p, others = false }: { p: number; others?: boolean }) {
  return (
    <span aria-hidden="true" className="bg-sunk block h-3 overflow-hidden rounded-full">
      <span
        data-bar
        className={`block h-full rounded-full ${others ? "bg-edge" : "bg-fish"}`}
        style={{ width: `${(100 * p).toFixed(2)}%` }}
      />
    </span>
  );
}

type SliderProps = {
  label: string;
  note: string;
  value: number;
  shown: string;
  range: [number, number, number];
  set: (value: number) => void;
};

function Slider({ label, note, value, shown, range: [min, max, step], set }: SliderProps) {
  return (
    <label className="block">
      <span className="flex justify-between text-sm">
        <span className="font-medium">{label}</span>
        <span aria-hidden="true" className="tabular-nums">
          {shown}
        </span>
      </span>
      <input
        type="range"
        aria-label={label}
        aria-valuetext={shown}
        min={min}
        max={max}
        step={step}
        value={value}
        onChange={(event) => set(Math.round(Number(event.target.value) * 100) / 100)}
        className="accent-fish block h-9 w-full cursor-pointer"
      />
      <span className="text-quiet block text-xs">{note}</span>
    </label>
  );
}
