/** Numbers as people read them. */
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const whole = new Intl.NumberFormat("en");
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });

export const short = (n: number) => compact.format(n);
export const full = (n: number) => whole.format(n);
export const share = (part: number, of: number) => percent.format(part / of);
