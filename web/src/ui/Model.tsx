/** What is really running: every figure comes from the server's loaded model. */
import type { ModelInfo, Shape } from "../api.ts";
import { full, share, short } from "../numbers.ts";
import { s } from "../strings.ts";
import { Icon } from "./icons.tsx";

/** The model's name in the header; a click shows its figures. Uses the browser's own popover: focus and Esc included. */
export function ModelButton({ model }: { model: ModelInfo }) {
  return (
    <>
      <button
        type="button"
        popoverTarget="model"
        aria-label={s.model.button(model.name)}
        className="text-quiet hover:text-ink hover:bg-sunk flex h-10 items-center gap-2 rounded-full px-2.5 text-sm transition-colors"
      >
        <Icon name="model" />
        <span className="hidden max-w-56 truncate tabular-nums sm:inline">
          {model.name}
          {model.n_params !== null && ` · ${short(model.n_params)}`}
        </span>
      </button>
      <div
        id="model"
        popover="auto"
        role="dialog"
        aria-label={s.model.title}
        className="border-line bg-paper text-ink inset-auto top-15 right-3 w-80 max-w-[calc(100vw-1.5rem)] rounded-2xl border p-5 shadow-xl shadow-black/10"
      >
        <ModelFigures model={model} />
      </div>
    </>
  );
}

const shown = (value: ModelInfo[keyof ModelInfo]) =>
  typeof value === "string" ? value : full(Number(value));

export function ModelFigures({ model }: { model: ModelInfo }) {
  const rows = Object.entries(s.model.rows).filter(([key]) => model[key as keyof ModelInfo] != null);
  const shape = shapeOf(model);
  return (
    <div className="text-sm">
      <p className="font-serif text-xl">{model.name}</p>
      <p className="text-quiet mt-0.5">{shape ? s.model.note : s.model.remote}</p>
      <dl className="divide-line mt-3 divide-y">
        {rows.map(([key, label]) => (
          <div key={key} className="flex justify-between gap-4 py-1.5">
            <dt className="text-quiet">{label}</dt>
            <dd className="text-right font-medium tabular-nums">{shown(model[key as keyof ModelInfo])}</dd>
          </div>
        ))}
      </dl>
      {shape && <Parts shape={shape} />}
    </div>
  );
}

/** The shape of a model that is here; null of one that another server has. */
export function shapeOf({
  n_params,
  n_layer,
  n_head,
  n_embd,
  block_size,
  vocab_size,
}: ModelInfo): Shape | null {
  const told = [n_params, n_layer, n_head, n_embd, block_size, vocab_size];
  return told.includes(null)
    ? null
    : ({ n_params, n_layer, n_head, n_embd, block_size, vocab_size } as Shape);
}

/** Parameters of each part of a GPT-2 of this shape (tied output layer, biases), as in model/gpt.py. */
export function partsOf({ n_layer, n_embd: d, block_size, vocab_size }: Shape) {
  return {
    tokens: vocab_size * d,
    positions: block_size * d,
    attention: n_layer * (4 * d * d + 6 * d), // qkv, projection, and the LayerNorm before them
    mlp: n_layer * (8 * d * d + 7 * d) + 2 * d, // up, down, their LayerNorm, and the last one
  };
}

const SHADES = { tokens: "bg-fish", positions: "bg-fish/50", attention: "bg-ink/75", mlp: "bg-ink/35" };

function Parts({ shape }: { shape: Shape }) {
  const parts = Object.entries(partsOf(shape)) as [keyof typeof SHADES, number][];
  const total = parts.reduce((sum, [, n]) => sum + n, 0);
  return (
    <figure className="mt-4">
      <figcaption className="text-quiet">{s.model.where}</figcaption>
      <div aria-hidden="true" className="mt-2 flex h-3 gap-0.5 overflow-hidden rounded">
        {parts.map(([part, n]) => (
          <div key={part} className={SHADES[part]} style={{ width: `${(100 * n) / total}%` }} />
        ))}
      </div>
      <ul className="mt-2.5 grid grid-cols-2 gap-x-4 gap-y-1">
        {parts.map(([part, n]) => (
          <li key={part} className="flex items-baseline gap-2">
            <span aria-hidden="true" className={`size-2 shrink-0 rounded-sm ${SHADES[part]}`} />
            {s.model.parts[part]}
            <span className="text-quiet ml-auto tabular-nums">{share(n, total)}</span>
          </li>
        ))}
      </ul>
    </figure>
  );
}
