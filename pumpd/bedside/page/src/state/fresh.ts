// How old the values on the screen are, as a difference of instants and never as a count of ticks.

import type { Page } from "./page.ts";
import type { Pump } from "./types.ts";

export type Freshness = "fresh" | "old" | "dead";

export const OLD_S = 7;
const DEAD_S = 15;

const graded = (age: number): Freshness => (age >= DEAD_S ? "dead" : age >= OLD_S ? "old" : "fresh");

/** Seconds since anything came from the gateway; null before the first message. */
export const silence = (page: Page, now: number): number | null =>
  page.heardAt === null ? null : Math.max(0, now - page.heardAt) / 1000;

/** Age in real seconds of the last reading of a pump: the age when the gateway sent it, and the time since then. */
export function readingAge(pump: Pump, page: Page, now: number): number | null {
  return pump.age_s === null || pump.age_s === undefined ? null : pump.age_s + Math.max(0, now - page.liveAt) / 1000;
}

/** The worse of the link to the gateway and the gateway's link to the pump. Only a pump that may flow must be read. */
export function freshness(pump: Pump, page: Page, now: number): Freshness {
  const age = pump.infusion?.may_flow ? (readingAge(pump, page, now) ?? 0) : 0;
  return graded(Math.max(age, silence(page, now) ?? 0));
}

/** The gateway's wall clock now, in ms of UTC, whatever the tablet's clock says. */
export function gatewayNow(page: Page, now: number): number | null {
  const sent = Date.parse(page.live?.ts ?? "");
  return Number.isFinite(sent) ? sent + (now - page.liveAt) : null;
}
