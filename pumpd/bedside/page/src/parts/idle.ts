// Touching the screen keeps a person signed in. The gateway is informed from time to time, not at every touch.

import { current, now } from "../state/store.ts";
import { act } from "../wire/connection.ts";

const EVERY_MS = 15_000;
const SOON_MS = 2000;
export const WARN_S = 30;

let sent = -EVERY_MS;

/** Seconds until the gateway signs the person out; null when nobody is signed in. */
export function idleLeft(at: number): number | null {
  const { live, liveAt } = current();
  return live?.person ? Math.max(0, live.person.idle_left_s - (at - liveAt) / 1000) : null;
}

export function touches(): void {
  const left = idleLeft(now());
  if (left === null || left <= 0) return;
  if (now() - sent < (left <= WARN_S ? SOON_MS : EVERY_MS)) return;
  sent = now();
  void act("touch");
}
