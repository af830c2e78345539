// What the gateway's short words mean, in plain English.

import { clock, figure, spell, wallClock } from "./figures.ts";
import type { LossOfControl, Infusion, InfusionState, Pump, Review } from "../state/types.ts";

export const STATE: Record<InfusionState, string> = {
  ordered: "Ordered",
  loading: "Loading the pump",
  ready: "Ready to check",
  armed: "Starting",
  starting: "Starting",
  running: "Running",
  completing: "Finishing",
  pausing: "Pausing",
  paused: "Paused",
  stopping: "Stopping",
  uncertain: "Uncertain",
  tripped: "Stopped by an alarm",
  completed: "Complete",
  stopped: "Stopped",
  abandoned: "Not started",
};

const EXPIRY: Record<LossOfControl, string> = {
  native: "the pump stops by its own watchdog",
  deadman: "a separate process on the gateway stops the pump",
  vtbi_only: "the pump goes on to the end of its programmed volume",
};

/** What ends the flow when the gateway dies, as one sentence. */
export function lossOfControlSentence(classes: readonly LossOfControl[] | null | undefined, said?: string | null): string {
  const text =
    said ||
    (classes ?? [])
      .map((each) => EXPIRY[each])
      .filter(Boolean)
      .join("; ");
  if (!text) return "It is not known what the pump does without the gateway.";
  return sentence(text);
}

export const sentence = (text: string): string => {
  const whole = text.trim();
  return whole ? whole[0]!.toUpperCase() + whole.slice(1) + (/[.!?]$/.test(whole) ? "" : ".") : "";
};

/** What the gateway last knew the pump to do. */
export function lastSeen(pump: Pump, offsetMin?: number): string {
  const { infusion } = pump;
  if (!infusion) return `Last seen without an infusion${pump.pump_state ? `, pump ${pump.pump_state}` : ""}.`;
  if (!infusion.may_flow) return `Last seen ${STATE[infusion.state].toLowerCase()}, without flow.`;
  const end = pump.ends_ts ? `, ending about ${wallClock(pump.ends_ts, offsetMin)}` : "";
  return `Last seen ${STATE[infusion.state].toLowerCase()} at ${figure(infusion.programmed_rate_ml_h)} mL/h${end}.`;
}

/**
 * "35 mg of ketamine in 35 mL over 40 minutes, ending about 14:52"; after a pause, when only the rest is to run,
 * "The last 21.8 mL of 35 mg of ketamine, over 24 minutes 55 seconds, ending about 14:52".
 */
export function inWords(review: Review, endsAbout: string | null): string {
  const end = endsAbout ? `, ending about ${endsAbout}` : "";
  if (isRest(review))
    return `The last ${figure(review.vtbi_ml)} mL of ${figure(review.dose_mg)} mg of ${review.drug}, over ${spell(review.duration_s)}${end}`;
  return `${figure(review.dose_mg)} mg of ${review.drug} in ${figure(review.vtbi_ml)} mL over ${spell(review.duration_s)}${end}`;
}

/** Whether this is what is left of an order of which something was given before. */
export const isRest = (review: Review): boolean => /[1-9]/.test(review.given_before_ml ?? "");

/** "52.5 mL/h", or each step: "26.2 mL/h for 10:00, then 61.2 mL/h for 30:00". */
export function rates(review: Pick<Review, "steps">): string {
  const { steps } = review;
  if (steps.length === 1) return `${figure(steps[0]!.rate_ml_h)} mL/h`;
  return steps.map((step) => `${figure(step.rate_ml_h)} mL/h for ${clock(stepSeconds(step))}`).join(", then ");
}

export const stepSeconds = (step: { rate_ml_h: string; volume_ml: string }): number =>
  Number(step.rate_ml_h) > 0 ? (Number(step.volume_ml) / Number(step.rate_ml_h)) * 3600 : 0;

/** Which drug library a program was planned by; nobody has vouched for one without a version. */
export const libraryOf = ({ library_version, care_area }: Pick<Review, "library_version" | "care_area">): string =>
  library_version ? `library version ${library_version}, ${care_area}` : "library NOT SIGNED";

export const BASIS: Record<string, string> = { actual: "actual", ideal: "ideal", adjusted: "adjusted" };

/** The name alone out of "R. Weiss (badge 1001), tablet ward 7 (04c4…)". */
export const nameOf = (by: string): string => by.split(" (")[0] || by;

/** A reason without what only a machine needs: ids of keys, numbers of processes. */
export const forPeople = (text: string): string =>
  text
    .replace(/ \([0-9a-f]{16}\)/g, "")
    .replace(/,? uid \d+, pid \d+/g, "")
    .replace(/\btablet [0-9a-f]{16}\b/g, "a tablet");

/** Whether this state is shown by the screen of a running infusion. */
export const runs = ({ state }: Infusion): boolean =>
  ["armed", "starting", "running", "completing", "pausing", "stopping"].includes(state);

export const ended = ({ state }: Infusion): boolean => ["completed", "stopped", "abandoned"].includes(state);

/** "dose: 1.2 mg/kg is above … (PRG-04)" to its field and the text for a person. */
export function reasonOf(text: string): { field: string; text: string } {
  const found = /^([a-z_]+): (.*?)(?: \([A-Z]{2,4}-\d+\))?$/s.exec(text);
  return found ? { field: found[1]!, text: found[2]! } : { field: "", text };
}
