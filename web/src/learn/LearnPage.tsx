/** "Watch it learn": the served model's own record, from its first noise to its last sentence. */
import { useCallback, useEffect, useMemo, useState } from "react";
import { getRun, type Profile, type Run, Trouble } from "../api.ts";
import { s } from "../strings.ts";
import { Header } from "../ui/Header.tsx";
import { Chart, type Line } from "./Chart.tsx";
import { moments, nearest, points, stretches } from "./moments.ts";
import { Player } from "./Player.tsx";
import { w } from "./strings.ts";
import { Tables } from "./Tables.tsx";
import { Took } from "./Took.tsx";

type State = { run: Run } | { trouble: "none" | "failed" } | null;

export default function LearnPage({ profile }: { profile: Profile }) {
  const [state, setState] = useState<State>(null);
  const [tries, setTries] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another try is another fetch
  useEffect(() => {
    const leaving = new AbortController();
    setState(null);
    getRun(leaving.signal).then(
      (run) => setState({ run }),
      (error: unknown) => {
        if (leaving.signal.aborted) return;
        setState({ trouble: error instanceof Trouble && error.status === 404 ? "none" : "failed" });
      },
    );
    return () => leaving.abort();
  }, [tries]);

  const { name, n_params } = profile.model;
  return (
    <>
      <Header>{null}</Header>
      <main className="mx-auto max-w-5xl px-4 pt-10 pb-24 sm:px-6 sm:pt-16">
        <h1 className="font-serif text-4xl leading-[1.08] tracking-tight sm:text-5xl">{s.learn.title}</h1>
        {state && "run" in state ? (
          <>
            <p className="text-quiet mt-3 max-w-prose text-base sm:text-lg">{w.lead(name)}</p>
            <Record run={state.run} vocab={profile.model.vocab_size} />
          </>
        ) : (
          <div className="mt-6 min-h-[60svh] max-w-prose text-base sm:text-lg" aria-busy={state === null}>
            {state === null && <p className="late text-quiet">{w.loading}</p>}
            {state?.trouble === "none" && (
              <>
                <p>{n_params === null ? w.remote : w.none}</p>
                {n_params !== null && <p className="text-quiet mt-2">{w.noneHint}</p>}
              </>
            )}
            {state?.trouble === "failed" && (
              <>
                <p role="alert">{w.failed}</p>
                <button type="button" className="chip mt-4" onClick={() => setTries(tries + 1)}>
                  {w.retry}
                </button>
              </>
            )}
          </div>
        )}
      </main>
    </>
  );
}

function Record({ run, vocab }: { run: Run; vocab: number | null }) {
  const all = useMemo(() => moments(run), [run]);
  const parts = useMemo(() => stretches(run), [run]);
  const [at, setAt] = useState(0);
  const [unit, setUnit] = useState<"nats" | "bits">("nats");
  const go = useCallback((to: number) => setAt(to), []);
  const pick = (x: number) => setAt(Math.max(0, nearest(all, x)));

  const domain: [number, number] = [0, parts.at(-1)?.to ?? 1];
  const bands = parts
    .filter(({ phase }) => phase.name === "sft")
    .map(({ phase, from, to }) => ({ from, to, label: w.phase[phase.name] }));
  const marker = all[at]?.x ?? null;
  const validation = parts.map(({ phase, from }) => {
    const { tokens, loss, bits_per_byte } = phase.validation;
    return points(tokens, unit === "nats" ? loss : bits_per_byte, from);
  });
  const lines: Line[] = [
    ...(unit === "nats"
      ? parts.map(({ phase, from }): Line => {
          const { tokens, loss } = phase.training;
          return { name: w.loss.training, points: points(tokens, loss, from), look: "thin" };
        })
      : []),
    ...validation.map((found): Line => ({ name: w.loss.validation, points: found, look: "bold" })),
  ];
  const first = validation[0] ?? [];
  const pretrained = parts[0]?.phase;
  const unfinished = run.phases.filter((phase) => phase.state !== "done");
  const units = ["nats", "bits"] as const;
  return (
    <>
      {unfinished.map((phase) => (
        <p key={phase.name} className="text-quiet mt-2 text-sm">
          {w.phase[phase.name]}:{" "}
          {w[phase.state === "running" ? "running" : "stopped"](phase.steps, phase.planned_steps)}
        </p>
      ))}
      <section aria-labelledby="samples" className="mt-10">
        <h2 id="samples" className="font-serif text-2xl tracking-tight">
          {w.slider.heading}
        </h2>
        <Player all={all} at={at} go={go} />
      </section>
      <section aria-labelledby="loss" className="mt-12">
        <h2 id="loss" className="font-serif text-2xl tracking-tight">
          {w.loss.heading}
        </h2>
        <p className="note">
          {vocab !== null && w.loss.explain(vocab)} {run.phases.length > 1 && w.loss.explainSft}
        </p>
        <Chart
          title={w.loss.title[unit]}
          summary={w.loss.summary(first[0]?.y.toFixed(2) ?? "?", first.at(-1)?.y.toFixed(2) ?? "?")}
          lines={lines}
          bands={bands}
          domain={domain}
          marker={marker}
          onPick={pick}
          format={(y) => y.toFixed(y % 1 === 0 ? 0 : 2)}
        >
          <fieldset className="border-line ml-auto flex rounded-full border p-0.5 text-sm print:hidden">
            <legend className="sr-only">{w.loss.unit.label}</legend>
            {units.map((one) => (
              <label
                key={one}
                className="text-quiet has-checked:bg-sunk has-checked:text-ink has-focus-visible:outline-fish cursor-pointer rounded-full px-3 py-1 has-focus-visible:outline-2"
              >
                <input
                  type="radio"
                  name="unit"
                  className="sr-only"
                  checked={unit === one}
                  onChange={() => setUnit(one)}
                />
                {w.loss.unit[one]}
              </label>
            ))}
          </fieldset>
        </Chart>
        <div className="grid gap-x-8 sm:grid-cols-2">
          <Chart
            small
            title={w.small.lr}
            summary=""
            domain={domain}
            bands={bands}
            marker={marker}
            format={(y) => String(Number(y.toPrecision(2)))}
            lines={parts.map(({ phase, from }) => ({
              name: w.phase[phase.name],
              look: "bold",
              points: points(phase.training.tokens, phase.training.lr, from),
            }))}
          />
          <Chart
            small
            title={w.small.speed}
            summary=""
            domain={domain}
            bands={bands}
            marker={marker}
            lines={parts.map(({ phase, from }) => ({
              name: w.phase[phase.name],
              look: "bold",
              points: points(phase.training.tokens, phase.training.tokens_per_second, from),
            }))}
          />
        </div>
      </section>
      <section aria-labelledby="hellaswag" className="mt-12">
        <h2 id="hellaswag" className="font-serif text-2xl tracking-tight">
          {w.hellaswag.heading}
        </h2>
        {pretrained?.hellaswag ? (
          <Scores run={run} scores={pretrained.hellaswag} marker={marker} />
        ) : (
          <p className="text-quiet mt-2">{w.hellaswag.none}</p>
        )}
      </section>
      <section aria-labelledby="took" className="mt-12">
        <h2 id="took" className="font-serif text-2xl tracking-tight">
          {w.cost.heading}
        </h2>
        <Took run={run} />
      </section>
      <Tables run={run} />
    </>
  );
}

type ScoresProps = {
  run: Run;
  scores: NonNullable<Run["phases"][number]["hellaswag"]>;
  marker: number | null;
};

function Scores({ run, scores, marker }: ScoresProps) {
  const end = run.phases[0]?.tokens ?? 1;
  const percent = scores.acc_norm_token.map((share) => 100 * share);
  const errors = scores.stderr.map((share) => 100 * share);
  return (
    <>
      <p className="note">
        {w.hellaswag.explain(scores.items)} {w.hellaswag.compare}
      </p>
      <Chart
        title={w.hellaswag.title}
        summary={w.hellaswag.summary(percent.at(-1)?.toFixed(1) ?? "?", errors.at(-1)?.toFixed(1) ?? "?")}
        domain={[0, end]}
        marker={marker !== null && marker <= end ? marker : null}
        levels={run.beside.map(({ percent: y, label }) => ({ y, label }))}
        lines={[{ name: w.hellaswag.own, points: points(scores.tokens, percent, 0), look: "dots", errors }]}
        format={(y) => String(Number(y.toFixed(1)))}
      />
    </>
  );
}
