// What the gateway sends. Quantities are exact decimals as text, with the unit in the name. Instants are UTC text.

export type Role = "view" | "confirm" | "prescribe" | "maintain";
export type Priority = "high" | "medium" | "low";
export type LossOfControl = "native" | "deadman" | "vtbi_only";

export type InfusionState =
  | "ordered"
  | "loading"
  | "ready"
  | "armed"
  | "starting"
  | "running"
  | "completing"
  | "pausing"
  | "paused"
  | "stopping"
  | "uncertain"
  | "tripped"
  | "completed"
  | "stopped"
  | "abandoned";

export interface Tablet {
  id: string;
  name: string;
  roles: Role[];
}

export interface About {
  gateway: string;
  version: string;
  statement: string;
  simulated: boolean;
  paired: boolean;
  tablet: Tablet | null;
  bench: boolean;
}

export interface Person {
  badge: string;
  name: string;
  roles: Role[];
  idle_left_s: number;
}

export interface Alarm {
  code: string;
  priority: Priority;
  cause: string;
  action: string;
  raised_ts?: string | null;
  acknowledged_by?: string | null;
  acknowledged_ts?: string | null;
  escalated?: boolean | string | null;
}

export interface Step {
  rate_ml_h: string;
  volume_ml: string;
}

/** Everything to check before a start. The page hashes it as it came: strings, whole numbers, booleans, null. */
export interface Review {
  pump: string;
  simulated: boolean;
  model: string;
  serial: string;
  loss_of_control: LossOfControl[];
  patient: string;
  drug: string;
  entry: string;
  concentration_mg_ml: string;
  dose_mg_kg: string;
  weight_kg: string;
  weight_basis: string;
  dose_mg: string;
  container: string;
  vtbi_ml: string;
  duration_s: string;
  prescribed_duration_s: string;
  steps: Step[];
  read_back: Step[] | null;
  warnings: string[];
  overrides: Record<string, string>;
  ordered_by: string;
  /** When it was ordered; null in a preview. */
  ordered_ts?: string | null;
  digest: string;
  given_before_ml: string;
  /** The treatment of which this is the rest, and what was prescribed of it in all; null otherwise. */
  treatment?: string | null;
  first_dose_mg?: string | null;
  double_check?: boolean;
  library_version?: number | null;
  care_area?: string | null;
}

export interface Pause {
  used: number;
  most: number;
  single_left_s: number | null;
  total_left_s: number | null;
  /** Until the pause under way ends the infusion, by whichever limit comes first; null while nothing is paused. */
  left_s?: number | null;
  /** Why a person paused: empty until that was given, null where there is nothing to ask. */
  reason?: string | null;
}

export interface Vitals {
  ts: string;
  by: string | null;
  systolic_mmhg: number | null;
  diastolic_mmhg: number | null;
  heart_rate_bpm: number | null;
  spo2_percent: number | null;
  respiration_per_min?: number | null;
}

export interface Observation {
  session: string;
  since_ts: string;
  until_ts: string;
  left_s?: number;
  vitals_overdue?: boolean;
  missed?: number;
  patient?: string;
  vitals_due_ts: string | null;
  vitals: Vitals[];
}

export interface Summary {
  drug?: string | null;
  prescribed_mg?: string | null;
  delivered_mg?: string | null;
  undelivered_mg?: string | null;
  prescribed_ml?: string | null;
  delivered_ml?: string | null;
  undelivered_ml?: string | null;
  running_s?: number | null;
  elapsed_s?: number | null;
  pauses?: number | null;
  started_ts?: string | null;
  ended_ts?: string | null;
  outcome?: string | null;
  deviations?: string[] | null;
  confirmed_by?: string | null;
  second?: string | null;
  plasma?: { peak_low_ng_ml: number; peak_high_ng_ml: number; note: string } | null;
}

export interface Infusion {
  session: string;
  state: InfusionState;
  may_flow: boolean;
  reason: string;
  action: "start" | "resume";
  rate_ml_h: string;
  programmed_rate_ml_h: string;
  delivered_ml: string;
  booked_ml: string;
  prescribed_ml: string;
  remaining_ml: string;
  delivered_mg?: string;
  booked_mg?: string;
  prescribed_mg?: string;
  remaining_mg?: string;
  /** At the reported rate, while it flows. */
  dose_rate_mg_h?: string;
  started_ts?: string | null;
  confirmed_by?: string | null;
  remaining_s?: number | null;
  running_s: number;
  elapsed_s: number;
  /** The window: least and most time of flow, and most time with pauses. The present values: running_s, elapsed_s. */
  window_least_s: number;
  window_most_s: number;
  window_elapsed_s: number;
  pauses: number;
  lease_s: number | null;
  trips: string[];
  trip_resumable?: boolean | null;
  digest: string;
  review: Review;
  /** The treatment of which this is one delivery: what the earlier ones gave at most, and what was prescribed in all. */
  treatment?: string;
  earlier_ml?: string;
  earlier_mg?: string;
  treatment_ml?: string;
  treatment_mg?: string;
  ordered_ts?: string | null;
  /** When the order expires; null once it was started. */
  expires_ts?: string | null;
  /** Nothing of the treatment flows after this. */
  closes_ts?: string | null;
}

/** The rest of an interrupted treatment that may still be ordered. */
export interface Rest {
  treatment: string;
  patient: string;
  left_ml: string;
  left_mg: string;
  until_ts: string;
  by_nurse: boolean;
}

export interface Sign {
  name: string;
  value: number | null;
  /** Real seconds since it was measured. */
  age_s: number | null;
  level: "ok" | "warning" | "critical" | "missing";
  source: string | null;
}

/** The last vital signs of the patient; `reasons` why they do not permit a start. */
export interface VitalSigns {
  signs: Sign[];
  ready: boolean;
  reasons: string[];
}

/** Estimated plasma concentration: the lowest and the highest of the models. */
export interface PlasmaNow {
  low_ng_ml: number;
  high_ng_ml: number;
  note: string;
}

export interface PlasmaBand {
  minutes: number[];
  low_ng_ml: number[];
  high_ng_ml: number[];
  peak_low_ng_ml: number;
  peak_high_ng_ml: number;
  note: string;
}

export interface SelfTest {
  ts: string;
  passed: boolean;
  results: { what: string; state: "passed" | "failed" | "absent"; detail: string }[];
}

/** Where in its course a treatment is. `of`: null where that has no end. */
export interface CoursePlace {
  number: number;
  of: number | null;
  phase: string | null;
  course_number?: number;
}

export interface WeightOnRecord {
  weight_kg: string;
  basis: string;
  ts: string;
  /** Until then a person may confirm it instead of typing it twice. */
  confirmable_until_ts?: string;
}

/** What an order, or the rest of a treatment, would lead to. */
export interface Preview {
  review?: Review;
  soft?: SoftLimit[];
  course?: CoursePlace | null;
  on_record?: WeightOnRecord | null;
  plasma?: PlasmaBand | null;
  /** The containers of the library entry that hold this order, whichever it names. */
  containers?: string[];
}

export interface Pump {
  pump: string;
  driver: string;
  model: string;
  firmware: string | null;
  serial: string;
  simulated: boolean;
  /** Token of the patient with whom the pump is associated. */
  patient: string | null;
  problem: string | null;
  /** What a person must do so that it is known which pump answers; null when that is known. */
  to_identify?: string | null;
  /** The mark, or the person, that shows which pump answers. */
  proved_by?: string | null;
  pump_state: string | null;
  /** No flow, confirmed by the present reading. The gateway decides that; this page does not. */
  stopped: boolean;
  infusion: Infusion | null;
  age_s?: number | null;
  pressure_mmhg?: number | null;
  battery_percent?: number | null;
  loss_of_control?: LossOfControl[] | null;
  loss_of_control_text?: string | null;
  links?: Record<string, string> | null;
  alarms?: Alarm[];
  flow_profile?: Step[] | null;
  ends_ts?: string | null;
  pause?: Pause | null;
  /** Of the pump's last patients, the newest first: each continues until it is over, whatever the pump does next. */
  observations?: Observation[];
  /** Null where no course was ordered. */
  course?: CoursePlace | null;
  summary?: Summary | null;
  rest?: Rest | null;
  /** Null when no vital signs are configured. */
  vitals?: VitalSigns | null;
  plasma?: PlasmaNow | null;
  self_test?: SelfTest | null;
}

export interface Live {
  gateway: string;
  notice: string;
  ts: string;
  simulated: boolean;
  clock_synchronized?: boolean | null;
  /** "ok", or what is wrong with it. */
  journal?: string;
  tablets_connected?: number;
  /** The gateway's own alarm sounder: null when there is none, "ok", or what is wrong with it. */
  alarm_output?: string | null;
  time_scale?: number;
  utc_offset_min?: number;
  person: Person | null;
  tablet?: Tablet | null;
  /** Of the gateway's server. `ending`: within 30 days. */
  certificate?: { days_left: number; ending: boolean } | null;
  audio?: { paused_left_s: number; by: string | null } | null;
  alarms?: Alarm[];
  pumps: Pump[];
}

/** elapsed s, delivered mL, rate mL/h, pressure mmHg */
export type Point = [number, number, number, number | null];

export interface History {
  session: string;
  /** Throw away what was known about this session. */
  whole?: boolean;
  points?: Point[];
  alarms?: Alarm[];
}

export interface Limits {
  default?: string;
  hard_min: string;
  soft_min: string;
  soft_max: string;
  hard_max: string;
}

export interface Entry {
  id: string;
  name?: string | null;
  drug: string;
  concentration_mg_ml: string;
  containers: string[];
  double_check?: boolean;
  dose: Limits;
  dose_cap: { soft: string; hard: string };
  duration: Limits;
  weight: Limits;
  infusions?: number;
  profile?: { time: string; dose: string }[];
}

export interface Library {
  version?: number | null;
  care_area?: string | null;
  entries: Entry[];
  containers: { name: string; volume_ml: string }[];
  weight_bases: string[];
}

export interface SoftLimit {
  id: string;
  field?: string;
  text: string;
  overridden: boolean;
}

export interface Binding {
  nonce: string;
  digest: string;
  action: string;
  serial: string;
  channel: number;
  session: string;
  gateway: string;
  expires_ns: string | number;
}

export interface Challenge {
  binding: Binding;
  valid_s: number;
  review: Review;
  shown: string;
}
