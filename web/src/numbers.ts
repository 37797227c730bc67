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
export const share = (part: number, of: number) => percent.format(part / of);
/** A probability: 43.1%, and what would round to nothing as such. */
export const chance = (p: number) => (p > 0 && p < 0.0005 ? "<0.1%" : finer.format(p));
