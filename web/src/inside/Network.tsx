/** The network as the server has loaded it: its parts in a row, what each is worth, and one of them opened. */
import { useState } from "react";
import { chance, full, share } from "../numbers.ts";
import { roving } from "../ui/roving.ts";
import type { Milliseconds, Part, Shape } from "./inspection.ts";
import { t } from "./strings.ts";

type Group = { key: string; label: string; name: string; parts: Part[]; params: number; flops: number };
type Props = { shape: Shape; ms: Milliseconds | null; norms: number[] | null };

const finer = (part: number, of: number) => chance(part / of);
const sum = (parts: Part[], key: "params" | "flops") => parts.reduce((total, part) => total + part[key], 0);

/** Embedding, blocks, output. */
function groupsOf({ parts, n_layer }: Shape): Group[] {
  const group = (key: string, label: string, name: string, wanted: (part: string) => boolean): Group => {
    const own = parts.filter((part) => wanted(part.name));
    return { key, label, name, parts: own, params: sum(own, "params"), flops: sum(own, "flops") };
  };
  const { part } = t.network;
  return [
    group("embedding", t.network.embedding, part.embedding, (name) => name === "wte" || name === "wpe"),
    ...Array.from({ length: n_layer }, (_, at) =>
      group(`h.${at}`, String(at + 1), part.block(at + 1), (name) => name.startsWith(`h.${at}.`)),
    ),
    group("output", t.network.output, part.output, (name) => name === "ln_f" || name === "head"),
  ];
}

export function Network({ shape, ms, norms }: Props) {
  const [open, setOpen] = useState(1);
  const groups = groupsOf(shape);
  const at = Math.min(open, groups.length - 1);
  const [params, flops] = [sum(shape.parts, "params"), sum(shape.parts, "flops")];
  const times = ms && [ms.embedding, ...ms.blocks, ms.head];
  const rows: { label: string; values: (number | undefined)[]; shown: (value: number) => string }[] = [
    { label: t.network.rows.params, values: groups.map((g) => g.params), shown: (n) => share(n, params) },
    { label: t.network.rows.flops, values: groups.map((g) => g.flops), shown: (n) => share(n, flops) },
    ...(norms ? [{ label: t.network.rows.norm, values: norms, shown: (n: number) => n.toFixed(0) }] : []),
    ...(times ? [{ label: t.network.rows.ms, values: times, shown: (n: number) => n.toFixed(1) }] : []),
  ];
  const opened = groups[at];
  return (
    <section aria-labelledby="network">
      <h2 id="network" className="font-serif text-2xl tracking-tight">
        {t.network.title}
      </h2>
      <p className="note">{t.network.note}</p>
      <p className="mt-3 text-sm font-medium tabular-nums">{t.network.total(params, flops)}</p>
      <div className="mt-4 overflow-x-auto p-1 max-sm:-mr-4 max-sm:pr-4 max-sm:pl-0">
        <table className="w-full min-w-fit border-separate border-spacing-x-0.5 text-center sm:border-spacing-x-1">
          <caption className="sr-only">{t.network.caption}</caption>
          <thead>
            <tr onKeyDown={roving(groups.length, at, setOpen)}>
              <td className="w-16 sm:w-20" />
              {groups.map((group, index) => (
                <th key={group.key} scope="col" className="min-w-7 p-0">
                  <button
                    type="button"
                    data-at={index}
                    tabIndex={index === at ? 0 : -1}
                    aria-pressed={index === at}
                    aria-label={t.network.open(group.name, group.params, share(group.params, params))}
                    onClick={() => setOpen(index)}
                    className="aria-pressed:text-fish hover:text-fish block w-full rounded-lg"
                  >
                    <Glyph group={group} pressed={index === at} edge={edgeOf(index, groups.length)} />
                    <span className="block pb-1 text-xs font-medium">{group.label}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map(({ label, values, shown }) => {
              const most = Math.max(...values.map((value) => value ?? 0), 1e-9);
              return (
                <tr key={label}>
                  <th
                    scope="row"
                    className="text-quiet pr-1 text-left align-bottom text-[0.6875rem] font-normal whitespace-nowrap sm:text-xs"
                  >
                    {label}
                  </th>
                  {groups.map((group, index) => {
                    const value = values[index];
                    return (
                      <td key={group.key} className="pt-2 align-bottom">
                        <span aria-hidden="true" className="border-line flex h-7 items-end border-b">
                          <span
                            className={`block w-full rounded-t-sm ${index === at ? "bg-fish" : "bg-edge"}`}
                            style={{ height: `${(100 * (value ?? 0)) / most}%` }}
                          />
                        </span>
                        <span className="text-[0.6875rem] tabular-nums">
                          {value == null ? "–" : shown(value)}
                        </span>
                      </td>
                    );
                  })}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p className="text-quiet mt-2 text-xs leading-relaxed">{t.network.explain(shape.context)}</p>
      {opened && <Inner group={opened} params={params} flops={flops} />}
    </section>
  );
}

const edgeOf = (index: number, count: number) =>
  index === 0 ? "first" : index === count - 1 ? "last" : null;

/** One part drawn: the line of the vectors runs through; inside, attention and MLP as large as their parameters. */
function Glyph({ group, pressed, edge }: { group: Group; pressed: boolean; edge: "first" | "last" | null }) {
  const inner = group.parts.filter((part) => /attn|mlp|wte|wpe|head/.test(part.name));
  const height = 72;
  const whole = sum(inner, "params") || 1;
  let y = 12;
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 48 96"
      preserveAspectRatio="none"
      className={`block h-24 w-full overflow-visible ${pressed ? "text-fish" : "text-edge"}`}
    >
      <line
        x1={edge === "first" ? 24 : -4}
        x2={edge === "last" ? 24 : 52}
        y1="48"
        y2="48"
        className="stroke-edge"
        strokeWidth="2"
        vectorEffect="non-scaling-stroke"
      />
      <rect
        x="3"
        y="8"
        width="42"
        height="80"
        rx="7"
        className={pressed ? "fill-glow stroke-fish" : "fill-paper stroke-edge"}
        strokeWidth={pressed ? 2 : 1.25}
        vectorEffect="non-scaling-stroke"
      />
      {inner.map((part, at) => {
        const tall = Math.max(4, (height * (part.params || whole)) / whole - (at ? 3 : 0));
        const from = y + (at ? 3 : 0);
        y = from + tall;
        const strong = /attn|wte|head/.test(part.name);
        return (
          <rect
            key={part.name}
            x="8"
            y={from}
            width="32"
            height={tall}
            rx="4"
            className="fill-current"
            opacity={strong ? 0.85 : 0.4}
          />
        );
      })}
    </svg>
  );
}

/** A part's own parts, in the order a vector passes them. */
function Inner({ group, params, flops }: { group: Group; params: number; flops: number }) {
  return (
    <div className="border-line bg-paper mt-4 rounded-2xl border p-4 sm:p-5">
      <h3 className="font-medium">{group.name}</h3>
      <ol className={`mt-3 grid gap-3 sm:grid-cols-2 ${group.parts.length > 2 ? "lg:grid-cols-4" : ""}`}>
        {group.parts.map((part) => {
          const kind = part.name.split(".").at(-1) ?? part.name;
          const [name, does] = t.network.modules[kind] ?? [kind, ""];
          return (
            <li key={part.name} className="border-line flex flex-col border-l-2 pl-3 text-sm">
              <span className="font-medium">{name}</span>
              <span className="text-quiet mt-1 leading-relaxed">{does}</span>
              <ul className="mt-2 font-mono text-xs leading-relaxed">
                {Object.entries(part.weights).map(([weight, sizes]) => (
                  <li key={weight} className="flex justify-between gap-3">
                    <span className="text-quiet">{weight}</span>
                    <span className="whitespace-nowrap">{sizes.map((n) => full(n)).join(" × ")}</span>
                  </li>
                ))}
              </ul>
              <span className="mt-2 text-xs tabular-nums">
                {t.network.params(part.params, finer(part.params, params))}
              </span>
              <span className="text-xs tabular-nums">
                {t.network.flops(part.flops, finer(part.flops, flops))}
              </span>
            </li>
          );
        })}
      </ol>
    </div>
  );
}
