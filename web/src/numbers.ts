/** Numbers as people read them. */
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en");
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });
const finer = new Intl.NumberFormat("en", {
  style: "percent",
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

export const short = (n: number) => compact.format(n);
export const full = (n: number) => whole.format(n);
/** 26.3%, 62.4%, 100%: a percentage with as many digits as say something. */
export const percentage = (value: number) => `${Number(value.toPrecision(3))}%`;
/** 1 h 02 min, 3 min 05 s, 4.2 s: as the report of a run writes it. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60);
  const two = (n: number) => String(n).padStart(2, "0");
  if (minutes < 60) return `${minutes} min ${two(Math.round(seconds) % 60)} s`;
  return `${whole.format(Math.floor(minutes / 60))} h ${two(minutes % 60)} min`;
}
export const dollars = (usd: number) => usd.toLocaleString("en", { style: "currency", currency: "USD" });
export const share = (part: number, of: number) => percent.format(part / of);
/** A probability: 43.1%, and what would round to nothing as such. */
export const chance = (p: number) => (p > 0 && p < 0.0005 ? "<0.1%" : finer.format(p));
