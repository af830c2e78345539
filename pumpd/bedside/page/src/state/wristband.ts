// Whether a wristband is the patient's, compared on the tablet as soon as it is read. The gateway compares it again: what is
// signed is the whole token, and it starts nothing for another one (PRG-21).

/** How many characters of the end a person types who has no scanner. */
export const END = 4;

export type Verdict = "right" | "wrong" | "part";

/**
 * What a person may type instead of the whole token: its last characters. Null where that is not enough to tell it from
 * another patient of this gateway, or where hardly anything of it would be left out.
 */
export function endOf(order: string, others: readonly string[]): string | null {
  if (order.length < END + 2) return null;
  const end = order.slice(-END);
  return others.some((other) => other !== order && other.endsWith(end)) ? null : end;
}

/**
 * `read`: what was scanned or typed so far. "part": it may become right with more. A scanner reads the whole token, so
 * of what it read the end alone is another patient's.
 */
export function verdictOf(read: string, order: string, others: readonly string[], scanned: boolean): Verdict {
  if (!order) return "wrong";
  if (read === order) return "right";
  const end = scanned ? null : endOf(order, others);
  if (end !== null && read === end) return "right";
  return order.startsWith(read) || end?.startsWith(read) ? "part" : "wrong";
}

/** Above this time between two keys, in ms, a person types: one takes 100 ms and more, a scanner 1 to 50. */
const SCANNERS_MS = 75;

/** Whether a scanner typed it: many keys in no time. `at`: the instants of its keys. */
export const isScan = (at: readonly number[]): boolean =>
  at.length >= 3 && (at.at(-1)! - at[0]!) / (at.length - 1) < SCANNERS_MS;

/** A pause after which what was typed is looked at without Enter: it may be right, and more may follow. */
export const PAUSE_MS = 300;

/** Two tokens are at least this far apart: a hand must aim the scanner. Within one, a busy tablet may stall for less. */
export const APART_MS = 1000;

/** No person types so many keys at this pace. */
const SURE_MS = 35;
const SURE_KEYS = 4;

/** How many keys a scanner typed of the last token, beyond what the fastest typist could have. 0: a person typed. */
export function scannedKeys(at: readonly number[]): number {
  const since = at.slice(
    Math.max(
      0,
      at.findLastIndex((each, key) => key > 0 && each - at[key - 1]! > APART_MS),
    ),
  );
  const pace = (since.at(-1)! - since[0]!) / (since.length - 1);
  return since.length >= SURE_KEYS && pace < SURE_MS ? since.length : 0;
}
