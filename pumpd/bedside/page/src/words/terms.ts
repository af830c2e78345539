// The gateway's short words in plain English.

import { clock, decimal, spell, wallClock } from "./numbers.ts";
import { reason } from "./reasons.ts";
import type { CoursePlace, LossOfControl, Infusion, InfusionState, Pump, Review } from "../state/types.ts";

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

const LOSS_OF_CONTROL: Record<LossOfControl, string> = {
  native: "the pump's own watchdog stops it",
  deadman: "a separate process on the gateway stops the pump",
  vtbi_only: "the pump runs on to the end of its programmed volume",
};

/** What ends the flow if the gateway fails, as one sentence. */
export function lossOfControlSentence(
  classes: readonly LossOfControl[] | null | undefined,
  text?: string | null,
): string {
  const words =
    (text && reason(text)) ||
    (classes ?? [])
      .map((each) => LOSS_OF_CONTROL[each])
      .filter(Boolean)
      .join("; ");
  if (!words) return "It is unknown what the pump does without the gateway.";
  return sentence(words);
}

export const sentence = (text: string): string => {
  const whole = text.trim();
  return whole ? whole[0]!.toUpperCase() + whole.slice(1) + (/[.!?]$/.test(whole) ? "" : ".") : "";
};

/** What the pump did when the gateway last reported it. */
export function lastReport(pump: Pump, offsetMin?: number): string {
  const { infusion } = pump;
  if (!infusion) return `Last report: no infusion${pump.pump_state ? `, pump ${pump.pump_state}` : ""}.`;
  if (!infusion.may_flow) return `Last report: ${STATE[infusion.state].toLowerCase()}, no flow.`;
  const end = pump.ends_ts ? `, ending about ${wallClock(pump.ends_ts, offsetMin)}` : "";
  return `Last report: ${STATE[infusion.state].toLowerCase()} at ${decimal(infusion.programmed_rate_ml_h)} mL/h${end}.`;
}

/**
 * "35 mg of ketamine in 35 mL over 40 minutes, ending about 14:52"; after a pause, when only the rest is to run,
 * "The last 21.8 mL of 35 mg of ketamine, over 24 minutes 55 seconds, ending about 14:52"; of an interrupted treatment,
 * "The rest of a treatment of 35 mg of ketamine: 17.5 mL over 40 minutes, ending about 14:52".
 */
export function inWords(review: Review, endsAbout: string | null): string {
  const end = endsAbout ? `, ending about ${endsAbout}` : "";
  if (review.first_dose_mg)
    return `The rest of a treatment of ${decimal(review.first_dose_mg)} mg of ${review.drug}: ${decimal(review.vtbi_ml)} mL over ${spell(review.duration_s)}${end}`;
  if (isRest(review))
    return `The last ${decimal(review.vtbi_ml)} mL of ${decimal(review.dose_mg)} mg of ${review.drug}, over ${spell(review.duration_s)}${end}`;
  return `${decimal(review.dose_mg)} mg of ${review.drug} in ${decimal(review.vtbi_ml)} mL over ${spell(review.duration_s)}${end}`;
}

/** "infusion 3 of 6", "maintenance 2", "infusion 1 of 6, course 2". */
export function placeInCourse({ number, of, phase, course_number }: CoursePlace): string {
  const place = `${phase || "infusion"} ${number}${of === null ? "" : ` of ${of}`}`;
  return (course_number ?? 1) > 1 ? `${place}, course ${course_number}` : place;
}

/** Whether this is the rest of an order, part of which was given before. */
export const isRest = (review: Review): boolean => /[1-9]/.test(review.given_before_ml ?? "");

/** "52.5 mL/h", or each step: "26.2 mL/h for 10:00, then 61.2 mL/h for 30:00". */
export function rates(review: Pick<Review, "steps">): string {
  const { steps } = review;
  if (steps.length === 1) return `${decimal(steps[0]!.rate_ml_h)} mL/h`;
  return steps.map((step) => `${decimal(step.rate_ml_h)} mL/h for ${clock(stepSeconds(step))}`).join(", then ");
}

export const stepSeconds = (step: { rate_ml_h: string; volume_ml: string }): number =>
  Number(step.rate_ml_h) > 0 ? (Number(step.volume_ml) / Number(step.rate_ml_h)) * 3600 : 0;

/** The drug library that a program was planned with. One without a version is not signed. */
export const libraryOf = ({ library_version, care_area }: Pick<Review, "library_version" | "care_area">): string =>
  library_version ? `library version ${library_version}, ${care_area}` : "library NOT SIGNED";

export const BASIS: Record<string, string> = { actual: "actual", ideal: "ideal", adjusted: "adjusted" };

/** The name alone out of "R. Weiss (badge 1001), tablet ward 7 (04c4…)". */
export const nameOf = (by: string): string => by.split(" (")[0] || by;

/** A reason in the reader's language, without what only a machine needs: key and process ids. */
export const forPeople = (english: string): string =>
  reason(english)
    .replace(/ \([0-9a-f]{16}\)/g, "")
    .replace(/,? uid \d+, pid \d+/g, "")
    .replace(/\btablet [0-9a-f]{16}\b/g, "a tablet");

export const ended = ({ state }: Infusion): boolean => ["completed", "stopped", "abandoned"].includes(state);

/** Splits "dose: 1.2 mg/kg is above … (PRG-04)" into its field and the text for a person, in the reader's language. */
export function reasonOf(english: string): { field: string; text: string } {
  const text = reason(english);
  const found = /^([a-z_]+): (.*?)(?: \([A-Z]{2,4}-\d+\))?$/s.exec(text);
  return found ? { field: found[1]!, text: found[2]! } : { field: "", text };
}
