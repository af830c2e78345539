// Who signed in on this tablet lately, so that they need not type their badge's number. Staff only, and no PIN.

import { onTablet } from "../state/storage.ts";
import type { Person } from "../state/types.ts";

export type Known = Pick<Person, "badge" | "name">;

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

export function signedIn({ badge, name }: Known): void {
  const others = known().filter((each) => each.badge !== badge);
  onTablet.set(KEPT, JSON.stringify([{ badge, name: name || badge }, ...others].slice(0, MOST)));
}
