/** The key that a server with FISCHGPT_API_KEYS asks for: kept in this tab alone, sent to `/v1` alone. */

const KEY = "fischgpt.key";
let held: string | null = null;

export function authorization(path: string): Record<string, string> {
  const key = path.startsWith("/v1/") ? (held ?? stored()) : "";
  return key ? { authorization: `Bearer ${key}` } : {};
}

export const hasKey = () => (held ?? stored()) !== "";

export function keepKey(key: string): void {
  held = key;
  try {
    sessionStorage.setItem(KEY, key);
  } catch {
    // Storage is forbidden: the key holds until the page is left.
  }
}

function stored(): string {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
