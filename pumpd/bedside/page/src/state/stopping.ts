// What the Stop button shows. It says "Stopped" only when the gateway reported the pump as stopped after the press.

import { STOP_ALARM_S } from "./limits.ts";
import { EVERY, type Page, type Press } from "./page.ts";
import type { Pump } from "./types.ts";

/** "late": another infusion had begun before the stop arrived, and was not stopped. */
export type StopShows = "ready" | "stopping" | "unconfirmed" | "stopped" | "late";

const SETTLED_MS = 8000;
const alarmed = (pump: Pump) => (pump.alarms ?? []).some((alarm) => alarm?.code === "stop_unconfirmed");

export function stopShows(page: Page, target: string, now: number): StopShows {
  const pumps = (page.live?.pumps ?? []).filter(({ pump }) => target === EVERY || pump === target);
  const press = latest(page.presses[target], page.presses[EVERY]);
  if (pumps.some(alarmed)) return "unconfirmed";
  if (!press) return pumps.some(({ infusion }) => infusion?.state === "stopping") ? "stopping" : "ready";
  if (pumps.some(({ pump, stopped }) => !stopped && press.late.includes(pump))) return "late";
  const stopped = pumps.length > 0 && page.liveAt > press.at && pumps.every((each) => each.stopped);
  if (press.answered && stopped) return now - press.at > SETTLED_MS ? "ready" : "stopped";
  if (press.seen) return pumps.some(({ infusion }) => infusion?.state === "stopping") ? "stopping" : "ready";
  return now - press.at >= STOP_ALARM_S * 1000 ? "unconfirmed" : "stopping";
}

function latest(a: Press | undefined, b: Press | undefined): Press | undefined {
  return a && b ? (a.at > b.at ? a : b) : (a ?? b);
}
