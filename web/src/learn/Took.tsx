/** Time, tokens, machine and price of the training, and what the model read; all from its record. */
import type { Phase, Run } from "../api.ts";
import { dollars, duration, full, short } from "../numbers.ts";
import { w } from "./strings.ts";

const t = w.cost;
const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const OPTIMIZERS: Record<string, string> = { muon: "Muon and AdamW", adamw: "AdamW" };
const ROWS: [label: string, value: (phase: Phase) => string][] = [
  [t.rows.steps, (phase) => full(phase.steps)],
  [t.rows.tokens, (phase) => short(phase.tokens)],
  [t.rows.perStep, (phase) => full(phase.tokens_per_step)],
  [t.rows.time, (phase) => (phase.seconds === null ? "" : duration(phase.seconds))],
  [t.rows.speed, (phase) => full(Math.round(median(phase.training.tokens_per_second) ?? 0))],
  [t.rows.optimizer, (phase) => `${OPTIMIZERS[phase.optimizer] ?? phase.optimizer}, ${phase.lr}`],
  [t.rows.loss, (phase) => phase.validation.loss.at(-1)?.toFixed(3) ?? ""],
  [t.rows.bits, (phase) => phase.validation.bits_per_byte.at(-1)?.toFixed(3) ?? ""],
  [t.rows.ended, (phase) => (phase.state === "done" ? (phase.ended ?? "") : "")],
];

export function Took({ run }: { run: Run }) {
  const seconds = run.phases.reduce((sum, phase) => sum + (phase.seconds ?? 0), 0);
  const machine = Object.entries(run.machine).map(([key, value]) => `${key} ${value}`);
  return (
    <>
      <div className="mt-4 overflow-x-auto">
        <table className="figures">
          <thead>
            <tr>
              <td />
              {run.phases.map((phase) => (
                <th key={phase.name} scope="col">
                  {w.phase[phase.name]}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {ROWS.filter(([, value]) => run.phases.some(value)).map(([label, value]) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {run.phases.map((phase) => (
                  <td key={phase.name}>{value(phase)}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="mt-4">
        {run.phases.length > 1 && `${t.all(seconds)}. `}
        {run.cost
          ? t.usd(dollars(run.cost.usd), run.cost.devices, run.cost.device, dollars(run.cost.usd_per_hour))
          : t.unpriced}
      </p>
      {machine.length > 0 && (
        <p className="text-quiet mt-1 text-sm">
          {t.machine}: {machine.join(", ").replace("machine ", "")}.
        </p>
      )}
      <h3 className="mt-8 font-semibold">{t.read}</h3>
      {run.phases.map((phase) => (
        <div key={phase.name} className="mt-3">
          <p className="text-quiet text-sm">{w.phase[phase.name]}</p>
          <ul className="divide-line mt-1 divide-y">
            {phase.sources.map((source) => (
              <li key={source.spec} className="py-2 text-sm">
                <span className="font-medium">{source.spec}</span>: {source.what}.{" "}
                <span className="text-quiet">{source.licence}</span>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </>
  );
}
