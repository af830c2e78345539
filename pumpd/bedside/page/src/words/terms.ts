// The gateway's short words and the program, in the reader's language.

import { clock, decimal, spell, wallClock } from "./numbers.ts";
import { say, saidOf, type Text } from "./say.ts";
import { TERMS } from "./texts/terms.ts";
import { reason } from "./reasons.ts";
import type { CoursePlace, LossOfControl, Infusion, InfusionState, Pump, Review } from "../state/types.ts";

export const STATE: Readonly<Record<InfusionState, string>> = saidOf({
  ordered: TERMS.ordered,
  loading: TERMS.loading,
  ready: TERMS.ready,
  armed: TERMS.starting,
  starting: TERMS.starting,
  running: TERMS.running,
  completing: TERMS.completing,
  pausing: TERMS.pausing,
  paused: TERMS.paused,
  stopping: TERMS.stopping,
  uncertain: TERMS.uncertain,
  tripped: TERMS.tripped,
  completed: TERMS.completed,
  stopped: TERMS.stopped,
  abandoned: TERMS.abandoned,
});

const LOSS_OF_CONTROL: Readonly<Record<LossOfControl, Text>> = {
  native: TERMS.loss_native,
  deadman: TERMS.loss_deadman,
  vtbi_only: TERMS.loss_vtbi_only,
};

/** What ends the flow if the gateway fails, as one sentence. `text`: the gateway's own, where a class is not known here. */
export function lossOfControlSentence(
  classes: readonly LossOfControl[] | null | undefined,
  text?: string | null,
): string {
  const known = (classes ?? []).flatMap((each) => LOSS_OF_CONTROL[each] ?? []);
  const words = known.length === classes?.length ? known.map((each) => say(each)).join("; ") : "";
  return sentence(words || (text && reason(text)) || say(TERMS.loss_unknown));
}

export const sentence = (text: string): string => {
  const whole = text.trim();
  return whole ? whole[0]!.toUpperCase() + whole.slice(1) + (/[.!?]$/.test(whole) ? "" : ".") : "";
};

/** What the pump did when the gateway last reported it. */
export function lastReport({ infusion, ends_ts }: Pump, offsetMin?: number): string {
  if (!infusion) return say(TERMS.report_none);
  const state = STATE[infusion.state].toLowerCase();
  if (!infusion.may_flow) return say(TERMS.report_no_flow, { state });
  const rate = decimal(infusion.programmed_rate_ml_h);
  if (!ends_ts) return say(TERMS.report_flow, { state, rate });
  return say(TERMS.report_flow_until, { state, rate, time: wallClock(ends_ts, offsetMin) });
}

/**
 * "35 mg of ketamine in 35 mL over 40 minutes, ending about 14:52"; after a pause, when only the rest is to run,
 * "The last 21.8 mL of 35 mg of ketamine, over 24 minutes 55 seconds, ending about 14:52"; of an interrupted treatment,
 * "The rest of a treatment of 35 mg of ketamine: 17.5 mL over 40 minutes, ending about 14:52".
 */
export function inWords(review: Review, endsAbout: string | null): string {
  const text = review.first_dose_mg ? TERMS.program_rest : isRest(review) ? TERMS.program_last : TERMS.program;
  const dose = decimal(review.first_dose_mg || review.dose_mg);
  const { drug } = review;
  const program = say(text, { dose, drug, volume: decimal(review.vtbi_ml), time: spell(review.duration_s) });
  return endsAbout ? say(TERMS.program_ends, { program, time: endsAbout }) : program;
}

/** "infusion 3 of 6", "maintenance 2", "infusion 1 of 6, course 2". */
export function placeInCourse({ number: n, of, phase: known, course_number: course = 1 }: CoursePlace): string {
  const phase = say(known === "maintenance" ? TERMS.phase_maintenance : TERMS.phase_infusion);
  const place = of === null ? say(TERMS.place, { phase, n }) : say(TERMS.place_of, { phase, n, of });
  return course > 1 ? say(TERMS.place_course, { place, course }) : place;
}

/** A container of the library in the reader's language. Other words than "bag" in its name are the site's own. */
export const nameOfContainer = (name: string): string =>
  name.replace(/^(\d[\d.]* mL) bag$/, (_, volume: string) => say(TERMS.bag, { volume }));

/** Whether this is the rest of an order, part of which was given before. */
export const isRest = (review: Review): boolean => /[1-9]/.test(review.given_before_ml ?? "");

type Flow = { rate_ml_h: string; volume_ml: string };

/** "52.5 mL/h", or each step: "26.2 mL/h for 10:00, then 61.2 mL/h for 30:00". */
export const rates = ({ steps }: Pick<Review, "steps">): string =>
  steps.length === 1 ? `${decimal(steps[0]!.rate_ml_h)} mL/h` : stepsText(steps);

/** "26.2 mL/h for 10:00, then 61.2 mL/h for 30:00". */
export const stepsText = (steps: readonly Flow[]): string => inTurn(steps.map(stepText));

/** "one, then the next". */
export const inTurn = (texts: readonly string[]): string =>
  texts.reduce((one, next) => say(TERMS.steps, { one, next }));

const stepText = (step: Flow): string =>
  say(TERMS.step, { rate: decimal(step.rate_ml_h), time: clock(stepSeconds(step)) });

export const stepSeconds = (step: Flow): number =>
  Number(step.rate_ml_h) > 0 ? (Number(step.volume_ml) / Number(step.rate_ml_h)) * 3600 : 0;

/** The drug library that a program was planned with. One without a version is not signed. */
export const libraryOf = ({ library_version, care_area }: Pick<Review, "library_version" | "care_area">): string =>
  library_version
    ? say(TERMS.library, { version: library_version, area: care_area ?? "" })
    : say(TERMS.library_unsigned);

export const BASIS: Readonly<Record<string, string>> = saidOf({
  actual: TERMS.actual,
  ideal: TERMS.ideal,
  adjusted: TERMS.adjusted,
});

/** "actual weight". */
export const weightOf = (basis: string): string => WEIGHT[basis] ?? basis;

const WEIGHT: Readonly<Record<string, string>> = saidOf({
  actual: TERMS.weight_actual,
  ideal: TERMS.weight_ideal,
  adjusted: TERMS.weight_adjusted,
});

/** The name alone out of "R. Weiss (badge 1001), tablet ward 7 (04c4…)". */
export const nameOf = (by: string): string => by.split(" (")[0] || by;

/** A reason in the reader's language, without what only a machine needs: key and process ids. */
export const forPeople = (english: string): string =>
  reason(english)
    .replace(/ \([0-9a-f]{16}\)/g, "")
    .replace(/,? uid \d+, pid \d+/g, "")
    .replace(/\btablet [0-9a-f]{16}\b/g, say(TERMS.a_tablet));

export const ended = ({ state }: Infusion): boolean => ["completed", "stopped", "abandoned"].includes(state);

/** Splits "dose: 1.2 mg/kg is above … (PRG-04)" into its field and the text for a person, in the reader's language. */
export function reasonOf(english: string): { field: string; text: string } {
  const text = reason(english);
  const field = /^([a-z_]+): /.exec(english)?.[1];
  if (!field) return { field: "", text };
  return { field, text: text.replace(/^[\p{L}_-]+: /u, "").replace(/ \([A-Z]{2,4}-\d+\)$/, "") };
}
