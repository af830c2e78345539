// Canonical JSON, equal to the gateway's: keys sorted by code point, no spaces, no needless escapes. It takes only values
// that both languages write alike, and so refuses floats: Python writes 1.0 where JavaScript writes 1.

import { hex } from "./hex.ts";

export function canonical(value: unknown): string {
  if (value === null || typeof value === "boolean" || typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") {
    if (!Number.isSafeInteger(value)) throw new TypeError(`${value} cannot be signed: not a whole number`);
    return String(value);
  }
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value === "object") {
    const fields = Object.entries(value).sort(([a], [b]) => byCodePoint(a, b));
    return `{${fields.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
  }
  throw new TypeError(`${typeof value} cannot be signed`);
}

function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    const apart = (left[at] as string).codePointAt(0)! - (right[at] as string).codePointAt(0)!;
    if (apart) return apart;
  }
  return left.length - right.length;
}

/** SHA-256 of a text as UTF-8, in hex. */
export async function sha256(text: string): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
