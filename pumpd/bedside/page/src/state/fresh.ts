// How old what is on the screen is, from instants and never from counted ticks.

import type { Page } from "./page.ts";
import type { Pump } from "./types.ts";

export type Freshness = "fresh" | "old" | "dead";

export const OLD_S = 7;
export const DEAD_S = 15;
export const LINK_ALARM_S = 60;

const judged = (age: number): Freshness => (age >= DEAD_S ? "dead" : age >= OLD_S ? "old" : "fresh");

/** Seconds since anything came from the gateway; null before the first word. */
export const silence = (page: Page, now: number): number | null =>
  page.heardAt === null ? null : Math.max(0, now - page.heardAt) / 1000;

export const linkFreshness = (page: Page, now: number): Freshness => judged(silence(page, now) ?? 0);

/** Age in real seconds of the last reading of a pump: what the gateway said, and the time since it said so. */
export function readingAge(pump: Pump, page: Page, now: number): number | null {
  return pump.age_s === null || pump.age_s === undefined ? null : pump.age_s + Math.max(0, now - page.liveAt) / 1000;
}

/** The worse of the link to the gateway and the gateway's link to the pump. A pump that stands idle is not read. */
export function freshness(pump: Pump, page: Page, now: number): Freshness {
  const age = pump.infusion?.may_flow ? (readingAge(pump, page, now) ?? 0) : 0;
  return judged(Math.max(age, silence(page, now) ?? 0));
}

/** The gateway's wall clock now, in ms of UTC, whatever the tablet's clock says. */
export function gatewayNow(page: Page, now: number): number | null {
  const said = Date.parse(page.live?.ts ?? "");
  return Number.isFinite(said) ? said + (now - page.liveAt) : null;
}
