// States of a gateway, to show the page without one: a bed in each state that a nurse can encounter.

import { NOT_READY, NOTE, ofRest, rest, selfTest, SIGNS } from "./patients.ts";
import type { Alarm, Infusion, InfusionState, Live, Person, Pump, Review } from "../src/state/types.ts";

const DIGEST = "9f2c".repeat(16);
const RATE = "52.5";
const TOTAL_ML = 35;

export const REVIEW: Review = {
  pump: "bed1",
  simulated: true,
  model: "NE-1000",
  serial: "SIM-1001",
  loss_of_control: ["native", "deadman"],
  patient: "P-1042",
  drug: "ketamine",
  entry: "ketamine-1mg-ml",
  concentration_mg_ml: "1",
  dose_mg_kg: "0.5",
  weight_kg: "70",
  weight_basis: "actual",
  dose_mg: "35",
  container: "50 mL",
  vtbi_ml: "35",
  duration_s: "2400",
  prescribed_duration_s: "2400",
  steps: [{ rate_ml_h: RATE, volume_ml: "35" }],
  read_back: [{ rate_ml_h: RATE, volume_ml: "35" }],
  warnings: [],
  overrides: {},
  ordered_by: "20417",
  ordered_ts: "2026-11-26T12:58:00.000Z",
  digest: DIGEST,
  given_before_ml: "0",
  double_check: false,
  library_version: 5,
  care_area: "day-clinic",
};

export const ALARMS: Record<string, Alarm> = {
  occlusion: {
    code: "occlusion",
    priority: "high",
    cause: "Line blocked or motor stalled",
    action: "Check the line and the pump",
  },
  uncertain: {
    code: "delivery_uncertain",
    priority: "high",
    cause: "Delivered volume unknown",
    action: "Read the pump's display, then reconcile",
  },
  stop: {
    code: "stop_unconfirmed",
    priority: "high",
    cause: "Stop not confirmed",
    action: "Stop at the pump and clamp the line",
  },
  deviation: {
    code: "flow_deviation",
    priority: "medium",
    cause: "Flow differs from the program",
    action: "Check pump and syringe",
  },
  pauseEnding: {
    code: "pause_ending",
    priority: "low",
    cause: "Pause must end within 2 minutes",
    action: "Continue or end the infusion",
  },
  nearEnd: { code: "near_end", priority: "low", cause: "Infusion ends within 3 minutes", action: "Go to the patient" },
  battery: { code: "battery_low", priority: "low", cause: "Pump battery low", action: "Connect the pump to the mains" },
};

const number = (value: number) => String(Math.round(value * 1000) / 1000);
const from = (at: number, seconds: number) => new Date(at + seconds * 1000).toISOString();

/** An infusion `running` seconds into its flow. */
export function infusion(state: InfusionState, running: number, review: Review = REVIEW): Infusion {
  const given = Math.min(TOTAL_ML, (running / 3600) * Number(RATE));
  const flows = ["starting", "running", "completing", "pausing", "stopping", "uncertain"].includes(state);
  const left = TOTAL_ML - given;
  return {
    session: "20261126-01",
    state,
    may_flow: flows,
    reason: state === "ready" ? "read back, equal" : "flow seen at the programmed rate",
    action: running ? "resume" : "start",
    rate_ml_h: flows ? RATE : "0",
    programmed_rate_ml_h: RATE,
    delivered_ml: number(given),
    booked_ml: number(given + (state === "uncertain" ? 2.3 : 0.1)),
    prescribed_ml: "35",
    remaining_ml: number(left),
    delivered_mg: number(given),
    booked_mg: number(given + 0.1),
    prescribed_mg: "35",
    remaining_mg: number(left),
    ...(flows ? { dose_rate_mg_h: RATE } : {}),
    started_ts: running ? "2026-11-26T12:55:14.000Z" : null,
    confirmed_by: running ? "R. Weiss (badge 20417), tablet ward 7, bed 1 (04c4…)" : null,
    remaining_s: Math.max(0, 2400 - running),
    running_s: running,
    elapsed_s: running,
    window_least_s: 2280,
    window_most_s: 2520,
    window_elapsed_s: 3600,
    pauses: 0,
    lease_s: flows ? 9 : null,
    trips: [],
    trip_resumable: true,
    digest: DIGEST,
    review,
    treatment: "20261126-01",
    ordered_ts: review.ordered_ts ?? null,
    expires_ts: running ? null : "2026-11-26T13:58:00.000Z",
  };
}

export function pump(name: string, what: Infusion | null, fields: Partial<Pump> = {}): Pump {
  return {
    pump: name,
    driver: "new-era",
    model: "NE-1000",
    firmware: "3.928",
    serial: "SIM-1001",
    simulated: true,
    patient: what ? what.review.patient : null,
    problem: null,
    pump_state: what?.may_flow ? "infusing" : "stopped",
    stopped: !what?.may_flow,
    infusion: what,
    age_s: 0.4,
    pressure_mmhg: what?.may_flow ? 84 : 12,
    battery_percent: 92,
    loss_of_control: ["native", "deadman"],
    loss_of_control_text: null,
    links: { pump: "ok" },
    alarms: [],
    flow_profile: what?.review.steps ?? null,
    ends_ts: null,
    pause: { used: 0, most: 3, single_left_s: 300, total_left_s: 600, left_s: null, reason: null },
    observations: [],
    course: { number: 3, of: 6, phase: "infusion" },
    summary: null,
    ...fields,
  };
}

const PAUSED: Infusion = { ...infusion("paused", 900), pauses: 1, reason: "pause requested (by R. Weiss)" };
const paused = (left_s: number, reason: string) => ({
  used: 1,
  most: 3,
  single_left_s: left_s,
  total_left_s: left_s + 300,
  left_s,
  reason,
});

const HALF = 1200;

/** The second delivery of the interrupted treatment, `running` seconds into its flow. */
function ofTheRest(state: InfusionState, running: number, now: number): Infusion {
  const review = ofRest(REVIEW, 40, "50 mL");
  const given = number(Math.min(17.5, (running / 3600) * 26.2));
  const left = number(17.5 - Number(given));
  return {
    ...infusion(state, running, review),
    session: "20261126-02",
    earlier_ml: "17.5",
    earlier_mg: "17.5",
    treatment_ml: "35",
    treatment_mg: "35",
    closes_ts: from(now, 5400),
    action: running ? "resume" : "start",
    rate_ml_h: state === "running" ? "26.2" : "0",
    programmed_rate_ml_h: "26.2",
    prescribed_ml: "17.5",
    prescribed_mg: "17.5",
    delivered_ml: given,
    delivered_mg: given,
    remaining_ml: left,
    remaining_mg: left,
  };
}

const at = (running: number, now: number) => ({ ends_ts: from(now, 2400 - running) });
const trip = (alarms: Alarm[]) => ({
  alarms: alarms.map((alarm) => ({ ...alarm, raised_ts: "2026-11-26T13:40:00.000Z" })),
});

/** The beds of each scene. `running` grows with time in the mock. */
export const SCENES: Record<string, (now: number, running: number) => Pump[]> = {
  idle: () => [pump("bed1", null)],
  ordering: () => [pump("bed1", null, { patient: "P-1042" })],
  loading: () => [pump("bed1", infusion("loading", 0))],
  ready: () => [pump("bed1", infusion("ready", 0))],
  gentle: () => {
    const steps = [
      { rate_ml_h: "42", volume_ml: "7" },
      { rate_ml_h: "98", volume_ml: "49" },
    ];
    return [
      pump("bed1", {
        ...infusion("ready", 0, {
          ...REVIEW,
          entry: "ketamine-1mg-ml-gentle",
          steps,
          read_back: steps,
          warnings: ["dose_high: 0.8 mg/kg is above the soft limit of 0.75 mg/kg (PRG-05)"],
          overrides: { dose_high: "no response at 0.5, asked by Dr A" },
          dose_mg_kg: "0.8",
          dose_mg: "56",
          vtbi_ml: "56",
          container: "60 mL",
          double_check: true,
        }),
        session: "20261126-02",
        treatment: "20261126-02",
      }),
    ];
  },
  running: (now, running) => [pump("bed1", infusion("running", running), at(running, now))],
  stopping: (now, running) => [pump("bed1", infusion("stopping", running), at(running, now))],
  unconfirmed: () => [pump("bed1", infusion("stopping", 900), trip([ALARMS["stop"]!]))],
  paused: () => [pump("bed1", PAUSED, { pause: paused(221, "") })],
  pauseEnding: () => [
    pump("bed1", PAUSED, {
      ...trip([ALARMS["pauseEnding"]!]),
      pause: paused(97, ""),
    }),
  ],
  nearEnd: (now, running) => [
    pump("bed1", infusion("running", 2241 + running), { ...at(2241, now), ...trip([ALARMS["nearEnd"]!]) }),
  ],
  tripped: () => [
    pump(
      "bed1",
      {
        ...infusion("tripped", 743),
        reason: "occlusion: the pump reports a blocked line",
        trips: ["occlusion"],
      },
      trip([ALARMS["occlusion"]!]),
    ),
  ],
  uncertain: () => [
    pump(
      "bed1",
      { ...infusion("uncertain", 0), reason: "not known whether the pump started: no answer within 2 s" },
      { ...trip([ALARMS["uncertain"]!]), pump_state: null, stopped: false, age_s: 12 },
    ),
  ],
  complete: (now) => [
    pump(
      "bed1",
      { ...infusion("completed", 2400), reason: "the whole volume was given" },
      {
        observations: [
          {
            session: "20261126-01",
            since_ts: from(now, -1900),
            until_ts: from(now, 5300),
            vitals_due_ts: from(now, 312),
            vitals: [
              {
                ts: from(now, -1800),
                by: "20417",
                systolic_mmhg: 138,
                diastolic_mmhg: 84,
                heart_rate_bpm: 82,
                spo2_percent: 97,
              },
              {
                ts: from(now, -900),
                by: "20417",
                systolic_mmhg: 129,
                diastolic_mmhg: 80,
                heart_rate_bpm: 76,
                spo2_percent: 98,
              },
            ],
          },
        ],
        summary: {
          drug: "ketamine",
          prescribed_mg: "35",
          delivered_mg: "34.97",
          undelivered_mg: "0.03",
          delivered_ml: "34.97",
          undelivered_ml: "0.03",
          running_s: 2400,
          elapsed_s: 2579,
          pauses: 1,
          started_ts: from(now, -4500),
          ended_ts: from(now, -1900),
          outcome: "completed",
          deviations: [],
          confirmed_by: "20417",
          second: null,
        },
      },
    ),
  ],
  interrupted: (now) => [
    pump(
      "bed1",
      { ...infusion("stopped", HALF), reason: "Stop pressed on the tablet (by tablet ward 7, bed 1)" },
      {
        rest: rest(now),
        course: { number: 3, of: 6, phase: "infusion", course_number: 1 },
        summary: {
          drug: "ketamine",
          delivered_mg: "17.5",
          delivered_ml: "17.5",
          undelivered_ml: "17.5",
          running_s: 1200,
          elapsed_s: 1200,
          pauses: 0,
          started_ts: from(now, -1900),
          ended_ts: from(now, -700),
          confirmed_by: "R. Weiss",
          plasma: { peak_low_ng_ml: 104, peak_high_ng_ml: 149, note: NOTE },
        },
      },
    ),
  ],
  moved: () => [pump("bed2", null, { patient: "P-1042", vitals: SIGNS })],
  restReady: (now) => [pump("bed1", ofTheRest("ready", 0, now), { vitals: SIGNS, self_test: selfTest(now, true) })],
  restRunning: (now, running) => [
    pump("bed1", ofTheRest("running", running, now), {
      ...at(running, now),
      vitals: SIGNS,
      plasma: { low_ng_ml: 128, high_ng_ml: 181, note: NOTE },
    }),
  ],
  restComplete: (now) => [
    pump("bed1", { ...ofTheRest("completed", 2400, now), delivered_ml: "17.5", delivered_mg: "17.5" }),
  ],
  notReady: (now) => [
    pump("bed1", infusion("ready", 0), { vitals: NOT_READY, self_test: selfTest(now, false), patient: "P-1042" }),
  ],
  expired: () => [
    pump("bed1", {
      ...infusion("abandoned", 0),
      reason: "the order expired 60 min after it was given; nothing was started; order again",
    }),
  ],
  afterSix: () => [pump("bed1", null, { patient: "P-6006" })],
  suspect: () => [pump("bed1", null, { patient: "P-9999" })],
  alarms: (now, running) => {
    const more = Array.from({ length: 18 }, (_, each): Alarm => ({
      ...ALARMS["battery"]!,
      code: `battery_${each}`,
      cause: `Reminder ${each + 1}`,
    }));
    return [
      pump("bed1", infusion("running", running), { ...at(running, now), ...trip([ALARMS["deviation"]!, ...more]) }),
      pump("bed2", infusion("tripped", 300), trip([{ ...ALARMS["occlusion"]!, acknowledged_by: null }])),
    ];
  },
  medium: (now, running) => [
    pump("bed1", infusion("running", running), { ...at(running, now), ...trip([ALARMS["deviation"]!]) }),
  ],
  low: (now, running) => [
    pump("bed1", infusion("running", running), { ...at(running, now), ...trip([ALARMS["battery"]!]) }),
  ],
  ward: (now, running) => [
    pump("bed1", infusion("running", running), at(running, now)),
    pump("bed2", infusion("tripped", 700), { ...trip([ALARMS["occlusion"]!]), model: "PHD Ultra" }),
    pump("bed3", null, { model: "Alaris Asena" }),
    pump("bed4", infusion("completed", 2400), { course: { number: 6, of: 6, phase: "infusion" } }),
    pump("bed5", null, { problem: "this is not a serial port", pump_state: null, stopped: false }),
    pump("bed6", null, { to_identify: "at the pump, pull its data cable, wait 5 s, plug it in again, within 80 s" }),
  ],
};

export function live(pumps: Pump[], person: Person | null, now: number): Live {
  return {
    gateway: "ward-7",
    notice: "not a cleared medical device; for simulation, research and integration only",
    ts: new Date(now).toISOString(),
    simulated: true,
    clock_synchronized: true,
    journal: "ok",
    tablets_connected: 2,
    time_scale: 1,
    utc_offset_min: 60,
    person,
    audio: null,
    alarms: [],
    pumps,
  };
}
