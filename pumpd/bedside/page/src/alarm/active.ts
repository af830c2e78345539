// Which alarms are active: the gateway's, and those that this page raises itself when it loses the gateway.

import { LINK_ALARM_S, OLD_S, silence } from "../state/fresh.ts";
import type { Page } from "../state/page.ts";
import type { Alarm, Priority } from "../state/types.ts";

export interface Active extends Alarm {
  pump: string | null;
  /** Raised by this page itself. */
  local?: boolean;
}

const RANK: Record<Priority, number> = { high: 0, medium: 1, low: 2 };
export const SYMBOL: Record<Priority, string> = { high: "!!!", medium: "!!", low: "!" };
export const WORD: Record<Priority, string> = { high: "High", medium: "Medium", low: "Low" };

/** Without a link for this long, a pause of the sound that was asked for here ends (COM-11). */
const UNSILENCED_S = 5;

const CALL_BACK_S = 30;

/** Highest priority first, then not acknowledged before acknowledged, then the newest. */
export function activeAlarms(page: Page, now: number): Active[] {
  const ofPumps = (page.live?.pumps ?? []).flatMap((each) =>
    (each.alarms ?? []).map((alarm) => readable(alarm, each.pump)),
  );
  const ofGateway = (page.live?.alarms ?? []).map((alarm) => readable(alarm, null));
  return [...linkAlarm(page, now), ...draftAlarm(page, now), ...ofPumps, ...ofGateway].sort(
    (a, b) =>
      RANK[a.priority] - RANK[b.priority] ||
      Number(!!a.acknowledged_ts) - Number(!!b.acknowledged_ts) ||
      (b.raised_ts ?? "").localeCompare(a.raised_ts ?? ""),
  );
}

/** An alarm that this page does not understand counts as one of the highest priority. */
function readable(alarm: Alarm | null, pump: string | null): Active {
  const { priority, cause, action, code } = alarm ?? {};
  const known = priority !== undefined && priority in RANK;
  return {
    ...alarm,
    code: code ?? "unknown",
    priority: known ? priority : "high",
    cause: cause ?? "Unknown alarm",
    action: action ?? "Go to the pump",
    pump,
  };
}

function linkAlarm(page: Page, now: number): Active[] {
  const quiet = silence(page, now);
  if (quiet === null || quiet < OLD_S) return [];
  const flows = page.live?.pumps.some(({ infusion }) => infusion?.may_flow) ?? false;
  const priority = flows && quiet >= LINK_ALARM_S ? "medium" : "low";
  return [
    {
      code: "tablet_link_lost",
      priority,
      cause: "No link to the gateway",
      action: "Go to the pump",
      pump: null,
      local: true,
    },
  ];
}

/** An order was begun and left: a reminder after 30 s (ALM-09). */
function draftAlarm(page: Page, now: number): Active[] {
  if (!page.draft || now - page.draft.touchedAt < CALL_BACK_S * 1000) return [];
  const text = { cause: "Order not finished", action: "Finish it or go back" };
  return [{ code: "order_left", priority: "low", ...text, pump: page.draft.pump, local: true }];
}

/** The priority to sound, or null: nothing is active, or the sound is paused. The gateway counts that pause down. */
export function audible(page: Page, now: number): Priority | null {
  const first = activeAlarms(page, now)[0];
  if (!first) return null;
  return pauseLeft(page, now) > 0 ? null : first.priority;
}

/** Seconds that the sound stays paused. */
export function pauseLeft(page: Page, now: number): number {
  const left = page.live?.audio?.paused_left_s ?? 0;
  if ((silence(page, now) ?? 0) >= UNSILENCED_S) return 0;
  return Math.min(120, Math.max(0, left - (now - page.liveAt) / 1000));
}
