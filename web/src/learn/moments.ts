/** The run as one line: pretraining, then fine-tuning, each point placed by the tokens trained on by then. */
import type { Phase, Run } from "../api.ts";

export type Point = { x: number; y: number };
export type Stretch = { phase: Phase; from: number; to: number };
export type Moment = { phase: Phase; step: number; x: number; texts: string[]; loss: number | null };

/** Where each phase begins and ends on the line. */
export function stretches(run: Run): Stretch[] {
  let from = 0;
  return run.phases.map((phase) => {
    const stretch = { phase, from, to: from + phase.tokens };
    from = stretch.to;
    return stretch;
  });
}

/** Points of a column of figures; where there is no figure there is no point. */
export function points(tokens: number[], values: (number | null)[], from: number): Point[] {
  return tokens.flatMap((x, at) => {
    const y = values[at];
    return y === null || y === undefined ? [] : [{ x: from + x, y }];
  });
}

/** Every moment whose samples were kept, in order, with the validation loss last measured by then. */
export function moments(run: Run): Moment[] {
  return stretches(run).flatMap(({ phase, from }) =>
    phase.moments.map((moment) => {
      const at = phase.validation.step.findLastIndex((step) => step <= moment.step);
      return {
        phase,
        step: moment.step,
        x: from + moment.tokens,
        texts: moment.texts,
        loss: phase.validation.loss[at] ?? null,
      };
    }),
  );
}

/** The index of the moment nearest to `x`; -1 if there is none. */
export function nearest(all: { x: number }[], x: number): number {
  let best = -1;
  for (const [at, one] of all.entries()) {
    const other = all[best];
    if (!other || Math.abs(one.x - x) < Math.abs(other.x - x)) best = at;
  }
  return best;
}
