/** The slider through training: what the model wrote at each moment, by hand, by arrow keys, or played. */
import { useEffect, useState } from "react";
import { Icon } from "../ui/icons.tsx";
import type { Moment } from "./moments.ts";
import { w } from "./strings.ts";

type Props = { all: Moment[]; at: number; go: (at: number) => void };
const PACE = 900; // ms a moment is shown

export function Player({ all, at, go }: Props) {
  const [playing, play] = useState(false);
  const last = all.length - 1;
  useEffect(() => {
    if (!playing) return;
    const timer = setTimeout(() => {
      if (at < last) go(at + 1);
      if (at + 1 >= last) play(false);
    }, PACE);
    return () => clearTimeout(timer);
  }, [playing, at, last, go]);

  const moment = all[at];
  if (!moment) return <p className="text-quiet mt-4">{w.slider.none}</p>;
  const name = w.slider.at(w.phase[moment.phase.name], moment.step, moment.phase.planned_steps);
  const toggle = () => {
    if (!playing && at === last) go(0);
    play(!playing);
  };
  const label = playing ? w.slider.pause : w.slider.play;
  const phases = [...new Set(all.map((one) => one.phase))];
  return (
    <div className="mt-5">
      <div className="flex items-center gap-3 print:hidden">
        <button
          type="button"
          onClick={toggle}
          aria-label={label}
          title={label}
          className="bg-fish text-onfish grid size-11 shrink-0 place-items-center rounded-full transition-colors hover:brightness-110"
        >
          <Icon name={playing ? "pause" : "play"} />
        </button>
        <input
          type="range"
          min={0}
          max={last}
          value={at}
          aria-label={w.slider.label}
          aria-valuetext={name}
          onChange={(event) => {
            play(false);
            go(Number(event.target.value));
          }}
          className="accent-fish h-11 min-w-0 flex-1 cursor-pointer"
        />
      </div>
      <p className="mt-1 flex flex-wrap gap-x-4 text-sm tabular-nums">
        <span className="min-w-60 font-medium">{name}</span>
        <span className="text-quiet min-w-32">{w.slider.tokens(moment.x)}</span>
        {moment.loss !== null && <span className="text-quiet">{w.slider.lossAt(moment.loss)}</span>}
      </p>
      {/* The other phase lies in the same cell, unseen, so that nothing below moves when they change. `grid-cols-1` lets
          a cell be narrower than a word: a model that has learned little writes a line of one letter. */}
      <div className="mt-3 grid grid-cols-1">
        {phases.map((phase) => (
          <div
            key={phase.name}
            aria-hidden={phase !== moment.phase}
            className={`col-start-1 row-start-1 flex flex-col ${phase === moment.phase ? "" : "invisible print:hidden"}`}
          >
            <p className="text-quiet max-w-prose text-sm">
              {phase.name === "sft" ? w.slider.explainSft : w.slider.explain}
            </p>
            <ul
              className="mt-3 grid flex-1 grid-cols-1 gap-3 md:grid-cols-3"
              data-moment={phase === moment.phase ? at : undefined}
            >
              {phase.prompts.map((prompt, n) => (
                <Sample
                  key={prompt}
                  phase={phase.name}
                  prompt={prompt}
                  text={phase === moment.phase ? (moment.texts[n] ?? "") : ""}
                  longest={longest(phase, n)}
                />
              ))}
            </ul>
          </div>
        ))}
      </div>
    </div>
  );
}

const longest = (phase: Moment["phase"], n: number) =>
  phase.moments.map((moment) => moment.texts[n] ?? "").reduce((a, b) => (b.length > a.length ? b : a), "");

type SampleProps = { phase: "pretrain" | "sft"; prompt: string; text: string; longest: string };

/** A beginning and how it goes on. Its longest text holds the room from the start. */
function Sample({ phase, prompt, text, longest }: SampleProps) {
  return (
    <li className="border-line bg-paper grid grid-cols-1 rounded-xl border px-4 py-3 leading-relaxed break-words">
      <p aria-hidden="true" className="invisible col-start-1 row-start-1 print:hidden">
        <Said phase={phase} prompt={prompt} text={longest} />
      </p>
      <p className="col-start-1 row-start-1">
        <Said phase={phase} prompt={prompt} text={text} />
      </p>
    </li>
  );
}

function Said({ phase, prompt, text }: { phase: "pretrain" | "sft"; prompt: string; text: string }) {
  return (
    <>
      <span className={phase === "sft" ? "mb-1 block font-semibold" : "text-fish font-serif text-lg"}>
        {prompt}{" "}
      </span>
      <span className="font-serif text-lg">
        {/* A line break is shown by its sign: a model that has learned little makes dozens. */}
        {text.replaceAll(/\s*\n\s*/g, " ↵ ") || (
          <span className="text-quiet font-sans text-sm">({w.slider.nothing})</span>
        )}
      </span>
    </>
  );
}
