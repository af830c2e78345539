// Who signed in on this tablet lately, so that they need not type their badge's number. Staff only, and no PIN: only how
// many digits it has, so that the last one signs in.

import { onTablet } from "../state/storage.ts";
import type { Person } from "../state/types.ts";

export interface Known extends Pick<Person, "badge" | "name"> {
  /** Of the PIN that was right last. Null: she presses the button. */
  digits?: number | null;
}

const KEPT = "people";
/** As many as fit beside the keys. */
const MOST = 4;

/** The newest first. */
export function known(): Known[] {
  try {
    const found: unknown = JSON.parse(onTablet.get(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter(isKnown).slice(0, MOST) : [];
  } catch {
    return []; // written by something else
  }
}

const isKnown = (each: unknown): each is Known =>
  typeof (each as Known | null)?.badge === "string" && typeof (each as Known).name === "string";

export function signedIn({ badge, name }: Known, digits: number): void {
  const others = known().filter((each) => each.badge !== badge);
  keep([{ badge, name: name || badge, digits }, ...others]);
}

/** A PIN was refused: it may have another length now, so this person presses the button again. */
export const refused = (badge: string): void =>
  keep(known().map((each) => (each.badge === badge ? { ...each, digits: null } : each)));

const keep = (people: Known[]): void => onTablet.set(KEPT, JSON.stringify(people.slice(0, MOST)));
