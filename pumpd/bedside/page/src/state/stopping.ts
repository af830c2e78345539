// What the Stop button shows. "Stopped" is said only of a pump that the gateway saw standing still after the press.

import { EVERY, type Page, type Press } from "./page.ts";
import type { Pump } from "./types.ts";

export type StopShows = "ready" | "stopping" | "unconfirmed" | "stopped";

export const CONFIRM_WITHIN_MS = 3000;
export const SETTLED_MS = 8000;
const FLOWING = new Set(["infusing", "withdrawing", "purging"]);

/** Last seen without flow, and pumpd gave it no permission that could still hold. */
export const standsStill = (pump: Pump): boolean =>
  pump.pump_state !== null && !FLOWING.has(pump.pump_state) && !pump.infusion?.may_flow;

const alarmed = (pump: Pump) => (pump.alarms ?? []).some((alarm) => alarm?.code === "stop_unconfirmed");

export function stopShows(page: Page, target: string, now: number): StopShows {
  const pumps = (page.live?.pumps ?? []).filter(({ pump }) => target === EVERY || pump === target);
  const press = latest(page.presses[target], page.presses[EVERY]);
  if (pumps.some(alarmed)) return "unconfirmed";
  if (!press) return pumps.some(({ infusion }) => infusion?.state === "stopping") ? "stopping" : "ready";
  const seen = press.answered && pumps.length > 0 && page.liveAt > press.at && pumps.every(standsStill);
  if (seen) return now - press.at > SETTLED_MS ? "ready" : "stopped";
  return now - press.at >= CONFIRM_WITHIN_MS ? "unconfirmed" : "stopping";
}

function latest(a: Press | undefined, b: Press | undefined): Press | undefined {
  return a && b ? (a.at > b.at ? a : b) : (a ?? b);
}
