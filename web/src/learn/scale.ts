/** From figures to pixels, and the round values on the axes. */

export type Scale = ((value: number) => number) & { ticks: number[] };

/** A linear scale from [low, high] to [from, to] in pixels, with about `count` ticks at 1, 2 or 5 times a power of ten. */
export function linear([low, high]: [number, number], [from, to]: [number, number], count: number): Scale {
  const [a, b] = low === high ? widened(low) : [low, high];
  const place = (value: number) => from + ((value - a) / (b - a)) * (to - from);
  return Object.assign(place, { ticks: ticks(a, b, count) });
}

export function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const part = raw / power;
  // The round size nearest on a logarithmic scale, as d3-array's ticks choose it.
  const step =
    power * (part >= Math.sqrt(50) ? 10 : part >= Math.sqrt(10) ? 5 : part >= Math.sqrt(2) ? 2 : 1);
  const found: number[] = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) {
    found.push(Number((k * step).toPrecision(12)));
  }
  return found;
}

/** Lowest and highest of the values, with `pad` of their range to spare on either side. */
export function extent(values: number[], pad = 0): [number, number] {
  if (values.length === 0) return [0, 1];
  const low = Math.min(...values);
  const high = Math.max(...values);
  return [low - (high - low) * pad, high + (high - low) * pad];
}

const widened = (value: number): [number, number] => {
  const half = Math.abs(value) * 0.1 || 0.5;
  return [value - half, value + half];
};
