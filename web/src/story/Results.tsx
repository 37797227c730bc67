/** The served model in the story: how it was made, what it cost, what it reached. Its own card and record say so. */
import type { ReactNode } from "react";
import { Link } from "wouter";
import type { Figures, ModelInfo } from "../api.ts";
import { dollars, duration, full, percentage, short } from "../numbers.ts";
import { s } from "../strings.ts";
import { w } from "./strings.ts";

export function Results({ model }: { model: ModelInfo }) {
  const { figures } = model;
  const seconds = Object.values(figures.seconds ?? {}).reduce((sum, one) => sum + one, 0);
  const rows = told(figures);
  return (
    <section aria-labelledby="model-here" className="border-line mt-14 border-t pt-10">
      <h2 id="model-here" className="font-serif text-3xl tracking-tight">
        {w.model}
      </h2>
      <Part title={w.how} link={{ href: "/inside", name: w.inside }}>
        {model.n_params === null
          ? w.remote
          : w.made(full(model.n_params), model.trained_tokens === null ? null : short(model.trained_tokens))}
      </Part>
      {model.n_params !== null && (
        <Part title={w.cost} link={{ href: "/learn", name: s.learn.title }}>
          {seconds > 0
            ? `${w.took(duration(seconds), figures.machine)} ${figures.cost_usd === null ? w.unpriced : w.usd(dollars(figures.cost_usd))}`
            : w.unknown}
        </Part>
      )}
      {rows.length > 0 && (
        <>
          <h3 className="mt-8 text-base font-semibold">{w.reached}</h3>
          <dl className="mt-3 grid gap-x-8 gap-y-6 sm:grid-cols-2">
            {rows.map((row) => (
              <div key={row.name + row.note} className="border-line border-t pt-3">
                <dt className="text-quiet text-sm">{row.name}</dt>
                <dd className="mt-1 font-serif text-3xl tracking-tight tabular-nums">{row.value}</dd>
                {row.note && <dd className="text-quiet mt-1 text-xs">{row.note}</dd>}
              </div>
            ))}
          </dl>
        </>
      )}
    </section>
  );
}

type PartProps = { title: string; link: { href: string; name: string }; children: ReactNode };

function Part({ title, link, children }: PartProps) {
  return (
    <>
      <h3 className="mt-8 text-base font-semibold">{title}</h3>
      <p className="mt-1.5 font-serif text-[1.1875rem] leading-[1.7]">{children}</p>
      <Link
        href={link.href}
        className="text-fish mt-1 inline-block py-1.5 underline decoration-1 underline-offset-3 print:hidden"
      >
        {link.name}
      </Link>
    </>
  );
}

/** The figures that the card holds, each with what it rests on. */
function told({ val_loss, hellaswag, profile }: Figures): { name: string; value: string; note: string }[] {
  const losses = (["pretrain", "sft"] as const).flatMap((phase) => {
    const loss = val_loss?.[phase];
    return loss === undefined
      ? []
      : [{ name: w.figures.loss, value: loss.toFixed(3), note: w.figures.lossPhase[phase] }];
  });
  const scores = hellaswag
    ? [
        {
          name: w.figures.hellaswag,
          value: percentage(hellaswag.percent),
          note: w.figures.hellaswagNote(
            hellaswag.stderr.toPrecision(2),
            full(hellaswag.items),
            hellaswag.after,
          ),
        },
      ]
    : [];
  const asked = (["right", "declined", "resisted"] as const).flatMap((key) => {
    const found = profile?.[key];
    if (!found) return [];
    const [value, low, high] = found;
    return [
      {
        name: w.figures[key],
        value: percentage(value),
        // Where all or none were right, drawing them anew tells no interval.
        note: low < high ? w.figures.interval(percentage(low), percentage(high)) : "",
      },
    ];
  });
  return [...losses, ...scores, ...asked];
}
