// What to do about an alarm: first what is always possible at the bed, then what this state of the infusion allows.
// A step that asks for something on the screen says which act that is, and `POSSIBLE` in which states it is possible: a
// test compares every step of every alarm in every state with it, and another one with the state machine (ALM-17).

import type { InfusionState } from "../state/types.ts";
import type { Text } from "../words/say.ts";
import { CAUSE } from "../words/texts/alarm.ts";
import { STEP as S } from "../words/texts/alarm_steps.ts";

/** The infusion of the pump that the alarm is about; `state` null: none, or an alarm of the gateway itself. */
export interface Situation {
  state: InfusionState | null;
  /** Whether the infusion can continue after its trip; null: not known. */
  resumable: boolean | null;
  /** What was given is not known. */
  doubt: boolean;
}

export type Act = "stop" | "clear" | "resume" | "hold" | "reconcile";

export interface Step {
  text: Text;
  act?: Act;
}

/** In which states a person can do it on the screen, so that it has an effect. */
export const POSSIBLE: Readonly<Record<Act, readonly InfusionState[]>> = {
  stop: ["ordered", "loading", "ready", "armed", "starting", "running", "completing", "pausing", "paused", "tripped"],
  clear: ["tripped"],
  resume: ["paused"],
  hold: ["ready"],
  reconcile: ["stopping", "uncertain", "tripped", "stopped"],
};

/** What comes after the checks at the bed. `stopped`: the alarm ends the flow. */
type After = "stopped" | "doubt" | "pause" | "confirm" | "nothing";

type Code = keyof typeof CAUSE;

const CHECKS: Readonly<Record<Code, readonly [After, ...Text[]]>> = {
  occlusion: ["stopped", S.line, S.relieve, S.patient],
  air_in_line: ["stopped", S.clamp, S.patient, S.air],
  empty: ["stopped", S.clamp, S.container, S.patient],
  door_open: ["stopped", S.clamp, S.close, S.patient],
  pump_reset: ["stopped", S.power, S.display],
  pump_watchdog: ["stopped", S.see_stopped, S.cable],
  pump_program_error: ["stopped", S.see_stopped, S.aside],
  pump_fault: ["stopped", S.see_stopped, S.aside],
  battery_low: ["nothing", S.mains],
  battery_ending: ["nothing", S.mains],
  delivery_uncertain: ["doubt", S.see_stopped, S.display, S.patient],
  not_flowing: ["stopped", S.line, S.display],
  free_flow: ["stopped", S.clamp, S.stop_at_pump, S.patient],
  flow_deviation: ["nothing", S.syringe, S.line],
  volume_mismatch: ["stopped", S.display, S.patient],
  over_delivery: ["stopped", S.clamp, S.patient, S.prescriber],
  program_changed: ["stopped", S.see_stopped, S.panel, S.patient],
  link_lost: ["stopped", S.to_pump, S.see_stopped, S.cable],
  reading_stale: ["nothing", S.cable],
  lease_lapsed: ["stopped", S.see_stopped, S.cable],
  identity_doubted: ["stopped", S.which_pump, S.see_stopped],
  unprescribed_flow: ["nothing", S.stop_at_pump, S.clamp, S.patient],
  stop_unconfirmed: ["nothing", S.stop_at_pump, S.clamp, S.patient],
  window_too_fast: ["stopped", S.patient, S.syringe],
  window_closed: ["stopped", S.prescriber],
  pause_ending: ["pause", S.patient],
  pause_too_long: ["stopped", S.patient, S.prescriber],
  near_end: ["nothing", S.be_there],
  journal_failed: ["stopped", S.see_stopped, S.engineering],
  journal_slow: ["nothing", S.engineering],
  start_failed: ["stopped", S.see_stopped, S.display],
  control_restarted: ["stopped", S.see_stopped, S.patient],
  deadman_failed: ["stopped", S.stay, S.engineering],
  control_failed: ["nothing", S.see_stopped, S.engineering],
  vitals_critical: ["stopped", S.patient, S.see_stopped],
  vitals_late: ["nothing", S.probe],
  vitals_missing: ["nothing", S.patient, S.probe],
  vitals_lost: ["stopped", S.patient, S.probe],
  pressure_overdue: ["stopped", S.pressure],
  tablet_lost: ["nothing", S.to_pump, S.tablet],
  tablet_gone: ["nothing", S.to_pump, S.tablet],
  confirmation_waiting: ["confirm", S.patient],
  wrong_pins: ["nothing", S.who_signs_in],
  certificate_ending: ["nothing", S.certificate],
  name_taken: ["nothing", S.engineering],
  local_signals_failed: ["nothing", S.no_button, S.engineering],
  supply_on_battery: ["nothing", S.gateway_mains],
  supply_short: ["nothing", S.gateway_mains],
  supply_ending: ["nothing", S.gateway_mains, S.stay],
  supply_under_voltage: ["nothing", S.gateway_supply],
  supply_unknown: ["nothing", S.gateway_supply],
  tablet_link_lost: ["nothing", S.to_pump, S.network],
  order_left: ["nothing", S.finish],
  unknown: ["nothing", S.to_pump, S.patient],
};

/** A code of a newer gateway is shown as one that this page does not know. */
const known = (code: string): Code => (code in CHECKS ? (code as Code) : "unknown");

export const causeOf = (code: string): Text => CAUSE[known(code)];

export function stepsFor(code: string, situation: Situation): Step[] {
  const [after, ...checks] = CHECKS[known(code)];
  return [...checks.map((text) => ({ text })), ...next(after, situation)];
}

function next(after: After, { state, resumable, doubt }: Situation): Step[] {
  if (state === null || after === "nothing") return [];
  if (doubt && after !== "confirm" && POSSIBLE.reconcile.includes(state))
    return [{ text: S.reconcile, act: "reconcile" }];
  switch (state) {
    case "ordered":
    case "loading":
    case "armed":
      return [{ text: S.being_prepared }];
    case "ready":
      return [{ text: after === "confirm" || after === "pause" ? S.hold_or_stop : S.hold, act: "hold" }];
    case "starting":
    case "running":
    case "completing":
      return [{ text: S.touch_stop, act: "stop" }];
    case "pausing":
    case "stopping":
    case "uncertain":
      return [{ text: S.being_stopped }];
    case "paused":
      return [{ text: after === "pause" ? S.resume_or_stop : S.resume, act: "resume" }];
    case "tripped":
      return [{ text: resumable === null ? S.clear : resumable ? S.clear_resume : S.clear_end, act: "clear" }];
    case "stopped":
      return [{ text: S.rest }];
    case "completed":
    case "abandoned":
      return [{ text: S.ended }];
  }
}
