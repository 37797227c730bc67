/** What the charts draw, as tables: for screen readers, for copying, for whoever doubts a curve. */
import type { Run } from "../api.ts";
import { full } from "../numbers.ts";
import { w } from "./strings.ts";

const t = w.tables;

export function Tables({ run }: { run: Run }) {
  return (
    <details className="border-line mt-12 border-t pt-4">
      <summary className="min-h-10 py-2 font-medium">{t.heading}</summary>
      <Table
        name={t.loss}
        head={[t.phase, t.step, t.tokens, t.nats, t.bits]}
        rows={run.phases.flatMap((phase) =>
          phase.validation.step.map((step, at) => [
            w.phase[phase.name],
            full(step),
            full(phase.validation.tokens[at] ?? 0),
            phase.validation.loss[at]?.toFixed(4) ?? "",
            phase.validation.bits_per_byte[at]?.toFixed(4) ?? "",
          ]),
        )}
      />
      {run.phases.map(
        ({ name, hellaswag }) =>
          hellaswag && (
            <Table
              key={name}
              name={t.hellaswag}
              head={[t.step, t.percent, t.stderr]}
              rows={hellaswag.step.map((step, at) => [
                full(step),
                (100 * (hellaswag.acc_norm_token[at] ?? 0)).toFixed(2),
                (100 * (hellaswag.stderr[at] ?? 0)).toFixed(2),
              ])}
            />
          ),
      )}
      {run.phases.map(
        (phase) =>
          phase.moments.length > 0 && (
            <Table
              key={phase.name}
              name={`${t.samples}, ${w.phase[phase.name]}`}
              head={[t.step, ...phase.prompts]}
              rows={phase.moments.map((moment) => [full(moment.step), ...moment.texts])}
              prose
            />
          ),
      )}
    </details>
  );
}

type TableProps = { name: string; head: string[]; rows: string[][]; prose?: boolean };

function Table({ name, head, rows, prose = false }: TableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section tabIndex={0} aria-label={name} className="mt-6 overflow-x-auto">
      <table className={`figures ${prose ? "samples" : ""}`}>
        <caption className="pb-2 text-left font-semibold">{name}</caption>
        <thead>
          <tr>
            {head.map((cell) => (
              <th key={cell} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row[0]} ${row[1]}`}>
              {row.map((cell, at) => (
                <td key={head[at]}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
