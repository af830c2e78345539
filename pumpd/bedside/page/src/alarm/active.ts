// Which alarms are active: the gateway's, and those that this page raises itself when it loses the gateway.

import { OLD_S, silence } from "../state/fresh.ts";
import { AUDIO_PAUSE_S, TABLET_GONE_S, TABLET_LOST_S } from "../state/limits.ts";
import type { Page } from "../state/page.ts";
import type { Alarm, Priority, Pump } from "../state/types.ts";
import { say } from "../words/say.ts";
import { ALARM, CAUSE } from "../words/texts/alarm.ts";
import { causeOf, stepsFor, type Situation } from "./steps.ts";

/** An alarm as it is shown: in the reader's language, with what to do in steps. `action`: the first of them. */
export interface Active extends Alarm {
  pump: string | null;
  steps: string[];
  /** Raised by this page itself. */
  local?: boolean;
}

const RANK: Record<Priority, number> = { high: 0, medium: 1, low: 2 };
export const SYMBOL: Record<Priority, string> = { high: "!!!", medium: "!!", low: "!" };
/** In the reader's language, whenever it is asked for. */
export const WORD: Readonly<Record<Priority, string>> = {
  get high() {
    return say(ALARM.high);
  },
  get medium() {
    return say(ALARM.medium);
  },
  get low() {
    return say(ALARM.low);
  },
};

const CALL_BACK_S = 30;

const OF_THE_GATEWAY: Situation = { state: null, resumable: null, doubt: false };

/** Highest priority first, then not acknowledged before acknowledged, then the newest. */
export function activeAlarms(page: Page, now: number): Active[] {
  const ofPumps = (page.live?.pumps ?? []).flatMap((each) => alarmsOf(each));
  const ofGateway = (page.live?.alarms ?? []).map((alarm) => readable(alarm, null, OF_THE_GATEWAY));
  return [...linkAlarm(page, now), ...draftAlarm(page, now), ...ofPumps, ...ofGateway].sort(
    (a, b) =>
      RANK[a.priority] - RANK[b.priority] ||
      Number(!!a.acknowledged_ts) - Number(!!b.acknowledged_ts) ||
      (b.raised_ts ?? "").localeCompare(a.raised_ts ?? ""),
  );
}

export const alarmsOf = (pump: Pump): Active[] =>
  (pump.alarms ?? []).map((alarm) => readable(alarm, pump.pump, situation(pump)));

function situation({ infusion, alarms }: Pump): Situation {
  if (!infusion) return OF_THE_GATEWAY;
  const doubt = infusion.state === "uncertain" || (alarms ?? []).some((each) => each?.code === "delivery_uncertain");
  return { state: infusion.state, resumable: infusion.trip_resumable ?? null, doubt };
}

/** An alarm that this page does not understand counts as one of the highest priority. */
function readable(alarm: Alarm | null, pump: string | null, at: Situation): Active {
  const code = alarm?.code ?? "unknown";
  const priority = alarm?.priority !== undefined && alarm.priority in RANK ? alarm.priority : "high";
  const cause = code in CAUSE || !alarm?.cause ? say(causeOf(code)) : alarm.cause;
  const steps = stepsFor(code, at).map(({ text }) => say(text));
  return { ...alarm, code, priority, cause, action: steps[0] ?? "", steps, pump };
}

const own = (code: string, priority: Priority, pump: string | null): Active => ({
  ...readable({ code, priority, cause: "", action: "" }, pump, OF_THE_GATEWAY),
  local: true,
});

function linkAlarm(page: Page, now: number): Active[] {
  const quiet = silence(page, now);
  if (quiet === null || quiet < OLD_S) return [];
  const flows = page.live?.pumps.some(({ infusion }) => infusion?.may_flow) ?? false;
  return [own("tablet_link_lost", flows && quiet >= TABLET_GONE_S ? "medium" : "low", null)];
}

/** An order was begun and left: a reminder after 30 s (ALM-09). */
function draftAlarm(page: Page, now: number): Active[] {
  if (!page.draft || now - page.draft.touchedAt < CALL_BACK_S * 1000) return [];
  return [own("order_left", "low", page.draft.pump)];
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
  if ((silence(page, now) ?? 0) >= TABLET_LOST_S) return 0;
  return Math.min(AUDIO_PAUSE_S, Math.max(0, left - (now - page.liveAt) / 1000));
}
