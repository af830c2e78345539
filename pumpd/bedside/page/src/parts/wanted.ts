// An act that was touched before a sign-in that it needs: done right after it, on the screen that the sign-in leads to, if
// it is still offered there.

import { now } from "../state/store.ts";

/** From the touch to the sign-in that it needed. */
export const SIGNING_IN_MS = 120_000;
/** From the sign-in to the screen after it. Later, the act would come as a surprise. */
const SOON_MS = 3000;

let wanted: { what: string; at: number; signedInAt: number | null } | null = null;

export const want = (what: string): void => {
  wanted = { what, at: now(), signedInAt: null };
};

/** The person is signed in now. */
export function signedInFor(): void {
  if (wanted && now() - wanted.at < SIGNING_IN_MS) wanted.signedInAt = now();
  else wanted = null;
}

/** Once: whether this is to be done now. */
export function takeWanted(what: string): boolean {
  const at = wanted?.what === what ? wanted.signedInAt : null;
  if (at === null) return false;
  wanted = null;
  return now() - at < SOON_MS;
}
