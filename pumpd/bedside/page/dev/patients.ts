// The mock's patient: a treatment that was interrupted, a course, a weight on record, an estimate of the plasma.

import type { PatientHistory, Treatment } from "../src/state/treatments.ts";
import type { PlasmaBand, Rest, Review, SelfTest, VitalSigns } from "../src/state/types.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const ts = (ms: number) => new Date(ms).toISOString();
const date = (ms: number) => ts(ms).slice(0, 10);
/** Nothing is on record of this one. */
export const NEW_PATIENT = "P-2001";
export const NOTE = "estimated for an average adult, not measured";

/** 17.5 of 35 mg were given; the rest may be given for another hour and a half. */
export const rest = (now: number): Rest => ({
  treatment: "20261126-01",
  patient: "P-1042",
  left_ml: "17.5",
  left_mg: "17.5",
  until_ts: ts(now + 1.5 * HOUR),
  by_nurse: false,
});

const given = (now: number, days: number, name: string): Treatment => ({
  treatment: name,
  drug: "ketamine",
  entry: "ketamine-1mg-ml",
  course: "C-1",
  started_ts: ts(now - days * DAY),
  ended_ts: ts(now - days * DAY + 40 * 60_000),
  prescribed_mg: "35",
  given_mg: "35",
  share_percent: 100,
  takes_place: true,
  uncertain: false,
  running: false,
  suspect: false,
  deliveries: [],
  rest: null,
});

/** `after`: the sixth infusion was given. `suspect`: a dose is dated a year ahead. */
export function history(now: number, patient: string, { after = false, suspect = false } = {}): PatientHistory {
  if (patient === NEW_PATIENT) return { patient, weight: null, treatments: [], courses: [], suspects: [] };
  const before = [given(now, 2, "20261124-01"), given(now, 4, "20261122-01")];
  const interrupted: Treatment = {
    ...given(now, 0, "20261126-01"),
    started_ts: ts(now - 0.5 * HOUR),
    ended_ts: ts(now - 0.2 * HOUR),
    given_mg: "17.5",
    share_percent: 50,
    deliveries: [
      {
        session: "20261126-01",
        pump: "bed1",
        started_ts: ts(now - 0.5 * HOUR),
        ended_ts: ts(now - 0.2 * HOUR),
        given_mg: "17.5",
      },
    ],
    rest: {
      left_mg: "17.5",
      left_ml: "17.5",
      until_ts: ts(now + 1.5 * HOUR),
      by_nurse: false,
      container: "50 mL",
      reasons: [],
    },
  };
  const days = [-4, -2, 0, 1, 4, 6].map((each) => now + each * DAY);
  return {
    patient,
    weight: {
      weight_kg: "70",
      basis: "actual",
      ts: ts(now - 2 * DAY),
      confirmable_until_ts: ts(now + 26 * DAY),
    },
    treatments: [interrupted, ...before],
    courses: [
      {
        course: "C-1",
        number: 1,
        entry: "ketamine-1mg-ml",
        infusions: 6,
        given: after ? 6 : 3,
        maintenance: 0,
        ordered: true,
        next: after
          ? {
              place: { number: 1, of: 2, phase: "maintenance" as const },
              earliest_ts: ts(now + 7 * DAY),
              planned_date: null,
            }
          : {
              place: { number: 4, of: 6, phase: "infusion" as const },
              earliest_ts: ts(now + DAY),
              planned_date: date(now + DAY),
            },
        dates: days.map((each, at) => ({
          number: at + 1,
          date: date(each),
          state: after || at < 3 ? "given" : "planned",
          treatment: null,
        })),
        assessment: null,
      },
    ],
    suspects: suspect
      ? [
          {
            session: "20271126-01",
            patient,
            drug: "ketamine",
            started_ts: ts(now + 365 * DAY),
            ended_ts: ts(now + 365 * DAY + HOUR),
            given_mg: "35",
          },
        ]
      : [],
  };
}

/** The review of the rest in so many minutes. */
export function ofRest(review: Review, minutes: number, container: string): Review {
  const steps = [{ rate_ml_h: String(Math.floor((17.5 / minutes) * 600) / 10), volume_ml: "17.5" }];
  return {
    ...review,
    container,
    dose_mg: "17.5",
    vtbi_ml: "17.5",
    duration_s: String(minutes * 60),
    steps,
    read_back: steps,
    given_before_ml: "17.5",
    treatment: "20261126-01",
    first_dose_mg: "35",
  };
}

/** A rise for as long as it flows, then a fall: only a shape, of no model. */
export function band(minutes = 40, peak = 250): PlasmaBand {
  const shape = (at: number) => (at <= minutes ? at / minutes : Math.exp((minutes - at) / 25));
  const times = Array.from({ length: 100 }, (_, at) => at);
  return {
    minutes: times,
    low_ng_ml: times.map((at) => Math.round(shape(at) * peak * 0.7)),
    high_ng_ml: times.map((at) => Math.round(shape(at) * peak)),
    peak_low_ng_ml: Math.round(peak * 0.7),
    peak_high_ng_ml: peak,
    note: NOTE,
  };
}

const sign = (
  name: string,
  value: number | null,
  level: VitalSigns["signs"][number]["level"],
  age_s: number | null,
) => ({
  name,
  value,
  age_s,
  level,
  source: value === null ? null : name.endsWith("mmhg") ? "tablet" : "monitor",
});

export const SIGNS: VitalSigns = {
  signs: [
    sign("spo2_percent", 97, "ok", 1.2),
    sign("heart_rate_bpm", 104, "warning", 1.2),
    sign("systolic_mmhg", 128, "ok", 190),
    sign("diastolic_mmhg", 82, "ok", 190),
    sign("respiration_per_min", null, "missing", null),
  ],
  ready: true,
  reasons: [],
};

/** Before a start: no baseline of the blood pressure, one sign critical. */
export const NOT_READY: VitalSigns = {
  signs: [
    sign("spo2_percent", 88, "critical", 2),
    sign("heart_rate_bpm", 76, "ok", 2),
    sign("systolic_mmhg", null, "missing", null),
    sign("diastolic_mmhg", null, "missing", null),
    sign("respiration_per_min", null, "missing", 95),
  ],
  ready: false,
  reasons: [
    "SpO2: warning, outside the limits of this site",
    "blood pressure: measured more than 15 min ago; measure it again",
  ],
};

export const selfTest = (now: number, passed: boolean): SelfTest => ({
  ts: ts(now - 120_000),
  passed,
  results: [
    { what: "speaker", state: passed ? "passed" : "failed", detail: passed ? "" : "no result within 2 s" },
    { what: "stop_button", state: "absent", detail: "no stop button is configured: stop at a tablet or at the pump" },
    { what: "clock", state: "passed", detail: "" },
    { what: "disk", state: "passed", detail: "an entry of the journal was written and synced" },
    { what: "watchdog", state: "passed", detail: "" },
    { what: "stop_path", state: "passed", detail: "a stop was sent, and the pump confirmed it" },
  ],
});
