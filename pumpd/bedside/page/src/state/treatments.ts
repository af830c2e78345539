// What a patient was given, as the gateway tells it: treatments, their rests, courses. And what may be done about it.

import type { Page } from "./page.ts";
import type { CoursePlace, Pump, Role, WeightOnRecord } from "./types.ts";
import { added, decimal } from "../words/numbers.ts";
import { say } from "../words/say.ts";
import { ORDER } from "../words/texts/order.ts";

export interface Delivery {
  session: string;
  pump: string;
  started_ts: string;
  ended_ts: string | null;
  given_mg: string;
}

/** One prescribed infusion, which may take several deliveries. `takes_place`: it uses up a place in its course. */
export interface Treatment {
  treatment: string;
  drug: string;
  entry: string;
  course: string;
  started_ts: string;
  ended_ts: string | null;
  prescribed_mg: string;
  given_mg: string;
  share_percent: number;
  takes_place: boolean;
  uncertain: boolean;
  running: boolean;
  suspect: boolean;
  deliveries: Delivery[];
  /** `reasons`: why the rest may not be ordered now. */
  rest: null | {
    left_mg: string;
    left_ml: string;
    until_ts: string;
    by_nurse: boolean;
    container: string;
    reasons: string[];
  };
}

export interface Assessment {
  response: string;
  scale: string | null;
  total: number | null;
  ts: string;
  by: string;
}

export interface CourseDate {
  number: number;
  date: string;
  state: "given" | "planned" | "missed";
  treatment: string | null;
}

/** `ordered` false: the treatments that belong to no course. */
export interface CourseRecord {
  course: string;
  number: number;
  entry: string;
  infusions: number;
  given: number;
  maintenance: number;
  ordered: boolean;
  next: null | { place: CoursePlace; earliest_ts: string | null; planned_date: string | null };
  dates: CourseDate[];
  assessment: Assessment | null;
}

/** A dose dated in the future: two people correct its date. */
export interface Suspect {
  session: string;
  patient: string;
  drug: string;
  started_ts: string;
  ended_ts: string | null;
  given_mg: string;
}

export interface PatientHistory {
  patient: string;
  weight: WeightOnRecord | null;
  treatments: Treatment[];
  courses: CourseRecord[];
  suspects: Suspect[];
}

/** A rest that can be offered on a pump: of the treatment that ended there, or of its patient's on another pump. */
export interface Offer {
  patient: string;
  treatment: string;
  left_ml: string;
  left_mg: string;
  until_ts: string;
  by_nurse: boolean;
}

/** What may be offered here, from the pump's own state or else from the history of its patient. */
export function offered(pump: Pump, history: PatientHistory | null): Offer | null {
  const patient = pump.patient ?? pump.rest?.patient ?? null;
  if (pump.rest && pump.rest.patient === patient) return pump.rest;
  if (!history || history.patient !== patient) return null;
  const found = history.treatments.find(({ rest }) => rest !== null && rest.reasons.length === 0);
  return found?.rest ? { patient: history.patient, treatment: found.treatment, ...found.rest } : null;
}

type MayRole = (page: Page, role: Role) => boolean;

/** Whether these roles may order it: a prescriber, or a nurse where the library entry allows that. */
export const mayOrderRest = (page: Page, offer: Pick<Offer, "by_nurse">, may: MayRole): boolean =>
  may(page, "prescribe") || (offer.by_nurse && may(page, "confirm"));

/** "17.5 mg given + 17.5 mg left = 35 mg ordered"; "of" where rounding down leaves a difference. */
export function balance(given: string, left: string, ordered: string, unit: string): string {
  const equal = added(given, left) === added(ordered, "0");
  const parts = { given: decimal(given), left: decimal(left), ordered: decimal(ordered), unit };
  return say(equal ? ORDER.balance : ORDER.balance_of, parts);
}

/** A course is assessed once: after its last infusion, or when its time is over and only maintenance follows. */
export const assessable = ({ ordered, given, infusions, next, assessment }: CourseRecord): boolean =>
  ordered && !assessment && given > 0 && (given >= infusions || next?.place.phase === "maintenance");

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

/** What lacks before a course can be ordered. */
export type CourseLack = "drug" | "name" | "first_day" | "weekdays";

export function lacksForCourse(fields: { entry: string; course: string; first_day: string; weekdays: string[] }) {
  const lacks: CourseLack[] = [];
  if (!fields.entry) lacks.push("drug");
  if (!fields.course.trim()) lacks.push("name");
  if (!/^\d{4}-\d{2}-\d{2}$/.test(fields.first_day)) lacks.push("first_day");
  if (!fields.weekdays.length) lacks.push("weekdays");
  return lacks;
}

/** A date and a time at the gateway as ISO 8601 with its offset, "2026-11-26T14:52:00+01:00". */
export function withOffset(date: string, time: string, offsetMin: number): string {
  return `${date}T${time.length === 5 ? `${time}:00` : time}${offsetText(offsetMin)}`;
}

export function offsetText(offsetMin: number): string {
  const two = (part: number) => String(part).padStart(2, "0");
  const all = Math.abs(offsetMin);
  return `${offsetMin < 0 ? "-" : "+"}${two(Math.floor(all / 60))}:${two(all % 60)}`;
}
